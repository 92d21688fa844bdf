"""Bound statements: what the binder hands to the session.

A BoundQuery has a plan. Every other class is a utility statement with all names resolved; the session runs it.
"""

from __future__ import annotations

from dataclasses import dataclass

from datacave_sql.plan.logical import LogicalPlan, OutputColumn


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE.

    `kind` is "select", "insert", "update", "delete" or "merge", for the command tag. `columns` describe the result
    (empty for writes without RETURNING); `returns_rows` tells a result without columns from no result.
    """

    plan: LogicalPlan
    kind: str
    columns: tuple[OutputColumn, ...]
    returns_rows: bool
    parameter_types: tuple[int, ...]
    read_only: bool

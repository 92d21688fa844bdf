"""Operator: one step of a physical plan.

A plan is a tree of operators that are built once and opened once per execution. `open` is a plain generator: it yields
batches of rows (never empty) and Waits, which every operator passes up untouched. Operators hold no running state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

from datacave_core.rowbatch import RowBatch
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext

Batches: TypeAlias = Iterator[RowBatch | Wait]


class Operator(Protocol):
    """`columns` are the ids of the columns of its rows, in order; `not_null` those that are never NULL."""

    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        """Runs the operator from the start."""

    def children(self) -> Sequence[Operator]:
        """The operators it reads from."""

    def label(self) -> str:
        """Its line in EXPLAIN."""

    def details(self) -> Sequence[str]:
        """The lines below it in EXPLAIN, e.g. "Filter: (a > 5)"."""


def drain(batches: Batches) -> Iterator[Wait | None]:
    """Runs to the end and drops the rows; yields only Waits."""
    for batch in batches:
        if isinstance(batch, Wait):
            yield batch

"""Bound statements about routines; see statements.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from datacave_core.catalog import CastDefinition, OperatorDefinition, Routine
from datacave_sql.parse import ast


@dataclass(frozen=True, slots=True)
class CreateRoutine:
    """CREATE FUNCTION, PROCEDURE, AGGREGATE: `routine` has oid 0; `settings` are its SET clauses, `warnings` texts."""

    routine: Routine
    replaces: Routine | None = None
    settings: tuple[ast.SetParameter | str | None, ...] = ()
    tag: str = "CREATE FUNCTION"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterRoutine:
    """ALTER FUNCTION: the routine as it will be, before SET and RESET (a name, None for ALL) are applied."""

    routine: Routine
    settings: tuple[ast.SetParameter | str | None, ...] = ()
    tag: str = "ALTER FUNCTION"


ITSELF: Final = -1
"""The commutator of an operator that is its own, as long as that has no oid."""


@dataclass(frozen=True, slots=True)
class CreateOperator:
    """CREATE OPERATOR: the definition has oid 0; `warnings` are texts."""

    definition: OperatorDefinition
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateCast:
    """CREATE CAST: the definition has oid 0."""

    definition: CastDefinition

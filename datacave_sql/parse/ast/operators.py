"""Statements about aggregates, operators and casts: what users make out of functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.node import Node, QualifiedName, Statement
from datacave_sql.parse.ast.objects import FunctionParameter, RoutineSignature
from datacave_sql.parse.ast.typename import TypeName


@dataclass(frozen=True, slots=True)
class OperatorName(Node):
    """An operator by its qualified name."""

    name: QualifiedName


@dataclass(frozen=True, slots=True)
class DefinitionItem(Node):
    """`name = value` of a definition list: a type or function, an operator, a number, a string, or nothing."""

    name: str
    value: TypeName | OperatorName | str | int | float | None = None


@dataclass(frozen=True, slots=True)
class CreateRangeType(Statement):
    """CREATE TYPE name AS RANGE (items)."""

    name: QualifiedName
    items: tuple[DefinitionItem, ...]


@dataclass(frozen=True, slots=True)
class CreateAggregate(Statement):
    """CREATE AGGREGATE. `parameters` None in the old form, whose argument is the item basetype; those after ORDER BY
    start at `ordered_from`, -1 without ORDER BY."""

    name: QualifiedName
    parameters: tuple[FunctionParameter, ...] | None
    ordered_from: int
    items: tuple[DefinitionItem, ...]
    or_replace: bool = False


@dataclass(frozen=True, slots=True)
class CreateOperator(Statement):
    """CREATE OPERATOR."""

    name: QualifiedName
    items: tuple[DefinitionItem, ...]


@dataclass(frozen=True, slots=True)
class DropOperator(Statement):
    """DROP OPERATOR: names with left and right types, None for the missing side of a prefix operator."""

    operators: tuple[tuple[QualifiedName, TypeName | None, TypeName | None], ...]
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class CreateCast(Statement):
    """CREATE CAST; `function` None with method "without" or "inout"."""

    source: TypeName
    target: TypeName
    method: Literal["function", "without", "inout"]
    function: RoutineSignature | None = None
    context: Literal["explicit", "assignment", "implicit"] = "explicit"


@dataclass(frozen=True, slots=True)
class DropCast(Statement):
    """DROP CAST."""

    source: TypeName
    target: TypeName
    if_exists: bool = False
    cascade: bool = False

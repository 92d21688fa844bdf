"""Bound expressions: names, types, operators and functions are resolved; nothing here knows SQL text any more.

Every node has `type` (a type oid) and `typmod` (-1: none). Nodes are frozen and hashable, so that rules rewrite by
building new ones and equal expressions compare equal. Columns are named by a number that is unique in a statement
(`ColumnReference.column`, the `id` of an OutputColumn); where a column lies in a row is decided by the physical plan.
A column that no child of an operator produces belongs to an enclosing query: that is all there is to correlation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, TypeAlias

from datacave_sql.functions.registry import Function
from datacave_sql.functions.typelookup import Attribute


class SubqueryPlan(Protocol):
    """What an expression knows of the plan of its subquery: a LogicalPlan, seen from below."""

    @property
    def columns(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True, slots=True)
class Constant:
    """A value known when the statement is bound."""

    value: Any
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Parameter:
    """$n of a prepared statement; `number` counts from 1."""

    number: int
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column of a child operator, or of an enclosing query."""

    column: int
    type: int
    typmod: int = -1
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function, operator or cast function applied to arguments of exactly its argument types.

    `variadic` holds when the last argument of a VARIADIC "any" function is an array marked VARIADIC. `operator` is
    the operator's name when the call was written as one, for EXPLAIN and deparsing. `columns` is the column definition
    list of a call in FROM.
    """

    function: Function
    arguments: tuple[Expression, ...]
    type: int
    typmod: int = -1
    operator: str | None = field(default=None, compare=False)
    position: int = field(default=0, compare=False)
    variadic: bool = False
    columns: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Relabel:
    """The same value under another type (a binary-coercible cast)."""

    argument: Expression
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class TextCast:
    """A cast through the text form: the output function of the source type, then the input function of the target."""

    argument: Expression
    type: int
    typmod: int = -1
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LengthCast:
    """Applies a length, precision or scale: varchar(n), numeric(p,s), timestamp(p). Explicit casts truncate."""

    argument: Expression
    type: int
    typmod: int
    explicit: bool


@dataclass(frozen=True, slots=True)
class ElementOperand:
    """The element at hand inside an ArrayCast."""

    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class ArrayCast:
    """Casts every element of an array by `element`, an expression over ElementOperand."""

    argument: Expression
    element: Expression
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class And:
    """Three-valued conjunction of two or more conditions."""

    arguments: tuple[Expression, ...]
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Or:
    """Three-valued disjunction of two or more conditions."""

    arguments: tuple[Expression, ...]
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Not:
    """Three-valued negation."""

    argument: Expression
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class IsNull:
    """IS [NOT] NULL. For a row value: true when all fields are (not) null."""

    argument: Expression
    negated: bool
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class BooleanTest:
    """IS [NOT] TRUE, FALSE or UNKNOWN (`value` None)."""

    argument: Expression
    value: bool | None
    negated: bool
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class DistinctFrom:
    """IS [NOT] DISTINCT FROM; `equals` is the = function of both sides' type."""

    left: Expression
    right: Expression
    equals: Function
    negated: bool
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class CaseOperand:
    """The operand of the enclosing simple CASE, evaluated once."""

    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Case:
    """CASE: the conditions of a simple CASE compare CaseOperand with each value."""

    operand: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    default: Expression
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first argument that is not null; later ones are not evaluated."""

    arguments: tuple[Expression, ...]
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class NullIf:
    """NULL when both are equal, else the left one."""

    left: Expression
    right: Expression
    equals: Function
    type: int
    typmod: int = -1
    right_side: Expression | None = None
    """The left side coerced for the comparison, when its type differs from the result's."""


@dataclass(frozen=True, slots=True)
class Extremum:
    """GREATEST or LEAST: ignores nulls. `less` is the < function of the common type."""

    arguments: tuple[Expression, ...]
    greatest: bool
    less: Function
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class InList:
    """x [NOT] IN (items); all of one comparison type; `equals` its = function."""

    argument: Expression
    items: tuple[Expression, ...]
    equals: Function
    negated: bool
    type: int = 16
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class ArrayComparison:
    """x op ANY (array) or x op ALL (array); `operator` is a boolean function of (x, element)."""

    argument: Expression
    array: Expression
    operator: Function
    every: bool
    type: int = 16
    typmod: int = -1
    name: str = field(default="=", compare=False)


@dataclass(frozen=True, slots=True)
class ArrayConstructor:
    """ARRAY[...]; with `nested` the elements are arrays of one shape that become a further dimension."""

    elements: tuple[Expression, ...]
    nested: bool
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class RowConstructor:
    """ROW(...): a tuple value of type record, or of a composite type.

    `optional` marks the whole row of a FROM item that an outer join may have filled with NULLs: it is NULL then.
    `written` marks one that the query spells out, field by field: such rows are compared field by field.
    """

    fields: tuple[Expression, ...]
    type: int = 2249
    typmod: int = -1
    names: tuple[str, ...] = field(default=(), compare=False)
    optional: bool = False
    written: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class FieldSelect:
    """Field number `index` (from 0) of a composite value."""

    argument: Expression
    index: int
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class Subscript:
    """array[i][j] or, where `slices` holds, array[l:u]; a missing slice bound is None."""

    argument: Expression
    lower: tuple[Expression | None, ...]
    upper: tuple[Expression | None, ...]
    slices: bool
    type: int
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class SubqueryExpression:
    """A subquery inside an expression.

    kind: "scalar" (one row or NULL; more is 21000), "exists", "array" (all values of its column), "row" (the
    comparison `test` with its one row), "any" / "all" (`test` holds for some/every row; it compares `arguments` with
    the plan's columns, which it names by ColumnReference). `outer` lists the ids of the enclosing queries' columns
    the plan uses.
    """

    kind: str
    plan: SubqueryPlan
    type: int
    typmod: int = -1
    arguments: tuple[Expression, ...] = ()
    test: Expression | None = None
    outer: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY item. `less` is the ordering operator's function when USING or a special type asks for one."""

    expression: Expression
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate over the rows of a group; stands only in Aggregate nodes (above them it is a column).

    `direct` holds the direct arguments of ordered-set aggregates, whose `order_by` is the WITHIN GROUP clause.
    """

    function: Function
    arguments: tuple[Expression, ...]
    type: int
    typmod: int = -1
    distinct: bool = False
    order_by: tuple[SortKey, ...] = ()
    filter: Expression | None = None
    direct: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameBound:
    """One end of a window frame: kind is "unbounded preceding", "preceding", "current row", "following" or
    "unbounded following"; `offset` is its distance. For RANGE, `in_range` is PostgreSQL's in_range function."""

    kind: str
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class WindowFrame:
    """ROWS, RANGE or GROUPS between two bounds; exclude: "no others", "current row", "group", "ties"."""

    mode: str = "range"
    start: FrameBound = FrameBound("unbounded preceding")
    end: FrameBound = FrameBound("current row")
    exclude: str = "no others"


@dataclass(frozen=True, slots=True)
class WindowCall:
    """A window function, or an aggregate used as one; stands only in Window nodes."""

    function: Function
    arguments: tuple[Expression, ...]
    partition_by: tuple[Expression, ...]
    order_by: tuple[SortKey, ...]
    frame: WindowFrame
    type: int
    typmod: int = -1
    filter: Expression | None = None


Expression: TypeAlias = (
    Constant
    | Parameter
    | ColumnReference
    | FunctionCall
    | Relabel
    | TextCast
    | LengthCast
    | ElementOperand
    | ArrayCast
    | And
    | Or
    | Not
    | IsNull
    | BooleanTest
    | DistinctFrom
    | CaseOperand
    | Case
    | Coalesce
    | NullIf
    | Extremum
    | InList
    | ArrayComparison
    | ArrayConstructor
    | RowConstructor
    | FieldSelect
    | Subscript
    | SubqueryExpression
    | AggregateCall
    | WindowCall
)

_NODES = (
    Constant, Parameter, ColumnReference, FunctionCall, Relabel, TextCast, LengthCast, ElementOperand, ArrayCast, And,
    Or, Not, IsNull, BooleanTest, DistinctFrom, CaseOperand, Case, Coalesce, NullIf, Extremum, InList, ArrayComparison,
    ArrayConstructor, RowConstructor, FieldSelect, Subscript, SubqueryExpression, AggregateCall, WindowCall, SortKey,
    WindowFrame, FrameBound,
)  # fmt: skip

EXPRESSION_NODES = _NODES
"""Every class of this module, for isinstance."""


def _children_of(value: Any) -> Iterator[Any]:
    if isinstance(value, _NODES):
        yield value
    elif type(value) is tuple:
        for item in value:
            yield from _children_of(item)


def children(expression: Any) -> Iterator[Any]:
    """The nodes directly below one (sort keys and frame bounds count as nodes); plans of subqueries are not entered."""
    if isinstance(expression, Constant):
        return
    for item in fields(expression):
        yield from _children_of(getattr(expression, item.name))


def walk(expression: Any) -> Iterator[Any]:
    """The node and everything below it, outermost first."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def _map_value(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, _NODES):
        return transform(value, change)
    if type(value) is tuple:
        mapped = tuple(_map_value(item, change) for item in value)
        return value if all(a is b for a, b in zip(mapped, value, strict=True)) else mapped
    return value


def transform(expression: Any, change: Callable[[Any], Any]) -> Any:
    """Rebuilds a tree from the top: `change` gives a replacement (not entered), or the node itself to go on."""
    changed = change(expression)
    if changed is not expression:
        return changed
    if isinstance(expression, Constant | ColumnReference | Parameter):
        return expression
    updates = {}
    for item in fields(expression):
        old = getattr(expression, item.name)
        new = _map_value(old, change)
        if new is not old:
            updates[item.name] = new
    return replace(expression, **updates) if updates else expression


def columns_used(expression: Any) -> set[int]:
    """The ids of all columns an expression needs, those its subqueries take from outside included."""
    used: set[int] = set()
    for node in walk(expression):
        if isinstance(node, ColumnReference):
            used.add(node.column)
        elif isinstance(node, SubqueryExpression):
            used.update(node.outer)
            if node.test is not None:
                used -= {column.id for column in node.plan.columns}
    return used

"""Deparse: bound expressions as SQL text, the way EXPLAIN shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.types import DEFAULT_SETTINGS
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import TypeLookup

_PLAIN_NUMBERS = frozenset({20, 21, 23, 26})


class Deparser:
    """SQL text of expressions: operators in parentheses, constants with their types."""

    __slots__ = ("_types",)

    def __init__(self, types: TypeLookup) -> None:
        self._types = types

    def __call__(self, e: n.Expression) -> str:
        """The text of one expression."""
        return _DEPARSE[type(e)](self, e)

    def type_name(self, oid: int, typmod: int = -1) -> str:
        """A type as format_type names it."""
        return self._types.name(oid, typmod)

    def value(self, value: Any, type_oid: int) -> str:
        """A value by its type's text form."""
        return self._types.io(type_oid).output(value, DEFAULT_SETTINGS)


def _constant(deparse: Deparser, e: n.Constant) -> str:
    if e.value is None:
        return f"NULL::{deparse.type_name(e.type)}"
    if e.value is True or e.value is False:
        return "true" if e.value else "false"
    if e.type in _PLAIN_NUMBERS and e.type == 23:
        return str(e.value)
    quoted = "'" + deparse.value(e.value, e.type).replace("'", "''") + "'"
    return f"{quoted}::{deparse.type_name(e.type, e.typmod)}"


def _call(deparse: Deparser, e: n.FunctionCall) -> str:
    arguments = [deparse(a) for a in e.arguments]
    if e.operator is not None:
        if len(arguments) == 2:
            return f"({arguments[0]} {e.operator} {arguments[1]})"
        return f"({e.operator} {arguments[0]})"
    return f"{e.function.name}({', '.join(arguments)})"


def _case(deparse: Deparser, e: n.Case) -> str:
    text = "CASE" + (f" {deparse(e.operand)}" if e.operand is not None else "")
    for condition, result in e.branches:
        text += f" WHEN {deparse(condition)} THEN {deparse(result)}"
    return f"{text} ELSE {deparse(e.default)} END"


def _in_list(deparse: Deparser, e: n.InList) -> str:
    items = ", ".join(deparse(item) for item in e.items)
    return f"({deparse(e.argument)} {'<> ALL' if e.negated else '= ANY'} (ARRAY[{items}]))"


def _subscript(deparse: Deparser, e: n.Subscript) -> str:
    parts = []
    for low, high in zip(e.lower, e.upper, strict=True):
        first = deparse(low) + ":" if e.slices and low is not None else ":" if e.slices else ""
        parts.append(f"[{first}{deparse(high) if high is not None else ''}]")
    return deparse(e.argument) + "".join(parts)


def _aggregate(deparse: Deparser, e: n.AggregateCall) -> str:
    arguments = ", ".join(deparse(a) for a in e.arguments) or "*"
    text = f"{e.function.name}({'DISTINCT ' if e.distinct else ''}{arguments})"
    return text + (f" FILTER (WHERE {deparse(e.filter)})" if e.filter is not None else "")


_DEPARSE: dict[type, Callable[[Deparser, Any], str]] = {
    n.Constant: _constant,
    n.Parameter: lambda deparse, e: f"${e.number}",
    n.ColumnReference: lambda deparse, e: e.name or "?column?",
    n.FunctionCall: _call,
    n.Relabel: lambda deparse, e: f"({deparse(e.argument)})::{deparse.type_name(e.type, e.typmod)}",
    n.TextCast: lambda deparse, e: f"({deparse(e.argument)})::{deparse.type_name(e.type, e.typmod)}",
    n.LengthCast: lambda deparse, e: f"({deparse(e.argument)})::{deparse.type_name(e.type, e.typmod)}",
    n.ElementOperand: lambda deparse, e: "element",
    n.ArrayCast: lambda deparse, e: f"({deparse(e.argument)})::{deparse.type_name(e.type, e.typmod)}",
    n.And: lambda deparse, e: "(" + " AND ".join(deparse(a) for a in e.arguments) + ")",
    n.Or: lambda deparse, e: "(" + " OR ".join(deparse(a) for a in e.arguments) + ")",
    n.Not: lambda deparse, e: f"(NOT {deparse(e.argument)})",
    n.IsNull: lambda deparse, e: f"({deparse(e.argument)} IS {'NOT ' if e.negated else ''}NULL)",
    n.BooleanTest: lambda deparse, e: (
        f"({deparse(e.argument)} IS {'NOT ' if e.negated else ''}"
        f"{ {True: 'TRUE', False: 'FALSE', None: 'UNKNOWN'}[e.value] })"
    ),
    n.DistinctFrom: lambda deparse, e: (
        f"({deparse(e.left)} IS {'NOT ' if e.negated else ''}DISTINCT FROM {deparse(e.right)})"
    ),
    n.CaseOperand: lambda deparse, e: "operand",
    n.Case: _case,
    n.Coalesce: lambda deparse, e: "COALESCE(" + ", ".join(deparse(a) for a in e.arguments) + ")",
    n.NullIf: lambda deparse, e: f"NULLIF({deparse(e.left)}, {deparse(e.right)})",
    n.Extremum: lambda deparse, e: (
        ("GREATEST(" if e.greatest else "LEAST(") + ", ".join(deparse(a) for a in e.arguments) + ")"
    ),
    n.InList: _in_list,
    n.ArrayComparison: lambda deparse, e: (
        f"({deparse(e.argument)} {e.name} {'ALL' if e.every else 'ANY'} ({deparse(e.array)}))"
    ),
    n.ArrayConstructor: lambda deparse, e: "ARRAY[" + ", ".join(deparse(x) for x in e.elements) + "]",
    n.RowConstructor: lambda deparse, e: "ROW(" + ", ".join(deparse(x) for x in e.fields) + ")",
    n.FieldSelect: lambda deparse, e: f"({deparse(e.argument)}).f{e.index + 1}",
    n.Subscript: _subscript,
    n.SubqueryExpression: lambda deparse, e: "(SubPlan)",
    n.AggregateCall: _aggregate,
    n.WindowCall: lambda deparse, e: f"{e.function.name}(" + ", ".join(deparse(a) for a in e.arguments) + ") OVER (?)",
}

"""Deparse: bound expressions as SQL text, the way EXPLAIN shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.types import DEFAULT_SETTINGS, find_type, format_type, output_function
from datacave_sql.expr import nodes as n

_PLAIN_NUMBERS = frozenset({20, 21, 23, 26})


def deparse(e: n.Expression) -> str:
    """SQL text of an expression; operators in parentheses, constants with their types."""
    return _DEPARSE[type(e)](e)


def _type_name(oid: int, typmod: int = -1) -> str:
    return format_type(oid, typmod) if find_type(oid) is not None else "???"


def _constant(e: n.Constant) -> str:
    if e.value is None:
        return f"NULL::{_type_name(e.type)}"
    if e.value is True or e.value is False:
        return "true" if e.value else "false"
    if e.type in _PLAIN_NUMBERS and e.type == 23:
        return str(e.value)
    known = find_type(e.type)
    text = output_function(e.type)(e.value, DEFAULT_SETTINGS) if known is not None else str(e.value)
    quoted = "'" + text.replace("'", "''") + "'"
    return f"{quoted}::{_type_name(e.type, e.typmod)}"


def _call(e: n.FunctionCall) -> str:
    arguments = [deparse(a) for a in e.arguments]
    if e.operator is not None:
        if len(arguments) == 2:
            return f"({arguments[0]} {e.operator} {arguments[1]})"
        return f"({e.operator} {arguments[0]})"
    return f"{e.function.name}({', '.join(arguments)})"


def _case(e: n.Case) -> str:
    text = "CASE" + (f" {deparse(e.operand)}" if e.operand is not None else "")
    for condition, result in e.branches:
        text += f" WHEN {deparse(condition)} THEN {deparse(result)}"
    return f"{text} ELSE {deparse(e.default)} END"


def _in_list(e: n.InList) -> str:
    items = ", ".join(deparse(item) for item in e.items)
    return f"({deparse(e.argument)} {'<> ALL' if e.negated else '= ANY'} (ARRAY[{items}]))"


def _subscript(e: n.Subscript) -> str:
    parts = []
    for low, high in zip(e.lower, e.upper, strict=True):
        first = deparse(low) + ":" if e.slices and low is not None else ":" if e.slices else ""
        parts.append(f"[{first}{deparse(high) if high is not None else ''}]")
    return deparse(e.argument) + "".join(parts)


def _aggregate(e: n.AggregateCall) -> str:
    arguments = ", ".join(deparse(a) for a in e.arguments) or "*"
    text = f"{e.function.name}({'DISTINCT ' if e.distinct else ''}{arguments})"
    return text + (f" FILTER (WHERE {deparse(e.filter)})" if e.filter is not None else "")


_DEPARSE: dict[type, Callable[[Any], str]] = {
    n.Constant: _constant,
    n.Parameter: lambda e: f"${e.number}",
    n.ColumnReference: lambda e: e.name or "?column?",
    n.FunctionCall: _call,
    n.Relabel: lambda e: f"({deparse(e.argument)})::{_type_name(e.type, e.typmod)}",
    n.TextCast: lambda e: f"({deparse(e.argument)})::{_type_name(e.type, e.typmod)}",
    n.LengthCast: lambda e: f"({deparse(e.argument)})::{_type_name(e.type, e.typmod)}",
    n.ElementOperand: lambda e: "element",
    n.ArrayCast: lambda e: f"({deparse(e.argument)})::{_type_name(e.type, e.typmod)}",
    n.And: lambda e: "(" + " AND ".join(deparse(a) for a in e.arguments) + ")",
    n.Or: lambda e: "(" + " OR ".join(deparse(a) for a in e.arguments) + ")",
    n.Not: lambda e: f"(NOT {deparse(e.argument)})",
    n.IsNull: lambda e: f"({deparse(e.argument)} IS {'NOT ' if e.negated else ''}NULL)",
    n.BooleanTest: lambda e: (
        f"({deparse(e.argument)} IS {'NOT ' if e.negated else ''}"
        f"{ {True: 'TRUE', False: 'FALSE', None: 'UNKNOWN'}[e.value] })"
    ),
    n.DistinctFrom: lambda e: f"({deparse(e.left)} IS {'NOT ' if e.negated else ''}DISTINCT FROM {deparse(e.right)})",
    n.CaseOperand: lambda e: "operand",
    n.Case: _case,
    n.Coalesce: lambda e: "COALESCE(" + ", ".join(deparse(a) for a in e.arguments) + ")",
    n.NullIf: lambda e: f"NULLIF({deparse(e.left)}, {deparse(e.right)})",
    n.Extremum: lambda e: ("GREATEST(" if e.greatest else "LEAST(") + ", ".join(deparse(a) for a in e.arguments) + ")",
    n.InList: _in_list,
    n.ArrayComparison: lambda e: f"({deparse(e.argument)} {e.name} {'ALL' if e.every else 'ANY'} ({deparse(e.array)}))",
    n.ArrayConstructor: lambda e: "ARRAY[" + ", ".join(deparse(x) for x in e.elements) + "]",
    n.RowConstructor: lambda e: "ROW(" + ", ".join(deparse(x) for x in e.fields) + ")",
    n.FieldSelect: lambda e: f"({deparse(e.argument)}).f{e.index + 1}",
    n.Subscript: _subscript,
    n.SubqueryExpression: lambda e: "(SubPlan)",
    n.AggregateCall: _aggregate,
    n.WindowCall: lambda e: f"{e.function.name}(" + ", ".join(deparse(a) for a in e.arguments) + ") OVER (?)",
}

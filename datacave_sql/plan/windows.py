"""Plans of window functions: calls with the same PARTITION BY and ORDER BY share one sort."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from datacave_core.types import oids
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.values import (
    DATE_INFINITY,
    DATE_NEGATIVE_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY,
)
from datacave_sql.exec.frame import FrameSpec
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import compile_factory
from datacave_sql.exec.window import Window, WindowClause, WindowColumn
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner, scope_of
from datacave_sql.plan.streams import sort_passes


def plan_window(p: Planner, node: l.Window, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The child's columns, then one per call, in the order of the clauses."""
    count = len(node.columns) - len(node.calls)
    passed = [column.id for column in node.columns[:count]]
    used = {column for call in node.calls for column in n.columns_used(call)}
    filtered = {column for part in conjuncts for column in n.columns_used(part)}
    child = p.plan(node.child, ((needed | filtered) & frozenset(passed)) | frozenset(used))
    groups: dict[tuple[object, object], list[int]] = {}
    for position, call in enumerate(node.calls):
        groups.setdefault((call.partition_by, call.order_by), []).append(position)
    columns = list(child.columns)
    clauses = []
    for positions in groups.values():
        calls = [node.calls[position] for position in positions]
        clauses.append(_clause(p, child, calls))
        columns += [node.columns[count + position].id for position in positions]
    window = Window(child, tuple(clauses), tuple(columns), child.not_null)
    return p.filtered(window, conjuncts)


def _clause(p: Planner, child: Operator, calls: Sequence[n.WindowCall]) -> WindowClause:
    first = calls[0]
    partition_keys = [n.SortKey(e) for e in first.partition_by]
    passes = sort_passes(p, child, [*partition_keys, *first.order_by])
    partition = _keys(p, child, first.partition_by)
    peers = _keys(p, child, [key.expression for key in first.order_by])
    return WindowClause(passes, partition, peers, tuple(_column(p, child, call) for call in calls))


def _keys(p: Planner, child: Operator, expressions: Sequence[n.Expression]):  # type: ignore[no-untyped-def]
    if expressions:
        return p.key_function(child, expressions)
    return compile_factory(p.generator({}), "rows", ["return [()] * len(rows)"])


def _column(p: Planner, child: Operator, call: n.WindowCall) -> WindowColumn:
    scope = scope_of(child.columns, child.not_null, "r")
    generator = p.generator(scope, "r")
    lists = ", ".join(f"[{generator.value(e).text} for r in rows]" for e in call.arguments)
    make_arguments = compile_factory(generator, "rows", [f"return [{lists}]"])
    make_filter = None
    if call.filter is not None:
        filter_generator = p.generator(scope, "r")
        make_filter = compile_factory(
            filter_generator, "rows", [f"return [bool({filter_generator.truth(call.filter)}) for r in rows]"]
        )
    if call.function.kind == "w":
        body: object = registry.bind_window(call.function)
    else:
        body = registry.bind_aggregate(call.function, tuple(e.type for e in call.arguments), call.type, p.types)
    return WindowColumn(body, make_arguments, make_filter, _frame(p, child, call))  # type: ignore[arg-type]


def _frame(p: Planner, child: Operator, call: n.WindowCall) -> FrameSpec:
    frame = call.frame
    spec = FrameSpec(frame.mode, frame.start.kind, frame.end.kind, frame.exclude)
    if frame.start.offset is not None:
        generator = p.generator({})
        spec.make_start = compile_factory(generator, "", [f"return {generator.value(frame.start.offset).text}"])
    if frame.end.offset is not None:
        generator = p.generator({})
        spec.make_end = compile_factory(generator, "", [f"return {generator.value(frame.end.offset).text}"])
    if frame.mode == "range" and (spec.make_start is not None or spec.make_end is not None):
        key = call.order_by[0]
        generator = p.generator(scope_of(child.columns, child.not_null, "r"), "r")
        text = generator.value(key.expression).text
        offset = frame.start.offset if frame.start.offset is not None else frame.end.offset
        assert offset is not None
        value_type = key.expression.type
        if value_type == oids.DATE and offset.type == oids.INTERVAL:
            # A date and an interval make a timestamp: the dates are compared as such.
            text = f"to_timestamp({text})"
            generator.namespace["to_timestamp"] = _midnight
            value_type = oids.TIMESTAMP
        spec.make_order_values = compile_factory(generator, "rows", [f"return [{text} for r in rows]"])
        spec.descending = key.descending
        spec.add = _shift(p, "+", value_type, offset.type)
        spec.subtract = _shift(p, "-", value_type, offset.type)
        spec.shift_takes_context = value_type == oids.TIMESTAMPTZ
        spec.order_key = p.types.comparison_key(value_type)
    return spec


def _midnight(date: int | None) -> int | None:
    """The timestamp of a date; infinite ones stay infinite."""
    if date is None:
        return None
    if date == DATE_INFINITY:
        return TIMESTAMP_INFINITY
    return TIMESTAMP_NEGATIVE_INFINITY if date == DATE_NEGATIVE_INFINITY else date * MICROSECONDS_PER_DAY


_NUMBERS = frozenset({oids.INT2, oids.INT4, oids.INT8, oids.FLOAT4, oids.FLOAT8})


def _shift(p: Planner, name: str, value_type: int, offset_type: int) -> Callable[..., Any]:
    """The limit of a frame from a value and an offset; one beyond the range of its type reaches to the end."""
    if value_type in _NUMBERS:
        return operator.add if name == "+" else operator.sub
    sign = 1 if name == "+" else -1
    if value_type == oids.TIME:
        # Only the part of the interval below days counts, and it does not wrap round at midnight.
        return lambda time, offset: time + sign * offset.microseconds
    if value_type == oids.TIMETZ:
        return lambda time, offset: time._replace(microseconds=time.microseconds + sign * offset.microseconds)
    for fact in registry.operators_named(name):
        if fact.left == value_type and fact.right == offset_type:
            function = registry.function(fact.function)
            body = registry.bind(function, function.argument_types, function.return_type, p.types)
            if body.call is not None:
                return body.call
    raise AssertionError(f"no operator {name} for types {value_type} and {offset_type}")

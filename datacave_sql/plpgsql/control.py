"""Control: IF, CASE, loops, EXIT and CONTINUE. Every round of a loop may let other sessions have a turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Array
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import Compiler, Exit, Run, Signal
from datacave_sql.plpgsql.expressions import Expression
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.targets import Targets, find, store_whole, writable
from datacave_sql.plpgsql.variables import Level, Shape

ENDS = object()
"""Of a round's signal: the loop is over."""


def after_round(signal: Signal, label: str | None) -> Signal:
    """What a loop does with the signal of a round: None goes on, ENDS ends it, anything else leaves it."""
    if signal is None:
        return None
    if type(signal) is Exit and (signal.label is None or signal.label == label):
        return ENDS if signal.leaves else None
    return signal


def rounds(c: Compiler, level: Level, label: str | None, body: tuple[x.Statement, ...]) -> Run:
    """A body that is run again and again."""
    steps = c.statements(Level(level, label, is_loop=True), body)

    def run(frame: Frame) -> Signal:
        frame.context.pause()
        signal = steps(frame)
        return None if signal is None else after_round(signal, label)

    return run


def compile_if(c: Compiler, level: Level, s: x.If) -> Run:
    branches = tuple((c.condition(level, condition), c.statements(level, body)) for condition, body in s.branches)
    otherwise = c.statements(level, s.otherwise)

    def run(frame: Frame) -> Signal:
        for condition, body in branches:
            if condition(frame):
                return body(frame)
        return otherwise(frame)

    return run


def compile_case(c: Compiler, level: Level, s: x.Case) -> Run:
    inner = level
    operand: Expression | None = None
    number = 0
    if s.operand is not None:
        operand = c.expression(level, s.operand)
        inner = Level(level)
        number = c.new(inner, "__Case__Variable_", oids.TEXT).number
    branches = []
    for condition, body in s.branches:
        if operand is not None:
            text = f'"__Case__Variable_" IN ({condition.text})'
            condition = x.Sql(text, condition.start, condition.line)
        branches.append((c.condition(inner, condition), c.statements(level, body)))
    otherwise = c.statements(level, s.otherwise) if s.otherwise is not None else None

    def run(frame: Frame) -> Signal:
        if operand is not None:
            frame.values[number] = operand(frame)
            c.names.datums[number].type = operand.type if operand.type != oids.UNKNOWN else oids.TEXT
        for condition, body in branches:
            if condition(frame):
                return body(frame)
        if otherwise is None:
            raise DatacaveError(
                "case not found",
                sqlstate=sqlstate.CASE_NOT_FOUND,
                hint="CASE statement is missing ELSE part.",
            )
        return otherwise(frame)

    return run


def compile_loop(c: Compiler, level: Level, s: x.Loop) -> Run:
    body = rounds(c, level, s.label, s.body)

    def run(frame: Frame) -> Signal:
        while True:
            signal = body(frame)
            if signal is not None:
                return None if signal is ENDS else signal

    return run


def compile_while(c: Compiler, level: Level, s: x.While) -> Run:
    condition = c.condition(level, s.condition)
    body = rounds(c, level, s.label, s.body)
    line = s.line

    def run(frame: Frame) -> Signal:
        while condition(frame):
            signal = body(frame)
            if signal is not None:
                return None if signal is ENDS else signal
            frame.line, frame.what = line, "WHILE"
        return None

    return run


def compile_for_integer(c: Compiler, level: Level, s: x.ForInteger) -> Run:
    whole = (oids.INT4, -1)
    low, high = c.expression(level, s.low, whole), c.expression(level, s.high, whole)
    step = c.expression(level, s.step, whole) if s.step is not None else None
    inner = Level(level, s.label, is_loop=True)
    number = c.new(inner, s.name, oids.INT4).number
    body = rounds(c, inner, s.label, s.body)
    reverse = s.reverse
    found = c.found.number

    def bound(value: Any, which: str) -> int:
        if value is None:
            raise DatacaveError(f"{which} of FOR loop cannot be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        return int(value)

    def run(frame: Frame) -> Signal:
        first = bound(low(frame), "lower bound")
        last = bound(high(frame), "upper bound")
        by = 1
        if step is not None:
            by = bound(step(frame), "BY value")
            if by <= 0:
                raise DatacaveError(
                    "BY value of FOR loop must be greater than zero", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
                )
        ran = False
        values = frame.values
        for value in range(first, last - 1, -by) if reverse else range(first, last + 1, by):
            ran = True
            values[number] = value
            signal = body(frame)
            if signal is not None:
                values[found] = ran
                return None if signal is ENDS else signal
        values[found] = ran
        return None

    return run


def each(c: Compiler, label: str | None, body: Run) -> Callable[[Frame, Iterable[Any], Callable[[Any], None]], Signal]:
    """Runs a body for each item, which is stored first; sets FOUND at the end."""
    found = c.found.number

    def run(frame: Frame, items: Iterable[Any], store: Callable[[Any], None]) -> Signal:
        ran = False
        for item in items:
            ran = True
            store(item)
            signal = body(frame)
            if signal is not None:
                frame.values[found] = ran
                return None if signal is ENDS else signal
        frame.values[found] = ran
        return None

    return run


def compile_foreach(c: Compiler, level: Level, s: x.ForEach) -> Run:
    array = c.expression(level, s.array)
    target = writable(find(level, s.targets[0].names)[0])
    store = store_whole(target, c.types)
    targets = Targets(level, c.types, s.targets) if target.kind == "r" or len(s.targets) > 1 else None
    depth = s.slice
    loop = each(c, s.label, rounds(c, level, s.label, s.body))

    def run(frame: Frame) -> Signal:
        value = array(frame)
        if value is None:
            raise DatacaveError("FOREACH expression must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        if not isinstance(value, Array):
            raise DatacaveError(
                f"FOREACH expression must yield an array, not type {c.types.name(array.type)}",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        dimensions = len(value.lengths)
        if depth > dimensions:
            raise DatacaveError(
                f"slice dimension ({depth}) is out of the valid range 0..{dimensions}",
                sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR,
            )
        is_array = bool(c.types.element(c.types.base(target.type)))
        if depth and not is_array:
            raise DatacaveError(
                "FOREACH ... SLICE loop variable must be of an array type", sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        if not depth and is_array:
            raise DatacaveError(
                "FOREACH loop variable must not be of an array type", sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        if targets is not None and not depth:
            attributes = c.types.attributes(c.types.element(c.types.base(array.type)))
            row = _Row(Shape(attributes, c.types) if attributes else None)
            return loop(frame, value.elements, lambda item: targets.store(frame, item, row))
        return loop(frame, _slices(value, depth), lambda item: store(frame, item))

    return run


class _Row:
    """What the elements of an array look like to several targets."""

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape


def _slices(value: Array, depth: int) -> Iterable[Any]:
    if not depth:
        return value.elements
    kept = len(value.lengths) - depth
    lengths, lower = value.lengths[kept:], value.lower_bounds[kept:]
    size = prod(lengths)
    items = value.elements
    return [Array(items[start : start + size], lengths, lower) for start in range(0, len(items), size)]


def compile_exit(c: Compiler, level: Level, s: x.Exit) -> Run:
    """EXIT and CONTINUE. Raises 42601 for a label that is not around them."""
    word = "EXIT" if s.leaves else "CONTINUE"
    around = level.chain()
    if s.label is None:
        if not any(one.is_loop for one in around):
            raise DatacaveError(
                f"{word} cannot be used outside a loop" + (", unless it has a label" if s.leaves else ""),
                sqlstate=sqlstate.SYNTAX_ERROR,
            )
    else:
        target = next((one for one in around if one.label == s.label and one.parent is not None), None)
        if target is None:
            raise DatacaveError(
                f'there is no label "{s.label}" attached to any block or loop enclosing this statement',
                sqlstate=sqlstate.SYNTAX_ERROR,
            )
        if not s.leaves and not target.is_loop:
            raise DatacaveError(f'block label "{s.label}" cannot be used in CONTINUE', sqlstate=sqlstate.SYNTAX_ERROR)
    signal = Exit(s.label, s.leaves)
    if s.condition is None:
        return lambda frame: signal
    condition = c.condition(level, s.condition)
    return lambda frame: signal if condition(frame) else None


CONTROL: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.If: compile_if,
    x.Case: compile_case,
    x.Loop: compile_loop,
    x.While: compile_while,
    x.ForInteger: compile_for_integer,
    x.ForEach: compile_foreach,
    x.Exit: compile_exit,
}

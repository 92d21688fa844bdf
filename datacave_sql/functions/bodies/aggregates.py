"""Aggregates: count, sum, avg, min and max, booleans, bits, and collecting into text and arrays.

States: a number, None before the first row, or a list that is changed in place. Integer sums are exact while they
run and are checked against the result type at the end. Not here: variance and regression (statistics.py), ordered
sets (ordered_set.py), JSON (json_aggregates.py).
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import reduce
from operator import add, and_, or_, xor
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.float_arithmetic import add as add_doubles
from datacave_core.types.float_arithmetic import overflow
from datacave_core.types.floating import to_single
from datacave_core.types.numeric import EXACT
from datacave_core.values import Array, Value
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.integer import check_int8
from datacave_sql.functions.bodies.numerics import ZERO, divide
from datacave_sql.functions.bodies.numerics import add as add_numerics
from datacave_sql.functions.body import CallTypes

AGGREGATES = Aggregates()


def _nothing() -> None:
    return None


def _itself(state: Any) -> Any:
    return state


def _merge(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Combines two states of which either may be None."""

    def combine(a: Any, b: Any) -> Any:
        return b if a is None else a if b is None else operation(a, b)

    return combine


AGGREGATES.add(
    ("count()",),
    AggregateBody(
        initial=int,
        step=lambda state: state + 1,
        batch=lambda state, rows: state + len(rows),
        final=_itself,
        combine=add,
        inverse=lambda state: state - 1,
    ),
)
AGGREGATES.add(
    ("count(2276)", "regr_count(701 701)"),
    AggregateBody(
        initial=int,
        step=lambda state, *values: state + 1,
        batch=lambda state, values: state + len(values),
        final=_itself,
        combine=add,
        inverse=lambda state, *values: state - 1,
    ),
)


def _sum_batch(state: int | None, values: Sequence[int]) -> int | None:
    if not values:
        return state
    return sum(values, state or 0)


def _integer_sum(final: Callable[[int], Any]) -> AggregateBody:
    return AggregateBody(
        initial=_nothing,
        step=lambda state, value: value if state is None else state + value,
        batch=_sum_batch,
        final=lambda state: None if state is None else final(state),
        combine=_merge(add),
    )


AGGREGATES.add(("sum(21)", "sum(23)", "sum(790)"), _integer_sum(check_int8))
AGGREGATES.add(("sum(20)",), _integer_sum(Decimal))


def sum_decimals(values: Sequence[Decimal], start: Decimal = ZERO) -> Decimal:
    """The exact sum, at the largest scale."""
    before = decimal.getcontext()
    decimal.setcontext(EXACT)
    try:
        return sum(values, start)
    finally:
        decimal.setcontext(before)


def _numeric_batch(state: Decimal | None, values: Sequence[Decimal]) -> Decimal | None:
    if not values:
        return state
    return sum_decimals(values, ZERO if state is None else state)


AGGREGATES.add(
    ("sum(1700)",),
    AggregateBody(
        initial=_nothing,
        step=lambda state, value: value if state is None else add_numerics(state, value),
        batch=_numeric_batch,
        final=lambda state: None if state is None else add_numerics(state, ZERO),
        combine=_merge(add_numerics),
    ),
)


def _double_batch(state: float | None, values: Sequence[float]) -> float | None:
    if not values:
        return state
    total = reduce(add, values) if state is None else reduce(add, values, state)
    if math.isinf(total) and not any(map(math.isinf, values)) and not (state is not None and math.isinf(state)):
        overflow()
    return total


AGGREGATES.add(
    ("sum(701)",),
    AggregateBody(
        initial=_nothing,
        step=lambda state, value: value if state is None else add_doubles(state, value),
        batch=_double_batch,
        final=_itself,
        combine=_merge(add_doubles),
    ),
)


def _add_singles(state: float | None, value: float) -> float:
    if state is None:
        return value
    total = add_doubles(state, value)
    return total if total - total != 0 else to_single(total)


AGGREGATES.add(
    ("sum(700)",),
    AggregateBody(
        initial=_nothing,
        step=_add_singles,
        batch=lambda state, values: reduce(_add_singles, values, state),
        final=_itself,
        combine=_merge(_add_singles),
    ),
)


def _average(
    zero: Any, plus: Callable[[Any, Any], Any], total: Callable[..., Any], final: Callable[[int, Any], Any]
) -> AggregateBody:
    """State: [count, sum]."""

    def step(state: list[Any], value: Any) -> list[Any]:
        state[0] += 1
        state[1] = plus(state[1], value)
        return state

    def batch(state: list[Any], values: Sequence[Any]) -> list[Any]:
        if values:
            state[0] += len(values)
            state[1] = total(values, state[1])
        return state

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        return [a[0] + b[0], plus(a[1], b[1])]

    return AggregateBody(
        initial=lambda: [0, zero],
        step=step,
        batch=batch,
        final=lambda state: final(state[0], state[1]) if state[0] else None,
        combine=combine,
    )


AGGREGATES.add(
    ("avg(21)", "avg(23)", "avg(20)"),
    _average(0, add, sum, lambda count, total: divide(Decimal(total), Decimal(count))),
)
AGGREGATES.add(
    ("avg(1700)",),
    _average(ZERO, add_numerics, sum_decimals, lambda count, total: divide(total, Decimal(count))),
)


def _total_doubles(values: Sequence[float], start: float) -> float:
    total = _double_batch(start, values)
    assert total is not None
    return total


AGGREGATES.add(
    ("avg(700)", "avg(701)"),
    _average(0.0, add_doubles, _total_doubles, lambda count, total: total / count),
)


def _extreme(choose: Callable[..., Any], key: Callable[[Any], Any] | None) -> AggregateBody:
    """min or max. Of equal values the last one stays, as with PostgreSQL's larger and smaller functions."""

    def step(state: Any, value: Any) -> Any:
        return value if state is None else choose(value, state, key=key)

    def plain_batch(state: Any, values: Sequence[Any]) -> Any:
        if not values:
            return state
        found = choose(values)
        return found if state is None else choose(found, state)

    def keyed_batch(state: Any, values: Sequence[Any]) -> Any:
        if not values:
            return state
        return step(state, choose(reversed(values), key=key))

    return AggregateBody(
        initial=_nothing,
        step=step,
        batch=plain_batch if key is None else keyed_batch,
        final=_itself,
        combine=lambda a, b: a if b is None else step(a, b),
    )


_EXTREMES = (
    2277, 20, 23, 21, 26, 700, 701, 1082, 1083, 1266, 790, 1114, 1184, 1186, 25, 1700, 1042, 27, 869, 3500, 3220, 5069,
)  # fmt: skip


def _extreme_for(choose: Callable[..., Any]) -> Callable[[CallTypes], AggregateBody]:
    return lambda types: _extreme(choose, types.types.comparison_key(types.arguments[0]))


for _oid in _EXTREMES:
    AGGREGATES.for_types(f"min({_oid})")(_extreme_for(min))
    AGGREGATES.for_types(f"max({_oid})")(_extreme_for(max))


def _boolean(operation: Callable[[Any, Any], Any], whole: Callable[[Sequence[bool]], bool]) -> AggregateBody:
    return AggregateBody(
        initial=_nothing,
        step=lambda state, value: value if state is None else operation(state, value),
        batch=lambda state, values: (
            state if not values else whole(values) if state is None else operation(state, whole(values))
        ),
        final=_itself,
        combine=_merge(operation),
    )


AGGREGATES.add(("bool_and(16)", "every(16)"), _boolean(and_, all))
AGGREGATES.add(("bool_or(16)",), _boolean(or_, any))


def _bits(operation: Callable[[Any, Any], Any]) -> AggregateBody:
    return AggregateBody(
        initial=_nothing,
        step=lambda state, value: value if state is None else operation(state, value),
        batch=lambda state, values: (
            state if not values else reduce(operation, values) if state is None else reduce(operation, values, state)
        ),
        final=_itself,
        combine=_merge(operation),
    )


for _name, _operation in (("bit_and", and_), ("bit_or", or_), ("bit_xor", xor)):
    AGGREGATES.add((f"{_name}(21)", f"{_name}(23)", f"{_name}(20)"), _bits(_operation))


def _join_step(state: list[Any], value: Any, delimiter: Any) -> list[Any]:
    if value is not None:
        if state and delimiter is not None:
            state.append(delimiter)
        state.append(value)
    return state


def _join(empty: Any) -> AggregateBody:
    """string_agg: the first value's delimiter is not used."""
    return AggregateBody(
        initial=list,
        step=_join_step,
        final=lambda state: empty.join(state) if state else None,
        strict=False,
        order_matters=True,
    )


AGGREGATES.add(("string_agg(25 25)",), _join(""))
AGGREGATES.add(("string_agg(17 17)",), _join(b""))


def _append(state: list[Any], value: Any) -> list[Any]:
    state.append(value)
    return state


def _extend(state: list[Any], values: Sequence[Any]) -> list[Any]:
    state.extend(values)
    return state


AGGREGATES.add(
    ("array_agg(2776)",),
    AggregateBody(
        initial=list,
        step=_append,
        batch=_extend,
        final=lambda state: Array.of(state) if state else None,
        strict=False,
        combine=_extend,
        order_matters=True,
    ),
)


def _stack(state: list[Value]) -> Array | None:
    """Arrays of the same shape as the rows of one with a further dimension."""
    if not state:
        return None
    shape: tuple[int, ...] | None = None
    elements: list[Any] = []
    bounds: tuple[int, ...] = ()
    for value in state:
        if value is None:
            raise DatacaveError("cannot accumulate null arrays", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        if not value.lengths:
            raise DatacaveError("cannot accumulate empty arrays", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
        if shape is None:
            shape, bounds = value.lengths, value.lower_bounds
        elif shape != value.lengths:
            raise DatacaveError(
                "cannot accumulate arrays of different dimensionality", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR
            )
        elements.extend(value.elements)
    assert shape is not None
    return Array(tuple(elements), (len(state), *shape), (1, *bounds))


AGGREGATES.add(
    ("array_agg(2277)",),
    AggregateBody(
        initial=list, step=_append, batch=_extend, final=_stack, strict=False, combine=_extend, order_matters=True
    ),
)

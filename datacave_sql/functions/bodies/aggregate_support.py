"""The functions behind built-in aggregates that users can build aggregates of their own with."""

from __future__ import annotations

from decimal import Decimal

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Array
from datacave_sql.functions.bodies.integer import check_int8
from datacave_sql.functions.bodies.numerics import divide
from datacave_sql.functions.body import Bodies

BODIES = Bodies()


def _state(state: Array, length: int, name: str) -> tuple[int, ...]:
    if len(state.elements) != length or None in state.elements:
        raise DatacaveError(f"expected {length}-element {name} array", sqlstate=sqlstate.INTERNAL_ERROR)
    return state.elements


def _integers(values: tuple[int, int]) -> Array:
    return Array(values, (2,), (1,))


@BODIES("int2_avg_accum", "int4_avg_accum")
def count_and_sum(state: Array, value: int) -> Array:
    """One more value in an array of count and sum."""
    count, total = _state(state, 2, "int8")
    return _integers((count + 1, check_int8(total + value)))


@BODIES("int2_avg_accum_inv", "int4_avg_accum_inv")
def without_value(state: Array, value: int) -> Array:
    """The same with one value less."""
    count, total = _state(state, 2, "int8")
    return _integers((count - 1, check_int8(total - value)))


@BODIES("int8_avg")
def average(state: Array) -> Decimal | None:
    """The average of count and sum; NULL of nothing."""
    count, total = _state(state, 2, "int8")
    return divide(Decimal(total), Decimal(count)) if count else None


@BODIES("int2int4_sum")
def total_of(state: Array) -> int | None:
    """The sum of count and sum; NULL of nothing."""
    count, total = _state(state, 2, "int8")
    return total if count else None


@BODIES("int2_sum", "int4_sum")
def total(state: int | None, value: int | None) -> int | None:
    """A sum that NULLs do not change."""
    if state is None or value is None:
        return value if state is None else state
    return check_int8(state + value)


BODIES.add("int8dec", lambda value: check_int8(value - 1))
BODIES.add("int8inc_any", lambda value, counted: check_int8(value + 1))

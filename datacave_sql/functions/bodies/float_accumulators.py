"""The states of float8 averages, variances and regressions as arrays: the sums of Youngs and Cramer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Array
from datacave_sql.functions.body import Bodies

BODIES = Bodies()


def _state(value: Array, count: int, name: str) -> Sequence[float]:
    if value.lengths != (count,) or any(one is None for one in value.elements):
        raise DatacaveError(f"{name}: expected {count}-element float8 array", sqlstate=sqlstate.INTERNAL_ERROR)
    return value.elements


def _checked(sums: Sequence[float], *given: float) -> Array:
    """The new state. Raises 22003 where a sum of finite numbers is none."""
    if any(map(math.isinf, sums)) and all(map(math.isfinite, given)):
        raise DatacaveError("value out of range: overflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return Array.of(tuple(sums))


@BODIES("float8_accum", "float4_accum")
def accumulate(state: Array, value: float) -> Array:
    """(count, sum, sum of squared differences) with one more value."""
    before, total, squares = _state(state, 3, "float8_accum")
    count, total = before + 1.0, total + value
    if before > 0.0:
        difference = value * count - total
        squares += difference * difference / (count * before)
    elif not math.isfinite(value):
        squares = math.nan
    return _checked((count, total, squares), value, *state.elements)


@BODIES("float8_combine")
def combine(one: Array, other: Array) -> Array:
    """Both states in one."""
    count_1, sum_1, squares_1 = _state(one, 3, "float8_combine")
    count_2, sum_2, squares_2 = _state(other, 3, "float8_combine")
    if count_1 == 0.0:
        return other
    if count_2 == 0.0:
        return one
    count = count_1 + count_2
    difference = sum_1 / count_1 - sum_2 / count_2
    squares = squares_1 + squares_2 + count_1 * count_2 * difference * difference / count
    return _checked((count, sum_1 + sum_2, squares), *one.elements, *other.elements)


@BODIES("float8_regr_accum")
def accumulate_pair(state: Array, y: float, x: float) -> Array:
    """(count, sum and squares of x, the same of y, sum of products) with one more pair."""
    before, sum_x, squares_x, sum_y, squares_y, products = _state(state, 6, "float8_regr_accum")
    count, sum_x, sum_y = before + 1.0, sum_x + x, sum_y + y
    if before > 0.0:
        dx, dy, scale = x * count - sum_x, y * count - sum_y, 1.0 / (count * before)
        squares_x += dx * dx * scale
        squares_y += dy * dy * scale
        products += dx * dy * scale
    else:
        squares_x = squares_x if math.isfinite(x) else math.nan
        squares_y = squares_y if math.isfinite(y) else math.nan
        products = products if math.isfinite(x) and math.isfinite(y) else math.nan
    return _checked((count, sum_x, squares_x, sum_y, squares_y, products), x, y, *state.elements)


@BODIES("float8_regr_combine")
def combine_pairs(one: Array, other: Array) -> Array:
    """Both states in one."""
    a, b = _state(one, 6, "float8_regr_combine"), _state(other, 6, "float8_regr_combine")
    if a[0] == 0.0:
        return other
    if b[0] == 0.0:
        return one
    count = a[0] + b[0]
    dx, dy = a[1] / a[0] - b[1] / b[0], a[3] / a[0] - b[3] / b[0]
    weight = a[0] * b[0]
    sums = (
        count,
        a[1] + b[1],
        a[2] + b[2] + weight * dx * dx / count,
        a[3] + b[3],
        a[4] + b[4] + weight * dy * dy / count,
        a[5] + b[5] + weight * dx * dy / count,
    )
    return _checked(sums, *one.elements, *other.elements)

"""Statistical aggregates: variance, standard deviation, covariance, correlation and linear regression.

Over integers and numeric: exact sums, then one division (and root) at PostgreSQL's scale. Over floats the
Youngs-Cramer recurrence in the same order of operations as PostgreSQL, so that the last digits agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from datacave_core.types.float_arithmetic import overflow
from datacave_core.types.numeric import EXACT, NAN, select_div_scale
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.numerics import ZERO, quotient
from datacave_sql.functions.bodies.roots import square_root

AGGREGATES = Aggregates()

_NAN = math.nan


def _numeric_result(count: int, total: Decimal, squares: Decimal, *, sample: bool, root: bool) -> Decimal | None:
    if count == 0 or (sample and count <= 1):
        return None
    if not (total.is_finite() and squares.is_finite()):
        return NAN
    number = Decimal(count)
    deviation = EXACT.subtract(EXACT.multiply(number, squares), EXACT.multiply(total, total))
    if deviation <= 0:
        return ZERO
    divisor = Decimal(count * (count - 1) if sample else count * count)
    scale = select_div_scale(deviation, divisor)
    variance = quotient(deviation, divisor, scale)
    return square_root(variance, scale) if root else variance


def _numeric(sample: bool, root: bool, *, integers: bool) -> AggregateBody:
    """State: [count, sum, sum of squares]."""
    zero: Any = 0 if integers else ZERO

    def step(state: list[Any], value: Any) -> list[Any]:
        state[0] += 1
        if integers:
            state[1] += value
            state[2] += value * value
        else:
            state[1] = EXACT.add(state[1], value)
            state[2] = EXACT.add(state[2], EXACT.multiply(value, value))
        return state

    def batch(state: list[Any], values: Sequence[Any]) -> list[Any]:
        for value in values:
            step(state, value)
        return state

    def final(state: list[Any]) -> Decimal | None:
        return _numeric_result(state[0], Decimal(state[1]), Decimal(state[2]), sample=sample, root=root)

    return AggregateBody(
        initial=lambda: [0, zero, zero],
        step=step,
        batch=batch,
        final=final,
        combine=lambda a, b: [a[0] + b[0], EXACT.add(Decimal(a[1]), b[1]), EXACT.add(Decimal(a[2]), b[2])],
    )


def accumulate(state: list[float], value: float) -> list[float]:
    """Youngs-Cramer: [N, Sx, Sxx]."""
    before, sum_before = state[0], state[1]
    count = before + 1.0
    total = sum_before + value
    if before > 0.0:
        deviation = value * count - total
        squares = state[2] + deviation * deviation / (count * before)
        if math.isinf(total) or math.isinf(squares):
            if not math.isinf(sum_before) and not math.isinf(value):
                overflow()
            squares = _NAN
    else:
        squares = _NAN if value - value != 0 else 0.0
    state[0], state[1], state[2] = count, total, squares
    return state


def _double(sample: bool, root: bool) -> AggregateBody:
    def final(state: list[float]) -> float | None:
        count, squares = state[0], state[2]
        if count == 0 or (sample and count <= 1):
            return None
        variance = squares / (count - 1.0 if sample else count)
        return math.sqrt(variance) if root else variance

    def batch(state: list[float], values: Sequence[float]) -> list[float]:
        for value in values:
            accumulate(state, value)
        return state

    return AggregateBody(initial=lambda: [0.0, 0.0, 0.0], step=accumulate, batch=batch, final=final)


for _names, _sample, _root in (
    (("stddev", "stddev_samp"), True, True),
    (("stddev_pop",), False, True),
    (("variance", "var_samp"), True, False),
    (("var_pop",), False, False),
):
    for _name in _names:
        AGGREGATES.add(tuple(f"{_name}({oid})" for oid in (20, 21, 23)), _numeric(_sample, _root, integers=True))
        AGGREGATES.add((f"{_name}(1700)",), _numeric(_sample, _root, integers=False))
        AGGREGATES.add((f"{_name}(700)", f"{_name}(701)"), _double(_sample, _root))


def _regress(state: list[float], y: float, x: float) -> list[float]:
    """[N, Sx, Sxx, Sy, Syy, Sxy] with one more point."""
    before, sx_before, sxx, sy_before, syy, sxy = state
    count = before + 1.0
    sx, sy = sx_before + x, sy_before + y
    if before > 0.0:
        dx, dy = x * count - sx, y * count - sy
        scale = 1.0 / (count * before)
        sxx += dx * dx * scale
        syy += dy * dy * scale
        sxy += dx * dy * scale
        if any(map(math.isinf, (sx, sxx, sy, syy, sxy))):
            x_finite = not math.isinf(sx_before) and not math.isinf(x)
            y_finite = not math.isinf(sy_before) and not math.isinf(y)
            x_over = (math.isinf(sx) or math.isinf(sxx)) and x_finite
            y_over = (math.isinf(sy) or math.isinf(syy)) and y_finite
            if x_over or y_over or (math.isinf(sxy) and x_finite and y_finite):
                overflow()
            sxx, syy, sxy = (_NAN if math.isinf(value) else value for value in (sxx, syy, sxy))
    else:
        if x - x != 0:
            sxx = sxy = _NAN
        if y - y != 0:
            syy = sxy = _NAN
    state[:] = (count, sx, sxx, sy, syy, sxy)
    return state


def _points(name: str, final: Callable[[float, float, float, float, float, float], float | None]) -> None:
    AGGREGATES.add(
        (f"{name}(701 701)",),
        AggregateBody(
            initial=lambda: [0.0] * 6,
            step=_regress,
            final=lambda state: None if state[0] < 1.0 else final(*state),
        ),
    )


_points("regr_sxx", lambda n, sx, sxx, sy, syy, sxy: sxx)
_points("regr_syy", lambda n, sx, sxx, sy, syy, sxy: syy)
_points("regr_sxy", lambda n, sx, sxx, sy, syy, sxy: sxy)
_points("regr_avgx", lambda n, sx, sxx, sy, syy, sxy: sx / n)
_points("regr_avgy", lambda n, sx, sxx, sy, syy, sxy: sy / n)
_points("covar_pop", lambda n, sx, sxx, sy, syy, sxy: sxy / n)
_points("covar_samp", lambda n, sx, sxx, sy, syy, sxy: None if n < 2.0 else sxy / (n - 1.0))
_points("corr", lambda n, sx, sxx, sy, syy, sxy: None if sxx == 0 or syy == 0 else sxy / math.sqrt(sxx * syy))
_points(
    "regr_r2",
    lambda n, sx, sxx, sy, syy, sxy: None if sxx == 0 else 1.0 if syy == 0 else (sxy * sxy) / (sxx * syy),
)
_points("regr_slope", lambda n, sx, sxx, sy, syy, sxy: None if sxx == 0 else sxy / sxx)
_points("regr_intercept", lambda n, sx, sxx, sy, syy, sxy: None if sxx == 0 else (sy - sx * sxy / sxx) / n)

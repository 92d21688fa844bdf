"""Functions of double precision: powers, logarithms, rounding, trigonometry in radians and in degrees.

The degree functions are exact at multiples of 30 and 45. Domain errors carry the SQLSTATEs of the SQL standard.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.float_arithmetic import overflow, underflow
from datacave_core.values import Array, Value
from datacave_sql.functions.bodies.numerics import bad_bucket
from datacave_sql.functions.bodies.roots import log_error, power_error
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.errors import out_of_range, overflow_int4

BODIES = Bodies()

_INFINITY = math.inf


def _input_error() -> Exception:
    return out_of_range("input is out of range")


@BODIES("dsqrt")
def square_root(x: float) -> float:
    """sqrt."""
    if x < 0:
        raise power_error("cannot take square root of a negative number")
    return math.sqrt(x)


BODIES.add("dcbrt", math.cbrt)


@BODIES("dexp")
def exponential(x: float) -> float:
    """e ** x."""
    try:
        result = math.exp(x)
    except OverflowError:
        overflow()
    if result == 0.0 and not math.isinf(x):
        underflow()
    return result


@BODIES("dpow")
def power(x: float, y: float) -> float:
    """x ** y."""
    if x != x:
        return 1.0 if y == 0.0 else x
    if y != y:
        return 1.0 if x == 1.0 else y
    if x == 0 and y < 0:
        raise power_error("zero raised to a negative power is undefined")
    if x < 0 and math.isfinite(y) and math.floor(y) != y:
        raise power_error("a negative number raised to a non-integer power yields a complex result")
    try:
        result = math.pow(x, y)
    except OverflowError:
        overflow()
    if math.isfinite(x) and math.isfinite(y):
        if math.isinf(result):
            overflow()
        if result == 0.0 and x != 0.0:
            underflow()
    return result


def _logarithm(compute: Callable[[float], float]) -> Callable[[float], float]:
    def logarithm(x: float) -> float:
        if x == 0.0:
            raise log_error("cannot take logarithm of zero")
        if x < 0:
            raise log_error("cannot take logarithm of a negative number")
        return compute(x)

    return logarithm


BODIES.add("dlog1", _logarithm(math.log))
BODIES.add("dlog10", _logarithm(math.log10))


def _rounding(compute: Callable[[float], float]) -> Callable[[float], float]:
    """A rounding that keeps infinities, NaN and the sign of zero."""

    def rounded(x: float) -> float:
        if x - x != 0:
            return x
        return math.copysign(float(compute(x)), x)

    return rounded


BODIES.add("dround", _rounding(round))
BODIES.add("dceil", _rounding(math.ceil))
BODIES.add("dfloor", _rounding(math.floor))
BODIES.add("dtrunc", _rounding(math.trunc))
BODIES.add("dsign", lambda x: 1.0 if x > 0 else -1.0 if x < 0 else 0.0)
BODIES.add("dpi", lambda: math.pi, "3.141592653589793")


@BODIES("degrees")
def degrees(x: float) -> float:
    """Radians to degrees."""
    result = x / 0.0174532925199432957692
    if math.isinf(result) and not math.isinf(x):
        overflow()
    return result


BODIES.add("radians", lambda x: x * 0.0174532925199432957692)


def _trigonometric(compute: Callable[[float], float]) -> Callable[[float], float]:
    def checked(x: float) -> float:
        if math.isinf(x):
            raise _input_error()
        return compute(x)

    return checked


def _within(low: float, high: float, compute: Callable[[float], float]) -> Callable[[float], float]:
    def checked(x: float) -> float:
        if x < low or x > high:
            raise _input_error()
        return compute(x)

    return checked


BODIES.add("dsin", _trigonometric(math.sin))
BODIES.add("dcos", _trigonometric(math.cos))
BODIES.add("dtan", _trigonometric(math.tan))
BODIES.add("dcot", _trigonometric(lambda x: _inverse(math.tan(x))))
BODIES.add("dasin", _within(-1.0, 1.0, math.asin))
BODIES.add("dacos", _within(-1.0, 1.0, math.acos))
BODIES.add("datan", math.atan)
BODIES.add("datan2", math.atan2)


def _inverse(x: float) -> float:
    return math.copysign(_INFINITY, x) if x == 0.0 else 1.0 / x


def _unbounded(compute: Callable[[float], float], *, odd: bool) -> Callable[[float], float]:
    def computed(x: float) -> float:
        try:
            return compute(x)
        except OverflowError:
            return math.copysign(_INFINITY, x) if odd else _INFINITY

    return computed


BODIES.add("dsinh", _unbounded(math.sinh, odd=True))
BODIES.add("dcosh", _unbounded(math.cosh, odd=False))
BODIES.add("dtanh", math.tanh)
BODIES.add("dasinh", math.asinh)
BODIES.add("dacosh", _within(1.0, _INFINITY, math.acosh))
BODIES.add(
    "datanh",
    _within(-1.0, 1.0, lambda x: math.copysign(_INFINITY, x) if abs(x) == 1.0 else math.atanh(x)),
)

_RADIANS = 0.0174532925199432957692
_SIN_30 = math.sin(30.0 * _RADIANS)
_ONE_MINUS_COS_60 = 1.0 - math.cos(60.0 * _RADIANS)
_ASIN_HALF, _ACOS_HALF, _ATAN_ONE = math.asin(0.5), math.acos(0.5), math.atan(1.0)


def _sine_to_30(x: float) -> float:
    return (math.sin(x * _RADIANS) / _SIN_30) / 2.0


def _cosine_to_60(x: float) -> float:
    return 1.0 - ((1.0 - math.cos(x * _RADIANS)) / _ONE_MINUS_COS_60) / 2.0


def _sine_quadrant(x: float) -> float:
    return _sine_to_30(x) if x <= 30.0 else _cosine_to_60(90.0 - x)


def _cosine_quadrant(x: float) -> float:
    return _cosine_to_60(x) if x <= 60.0 else _sine_to_30(90.0 - x)


_TAN_45 = _sine_quadrant(45.0) / _cosine_quadrant(45.0)
_COT_45 = _cosine_quadrant(45.0) / _sine_quadrant(45.0)


def _reduced(x: float) -> tuple[float, int, int]:
    """The angle in the first quadrant, and the signs a reflection at 0 or 180 and one at 90 degrees bring."""
    if math.isinf(x):
        raise _input_error()
    x = math.fmod(x, 360.0)
    around, across = 1, 1
    if x < 0.0:
        x, around = -x, -around
    if x > 180.0:
        x, around = 360.0 - x, -around
    if x > 90.0:
        x, across = 180.0 - x, -1
    return x, around, across


@BODIES("dsind")
def sine_degrees(x: float) -> float:
    """sind."""
    if x != x:
        return x
    angle, around, _ = _reduced(x)
    return around * _sine_quadrant(angle)


@BODIES("dcosd")
def cosine_degrees(x: float) -> float:
    """cosd."""
    if x != x:
        return x
    angle, _, across = _reduced(x)
    return across * _cosine_quadrant(angle)


def _ratio(numerator: float, denominator: float, unit: float, sign: int) -> float:
    if denominator == 0.0:
        return sign * _INFINITY
    result = sign * ((numerator / denominator) / unit)
    return result if result != 0.0 else 0.0


@BODIES("dtand")
def tangent_degrees(x: float) -> float:
    """tand."""
    if x != x:
        return x
    angle, around, across = _reduced(x)
    return _ratio(_sine_quadrant(angle), _cosine_quadrant(angle), _TAN_45, around * across)


@BODIES("dcotd")
def cotangent_degrees(x: float) -> float:
    """cotd."""
    if x != x:
        return x
    angle, around, across = _reduced(x)
    return _ratio(_cosine_quadrant(angle), _sine_quadrant(angle), _COT_45, around * across)


def _arcsine_quadrant(x: float) -> float:
    return (math.asin(x) / _ASIN_HALF) * 30.0 if x <= 0.5 else 90.0 - (math.acos(x) / _ACOS_HALF) * 60.0


def _arccosine_quadrant(x: float) -> float:
    return 90.0 - (math.asin(x) / _ASIN_HALF) * 30.0 if x <= 0.5 else (math.acos(x) / _ACOS_HALF) * 60.0


BODIES.add(
    "dasind",
    _within(-1.0, 1.0, lambda x: x if x != x else _arcsine_quadrant(x) if x >= 0.0 else -_arcsine_quadrant(-x)),
)
BODIES.add(
    "dacosd",
    _within(
        -1.0,
        1.0,
        lambda x: x if x != x else _arccosine_quadrant(x) if x >= 0.0 else 90.0 + _arcsine_quadrant(-x),
    ),
)
BODIES.add("datand", lambda x: (math.atan(x) / _ATAN_ONE) * 45.0)
BODIES.add("datan2d", lambda y, x: (math.atan2(y, x) / _ATAN_ONE) * 45.0)


@BODIES("width_bucket_float8")
def width_bucket(operand: float, low: float, high: float, count: int) -> int:
    """The bucket, from 1 to count, of an equal-width histogram; 0 and count + 1 outside."""
    if count <= 0:
        raise bad_bucket("count must be greater than zero")
    if operand != operand or low != low or high != high:
        raise bad_bucket("operand, lower bound, and upper bound cannot be NaN")
    if math.isinf(low) or math.isinf(high):
        raise bad_bucket("lower and upper bounds must be finite")
    if low == high:
        raise bad_bucket("lower bound cannot equal upper bound")
    if (operand < low) if low < high else (operand > low):
        return 0
    if (operand >= high) if low < high else (operand <= high):
        if count == 2**31 - 1:
            overflow_int4()
        return count + 1
    if low < high:
        return int(count * (operand - low) / (high - low)) + 1
    return int(count * (low - operand) / (low - high)) + 1


@BODIES.for_types("width_bucket_array")
def _width_bucket_of_thresholds(types: CallTypes) -> Body:
    key = types.types.comparison_key(types.arguments[0])

    def bucket(operand: Value, thresholds: Array) -> int:
        if len(thresholds.lengths) > 1:
            raise DatacaveError("thresholds must be one-dimensional array", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
        if None in thresholds.elements:
            raise DatacaveError("thresholds array must not contain NULLs", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        if key is None:
            return bisect_right(thresholds.elements, operand)
        return bisect_right(thresholds.elements, key(operand), key=key)

    return Body(bucket)

"""numeric: exact arithmetic with PostgreSQL's result scales, comparison, rounding and conversions.

Sums and products are exact; quotients get the scale of core's select_div_scale and are rounded half away from zero.
Zero carries no sign. Not here: powers, roots and logarithms (numeric_functions.py).
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.numeric import (
    DISPLAY_SCALE_MAX,
    EXACT,
    NAN,
    SIGNIFICANT_DIGITS_MIN,
    apply_numeric_typmod,
    check_numeric,
    display_scale,
    numeric_overflow,
    quantum,
    round_numeric,
)
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter, division_by_zero, out_of_range, overflow_int4

BODIES = Bodies()

ZERO = Decimal(0)
ONE = Decimal(1)
_SCALE_MAX = 16383
_WHOLE_DIGITS_MAX = 131_072
"""Digits before the decimal point."""
_LONG = 4096
"""Bytes of a Decimal below which it has fewer digits than a scale of _SCALE_MAX takes; or as many places."""
_WHOLE_MAX = 131072

_add, _subtract, _multiply, _quantize = EXACT.add, EXACT.subtract, EXACT.multiply, EXACT.quantize


def finish(value: Decimal) -> Decimal:
    """A computed value without signed zero; 22003 when it is too large."""
    if not value:
        return value.copy_abs()
    if value.adjusted() >= _WHOLE_MAX:
        raise numeric_overflow()
    return value


def add(a: Decimal, b: Decimal) -> Decimal:
    """a + b."""
    result = _add(a, b)
    return result if result and result.adjusted() < _WHOLE_MAX else _settle(result)


def subtract(a: Decimal, b: Decimal) -> Decimal:
    """a - b."""
    result = _subtract(a, b)
    return result if result and result.adjusted() < _WHOLE_MAX else _settle(result)


def multiply(a: Decimal, b: Decimal) -> Decimal:
    """a * b, with the sum of the scales."""
    result = _multiply(a, b)
    if not result or result.adjusted() >= _WHOLE_MAX:
        return _settle(result)
    # Only a tiny or a very long number can have too large a scale; finding the scale costs more than the product.
    if (result.adjusted() < -_LONG or result.__sizeof__() > _LONG) and display_scale(result) > _SCALE_MAX:
        result = round_numeric(result, _SCALE_MAX)
    return result


def _settle(result: Decimal) -> Decimal:
    if not result.is_finite():
        return NAN if result.is_nan() else result
    return finish(result)


@cache
def _sticky(precision: int) -> decimal.Context:
    """A context whose division keeps a trace of what was cut off, so that rounding afterwards is right."""
    return decimal.Context(prec=precision, rounding=decimal.ROUND_05UP, Emin=-999_999_999, Emax=999_999_999, traps=[])


def quotient(a: Decimal, b: Decimal, scale: int) -> Decimal:
    """Finite a / b rounded half away from zero to `scale` places; b is not zero."""
    if not a:
        return _quantize(ZERO, quantum(scale))
    precision = max(a.adjusted() - b.adjusted() + scale + 3, 3)
    result = _quantize(_sticky(precision).divide(a, b), quantum(scale))
    return result if result else result.copy_abs()


def _shape(value: Decimal) -> tuple[int, int, int, int]:
    """Weight and value of the first base-10000 digit, display scale, place of the first decimal digit."""
    text = str(value)  # a third of the cost of as_tuple
    if "E" in text:
        text = f"{value:f}"
    if text[0] == "-":
        text = text[1:]
    whole, _, fraction = text.partition(".")
    if not value:
        return 0, 0, len(fraction), 0
    if whole != "0":
        place = len(whole) - 1
        return place >> 2, int(whole[: (place & 3) + 1]), len(fraction), place
    digits = fraction.lstrip("0")
    place = len(digits) - len(fraction) - 1
    count = (place & 3) + 1
    return place >> 2, int(digits[:count].ljust(count, "0")), len(fraction), place


def divide(a: Decimal, b: Decimal) -> Decimal:
    """a / b at PostgreSQL's scale (core's select_div_scale, in one look at each operand); 22012 for b = 0."""
    if not (a.is_finite() and b.is_finite()):
        return _divide_special(a, b)
    if not b:
        raise division_by_zero()
    weight_a, first_a, scale_a, place_a = _shape(a)
    weight_b, first_b, scale_b, place_b = _shape(b)
    weight = weight_a - weight_b - (first_a <= first_b)
    scale = min(max(SIGNIFICANT_DIGITS_MIN - weight * 4, scale_a, scale_b, 0), DISPLAY_SCALE_MAX)
    if not a:
        return _quantize(ZERO, quantum(scale))
    result = _quantize(_sticky(max(place_a - place_b + scale + 3, 3)).divide(a, b), quantum(scale))
    return result if result and result.adjusted() < _WHOLE_MAX else finish(result)


def _divide_special(a: Decimal, b: Decimal) -> Decimal:
    if a.is_nan() or b.is_nan() or (a.is_infinite() and b.is_infinite()):
        return NAN
    if a.is_infinite():
        if not b:
            raise division_by_zero()
        return a if b > 0 else -a
    return ZERO


def remainder(a: Decimal, b: Decimal) -> Decimal:
    """The remainder of division toward zero."""
    if a.is_finite() and b.is_finite():
        if not b:
            raise division_by_zero()
        result = EXACT.remainder(a, b)
        result = _quantize(result, quantum(max(display_scale(a), display_scale(b))))
        return result if result else result.copy_abs()
    if a.is_nan() or b.is_nan():
        return NAN
    if a.is_infinite():
        if not b:
            raise division_by_zero()
        return NAN
    return a


@BODIES("numeric_div_trunc")
def divide_truncated(a: Decimal, b: Decimal) -> Decimal:
    """The integer part of a / b."""
    if a.is_finite() and b.is_finite():
        if not b:
            raise division_by_zero()
        result = _quantize(EXACT.divide_int(a, b), quantum(0))
        return result if result else result.copy_abs()
    return _divide_special(a, b)


BODIES.add("numeric_add", add)
BODIES.add("numeric_sub", subtract)
BODIES.add("numeric_mul", multiply)
BODIES.add("numeric_div", divide)
BODIES.add("numeric_mod", remainder)


def negate(value: Decimal) -> Decimal:
    """-value."""
    return value.copy_negate() if value and not value.is_nan() else value


BODIES.add("numeric_uminus", negate)
BODIES.add("numeric_uplus", lambda a: a, "{0}")
BODIES.add("numeric_abs", lambda a: NAN if a.is_nan() else a.copy_abs())


@BODIES("numeric_sign")
def sign(value: Decimal) -> Decimal:
    """-1, 0 or 1; NaN for NaN."""
    if value.is_nan():
        return NAN
    return ZERO if not value else ONE if value > 0 else -ONE


def less(a: Decimal, b: Decimal) -> bool:
    """a < b, where NaN is above all."""
    try:
        return a < b
    except decimal.InvalidOperation:
        return b.is_nan() and not a.is_nan()


def less_or_equal(a: Decimal, b: Decimal) -> bool:
    """a <= b, where NaN is above all."""
    try:
        return a <= b
    except decimal.InvalidOperation:
        return b.is_nan()


def equal(a: Decimal, b: Decimal) -> bool:
    """a = b, where NaN equals NaN."""
    return a == b or (a != a and b != b)


BODIES.inline(numeric_less=less, numeric_less_or_equal=less_or_equal)
BODIES.add("numeric_eq", equal, "({0} == {1} or ({0} != {0} and {1} != {1}))")
BODIES.add("numeric_ne", lambda a, b: not equal(a, b), "({0} != {1} and ({0} == {0} or {1} == {1}))")
BODIES.add("numeric_lt", less)
BODIES.add("numeric_le", less_or_equal)
BODIES.add("numeric_gt", lambda a, b: less(b, a), "numeric_less({1}, {0})")
BODIES.add("numeric_ge", lambda a, b: less_or_equal(b, a), "numeric_less_or_equal({1}, {0})")


@BODIES("numeric_cmp")
def compare(a: Decimal, b: Decimal) -> int:
    """-1, 0 or 1, NaN above all."""
    return -1 if less(a, b) else 0 if equal(a, b) else 1


BODIES.add("numeric_larger", lambda a, b: a if less(b, a) else b)
BODIES.add("numeric_smaller", lambda a, b: a if less(a, b) else b)


@BODIES("numeric_round", "round(1700)")
def round_to(value: Decimal, scale: int = 0) -> Decimal:
    """round(value, scale): half away from zero; a negative scale rounds before the point."""
    if not value.is_finite():
        return value
    return finish(round_numeric(value, max(min(scale, _SCALE_MAX), -_WHOLE_DIGITS_MAX - 1)))


@BODIES("numeric_trunc", "trunc(1700)")
def truncate(value: Decimal, scale: int = 0) -> Decimal:
    """trunc(value, scale): toward zero."""
    if not value.is_finite():
        return value
    scale = min(scale, _SCALE_MAX)
    if value.adjusted() + 1 <= -scale:
        return Decimal(0)
    result = value.quantize(quantum(scale), rounding=decimal.ROUND_DOWN, context=EXACT)
    if scale < 0:
        result = _quantize(result, quantum(0))
    return result if result else result.copy_abs()


@BODIES("numeric_ceil")
def ceiling(value: Decimal) -> Decimal:
    """The smallest integer that is not less."""
    if not value.is_finite():
        return value
    result = value.quantize(ONE, rounding=decimal.ROUND_CEILING, context=EXACT)
    return finish(result)


@BODIES("numeric_floor")
def floor(value: Decimal) -> Decimal:
    """The largest integer that is not greater."""
    if not value.is_finite():
        return value
    result = value.quantize(ONE, rounding=decimal.ROUND_FLOOR, context=EXACT)
    return finish(result)


BODIES.add("numeric", lambda value, typmod: apply_numeric_typmod(value, typmod, True))
BODIES.add("int2_numeric int4_numeric int8_numeric", Decimal, "Decimal({0})")
BODIES.inline(Decimal=Decimal)


def _to_integer(low: int, high: int, name: str) -> Callable[[Decimal], int]:
    def convert(value: Decimal) -> int:
        if not value.is_finite():
            word = "NaN" if value.is_nan() else "infinity"
            raise DatacaveError(f"cannot convert {word} to {name}", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
        if value and value.adjusted() > 20:
            _fail(name)
        rounded = int(_quantize(value, quantum(0)))
        if low <= rounded <= high:
            return rounded
        _fail(name)

    return convert


def _fail(name: str) -> NoReturn:
    raise out_of_range(f"{name} out of range")


to_int8 = _to_integer(-(2**63), 2**63 - 1, "bigint")
BODIES.add("numeric_int2", _to_integer(-(2**15), 2**15 - 1, "smallint"))
to_int4 = _to_integer(-(2**31), 2**31 - 1, "integer")
BODIES.add("numeric_int4", to_int4)
BODIES.add("numeric_int8", to_int8)


@BODIES("numeric_scale")
def scale_of(value: Decimal) -> int | None:
    """The number of digits shown after the point; NULL for NaN and infinities."""
    return display_scale(value) if value.is_finite() else None


@BODIES("numeric_min_scale")
def minimal_scale(value: Decimal) -> int | None:
    """The number of digits after the point that are needed."""
    if not value.is_finite():
        return None
    return max(display_scale(trim_scale(value)), 0)


@BODIES("numeric_trim_scale")
def trim_scale(value: Decimal) -> Decimal:
    """The value without trailing zeros after the point."""
    if not value.is_finite():
        return value
    if not value:
        return ZERO
    trimmed = value.normalize(EXACT)
    return _quantize(trimmed, ONE) if display_scale(trimmed) < 0 else trimmed


def _integer_pair(a: Decimal, b: Decimal) -> tuple[int, int, int]:
    scale = max(display_scale(a), display_scale(b))
    return int(a.scaleb(scale, EXACT)), int(b.scaleb(scale, EXACT)), scale


@BODIES("numeric_gcd")
def greatest_common_divisor(a: Decimal, b: Decimal) -> Decimal:
    """The largest number that divides both without remainder."""
    if not (a.is_finite() and b.is_finite()):
        return NAN
    first, second, scale = _integer_pair(a, b)
    return Decimal(math.gcd(first, second)).scaleb(-scale, EXACT)


@BODIES("numeric_lcm")
def least_common_multiple(a: Decimal, b: Decimal) -> Decimal:
    """The smallest positive number that both divide."""
    if not (a.is_finite() and b.is_finite()):
        return NAN
    first, second, scale = _integer_pair(a, b)
    return finish(Decimal(math.lcm(first, second)).scaleb(-scale, EXACT))


@BODIES("numeric_fac")
def factorial(value: int) -> Decimal:
    """value!"""
    if value < 0:
        raise out_of_range("factorial of a negative number is undefined")
    if value > 32177:
        raise numeric_overflow()
    return EXACT.create_decimal(math.factorial(value))


@BODIES("numeric_inc")
def increment(value: Decimal) -> Decimal:
    """value + 1."""
    return add(value, ONE)


def bad_bucket(message: str) -> DatacaveError:
    """2201G."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION)


@BODIES("width_bucket_numeric")
def width_bucket(operand: Decimal, low: Decimal, high: Decimal, count: int) -> int:
    """The bucket, from 1 to count, of an equal-width histogram; 0 and count + 1 outside."""
    if count <= 0:
        raise bad_bucket("count must be greater than zero")
    if operand.is_nan() or low.is_nan() or high.is_nan():
        raise bad_bucket("operand, lower bound, and upper bound cannot be NaN")
    if low.is_infinite() or high.is_infinite():
        raise bad_bucket("lower and upper bounds must be finite")
    if low == high:
        raise bad_bucket("lower bound cannot equal upper bound")
    if (operand < low) if low < high else (operand > low):
        return 0
    if (operand >= high) if low < high else (operand <= high):
        if count == 2**31 - 1:
            overflow_int4()
        return count + 1
    share = divide(EXACT.multiply(EXACT.subtract(operand, low), Decimal(count)), EXACT.subtract(high, low))
    # The quotient is rounded, so it can reach the next bucket, even the one behind the last.
    return int(share) + 1


@BODIES("generate_series_numeric", "generate_series_step_numeric")
def series(start: Decimal, stop: Decimal, step: Decimal = ONE) -> Iterator[Decimal]:
    """start, start + step, ... up to stop."""
    for word, value in (("start", start), ("stop", stop), ("step size", step)):
        if not value.is_finite():
            name = "NaN" if value.is_nan() else "infinity"
            verb = f"{word} value cannot be {name}" if word != "step size" else f"step size cannot be {name}"
            raise bad_parameter(verb)
    if not step:
        raise bad_parameter("step size cannot equal zero")
    return _count(start, stop, step)


def _count(value: Decimal, stop: Decimal, step: Decimal) -> Iterator[Decimal]:
    upward = step > 0
    while (value <= stop) if upward else (value >= stop):
        yield value
        value = check_numeric(_add(value, step))

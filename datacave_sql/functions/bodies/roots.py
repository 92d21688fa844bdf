"""numeric: powers, roots, exponentials and logarithms, with PostgreSQL's result scales.

Values are computed with more digits than asked for and rounded half away from zero once.
"""

from __future__ import annotations

import decimal
import math
from decimal import Decimal

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.numeric import (
    EXACT,
    INFINITY,
    NAN,
    display_scale,
    numeric_overflow,
    quantum,
    round_numeric,
)
from datacave_sql.functions.bodies.numerics import ONE, ZERO, finish, quotient
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import division_by_zero

BODIES = Bodies()

_DIGITS_MIN = 16
_SCALE_MAX = 1000
_RESULT_SCALE_MAX = 2000
_LOG10_E = 0.434294481903252


def _scale(wanted: int, *values: Decimal) -> int:
    """At least `wanted` and every operand's scale, within what is displayed."""
    return min(max(wanted, *(display_scale(value) for value in values), 0), _SCALE_MAX)


def _context(digits: int) -> decimal.Context:
    return decimal.Context(prec=max(digits, 1), Emin=-999_999_999, Emax=999_999_999, traps=[])


def power_error(message: str) -> DatacaveError:
    """2201F."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_ARGUMENT_FOR_POWER_FUNCTION)


def log_error(message: str) -> DatacaveError:
    """2201E."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_ARGUMENT_FOR_LOG)


def square_root(value: Decimal, scale: int) -> Decimal:
    """The root of a number that is not negative, correctly rounded to `scale` places."""
    shifted = value.scaleb(2 * scale + 2, EXACT)
    root = math.isqrt(int(shifted))
    return Decimal((root + 5) // 10).scaleb(-scale, EXACT)


@BODIES("numeric_sqrt")
def sqrt(value: Decimal) -> Decimal:
    """sqrt(numeric)."""
    if value.is_nan():
        return NAN
    if value < 0:
        raise power_error("cannot take square root of a negative number")
    if value.is_infinite():
        return value
    weight = value.adjusted() // 4 if value else 0
    root_weight = int((weight + 1) * 4 / 2) - 1
    return square_root(value, _scale(_DIGITS_MIN - root_weight, value))


def _exp(value: Decimal, scale: int) -> Decimal:
    """e ** value rounded to `scale` places."""
    number = float(value)
    if abs(number) >= _RESULT_SCALE_MAX * 3:
        if number > 0:
            raise numeric_overflow()
        return round_numeric(ZERO, scale)
    estimate = number * _LOG10_E
    digits = int(max(estimate, 0)) + scale + 12
    result = _context(digits).exp(value)
    if result.is_infinite() or (result and result.adjusted() >= 131072):
        raise numeric_overflow()
    return round_numeric(result, scale)


@BODIES("numeric_exp")
def exp(value: Decimal) -> Decimal:
    """exp(numeric)."""
    if not value.is_finite():
        return NAN if value.is_nan() else value if value > 0 else ZERO
    estimate = max(min(float(value) * _LOG10_E, _RESULT_SCALE_MAX), -_RESULT_SCALE_MAX)
    return _exp(value, _scale(_DIGITS_MIN - int(estimate), value))


def ln_weight(value: Decimal) -> int:
    """An estimate of the decimal weight of ln(value)."""
    if value <= 0:
        return 0
    if Decimal("0.9") <= value <= Decimal("1.1"):
        difference = EXACT.subtract(value, ONE)
        return difference.adjusted() if difference else 0
    head = value.as_tuple().digits[:8]
    digits = int("".join(map(str, head)))
    estimate = math.log(digits) + (value.adjusted() - len(head) + 1) * 2.302585092994046
    return int(math.log10(abs(estimate)))


def _ln(value: Decimal, scale: int) -> Decimal:
    """ln(value) rounded to `scale` places."""
    digits = max(ln_weight(value), 0) + scale + 12
    return round_numeric(_context(digits).ln(value), scale)


def _check_logarithm(value: Decimal) -> None:
    if value < 0:
        raise log_error("cannot take logarithm of a negative number")
    if not value:
        raise log_error("cannot take logarithm of zero")


@BODIES("numeric_ln")
def ln(value: Decimal) -> Decimal:
    """ln(numeric)."""
    if value.is_nan():
        return NAN
    _check_logarithm(value)
    if value.is_infinite():
        return value
    return _ln(value, _scale(_DIGITS_MIN - ln_weight(value), value))


@BODIES("numeric_log")
def log(base: Decimal, value: Decimal) -> Decimal:
    """log(base, value)."""
    if base.is_nan() or value.is_nan():
        return NAN
    _check_logarithm(base)
    _check_logarithm(value)
    if base.is_infinite():
        return NAN if value.is_infinite() else ZERO
    if value.is_infinite():
        return value
    base_weight, value_weight = ln_weight(base), ln_weight(value)
    weight = value_weight - base_weight
    scale = _scale(_DIGITS_MIN - weight, base, value)
    ln_base = _ln(base, max(scale + weight - base_weight + 8, 0))
    ln_value = _ln(value, max(scale + weight - value_weight + 8, 0))
    if not ln_base:
        raise division_by_zero()
    return quotient(ln_value, ln_base, scale)


@BODIES("log(1700)", "log10(1700)")
def log10(value: Decimal) -> Decimal:
    """log(10, value)."""
    return log(Decimal(10), value)


def _is_integral(value: Decimal) -> bool:
    return not value.is_finite() or value == value.to_integral_value()


def _power_special(base: Decimal, exponent: Decimal) -> Decimal:
    if base.is_nan():
        return ONE if exponent.is_finite() and not exponent else NAN
    if exponent.is_nan():
        return ONE if base == 1 else NAN
    if not base and exponent < 0:
        raise power_error("zero raised to a negative power is undefined")
    if base < 0 and not _is_integral(exponent):
        raise power_error("a negative number raised to a non-integer power yields a complex result")
    if base == 1 or not exponent:
        return ONE
    if not base:
        return ZERO
    if exponent.is_infinite():
        if base == -1:
            return ONE
        return INFINITY if (abs(base) > 1) == (exponent > 0) else ZERO
    if exponent < 0:
        return ZERO
    if base > 0:
        return INFINITY
    return -INFINITY if int(exponent) & 1 else INFINITY


@BODIES("numeric_power")
def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base ** exponent."""
    if not (base.is_finite() and exponent.is_finite()):
        return _power_special(base, exponent)
    if not base and exponent < 0:
        raise power_error("zero raised to a negative power is undefined")
    if _is_integral(exponent) and -(2**31) <= exponent < 2**31:
        return _integer_power(base, int(exponent), _scale(_DIGITS_MIN, base))
    if not base:
        return round_numeric(ZERO, _DIGITS_MIN)
    negative = False
    if base < 0:
        if not _is_integral(exponent):
            raise power_error("a negative number raised to a non-integer power yields a complex result")
        negative = bool(int(exponent) & 1)
        base = base.copy_abs()
    weight = ln_weight(base)
    estimate = float(EXACT.multiply(_ln(base, max(8 - weight, 0)), exponent))
    if abs(estimate) > _RESULT_SCALE_MAX * 3.01:
        if estimate > 0:
            raise numeric_overflow()
        return round_numeric(ZERO, _SCALE_MAX)
    estimate *= _LOG10_E
    scale = _scale(_DIGITS_MIN - int(estimate), base, exponent)
    digits = max(scale + int(estimate), 0)
    logarithm = _ln(base, max(digits - weight + 12, 0) + 8)
    result = _exp(EXACT.multiply(logarithm, exponent), scale)
    return result.copy_negate() if negative and result else result


def _integer_power(base: Decimal, exponent: int, scale: int) -> Decimal:
    if exponent == 0:
        return round_numeric(ONE, scale)
    if not base:
        if exponent < 0:
            raise division_by_zero()
        return round_numeric(ZERO, scale)
    if exponent == -1:
        return quotient(ONE, base, scale)
    estimate = exponent * math.log10(abs(float(base.scaleb(-base.adjusted(), EXACT)))) + exponent * base.adjusted()
    if estimate > 131072 + 4:
        raise numeric_overflow()
    if estimate + 1 < -scale:
        return round_numeric(ZERO, scale)
    digits = max(int(estimate), 0) + scale + 20
    result = _context(digits).power(base, exponent)
    if result.is_infinite():
        raise numeric_overflow()
    rounded = result.quantize(quantum(scale), rounding=decimal.ROUND_HALF_UP, context=EXACT)
    return finish(rounded)

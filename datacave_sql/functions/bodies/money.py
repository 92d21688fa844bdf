"""money: cents in a bigint; arithmetic and conversions."""

from __future__ import annotations

from decimal import Decimal

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.float_arithmetic import divide as divide_doubles
from datacave_core.types.float_arithmetic import multiply as multiply_doubles
from datacave_core.types.numeric import quantum, round_numeric
from datacave_sql.functions.bodies.integer import divide
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import division_by_zero

BODIES = Bodies()


def check(value: int) -> int:
    """The value, or 22003 when it is no money."""
    if -(2**63) <= value < 2**63:
        return value
    raise DatacaveError("money out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)


def _of_double(value: float) -> int:
    if value != value or abs(value) >= 9.3e18:
        raise DatacaveError("money out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return check(round(value))


BODIES.add("cash_pl", lambda a, b: check(a + b))
BODIES.add("cash_mi", lambda a, b: check(a - b))
BODIES.add("cash_mul_int2 cash_mul_int4 cash_mul_int8", lambda a, b: check(a * b))
BODIES.add("int2_mul_cash int4_mul_cash int8_mul_cash", lambda a, b: check(a * b))
BODIES.add(
    "cash_mul_flt4 cash_mul_flt8 flt4_mul_cash flt8_mul_cash",
    lambda a, b: _of_double(multiply_doubles(float(a), float(b))),
)
BODIES.add("cash_div_int2 cash_div_int4 cash_div_int8", divide)
BODIES.add("cash_div_flt4 cash_div_flt8", lambda a, b: _of_double(divide_doubles(float(a), b)))


@BODIES("cash_div_cash")
def ratio(a: int, b: int) -> float:
    """money / money."""
    if b == 0:
        raise division_by_zero()
    return a / b


BODIES.add("cash_numeric", lambda value: Decimal(value).scaleb(-2).quantize(quantum(2)))
BODIES.add("int4_cash int8_cash", lambda value: _whole(value))


def _whole(value: int) -> int:
    if not -(2**63) <= value * 100 < 2**63:
        raise DatacaveError("bigint out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return value * 100


@BODIES("numeric_cash")
def of_numeric(value: Decimal) -> int:
    """numeric to money."""
    if not value.is_finite():
        word = "NaN" if value.is_nan() else "infinity"
        raise DatacaveError(f"cannot convert {word} to bigint", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    cents = int(round_numeric(value.scaleb(2), 0)) if value.adjusted() < 30 else 2**64
    if not -(2**63) <= cents < 2**63:
        raise DatacaveError("bigint out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return cents


_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_THOUSANDS = ("quadrillion", "trillion", "billion", "million", "thousand", "")


def _number_words(value: int) -> str:
    """A number below 1,000."""
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _tens_words(rest)
    head = f"{_UNITS[hundreds]} hundred"
    if not rest:
        return head
    return f"{head} and {_tens_words(rest)}" if rest < 20 else f"{head} {_tens_words(rest)}"


def _tens_words(value: int) -> str:
    tens, units = divmod(value, 10)
    if value < 20:
        return _UNITS[value]
    return f"{_TENS[tens]} {_UNITS[units]}" if units else _TENS[tens]


@BODIES("cash_words")
def words(value: int) -> str:
    """An amount in words, as cheques have it."""
    dollars, cents = divmod(abs(value), 100)
    text = "minus " if value < 0 else ""
    groups = [dollars // 1000**place % 1000 for place in range(len(_THOUSANDS) - 1, -1, -1)]
    for number, name in zip(groups, _THOUSANDS, strict=True):
        if number:
            text += f"{_number_words(number)} {name} " if name else _number_words(number)
    if not dollars:
        text += "zero"
    text += f" {'dollar' if dollars == 1 else 'dollars'} and {_number_words(cents)} {'cent' if cents == 1 else 'cents'}"
    return text[0].upper() + text[1:]

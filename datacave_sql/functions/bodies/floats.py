"""real and double precision: arithmetic, comparison and conversions.

A result that overflows to infinity or underflows to zero raises 22003 unless an operand was infinite; NaN equals NaN
and sorts above everything. A real is kept as a Python float that single precision can hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn

from datacave_core.errors import DatacaveError
from datacave_core.types.float_arithmetic import FLOAT_MAX, add, divide, multiply, subtract
from datacave_core.types.floating import to_single
from datacave_core.types.numeric import format_numeric
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import (
    out_of_range,
    overflow_int2,
    overflow_int4,
    overflow_int8,
)

BODIES = Bodies()

BODIES.inline(float_add=add, float_subtract=subtract, float_multiply=multiply, to_single=to_single)

_INLINE = {
    "pl": f"(_v if -{FLOAT_MAX} <= (_v := {{0}} + {{1}}) <= {FLOAT_MAX} else float_add({{0}}, {{1}}))",
    "mi": f"(_v if -{FLOAT_MAX} <= (_v := {{0}} - {{1}}) <= {FLOAT_MAX} else float_subtract({{0}}, {{1}}))",
    "mul": f"(_v if (_v := {{0}} * {{1}}) and -{FLOAT_MAX} <= _v <= {FLOAT_MAX} else float_multiply({{0}}, {{1}}))",
}


def _single(operation: Callable[[float, float], float]) -> Callable[[float, float], float]:
    """The operation of two reals: rounded once more to single precision."""

    def compute(a: float, b: float) -> float:
        result = operation(a, b)
        if result - result != 0:  # infinite or NaN
            return result
        return to_single(result)

    return compute


for _suffix, _operation in (("pl", add), ("mi", subtract), ("mul", multiply), ("div", divide)):
    BODIES.add(f"float8{_suffix} float48{_suffix} float84{_suffix}", _operation, _INLINE.get(_suffix))
    BODIES.add(f"float4{_suffix}", _single(_operation))

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "eq": (lambda a, b: a == b or (a != a and b != b), "({0} == {1} or ({0} != {0} and {1} != {1}))"),
    "ne": (lambda a, b: a != b and (a == a or b == b), "({0} != {1} and ({0} == {0} or {1} == {1}))"),
    "lt": (lambda a, b: a < b or (b != b and a == a), "({0} < {1} or ({1} != {1} and {0} == {0}))"),
    "le": (lambda a, b: a <= b or b != b, "({0} <= {1} or {1} != {1})"),
    "gt": (lambda a, b: a > b or (a != a and b == b), "({0} > {1} or ({0} != {0} and {1} == {1}))"),
    "ge": (lambda a, b: a >= b or a != a, "({0} >= {1} or {0} != {0})"),
}
for _suffix, (_compare, _template) in _COMPARISONS.items():
    BODIES.add(" ".join(f"float{w}{_suffix}" for w in (4, 8, 48, 84)), _compare, _template)


def compare(a: float, b: float) -> int:
    """-1, 0 or 1, NaN above all."""
    if a != a:
        return 0 if b != b else 1
    if b != b:
        return -1
    return (a > b) - (a < b)


BODIES.add("btfloat4cmp btfloat8cmp btfloat48cmp btfloat84cmp", compare)
BODIES.add("float4larger float8larger", lambda a, b: a if compare(a, b) > 0 else b)
BODIES.add("float4smaller float8smaller", lambda a, b: a if compare(a, b) < 0 else b)
BODIES.add("float4um float8um", lambda a: -a, "-{0}")
BODIES.add("float4up float8up", lambda a: a, "{0}")
BODIES.add("float4abs float8abs", abs, "abs({0})")

BODIES.add("ftod", lambda a: a, "{0}")
BODIES.add("i2tod i4tod i8tod", float, "float({0})")


@BODIES("dtof")
def single_of_double(value: float) -> float:
    """The nearest real; 22003 when it overflows or vanishes."""
    return value if value - value != 0 else to_single(value)


def _single_of_integer(value: int) -> float:
    # Above 2**53 the detour through a double could round twice: the sticky low bit keeps the second rounding right.
    if -(2**53) <= value <= 2**53:
        return to_single(float(value))
    magnitude = abs(value)
    shift = magnitude.bit_length() - 53
    sticky = (magnitude >> shift << shift) | ((1 << shift) if magnitude & ((1 << shift) - 1) else 0)
    return to_single(math.copysign(float(sticky), value))


BODIES.add("i2tof i4tof i8tof", _single_of_integer)


def _to_integer(low: int, high: int, fail: Callable[[], NoReturn]) -> Callable[[float], int]:
    def convert(value: float) -> int:
        if value - value != 0:
            fail()
        rounded = round(value)  # half to even
        if low <= rounded <= high:
            return rounded
        fail()

    return convert


BODIES.add("dtoi2 ftoi2", _to_integer(-(2**15), 2**15 - 1, overflow_int2))
BODIES.add("dtoi4 ftoi4", _to_integer(-(2**31), 2**31 - 1, overflow_int4))
BODIES.add("dtoi8 ftoi8", _to_integer(-(2**63), 2**63 - 1, overflow_int8))


def _numeric_of_float(digits: int) -> Callable[[float], Decimal]:
    def convert(value: float) -> Decimal:
        if value - value != 0:
            return Decimal(value) if value == value else Decimal("NaN")
        shown = Decimal(f"{value:.{digits}g}")
        if not shown:
            return Decimal(0)
        exponent = shown.as_tuple().exponent
        return Decimal(f"{shown:f}") if isinstance(exponent, int) and exponent > 0 else shown

    return convert


numeric_of_double = _numeric_of_float(15)
BODIES.add("float8_numeric", numeric_of_double)
BODIES.add("float4_numeric", _numeric_of_float(6))


@BODIES("numeric_float8")
def double_of_numeric(value: Decimal) -> float:
    """The nearest double; 22003 when there is none."""
    result = float(value)
    if (math.isinf(result) and value.is_finite()) or (result == 0.0 and value):
        raise out_of_range(f'"{format_numeric(value)}" is out of range for type double precision')
    return result


@BODIES("numeric_float4")
def single_of_numeric(value: Decimal) -> float:
    """The nearest real; 22003 when there is none."""
    result = float(value)
    if result - result != 0 and not value.is_finite():
        return result
    try:
        return to_single(result)
    except DatacaveError as error:
        raise out_of_range(f'"{format_numeric(value)}" is out of range for type real') from error

"""smallint, integer, bigint and oid: arithmetic, bits, comparison and conversions among them.

Results outside the type raise 22003; division and remainder truncate toward zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import (
    bad_parameter,
    division_by_zero,
    out_of_range,
    overflow_int2,
    overflow_int4,
    overflow_int8,
)

BODIES = Bodies()

_RANGE = {2: (-(2**15), 2**15 - 1), 4: (-(2**31), 2**31 - 1), 8: (-(2**63), 2**63 - 1)}
_NAME = {2: "smallint", 4: "integer", 8: "bigint"}


def check_int2(value: int) -> int:
    """The value, or 22003 when it is no smallint."""
    if -32768 <= value <= 32767:
        return value
    overflow_int2()


def check_int4(value: int) -> int:
    """The value, or 22003 when it is no integer."""
    if -2147483648 <= value <= 2147483647:
        return value
    overflow_int4()


def check_int8(value: int) -> int:
    """The value, or 22003 when it is no bigint."""
    if -9223372036854775808 <= value <= 9223372036854775807:
        return value
    overflow_int8()


CHECKS: dict[int, Callable[[int], int]] = {2: check_int2, 4: check_int4, 8: check_int8}
BODIES.inline(
    check_int2=check_int2,
    check_int4=check_int4,
    check_int8=check_int8,
    overflow_int2=overflow_int2,
    overflow_int4=overflow_int4,
    overflow_int8=overflow_int8,
)


def divide(dividend: int, divisor: int) -> int:
    """Integer division toward zero."""
    if divisor == 0:
        raise division_by_zero()
    if (dividend < 0) != (divisor < 0):
        return -(-dividend // divisor)
    return dividend // divisor


def remainder(dividend: int, divisor: int) -> int:
    """The remainder with the sign of the dividend."""
    if divisor == 0:
        raise division_by_zero()
    if dividend >= 0:
        return dividend % abs(divisor)
    return -(-dividend % abs(divisor))


BODIES.inline(int_divide=divide, int_remainder=remainder)


def checked(template: str, width: int) -> str:
    """An inline template whose result is range-checked without a call."""
    low, high = _RANGE[width]
    return f"(_v if {low} <= (_v := {template}) <= {high} else overflow_int{width}())"


def _arithmetic(symbol: str, width: int) -> None:
    check = CHECKS[width]
    BODIES.add(f"{symbol}pl", lambda a, b: check(a + b), checked("{0} + {1}", width))
    BODIES.add(f"{symbol}mi", lambda a, b: check(a - b), checked("{0} - {1}", width))
    BODIES.add(f"{symbol}mul", lambda a, b: check(a * b), checked("{0} * {1}", width))
    quotient = f"({{0}} // {{1}} if {{0}} >= 0 and {{1}} > 0 else check_int{width}(int_divide({{0}}, {{1}})))"
    BODIES.add(f"{symbol}div", lambda a, b: check(divide(a, b)), quotient)


for _left, _right in product((2, 4, 8), repeat=2):
    _arithmetic(f"int{_left}" if _left == _right else f"int{_left}{_right}", max(_left, _right))


def _comparisons(symbol: str, separator: str = "") -> None:
    BODIES.add(f"{symbol}{separator}eq", lambda a, b: a == b, "{0} == {1}")
    BODIES.add(f"{symbol}{separator}ne", lambda a, b: a != b, "{0} != {1}")
    BODIES.add(f"{symbol}{separator}lt", lambda a, b: a < b, "{0} < {1}")
    BODIES.add(f"{symbol}{separator}le", lambda a, b: a <= b, "{0} <= {1}")
    BODIES.add(f"{symbol}{separator}gt", lambda a, b: a > b, "{0} > {1}")
    BODIES.add(f"{symbol}{separator}ge", lambda a, b: a >= b, "{0} >= {1}")


for _left, _right in product((2, 4, 8), repeat=2):
    _comparisons(f"int{_left}" if _left == _right else f"int{_left}{_right}")
_comparisons("oid")


def compare(a: int, b: int) -> int:
    """-1, 0 or 1, as the btree support functions answer."""
    return (a > b) - (a < b)


for _left, _right in product((2, 4, 8), repeat=2):
    BODIES.add(f"btint{_left}cmp" if _left == _right else f"btint{_left}{_right}cmp", compare)
BODIES.add("btoidcmp", compare)


def _negate(width: int) -> None:
    check = CHECKS[width]
    BODIES.add(f"int{width}um", lambda a: check(-a), checked("-{0}", width))
    BODIES.add(f"int{width}up", lambda a: a, "{0}")
    BODIES.add(f"int{width}abs", lambda a: check(abs(a)), checked("abs({0})", width))


def _bits(width: int) -> None:
    mask, sign = (1 << (8 * width)) - 1, 1 << (8 * width - 1)
    # A smallint is shifted as a C int, so its shift counts are those of 32 bits.
    count_mask = 63 if width == 8 else 31

    def left_shift(a: int, count: int) -> int:
        return (((a << (count & count_mask)) & mask) ^ sign) - sign

    BODIES.add(f"int{width}and", lambda a, b: a & b, "{0} & {1}")
    BODIES.add(f"int{width}or", lambda a, b: a | b, "{0} | {1}")
    BODIES.add(f"int{width}xor", lambda a, b: a ^ b, "{0} ^ {1}")
    BODIES.add(f"int{width}not", lambda a: ~a, "~{0}")
    BODIES.add(f"int{width}shl", left_shift)
    BODIES.add(f"int{width}shr", lambda a, count: a >> (count & count_mask), f"{{0}} >> ({{1}} & {count_mask})")
    BODIES.add(f"int{width}mod", remainder, "({0} % {1} if {0} >= 0 and {1} > 0 else int_remainder({0}, {1}))")
    BODIES.add(f"int{width}larger", lambda a, b: a if a > b else b, "({0} if {0} > {1} else {1})")
    BODIES.add(f"int{width}smaller", lambda a, b: a if a < b else b, "({0} if {0} < {1} else {1})")


for _width in (2, 4, 8):
    _negate(_width)
    _bits(_width)
BODIES.add("oidlarger", max, "({0} if {0} > {1} else {1})")
BODIES.add("oidsmaller", min, "({0} if {0} < {1} else {1})")
BODIES.add("int8inc", lambda a: check_int8(a + 1), checked("{0} + 1", 8))


def _greatest_common_divisor(width: int) -> Callable[[int, int], int]:
    check = CHECKS[width]
    return lambda a, b: check(math.gcd(a, b))


def _least_common_multiple(width: int) -> Callable[[int, int], int]:
    check = CHECKS[width]
    return lambda a, b: check(math.lcm(a, b))


for _width in (4, 8):
    BODIES.add(f"int{_width}gcd", _greatest_common_divisor(_width))
    BODIES.add(f"int{_width}lcm", _least_common_multiple(_width))


# Conversions: widening is the identity, narrowing is checked.
BODIES.add("i2toi4 int48 int28 oidtoi8", lambda a: a, "{0}")
BODIES.add("i4toi2 int82", check_int2, "check_int2({0})")
BODIES.add("int84", check_int4, "check_int4({0})")


@BODIES("i8tooid")
def _oid_of_bigint(value: int) -> int:
    if 0 <= value <= 4294967295:
        return value
    raise out_of_range("OID out of range")


@BODIES("int4_bool", inline="{0} != 0")
def _boolean_of_integer(value: int) -> bool:
    return value != 0


@BODIES("bool_int4", inline="int({0})")
def _integer_of_boolean(value: bool) -> int:
    return int(value)


def _series_step(step: int) -> int:
    if step == 0:
        raise bad_parameter("step size cannot equal zero")
    return step


def _series(width: int) -> Callable[..., range]:
    low, high = _RANGE[width]

    def generate(start: int, stop: int, step: int = 1) -> range:
        if _series_step(step) > 0:
            return range(start, min(stop, high) + 1, step)
        return range(start, max(stop, low) - 1, step)

    return generate


BODIES.add("generate_series_int4 generate_series_step_int4", _series(4))
BODIES.add("generate_series_int8 generate_series_step_int8", _series(8))

"""Arithmetic of double precision as SQL means it.

A result that overflows to infinity or underflows to zero raises 22003 unless an operand was infinite.
"""

from __future__ import annotations

import math
from typing import NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

FLOAT_MAX = 1.7976931348623157e308


def overflow() -> NoReturn:
    """22003 for a result too large."""
    raise DatacaveError("value out of range: overflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)


def underflow() -> NoReturn:
    """22003 for a result too small."""
    raise DatacaveError("value out of range: underflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)


def add(a: float, b: float) -> float:
    """a + b."""
    result = a + b
    if math.isinf(result) and not math.isinf(a) and not math.isinf(b):
        overflow()
    return result


def subtract(a: float, b: float) -> float:
    """a - b."""
    result = a - b
    if math.isinf(result) and not math.isinf(a) and not math.isinf(b):
        overflow()
    return result


def multiply(a: float, b: float) -> float:
    """a * b."""
    result = a * b
    if math.isinf(result) and not math.isinf(a) and not math.isinf(b):
        overflow()
    if result == 0.0 and a != 0.0 and b != 0.0:
        underflow()
    return result


def divide(a: float, b: float) -> float:
    """a / b; NaN / 0 is NaN, any other division by zero 22012."""
    if b == 0.0:
        if a != a:
            return a
        raise DatacaveError("division by zero", sqlstate=sqlstate.DIVISION_BY_ZERO)
    result = a / b
    if math.isinf(result) and not math.isinf(a):
        overflow()
    if result == 0.0 and a != 0.0 and not math.isinf(b):
        underflow()
    return result


def hypotenuse(x: float, y: float) -> float:
    """The length of (x, y), rounded step by step as PostgreSQL rounds it; infinite beside NaN."""
    if math.isinf(x) or math.isinf(y):
        return math.inf
    if x != x or y != y:
        return math.nan
    x, y = abs(x), abs(y)
    if x < y:
        x, y = y, x
    if y == 0.0:
        return x
    ratio = y / x
    result = x * math.sqrt(1.0 + ratio * ratio)
    if math.isinf(result):
        overflow()
    if result == 0.0:
        underflow()
    return result

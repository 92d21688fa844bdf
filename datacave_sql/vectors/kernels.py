"""Kernels: operators over whole vectors. None says "not here": the caller then computes value by value.

That happens for lists, where a result may leave its type's range (so that the error is raised for the right rows), and
for the special values of floats, whose order numpy has another idea of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.types import oids
from datacave_sql.vectors.vector import FLOATS, INTEGERS, Mask, Vector

_RANGES = {oids.INT2: 1 << 15, oids.INT4: 1 << 31, oids.INT8: 1 << 63}
_SAFE = 1 << 63
_DAY_MICROSECONDS = 86_400_000_000
_DAYS_MAX = 100_000_000


def either_null(a: Vector, b: Vector) -> Mask | None:
    """Where one of two vectors is NULL."""
    if a.nulls is None:
        return b.nulls
    return a.nulls if b.nulls is None else a.nulls | b.nulls


def magnitude(values: NDArray[Any]) -> int:
    """The largest absolute value."""
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def _arrays(a: Vector, b: Vector) -> tuple[NDArray[Any], NDArray[Any]] | None:
    if isinstance(a.values, list) or isinstance(b.values, list) or a.scales is not None or b.scales is not None:
        return None
    return a.values, b.values


def _aligned(a: Vector, b: Vector) -> tuple[NDArray[Any], NDArray[Any], int] | None:
    """Two numerics at one scale."""
    arrays = _arrays(a, b)
    if arrays is None:
        return None
    x, y = arrays
    scale = max(a.scale, b.scale)
    if a.scale < scale:
        factor = 10 ** (scale - a.scale)
        if magnitude(x) * factor >= _SAFE:
            return None
        x = x * factor
    elif b.scale < scale:
        factor = 10 ** (scale - b.scale)
        if magnitude(y) * factor >= _SAFE:
            return None
        y = y * factor
    return x, y, scale


def arithmetic(operator: str, type_oid: int, result_type: int) -> Callable[[Vector, Vector], Vector | None] | None:
    """The kernel of + - * for two operands of one type; None where there is none."""
    if operator not in _ARITHMETIC:
        return None
    compute = _ARITHMETIC[operator]
    if type_oid in _RANGES and result_type == type_oid:
        limit = _RANGES[type_oid]

        def integers(a: Vector, b: Vector) -> Vector | None:
            arrays = _arrays(a, b)
            if arrays is None:
                return None
            x, y = arrays
            high, other = magnitude(x), magnitude(y)
            if (high * other if operator == "*" else high + other) >= limit:
                return None
            return Vector(compute(x, y), either_null(a, b))

        return integers
    if type_oid == oids.NUMERIC:
        return _product if operator == "*" else _sum_of(compute)
    if type_oid == oids.FLOAT8:

        def doubles(a: Vector, b: Vector) -> Vector | None:
            arrays = _arrays(a, b)
            if arrays is None:
                return None
            with np.errstate(all="ignore"):
                found = compute(*arrays)
            if not np.isfinite(found).all() or (operator == "*" and (found == 0).any()):
                return None
            return Vector(found, either_null(a, b))

        return doubles
    return None


def _product(a: Vector, b: Vector) -> Vector | None:
    arrays = _arrays(a, b)
    if arrays is None:
        return None
    x, y = arrays
    if magnitude(x) * magnitude(y) >= _SAFE:
        return None
    return Vector(x * y, either_null(a, b), a.scale + b.scale)


def _sum_of(compute: Callable[[Any, Any], Any]) -> Callable[[Vector, Vector], Vector | None]:
    def run(a: Vector, b: Vector) -> Vector | None:
        found = _aligned(a, b)
        if found is None:
            return None
        x, y, scale = found
        if magnitude(x) + magnitude(y) >= _SAFE:
            return None
        return Vector(compute(x, y), either_null(a, b), scale)

    return run


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal, "<>": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


def comparison(operator: str, left: int, right: int) -> Callable[[Vector, Vector], Vector | None] | None:
    """The kernel of a comparison of two types; None where there is none."""
    compute = _COMPARISONS.get(operator)
    if compute is None:
        return None
    integers = {oids.INT2, oids.INT4, oids.INT8, oids.OID}
    plain = (left == right and left in INTEGERS) or {left, right} <= integers or left == right == oids.BOOL
    dates = {left, right} == {oids.DATE, oids.TIMESTAMP}
    if plain or dates:

        def exact(a: Vector, b: Vector) -> Vector | None:
            arrays = _arrays(a, b)
            if arrays is None:
                return None
            x, y = arrays
            if dates:
                days = x if left == oids.DATE else y
                if magnitude(days) > _DAYS_MAX:
                    return None
                x, y = (x * _DAY_MICROSECONDS, y) if left == oids.DATE else (x, y * _DAY_MICROSECONDS)
            return Vector(compute(x, y), either_null(a, b))

        return exact
    if left == right == oids.NUMERIC:

        def numerics(a: Vector, b: Vector) -> Vector | None:
            found = _aligned(a, b)
            return None if found is None else Vector(compute(found[0], found[1]), either_null(a, b))

        return numerics
    if left in FLOATS and right in FLOATS:

        def doubles(a: Vector, b: Vector) -> Vector | None:
            arrays = _arrays(a, b)
            if arrays is None or np.isnan(arrays[0]).any() or np.isnan(arrays[1]).any():
                return None
            return Vector(compute(*arrays), either_null(a, b))

        return doubles
    return None

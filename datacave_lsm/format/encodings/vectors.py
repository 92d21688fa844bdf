"""Vectors: Python values of one column to a ColumnVector, on the way into a file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.integers import scaled_many, scaled_of
from datacave_lsm.format.listfacts import types_of

_NONE = type(None)


def vector_of(values: Sequence[Any], column: PhysicalColumn) -> ColumnVector:
    """The values (None is NULL) of a column as a vector; raises ValueError for a value of another type."""
    nulls: NDArray[np.bool_] | None = None
    column_type = column.type
    values = list(values)
    kinds = types_of(values)
    if _NONE in kinds:
        nulls = np.fromiter((value is None for value in values), np.bool_, len(values))
    try:
        if column_type is PhysicalType.TEXT or column_type is PhysicalType.BYTES:
            expected = str if column_type is PhysicalType.TEXT else bytes
            if not kinds <= {expected, _NONE}:
                raise TypeError(f"{kinds} where {expected.__name__} is expected")
            return ColumnVector(values, nulls)
        if nulls is not None:
            values = [0 if value is None else value for value in values]
        if column_type is PhysicalType.INT64:
            return ColumnVector(np.frombuffer(array("q", values), np.int64), nulls)
        if column_type is PhysicalType.FLOAT64:
            return ColumnVector(np.frombuffer(array("d", values), np.float64), nulls)
        if column_type is PhysicalType.BOOL:
            flags = bytes(values)
            if max(flags) > 1:
                raise TypeError(f"{max(flags)} is no boolean")
            return ColumnVector(np.frombuffer(flags, np.bool_), nulls)
        scaled = scaled_many(values, column.scale)
        return ColumnVector(np.frombuffer(array("q", scaled), np.int64), nulls, column.scale)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ValueError(f"a value does not fit a {column_type.name} column: {error}") from None


def physical_of(value: Any, column: PhysicalColumn) -> Any:
    """One value as it lies in a vector: a Decimal becomes its scaled integer."""
    return scaled_of(value, column.scale) if column.type is PhysicalType.DECIMAL64 and value is not None else value


def constant_vector(value: Any, column: PhysicalColumn, count: int) -> ColumnVector:
    """`count` times the same value."""
    if column.type is PhysicalType.TEXT or column.type is PhysicalType.BYTES:
        return ColumnVector([value] * count, np.ones(count, np.bool_) if value is None else None)
    small = vector_of([value], column)
    assert not isinstance(small.values, list)
    nulls = None if small.nulls is None else np.ones(count, np.bool_)
    return ColumnVector(np.repeat(small.values, count), nulls, small.scale)

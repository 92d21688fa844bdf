"""Column vectors from values, and parts of column vectors."""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import DECIMAL64_NAN, PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector

_NUMPY_TYPES: dict[PhysicalType, Any] = {
    PhysicalType.INT64: np.int64,
    PhysicalType.FLOAT64: np.float64,
    PhysicalType.DECIMAL64: np.int64,
    PhysicalType.BOOL: np.bool_,
}


def column_vector(column: PhysicalColumn, values: list[Any]) -> ColumnVector:
    """The values of one column, None for NULL, as a vector. Places of NULLs hold zero."""
    any_null = None in values
    nulls = np.array([value is None for value in values], dtype=np.bool_) if any_null else None
    dtype = _NUMPY_TYPES.get(column.type)
    if dtype is None:
        return ColumnVector(values, nulls)
    if column.type is PhysicalType.DECIMAL64:
        scale = column.scale
        values = [
            0 if value is None else int(value.scaleb(scale)) if value == value else DECIMAL64_NAN for value in values
        ]
    elif any_null:
        values = [0 if value is None else value for value in values]
    return ColumnVector(np.array(values, dtype=dtype), nulls, column.scale)


def keep_rows(vector: ColumnVector, keep: NDArray[np.bool_]) -> ColumnVector:
    """The rows of a vector for which `keep` is true."""
    values = vector.values
    kept = list(compress(values, keep)) if isinstance(values, list) else values[keep]
    return ColumnVector(kept, vector.nulls[keep] if vector.nulls is not None else None, vector.scale)

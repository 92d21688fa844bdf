"""Constant: every row that is not NULL has the same value, or every row is NULL."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacave_core.layout import PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import HEAD, ColumnSegment, Encoding, Nulls

_DTYPES: dict[PhysicalType, type[np.generic]] = {
    PhysicalType.INT64: np.int64,
    PhysicalType.DECIMAL64: np.int64,
    PhysicalType.FLOAT64: np.float64,
    PhysicalType.BOOL: np.bool_,
}


def encode_all_null(count: int) -> bytes:
    """The payload of a segment without any value."""
    return HEAD.pack(Encoding.CONSTANT, 0, Nulls.ALL, 0, count, 0, 0, 0)


class ConstantSegment(ColumnSegment):
    """`physical` is the value as it lies in a vector, `value` as it lies in a row (they differ for DECIMAL64)."""

    __slots__ = ("_column_type", "_physical", "_scale", "_value")

    def __init__(
        self,
        count: int,
        validity: bytes | None,
        cost_bytes: int,
        column_type: PhysicalType,
        scale: int,
        physical: Any,
        value: Any,
    ) -> None:
        self.count = count
        self.cost_bytes = cost_bytes
        self._validity = validity
        self._column_type = column_type
        self._scale = scale
        self._physical = physical
        self._value = value

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        length = stop - start
        dtype = _DTYPES.get(self._column_type)
        nulls = np.ones(length, np.bool_) if self._physical is None else self.nulls(start, stop)
        if dtype is None:
            return ColumnVector(self.values(start, stop), nulls, 0)
        return ColumnVector(np.full(length, 0 if self._physical is None else self._physical, dtype), nulls, self._scale)

    def point_source(self) -> PointSource:
        return PointSource(PointKind.CONSTANT, validity=self._validity, value=self._value)

    def _stored_at(self, position: int) -> Any:
        return self._value

    def _stored(self, start: int, stop: int) -> list[Any]:
        return [self._value] * (stop - start)

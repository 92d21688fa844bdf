"""Floats: FLOAT64 as a constant or as they are; every bit pattern (NaN, -0.0) comes back as it was."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.constant import ConstantSegment, encode_all_null
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import (
    CONSTANT,
    HEAD,
    PLAIN,
    ColumnSegment,
    EncodedColumn,
    Encoding,
    Nulls,
    pack_validity,
)

_FLOAT64 = np.dtype("<f8")
_BITS = struct.Struct("<q")
_FLOAT = struct.Struct("<d")


def encode_floats(values: NDArray[np.float64], nulls: NDArray[np.bool_] | None) -> EncodedColumn:
    """Encodes float64 values; a NaN among them leaves the bounds unknown."""
    count = len(values)
    null_count = 0
    present = values
    if nulls is not None:
        null_count = int(np.count_nonzero(nulls))
        present = values[~nulls]
    if not len(present):
        return EncodedColumn(encode_all_null(count), None, None, null_count)
    has_nulls = Nulls.SOME if null_count else Nulls.NONE
    validity = pack_validity(nulls) if null_count else b""
    bits = np.ascontiguousarray(present, _FLOAT64).view(np.int64)
    if (bits == bits[0]).all():
        payload = HEAD.pack(Encoding.CONSTANT, 0, has_nulls, 0, count, 0, 0, int(bits[0])) + validity
    else:
        if nulls is not None:
            values = np.where(nulls, 0.0, values)
        head = HEAD.pack(Encoding.PLAIN, 0, has_nulls, 8, count, 0, 0, 0)
        payload = head + validity + values.astype(_FLOAT64, copy=False).tobytes()
    low, high = float(present.min()), float(present.max())
    if low != low:
        return EncodedColumn(payload, None, None, null_count)
    return EncodedColumn(payload, low, high, null_count)


def open_floats(
    payload: bytes, encoding: int, count: int, base: int, validity: bytes | None, body: int
) -> ColumnSegment:
    """The segment over a payload whose body starts at `body`."""
    if encoding == CONSTANT:
        value: float = _FLOAT.unpack(_BITS.pack(base))[0]
        return ConstantSegment(count, validity, len(payload), PhysicalType.FLOAT64, 0, value, value)
    if encoding != PLAIN:
        raise ValueError(f"encoding {encoding} of a float column")
    return FloatSegment(payload, count, validity, body)


class FloatSegment(ColumnSegment):
    """FLOAT64, 8 bytes each."""

    __slots__ = ("_body", "_payload")

    def __init__(self, payload: bytes, count: int, validity: bytes | None, body: int) -> None:
        if len(payload) - body != count * 8:
            raise ValueError(f"{len(payload) - body} bytes for {count} rows")
        self.count = count
        self.cost_bytes = len(payload)
        self._validity = validity
        self._payload = payload
        self._body = body

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self._floats(start, stop), self.nulls(start, stop))

    def _floats(self, start: int, stop: int) -> NDArray[np.float64]:
        if start >= stop:
            return np.zeros(0, np.float64)
        return np.frombuffer(self._payload, np.float64, stop - start, self._body + 8 * start)

    def point_source(self) -> PointSource:
        return PointSource(PointKind.FLOATS, self._payload, self._body, validity=self._validity)

    def _stored_at(self, position: int) -> Any:
        return _FLOAT.unpack_from(self._payload, self._body + 8 * position)[0]

    def _stored(self, start: int, stop: int) -> list[Any]:
        values: list[Any] = self._floats(start, stop).tolist()
        return values

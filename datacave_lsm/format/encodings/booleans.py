"""Booleans: BOOL as a constant or as one bit each, lowest bit first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.constant import ConstantSegment, encode_all_null
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import (
    BITS,
    CONSTANT,
    HEAD,
    ColumnSegment,
    EncodedColumn,
    Encoding,
    Nulls,
    pack_validity,
)


def encode_booleans(values: NDArray[np.bool_], nulls: NDArray[np.bool_] | None) -> EncodedColumn:
    """Encodes bool values; NULL rows hold False."""
    count = len(values)
    null_count = 0
    present = values
    if nulls is not None:
        null_count = int(np.count_nonzero(nulls))
        present = values[~nulls]
    if not len(present):
        return EncodedColumn(encode_all_null(count), None, None, null_count)
    low, high = bool(present.all()), bool(present.any())
    has_nulls = Nulls.SOME if null_count else Nulls.NONE
    validity = pack_validity(nulls) if null_count else b""
    if low == high:
        payload = HEAD.pack(Encoding.CONSTANT, 0, has_nulls, 0, count, 0, 0, int(low)) + validity
    else:
        if nulls is not None:
            values = values & ~nulls
        head = HEAD.pack(Encoding.BITS, 0, has_nulls, 0, count, 0, 0, 0)
        payload = head + validity + np.packbits(values, bitorder="little").tobytes()
    return EncodedColumn(payload, low, high, null_count)


def open_booleans(
    payload: bytes, encoding: int, count: int, base: int, validity: bytes | None, body: int
) -> ColumnSegment:
    """The segment over a payload whose body starts at `body`."""
    if encoding == CONSTANT:
        value = base != 0
        return ConstantSegment(count, validity, len(payload), PhysicalType.BOOL, 0, value, value)
    if encoding != BITS:
        raise ValueError(f"encoding {encoding} of a boolean column")
    return BooleanSegment(payload, count, validity, body)


class BooleanSegment(ColumnSegment):
    """BOOL, one bit each."""

    __slots__ = ("_body", "_payload")

    def __init__(self, payload: bytes, count: int, validity: bytes | None, body: int) -> None:
        if len(payload) - body != (count + 7) // 8:
            raise ValueError(f"{len(payload) - body} bytes of bits for {count} rows")
        self.count = count
        self.cost_bytes = len(payload)
        self._validity = validity
        self._payload = payload
        self._body = body

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self._booleans(start, stop), self.nulls(start, stop))

    def _booleans(self, start: int, stop: int) -> NDArray[np.bool_]:
        bits = np.unpackbits(np.frombuffer(self._payload, np.uint8, offset=self._body), count=stop, bitorder="little")
        return bits[start:].view(np.bool_)

    def point_source(self) -> PointSource:
        return PointSource(PointKind.BITS, self._payload, self._body, validity=self._validity)

    def _stored_at(self, position: int) -> Any:
        return bool(self._payload[self._body + (position >> 3)] >> (position & 7) & 1)

    def _stored(self, start: int, stop: int) -> list[Any]:
        values: list[Any] = self._booleans(start, stop).tolist()
        return values

"""Strings: TEXT and BYTES as a constant, as a dictionary of few values, or as offsets and data.

In memory a value is a str (TEXT) or bytes (BYTES); in the file both are bytes, TEXT as UTF-8. Dictionary entries are
sorted, so codes compare as values do. Data is compressed where that pays; offsets, codes and dictionaries are not.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.compression import ZSTD_LEVEL, Compression
from datacave_core.layout import PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.compression import compress, decompress
from datacave_lsm.format.encodings.constant import ConstantSegment, encode_all_null
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource
from datacave_lsm.format.encodings.segment import (
    CONSTANT,
    DICTIONARY,
    HEAD,
    OFFSETS,
    UNSIGNED,
    ColumnSegment,
    EncodedColumn,
    Encoding,
    Nulls,
    item_view,
    pack_validity,
)
from datacave_lsm.format.listfacts import extremes, lengths_of

STATISTICS_LENGTH_MAX = 32
"""Longer bounds are cut (minimum) or left out (maximum)."""

DATA_BYTES_MAX = 2**32 - 1

_SAMPLE = 256
_U4 = struct.Struct("<I")
_TWO_U4 = struct.Struct("<II")


def encode_strings(
    values: list[Any],
    nulls: NDArray[np.bool_] | None,
    column_type: PhysicalType,
    wish: Compression,
    zstd_level: int = ZSTD_LEVEL,
) -> EncodedColumn:
    """Encodes a list of str or bytes; where `nulls` is True the list holds None."""
    count = len(values)
    null_count = int(np.count_nonzero(nulls)) if nulls is not None else 0
    if null_count == count:
        return EncodedColumn(encode_all_null(count), None, None, null_count)
    has_nulls = Nulls.SOME if null_count else Nulls.NONE
    validity = pack_validity(nulls) if null_count else b""
    present = [value for value in values if value is not None] if null_count else values
    text = column_type is PhysicalType.TEXT

    first = present[0]
    if present[-1] == first and present.count(first) == len(present):
        data = first.encode() if text else first
        kind, packed = compress(data, wish, zstd_level)
        head = HEAD.pack(Encoding.CONSTANT, kind, has_nulls, 0, count, len(data), 0, 0)
        return EncodedColumn(head + validity + packed, *_bounds(first, first), null_count)

    distinct = _few_distinct(present)
    if distinct is not None:
        entries = sorted(distinct)
        data, lengths = _joined(entries, text)
        width = 1 if len(entries) <= 1 << 8 else 2
        codes = {entry: code for code, entry in enumerate(entries)}
        if null_count:
            codes[None] = 0
        code_items = np.fromiter(map(codes.__getitem__, values), "<u1" if width == 1 else "<u2", count)
        head = HEAD.pack(Encoding.DICTIONARY, 0, has_nulls, width, count, len(data), len(entries), 0)
        payload = b"".join((head, validity, _offsets(lengths, 4), data, code_items.tobytes()))
        return EncodedColumn(payload, *_bounds(entries[0], entries[-1]), null_count)

    if null_count:
        empty: Any = "" if text else b""
        values = [empty if value is None else value for value in values]
    data, lengths = _joined(values, text)
    kind, packed = compress(data, wish, zstd_level)
    length = int(lengths[0])
    if (lengths == length).all():
        head = HEAD.pack(Encoding.OFFSETS, kind, has_nulls, 0, count, len(data), 0, length)
        payload = b"".join((head, validity, packed))
    else:
        width = 2 if len(data) < 1 << 16 else 4
        head = HEAD.pack(Encoding.OFFSETS, kind, has_nulls, width, count, len(data), 0, 0)
        payload = b"".join((head, validity, _offsets(lengths, width), packed))
    return EncodedColumn(payload, *_bounds(*extremes(present)), null_count)


def _few_distinct(present: list[Any]) -> set[Any] | None:
    """The distinct values when a dictionary is worthwhile, else None."""
    count = len(present)
    if count < 8:
        return None
    sample = present[:: max(1, count // _SAMPLE)]
    if len(set(sample)) * 2 > len(sample):
        return None
    distinct = set(present)
    return distinct if len(distinct) * 4 <= count and len(distinct) <= 1 << 16 else None


def _joined(values: list[Any], text: bool) -> tuple[bytes, NDArray[np.int64]]:
    """All values in a row, and their lengths in bytes."""
    if text:
        joined = "".join(values)
        data = joined.encode()
        if len(data) != len(joined):
            values = [value.encode() for value in values]
    else:
        data = b"".join(values)
    if len(data) > DATA_BYTES_MAX:
        raise ValueError(f"{len(data)} bytes of strings in one group")
    lengths = lengths_of(values)
    if len(lengths) == 1:
        return data, np.full(len(values), lengths.pop(), np.int64)
    return data, np.fromiter(map(len, values), np.int64, len(values))


def _offsets(lengths: NDArray[np.int64], width: int) -> bytes:
    """Where each value starts and, one more, where the last ends."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets.astype("<u2" if width == 2 else "<u4").tobytes()


def _bounds(low: Any, high: Any) -> tuple[Any, Any]:
    return low[:STATISTICS_LENGTH_MAX], high if len(high) <= STATISTICS_LENGTH_MAX else None


def open_strings(
    payload: bytes,
    encoding: int,
    compression: int,
    width: int,
    count: int,
    data_bytes: int,
    entries: int,
    base: int,
    validity: bytes | None,
    body: int,
    column_type: PhysicalType,
) -> ColumnSegment:
    """The segment over a payload whose body starts at `body`."""
    text = column_type is PhysicalType.TEXT
    if encoding == CONSTANT:
        data = decompress(payload[body:], compression, data_bytes)
        value = data.decode() if text else data
        return ConstantSegment(count, validity, len(payload) + data_bytes, column_type, 0, value, value)
    if encoding == DICTIONARY:
        return DictionarySegment(payload, width, count, data_bytes, entries, validity, body, text)
    if encoding != OFFSETS:
        raise ValueError(f"encoding {encoding} of a string column")
    if width == 0:
        data = decompress(payload[body:], compression, data_bytes)
        if base * count != data_bytes:
            raise ValueError(f"{data_bytes} bytes for {count} rows of {base}")
        return FixedStringSegment(count, validity, data, base, text)
    offsets_end = body + width * (count + 1)
    items = item_view(memoryview(payload)[body:offsets_end], width)
    data = decompress(payload[offsets_end:], compression, data_bytes)
    if len(items) != count + 1 or items[count] != data_bytes:
        raise ValueError(f"offsets end at {items[-1]}, not at {data_bytes}")
    return StringSegment(count, validity, len(payload) + data_bytes, data, items, text)


def _cut(data: bytes, offsets: list[int], text: bool) -> list[Any]:
    """The values between consecutive offsets."""
    if not text:
        return [data[start:stop] for start, stop in pairwise(offsets)]
    first = offsets[0]
    if first:
        offsets = [offset - first for offset in offsets]
        data = data[first : first + offsets[-1]]
    else:
        data = data[: offsets[-1]]
    if data.isascii():
        whole = data.decode("ascii")
        return [whole[start:stop] for start, stop in pairwise(offsets)]
    return [data[start:stop].decode() for start, stop in pairwise(offsets)]


class StringSegment(ColumnSegment):
    """Values of various lengths: `offsets` cut `data`."""

    __slots__ = ("_data", "_offsets", "_text")

    def __init__(
        self, count: int, validity: bytes | None, cost_bytes: int, data: bytes, offsets: memoryview[int], text: bool
    ) -> None:
        super().__init__(count, validity, cost_bytes)
        self._data = data
        self._offsets = offsets
        self._text = text

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self.values(start, stop), self.nulls(start, stop))

    def point_source(self) -> PointSource:
        return PointSource(
            PointKind.STRINGS,
            self._data,
            width=self._offsets.itemsize,
            validity=self._validity,
            offsets=self._offsets,
            data_bytes=len(self._data),
            text=self._text,
        )

    def _stored_at(self, position: int) -> Any:
        offsets = self._offsets
        data = self._data[offsets[position] : offsets[position + 1]]
        return data.decode() if self._text else data

    def _stored(self, start: int, stop: int) -> list[Any]:
        return _cut(self._data, self._offsets[start : stop + 1].tolist(), self._text)


class FixedStringSegment(ColumnSegment):
    """Values of one length, end to end."""

    __slots__ = ("_data", "_length", "_text")

    def __init__(self, count: int, validity: bytes | None, data: bytes, length: int, text: bool) -> None:
        super().__init__(count, validity, len(data))
        self._data = data
        self._length = length
        self._text = text

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self.values(start, stop), self.nulls(start, stop))

    def point_source(self) -> PointSource:
        return PointSource(
            PointKind.FIXED_STRINGS,
            self._data,
            base=self._length,
            validity=self._validity,
            data_bytes=len(self._data),
            text=self._text,
        )

    def _stored_at(self, position: int) -> Any:
        start = position * self._length
        data = self._data[start : start + self._length]
        return data.decode() if self._text else data

    def _stored(self, start: int, stop: int) -> list[Any]:
        length = self._length
        if self._text:
            return _cut(self._data, list(range(start * length, stop * length + 1, length)), True)
        # A void array keeps trailing zero bytes, which numpy's S type would drop.
        values: list[Any] = np.frombuffer(self._data, f"V{length}")[start:stop].tolist()
        return values


class DictionarySegment(ColumnSegment):
    """Few distinct values, sorted, and one code per row. The dictionary is decoded when more than one row is asked."""

    __slots__ = (
        "_codes_at",
        "_data_at",
        "_data_bytes",
        "_entries",
        "_offsets_at",
        "_payload",
        "_text",
        "_unpack",
        "_width",
    )

    def __init__(
        self,
        payload: bytes,
        width: int,
        count: int,
        data_bytes: int,
        entries: int,
        validity: bytes | None,
        body: int,
        text: bool,
    ) -> None:
        self.count = count
        self.cost_bytes = len(payload) + 2 * data_bytes
        self._validity = validity
        self._payload = payload
        self._width = width
        self._data_bytes = data_bytes
        self._text = text
        self._offsets_at = body
        self._data_at = body + 4 * (entries + 1)
        self._codes_at = self._data_at + data_bytes
        self._unpack = UNSIGNED[width].unpack_from
        self._entries: NDArray[np.object_] | None = None
        if (
            len(payload) - self._codes_at != count * width
            or _U4.unpack_from(payload, self._data_at - 4)[0] != data_bytes
        ):
            raise ValueError(f"a dictionary of {entries} entries for {count} rows does not fit its segment")

    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        stop = self.count if stop is None else stop
        return ColumnVector(self.values(start, stop), self.nulls(start, stop))

    def dictionary(self) -> NDArray[np.object_]:
        """The distinct values, ascending."""
        entries = self._entries
        if entries is None:
            offsets = memoryview(self._payload)[self._offsets_at : self._data_at].cast("I").tolist()
            values = _cut(self._payload[self._data_at : self._codes_at], offsets, self._text)
            entries = self._entries = np.empty(len(values), np.object_)
            entries[:] = values
        return entries

    def codes(self, start: int, stop: int) -> NDArray[np.unsignedinteger[Any]]:
        """The places of rows start .. stop in the dictionary; any place for NULL."""
        width = self._width
        return np.frombuffer(self._payload, f"<u{width}", stop - start, self._codes_at + start * width)

    def point_source(self) -> PointSource:
        return PointSource(
            PointKind.DICTIONARY,
            self._payload,
            self._data_at,
            self._width,
            base=(self._data_at - self._offsets_at) // 4 - 1,
            validity=self._validity,
            offsets=self._payload,
            offsets_at=self._offsets_at,
            codes_at=self._codes_at,
            data_bytes=self._data_bytes,
            text=self._text,
        )

    def _stored_at(self, position: int) -> Any:
        payload = self._payload
        code = self._unpack(payload, self._codes_at + position * self._width)[0]
        first, last = _TWO_U4.unpack_from(payload, self._offsets_at + 4 * code)
        data = payload[self._data_at + first : self._data_at + last]
        return data.decode() if self._text else data

    def _stored(self, start: int, stop: int) -> list[Any]:
        if start == stop:
            return []
        values: list[Any] = self.dictionary()[self.codes(start, stop)].tolist()
        return values

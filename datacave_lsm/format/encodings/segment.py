"""Column segments: the 24-byte head all encodings share, validity bitmaps, and what an opened segment can do.

An opened segment keeps the payload bytes as they are and decodes what is asked for: one value (point reads), a stretch
of Python values (rows), or a stretch as a ColumnVector. Byte tables: FORMAT.md, "Column segments".
"""

from __future__ import annotations

import enum
import struct
import sys
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings.pointsource import PointKind, PointSource

if sys.byteorder != "little":
    raise ImportError("the file formats are little-endian and opened in place; this machine is big-endian")

HEAD = struct.Struct("<BBBBIIIq")
"""encoding, compression, nulls, width, rows, data bytes before compression, dictionary entries, base"""


class Encoding(enum.IntEnum):
    """How the values of a segment lie. Numbers are stored and never change meaning."""

    CONSTANT = 1
    FRAME = 2
    PLAIN = 3
    BITS = 4
    OFFSETS = 5
    DICTIONARY = 6


CONSTANT, FRAME, PLAIN, BITS, OFFSETS, DICTIONARY = map(int, Encoding)
"""The same numbers as plain integers, for the reading side, where a lookup in an enum costs as much as the decision."""

UNSIGNED = {1: struct.Struct("<B"), 2: struct.Struct("<H"), 4: struct.Struct("<I")}
"""Single items without sign, by width."""


class Nulls(enum.IntEnum):
    """Which rows of a segment are NULL."""

    NONE = 0
    SOME = 1
    ALL = 2


class EncodedColumn(NamedTuple):
    """An encoded segment payload with the statistics gathered on the way (see ColumnStatistics)."""

    payload: bytes
    minimum: Any
    maximum: Any
    null_count: int


class ColumnSegment(ABC):
    """An opened segment of `count` rows; `cost_bytes` is what it keeps in memory."""

    __slots__ = ("_validity", "cost_bytes", "count")

    def __init__(self, count: int, validity: bytes | None, cost_bytes: int) -> None:
        self.count = count
        self._validity = validity
        self.cost_bytes = cost_bytes

    def value_at(self, position: int) -> Any:
        """One Python value; None is NULL."""
        validity = self._validity
        if validity is not None and not validity[position >> 3] >> (position & 7) & 1:
            return None
        return self._stored_at(position)

    def point_source(self) -> PointSource:
        """Where single values are to be read."""
        return PointSource(PointKind.CALL)

    def values(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """Python values of rows start .. stop; None is NULL."""
        stop = self.count if stop is None else stop
        values = self._stored(start, stop)
        nulls = self.nulls(start, stop)
        if nulls is not None:
            for position in nulls.nonzero()[0].tolist():
                values[position] = None
        return values

    def nulls(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        """True where a row of start .. stop is NULL, or None when none is."""
        if self._validity is None or start >= stop:
            return None
        first = start >> 3
        packed = np.frombuffer(self._validity, np.uint8, ((stop + 7) >> 3) - first, first)
        valid = np.unpackbits(packed, count=stop - (first << 3), bitorder="little")[start - (first << 3) :]
        nulls = valid == 0
        return nulls if nulls.any() else None

    @abstractmethod
    def vector(self, start: int = 0, stop: int | None = None) -> ColumnVector:
        """Rows start .. stop as a column vector; its arrays may be views and must not be written to."""

    @abstractmethod
    def _stored_at(self, position: int) -> Any:
        """The value of one row; anything where it is NULL."""

    @abstractmethod
    def _stored(self, start: int, stop: int) -> list[Any]:
        """The values of rows start .. stop; anything where they are NULL."""


def pack_validity(nulls: NDArray[np.bool_] | None) -> bytes:
    """Arrow's validity bitmap (bit set: not NULL, lowest bit first), padded to 8 bytes; empty without nulls."""
    if nulls is None:
        return b""
    packed = np.packbits(~nulls, bitorder="little").tobytes()
    return packed + bytes(-len(packed) % 8)


def validity_bytes(count: int) -> int:
    """The length of a padded validity bitmap."""
    return ((count + 7) // 8 + 7) & ~7


def item_view(buffer: memoryview, width: int) -> memoryview[int]:
    """The buffer as integers of 1, 2 or 4 bytes without sign, or 8 with; raises ValueError for another width."""
    if width == 1:
        return buffer
    if width == 2:
        return buffer.cast("H")
    if width == 4:
        return buffer.cast("I")
    if width == 8:
        return buffer.cast("q")
    raise ValueError(f"items of {width} bytes")

"""Keys of a row group: their shared prefix once, then suffixes, all of one length or cut by offsets.

Keys ascend, so what the first and the last share, all share. A table with a fixed-width primary key has suffixes of one
length; they stand end to end and are searched where they lie. Byte table: FORMAT.md, "Key segments".
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datacave_lsm.format.encodings.segment import item_view
from datacave_lsm.format.encodings.strings import DATA_BYTES_MAX
from datacave_lsm.format.listfacts import lengths_of

_HEAD = struct.Struct("<BxxxIIII")
"""form, count, prefix bytes, suffix bytes each (fixed form), bytes of all suffixes"""

_FIXED = 1
_OFFSETS = 2


def encode_keys(keys: list[bytes]) -> bytes:
    """The payload for ascending keys (at least one)."""
    count = len(keys)
    shared = _shared_length(keys[0], keys[-1])
    prefix = keys[0][:shared]
    length = len(keys[0])
    if lengths_of(keys) == {length}:
        joined = b"".join(keys)
        width = length - shared
        suffixes = np.frombuffer(joined, np.uint8).reshape(count, length)[:, shared:].tobytes()
        return _HEAD.pack(_FIXED, count, shared, width, len(suffixes)) + prefix + suffixes
    suffixes = b"".join([key[shared:] for key in keys])
    if len(suffixes) > DATA_BYTES_MAX:
        raise ValueError(f"{len(suffixes)} bytes of keys in one group")
    lengths = np.fromiter(map(len, keys), np.int64, count)
    offsets = np.zeros(count + 1, np.uint32)
    np.cumsum(lengths - shared, out=offsets[1:])
    head = _HEAD.pack(_OFFSETS, count, shared, 0, len(suffixes))
    return b"".join((head, prefix, offsets.astype("<u4").tobytes(), suffixes))


def _shared_length(first: bytes, last: bytes) -> int:
    limit = min(len(first), len(last))
    if first[:limit] == last[:limit]:
        return limit
    shared = 0
    while first[shared] == last[shared]:
        shared += 1
    return shared


def open_keys(payload: bytes) -> KeySegment:
    """The opened keys over a verified payload; raises ValueError or struct.error when it makes no sense."""
    form, count, prefix_bytes, width, suffix_bytes = _HEAD.unpack_from(payload)
    start = _HEAD.size + prefix_bytes
    prefix = payload[_HEAD.size : start]
    if form == _FIXED:
        suffixes = payload[start:]
        if len(suffixes) != suffix_bytes or width * count != suffix_bytes:
            raise ValueError(f"{len(suffixes)} bytes of suffixes for {count} keys of {width}")
        return FixedKeySegment(count, prefix, suffixes, width)
    if form != _OFFSETS:
        raise ValueError(f"key form {form} is unknown")
    data_start = start + 4 * (count + 1)
    offsets = item_view(memoryview(payload)[start:data_start], 4)
    suffixes = payload[data_start:]
    if offsets[count] != suffix_bytes or len(suffixes) != suffix_bytes:
        raise ValueError(f"{len(suffixes)} bytes of suffixes, offsets end at {offsets[count]}")
    return OffsetKeySegment(count, prefix, suffixes, offsets)


class KeySegment(ABC):
    """Opened keys of a group."""

    __slots__ = ("cost_bytes", "count", "prefix")

    def __init__(self, count: int, prefix: bytes, cost_bytes: int) -> None:
        self.count = count
        self.prefix = prefix
        self.cost_bytes = cost_bytes

    @abstractmethod
    def keys(self, start: int = 0, stop: int | None = None) -> list[bytes]:
        """The keys of rows start .. stop."""

    @abstractmethod
    def suffix_at(self, position: int) -> bytes:
        """What follows the shared prefix in one key."""

    @abstractmethod
    def point_source(self) -> tuple[bytes, bytes, int, memoryview[int] | None]:
        """What single keys are found in: prefix, suffixes, their width, or 0 and the offsets that cut them."""

    def first_at_least(self, key: bytes) -> int:
        """The position of the first key >= `key`; `count` if there is none."""
        prefix = self.prefix
        if not key.startswith(prefix):
            return 0 if key < prefix else self.count
        return bisect_left(range(self.count), key[len(prefix) :], key=self.suffix_at)

    def first_after(self, key: bytes, low: int = 0) -> int:
        """The position of the first key > `key` at or behind `low`; `count` if there is none."""
        prefix = self.prefix
        if not key.startswith(prefix):
            return 0 if key < prefix else self.count
        return bisect_right(range(self.count), key[len(prefix) :], lo=low, key=self.suffix_at)

    def find(self, key: bytes) -> int:
        """The position of the first version of exactly this key, or -1."""
        position = self.first_at_least(key)
        if position < self.count and self.prefix + self.suffix_at(position) == key:
            return position
        return -1


class FixedKeySegment(KeySegment):
    """Suffixes of one width, end to end."""

    __slots__ = ("_numbers", "_searches", "suffixes", "width")

    def __init__(self, count: int, prefix: bytes, suffixes: bytes, width: int) -> None:
        super().__init__(count, prefix, len(suffixes) + len(prefix) + 8 * count)
        self.suffixes = suffixes
        self.width = width
        self._numbers: memoryview[int] | None = None
        self._searches = 0

    def numbers(self) -> NDArray[np.uint64] | None:
        """The suffixes as numbers in the same order, or None where they are longer than 8 bytes."""
        width = self.width
        if width > 8:
            return None
        padded = np.zeros((self.count, 8), np.uint8)
        padded[:, 8 - width :] = np.frombuffer(self.suffixes, np.uint8).reshape(self.count, width)
        return padded.view(">u8")[:, 0].astype(np.uint64)

    def find(self, key: bytes) -> int:
        prefix, width = self.prefix, self.width
        if len(key) != len(prefix) + width or not key.startswith(prefix):
            return -1
        numbers = self._numbers
        if numbers is None:
            self._searches += 1
            # One search costs less in the bytes as they lie; a group that is searched again is worth unpacking.
            if self._searches <= 2 or (array := self.numbers()) is None:
                return super().find(key)
            numbers = self._numbers = array.data
        number = int.from_bytes(key[len(prefix) :], "big")
        position = bisect_left(numbers, number)
        return position if position < self.count and numbers[position] == number else -1

    def point_source(self) -> tuple[bytes, bytes, int, memoryview[int] | None]:
        return self.prefix, self.suffixes, self.width, None

    def keys(self, start: int = 0, stop: int | None = None) -> list[bytes]:
        stop = self.count if stop is None else stop
        prefix, width = self.prefix, self.width
        if not width:
            return [prefix] * (stop - start)
        if stop - start < 64:
            suffixes = self.suffixes
            return [prefix + suffixes[at : at + width] for at in range(start * width, stop * width, width)]
        length = len(prefix) + width
        matrix = np.empty((stop - start, length), np.uint8)
        matrix[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
        matrix[:, len(prefix) :] = np.frombuffer(self.suffixes, np.uint8).reshape(self.count, width)[start:stop]
        # Void items come out as bytes of full length; numpy's S type would drop trailing zeros.
        keys: list[bytes] = matrix.view(f"V{length}")[:, 0].tolist()
        return keys

    def suffix_at(self, position: int) -> bytes:
        width = self.width
        return self.suffixes[position * width : position * width + width]


class OffsetKeySegment(KeySegment):
    """Suffixes of various lengths, cut by offsets."""

    __slots__ = ("_offsets", "_suffixes")

    def __init__(self, count: int, prefix: bytes, suffixes: bytes, offsets: memoryview[int]) -> None:
        super().__init__(count, prefix, len(suffixes) + 4 * count + len(prefix))
        self._suffixes = suffixes
        self._offsets = offsets

    def point_source(self) -> tuple[bytes, bytes, int, memoryview[int] | None]:
        return self.prefix, self._suffixes, 0, self._offsets

    def keys(self, start: int = 0, stop: int | None = None) -> list[bytes]:
        stop = self.count if stop is None else stop
        prefix, suffixes = self.prefix, self._suffixes
        offsets = self._offsets[start : stop + 1].tolist()
        if not offsets:
            return []
        return [prefix + suffixes[begin:end] for begin, end in pairwise(offsets)]

    def suffix_at(self, position: int) -> bytes:
        offsets = self._offsets
        return self._suffixes[offsets[position] : offsets[position + 1]]

"""AccessIndex: who among the SERIALIZABLE transactions that are still remembered has read or written a key.

Single keys are found by key; ranges and writes in bulk are asked one transaction after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datacave_core.keycode import prefix_end
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.transaction.serial import READS_OF_PREFIX_MAX, Range, SerialTransaction, prefix_of

BULK_MIN = 64
"""Writes that come so many at once are not entered key by key."""


class AccessIndex:
    """Reads and writes by key."""

    __slots__ = ("_bulk", "_range_readers", "_readers", "_writers", "_writing")

    def __init__(self) -> None:
        self._readers: dict[bytes, list[SerialTransaction]] = {}
        self._writers: dict[bytes, list[SerialTransaction]] = {}
        self._range_readers: dict[bytes, dict[SerialTransaction, list[Range]]] = {}  # by prefix
        self._writing: dict[SerialTransaction, None] = {}  # with any write
        self._bulk: dict[SerialTransaction, None] = {}  # with writes that _writers does not have

    def add_read(self, reader: SerialTransaction, key: bytes) -> None:
        """Enters the read of a key."""
        reader.keys.add(key)
        if not self._count(reader, key[:PREFIX_LENGTH]):
            self._readers.setdefault(key, []).append(reader)

    def add_range(self, reader: SerialTransaction, one: Range) -> None:
        """Enters a range, which may grow later on within its prefix."""
        prefix = prefix_of(one)
        if not self._count(reader, prefix):
            self._enter(reader, prefix, one)

    def _enter(self, reader: SerialTransaction, prefix: bytes, one: Range) -> None:
        reader.ranges.append(one)
        self._range_readers.setdefault(prefix, {}).setdefault(reader, []).append(one)

    def _count(self, reader: SerialTransaction, prefix: bytes) -> bool:
        """Counts a read; whether the whole prefix counts as read anyway."""
        counts = reader.read_counts
        count = counts.get(prefix, 0)
        if count < 0:
            return True
        if count < READS_OF_PREFIX_MAX or not prefix:
            counts[prefix] = count + 1
            return False
        counts[prefix] = -1
        self._range_readers.get(prefix, {}).pop(reader, None)
        reader.ranges = [each for each in reader.ranges if prefix_of(each) != prefix]
        self._enter(reader, prefix, [prefix, prefix_end(prefix)])
        return True

    def add_write(self, writer: SerialTransaction, key: bytes) -> None:
        """Enters the write of a key."""
        self._writing[writer] = None
        if key not in writer.written:
            writer.written.add(key)
            self._writers.setdefault(key, []).append(writer)

    def add_bulk(self, writer: SerialTransaction) -> None:
        """From here on the writer's write set and loads are looked into for every key."""
        writer.bulk = True
        self._writing[writer] = self._bulk[writer] = None

    def take_back_write(self, writer: SerialTransaction, key: bytes) -> None:
        """A write has been rolled back to a savepoint."""
        if key in writer.written:
            writer.written.discard(key)
            _remove(self._writers, key, writer)

    def readers_of(self, key: bytes) -> list[SerialTransaction]:
        """All who have read a key."""
        found = list(self._readers.get(key, ()))
        for prefix in (key[:PREFIX_LENGTH], b""):
            for reader, ranges in self._range_readers.get(prefix, {}).items():
                if any(_contains(one, key) for one in ranges):
                    found.append(reader)
        return found

    def readers_of_any(self, rows: Mapping[bytes, Any]) -> list[SerialTransaction]:
        """All who have read any of many keys."""
        found: dict[SerialTransaction, None] = {}
        for key in self._readers.keys() & rows.keys():
            found.update(dict.fromkeys(self._readers[key]))
        if self._range_readers:
            for prefix in {key[:PREFIX_LENGTH] for key in rows}:
                for place in (prefix, b""):
                    for reader, ranges in self._range_readers.get(place, {}).items():
                        if reader not in found and any(_contains(one, key) for one in ranges for key in rows):
                            found[reader] = None
        return list(found)

    def readers_between(self, first: bytes, last: bytes) -> list[SerialTransaction]:
        """All who have read any key with first <= key <= last."""
        found = {reader: None for key, readers in self._readers.items() if first <= key <= last for reader in readers}
        for prefix in (first[:PREFIX_LENGTH], b""):
            for reader, ranges in self._range_readers.get(prefix, {}).items():
                if any(_meets(one, first, last) for one in ranges):
                    found[reader] = None
        return list(found)

    def writers_of(self, key: bytes) -> Iterable[SerialTransaction]:
        """All who have written a key."""
        found = self._writers.get(key, ())
        if not self._bulk:
            return tuple(found)
        return [*found, *(one for one in self._bulk if one.has_written(key))]

    def writers_between(self, low: bytes, high: bytes | None) -> list[SerialTransaction]:
        """All who have written any key with low <= key < high."""
        return [one for one in self._writing if one.wrote_between(low, high)]

    def forget_reads(self, reader: SerialTransaction) -> None:
        """Takes a reader out."""
        for key in reader.keys:
            _remove(self._readers, key, reader)
        for prefix in {prefix_of(one) for one in reader.ranges}:
            readers = self._range_readers.get(prefix)
            if readers is not None:
                readers.pop(reader, None)
                if not readers:
                    del self._range_readers[prefix]
        reader.keys, reader.ranges, reader.read_counts = set(), [], {}

    def forget(self, one: SerialTransaction) -> None:
        """Takes a transaction out."""
        self.forget_reads(one)
        for key in one.written:
            _remove(self._writers, key, one)
        one.written = set()
        self._writing.pop(one, None)
        self._bulk.pop(one, None)
        one.writes = None


def _remove(index: dict[bytes, list[SerialTransaction]], key: bytes, one: SerialTransaction) -> None:
    found = index.get(key)
    if found is not None:
        if len(found) == 1 and found[0] is one:
            del index[key]
        elif one in found:
            found.remove(one)


def _contains(one: Range, key: bytes) -> bool:
    low, high = one
    return low is not None and low <= key and (high is None or key < high)


def _meets(one: Range, first: bytes, last: bytes) -> bool:
    low, high = one
    return low is not None and low <= last and (high is None or first < high)

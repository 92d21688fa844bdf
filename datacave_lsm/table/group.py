"""Group: one row group of an open table file; segments are read, verified and decoded when asked for.

What a group has opened it keeps, so a cached group answers point reads without touching the file. Invariant: every
byte passes the opener before anything is decoded from it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from datacave_core.errors import DataCorrupted
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.ports import File, Version
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_lsm.format.encodings import ColumnSegment, Compression, constant_vector, encode_column, open_column
from datacave_lsm.format.keys import KeySegment, open_keys
from datacave_lsm.format.sealing import Opener
from datacave_lsm.format.transfer import read_exactly
from datacave_lsm.table.cache import SegmentCache
from datacave_lsm.table.properties import ColumnStatistics
from datacave_lsm.table.rowread import EVERY, PlainRowReader, RowReader
from datacave_lsm.table.shape import (
    FIRST_VALUE_COLUMN,
    KEYS_COLUMN,
    OPERATIONS_COLUMN,
    TIMESTAMPS_COLUMN,
    TOMBSTONE,
    GroupEntry,
)

_INT64_COLUMN = PhysicalColumn(PhysicalType.INT64, nullable=False)


@dataclass(slots=True)
class GroupSource:
    """What all groups of a file share: where their bytes come from.

    `file` may change (TableReader.reopen); a `commit_timestamp` stands for all timestamps (TableReader.commit_at).
    """

    file: File
    name: str
    file_id: int
    opener: Opener
    cache: SegmentCache[Group]
    commit_timestamp: int = 0


class Group:
    """The versions of a stretch of keys under one prefix, in order.

    Row positions count from 0; `start` and `stop` choose a half-open range of them, by default all.
    """

    __slots__ = (
        "_attached",
        "_columns",
        "_fitted",
        "_keys",
        "_offsets",
        "_opened",
        "_operations",
        "_reader",
        "_ready",
        "_source",
        "_timestamps",
        "cost_bytes",
        "entry",
        "layout",
        "number",
    )

    def __init__(self, source: GroupSource, number: int, entry: GroupEntry, layout: Layout) -> None:
        self.number = number
        self.layout = layout
        self.cost_bytes = 512
        self._source = source
        self.entry = entry
        self._offsets = list(accumulate(entry.lengths, initial=entry.offset))
        self._keys: KeySegment | None = None
        self._reader: PlainRowReader | None = None
        self._timestamps: ColumnSegment | None = None
        self._operations: ColumnSegment | None = None
        self._columns: list[ColumnSegment | None] = [None] * len(layout.columns)
        self._fitted: Layout | None = None  # the newest layout that it was compared with
        self._opened = False  # whether all segments are
        self._attached = False  # whether the reader knows timestamps and operations
        self._ready = False  # both, so that single rows can be read

    @property
    def row_count(self) -> int:
        """Versions in the group."""
        return self.entry.row_count

    @property
    def tombstone_count(self) -> int:
        """Versions that delete."""
        return self.entry.tombstone_count

    @property
    def first_key(self) -> bytes:
        return self.entry.first_key

    @property
    def last_key(self) -> bytes:
        return self.entry.last_key

    @property
    def min_timestamp(self) -> int:
        return self.entry.min_timestamp

    @property
    def max_timestamp(self) -> int:
        return self.entry.max_timestamp

    @property
    def stored_bytes(self) -> int:
        """Bytes of all segments of the group in the file."""
        return sum(self.entry.lengths)

    @property
    def segment_lengths(self) -> list[int]:
        """Bytes in the file of keys, timestamps, operations and each column."""
        return list(self.entry.lengths)

    def fit(self, layout: Layout | None) -> None:
        """Forgets the columns that are not a layout's: they were added and taken back before they were committed."""
        self._fitted = layout
        if layout is None or (kept := layout.shared_width(self.layout)) == len(self._columns):
            return
        self.layout = Layout(kept, self.layout.columns[:kept])
        self._columns = self._columns[:kept]
        self._offsets = self._offsets[: FIRST_VALUE_COLUMN + kept + 1]
        self._reader = None
        self._attached = self._ready = False

    def statistics(self, column: int) -> ColumnStatistics | None:
        """Range and null count of a value column; None for a column the group does not have.

        Tombstones count as NULL in every column.
        """
        records = self.entry.statistics
        return ColumnStatistics(*records[column]) if column < len(self._columns) else None

    def span(self, low: bytes | None, high: bytes | None) -> tuple[int, int]:
        """The half-open range of row positions with low <= key < high."""
        entry = self.entry
        start = 0 if low is None or low <= entry.first_key else self._row_reader().first_at_least(low)
        stop = entry.row_count if high is None or high > entry.last_key else self._row_reader().first_at_least(high)
        return start, max(start, stop)

    def keys(self, start: int = 0, stop: int | None = None) -> list[bytes]:
        """The keys, one per version."""
        return self.key_segment().keys(start, stop)

    def timestamps(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """The commit timestamps."""
        segment = self._timestamps or self._open_timestamps()
        return cast("NDArray[np.int64]", segment.vector(start, stop).values)

    def operations(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """0: put, 1: tombstone."""
        if not self.entry.tombstone_count:
            return np.zeros((self.entry.row_count if stop is None else stop) - start, np.uint8)
        segment = self._operations or self._open_operations()
        return cast("NDArray[np.int64]", segment.vector(start, stop).values).astype(np.uint8)

    def column(
        self, number: int, layout: Layout | None = None, start: int = 0, stop: int | None = None
    ) -> ColumnVector:
        """A value column; with a newer layout, a column that the group lacks holds the layout's `missing`.

        Arrays may be views of the cached segment: do not write to them.
        """
        if layout is not self._fitted:
            self.fit(layout)
        if number < len(self._columns):
            return self.segment(number).vector(start, stop)
        column = self._evolved(number, layout)
        return constant_vector(column.missing, column, (self.row_count if stop is None else stop) - start)

    def rows(
        self,
        columns: Sequence[int] | None = None,
        layout: Layout | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> list[Row]:
        """Rows as tuples of Python values, with all columns of the layout or with those asked for.

        The row of a tombstone holds NULL in every stored column: see `operations`.
        """
        if layout is not self._fitted:
            self.fit(layout)
        stop = self.row_count if stop is None else stop
        if columns is None:
            self._open_all()
            columns = range(len((layout or self.layout).columns))
        if not columns:
            return [()] * (stop - start)
        lists: list[list[Any]] = []
        for number in columns:
            if number < len(self._columns):
                lists.append(self.segment(number).values(start, stop))
            else:
                lists.append([self._evolved(number, layout).missing] * (stop - start))
        return list(zip(*lists, strict=True))

    def get(self, key: bytes, timestamp: int, layout: Layout | None = None) -> Version | None:
        """The newest version of the key at or before the timestamp within this group."""
        if layout is not self._fitted:
            self.fit(layout)
        reader = self._reader
        if reader is None or not self._ready:
            self._open_all()
            reader = self._row_reader()
            self._attach(reader)
            self._ready = True
        found = reader.get(key, timestamp)
        if found is None:
            return None
        stamp, row = found
        if row is not None and layout is not None and len(layout.columns) > len(row):
            row += _missing(layout, len(row))
        return Version(stamp, row)

    def visible_pairs(
        self, start: int, stop: int, timestamp: int, hidden: bool, layout: Layout | None
    ) -> list[tuple[bytes, Row]]:
        """The rows of a span that are seen at a timestamp, with their keys, in order.

        Of each key that is the newest version at or before the timestamp, if it is no tombstone. `hidden` says that the
        first key of the group has such a version in the group before (TableReader.hides_first).
        """
        if layout is not self._fitted:
            self.fit(layout)
        reader, timestamp = self._span_reader(timestamp, None)
        return reader.pairs(start, stop, timestamp, hidden, self._missing(layout))

    def visible_stretch(
        self, start: int, stop: int, timestamp: int, hidden: bool, layout: Layout | None
    ) -> tuple[list[bytes], list[Row | None]]:
        """The same as keys and rows, with tombstones, whose row is None."""
        if layout is not self._fitted:
            self.fit(layout)
        reader, timestamp = self._span_reader(timestamp, None)
        return reader.stretch(start, stop, timestamp, hidden, self._missing(layout))

    def visible_rows(
        self,
        start: int,
        stop: int,
        timestamp: int,
        hidden: bool,
        layout: Layout | None,
        columns: Sequence[int] | None,
        places: bool,
    ) -> list[Row | None]:
        """The same without keys, with all columns or some; with `places` also None for every row that is not seen."""
        if layout is not self._fitted:
            self.fit(layout)
        reader, timestamp = self._span_reader(timestamp, columns)
        return reader.rows(start, stop, timestamp, hidden, columns, self._missing(layout), places)

    def repeats(self) -> NDArray[np.bool_] | None:
        """The rows (but for the first) whose key the row before has, too; None if there are none."""
        flags = self._row_reader().repeats()
        return None if flags is None else np.frombuffer(flags, np.bool_)

    def _row_reader(self) -> PlainRowReader:
        reader = self._reader
        if reader is None:
            reader = self._reader = RowReader(self.key_segment(), self._columns)
        return reader

    def _attach(self, reader: PlainRowReader) -> None:
        """Gives the reader what tells versions apart."""
        operations = (self._operations or self._open_operations()) if self.entry.tombstone_count else None
        reader.attach(self._timestamps or self._open_timestamps(), operations)
        self._attached = True

    def _span_reader(self, timestamp: int, columns: Sequence[int] | None) -> tuple[PlainRowReader, int]:
        """The reader with everything open that a span takes, and the timestamp, or EVERY where it does not matter."""
        if columns is None:
            if not self._opened:
                self._open_all()
        else:
            for number in columns:
                if number < len(self._columns) and self._columns[number] is None:
                    self.segment(number)
        reader = self._reader or self._row_reader()
        entry = self.entry
        if entry.max_timestamp <= timestamp:
            timestamp = EVERY
        if (timestamp != EVERY or entry.tombstone_count) and not self._attached:
            self._attach(reader)
        return reader, timestamp

    def _missing(self, layout: Layout | None) -> tuple[Any, ...]:
        """The values of the columns that the group lacks."""
        if layout is None or len(layout.columns) <= len(self._columns):
            return ()
        return _missing(layout, len(self._columns))

    def key_segment(self) -> KeySegment:
        """The opened keys, for searches and vectorised merges."""
        keys = self._keys
        if keys is None:
            keys = self._keys = self._decode_keys(self.payload(KEYS_COLUMN))
            self._charge(keys.cost_bytes)
        return keys

    def segment(self, number: int) -> ColumnSegment:
        """The opened segment of a value column."""
        segment = self._columns[number]
        if segment is None:
            column = self.layout.columns[number]
            segment = self._decode(self.payload(FIRST_VALUE_COLUMN + number), FIRST_VALUE_COLUMN + number, column)
            self._columns[number] = segment
            self._charge(segment.cost_bytes)
        return segment

    def verify(self) -> None:
        """Reads, opens and decodes everything; raises DataCorrupted, also when index and contents differ."""
        entry = self.entry
        keys = self.keys()
        timestamps = self.timestamps().tolist()
        operations = (self._operations or self._open_operations()).values()
        self.rows()
        for at in range(1, len(keys)):
            if not (keys[at - 1] < keys[at] or (keys[at - 1] == keys[at] and timestamps[at - 1] > timestamps[at])):
                raise self._damaged(KEYS_COLUMN, f"row {at} is out of order")
        if (
            (keys[0], keys[-1]) != (entry.first_key, entry.last_key)
            or (min(timestamps), max(timestamps)) != (entry.min_timestamp, entry.max_timestamp)
            or operations.count(TOMBSTONE) != entry.tombstone_count
        ):
            raise self._damaged(KEYS_COLUMN, "the group index says otherwise")

    def _evolved(self, number: int, layout: Layout | None) -> PhysicalColumn:
        if layout is None or number >= len(layout.columns):
            raise IndexError(f"column {number} of a group with {len(self._columns)} columns")
        return layout.columns[number]

    def _open_timestamps(self) -> ColumnSegment:
        segment = self._timestamps = self._decode_timestamps(self.payload(TIMESTAMPS_COLUMN))
        self._charge(segment.cost_bytes)
        return segment

    def _open_operations(self) -> ColumnSegment:
        segment = self._operations = self._decode(self.payload(OPERATIONS_COLUMN), OPERATIONS_COLUMN, _INT64_COLUMN)
        self._charge(segment.cost_bytes)
        return segment

    def _open_all(self) -> None:
        """Opens every segment that is not open yet, with one read."""
        if self._opened:
            return
        offsets, source = self._offsets, self._source
        first = offsets[0]
        view = memoryview(read_exactly(source.file, first, offsets[-1] - first, source.name))
        opener, number, columns, cost = source.opener.open, self.number, self._columns, 0
        for at, (start, stop) in enumerate(pairwise(offsets)):
            value_column = at - FIRST_VALUE_COLUMN
            if value_column >= 0:
                if columns[value_column] is None:
                    payload = opener(number, at, view[start - first : stop - first], start)
                    columns[value_column] = segment = self._decode(payload, at, self.layout.columns[value_column])
                    cost += segment.cost_bytes
            elif at == KEYS_COLUMN:
                if self._keys is None:
                    self._keys = self._decode_keys(opener(number, at, view[: stop - first], start))
                    cost += self._keys.cost_bytes
            elif at == TIMESTAMPS_COLUMN:
                if self._timestamps is None:
                    payload = opener(number, at, view[start - first : stop - first], start)
                    self._timestamps = self._decode_timestamps(payload)
                    cost += self._timestamps.cost_bytes
            elif self._operations is None:
                payload = opener(number, at, view[start - first : stop - first], start)
                self._operations = self._decode(payload, at, _INT64_COLUMN)
                cost += self._operations.cost_bytes
        self._opened = True
        self._charge(cost)

    def payload(self, column: int) -> bytes:
        """The verified payload of a segment of the file, numbered as there: keys, timestamps, operations, columns."""
        start, stop = self._offsets[column], self._offsets[column + 1]
        source = self._source
        return source.opener.open(
            self.number, column, read_exactly(source.file, start, stop - start, source.name), start
        )

    def _charge(self, more_bytes: int) -> None:
        self.cost_bytes += more_bytes
        self._source.cache.grow((self._source.file_id, self.number), more_bytes)

    def _decode(self, payload: bytes, column: int, physical: PhysicalColumn) -> ColumnSegment:
        try:
            segment = open_column(payload, physical)
        except (ValueError, TypeError, IndexError, struct.error) as error:
            raise self._damaged(column, str(error)) from error
        if segment.count != self.entry.row_count:
            raise self._damaged(column, f"{segment.count} rows instead of {self.entry.row_count}")
        return segment

    def _decode_timestamps(self, payload: bytes) -> ColumnSegment:
        segment = self._decode(payload, TIMESTAMPS_COLUMN, _INT64_COLUMN)
        timestamp = self._source.commit_timestamp
        if not timestamp:
            return segment
        vector = ColumnVector(np.full(self.entry.row_count, timestamp, np.int64))
        return open_column(encode_column(vector, _INT64_COLUMN, Compression.NONE).payload, _INT64_COLUMN)

    def _decode_keys(self, payload: bytes) -> KeySegment:
        try:
            keys = open_keys(payload)
        except (ValueError, TypeError, IndexError, struct.error) as error:
            raise self._damaged(KEYS_COLUMN, str(error)) from error
        if keys.count != self.entry.row_count:
            raise self._damaged(KEYS_COLUMN, f"{keys.count} keys instead of {self.entry.row_count}")
        return keys

    def _damaged(self, column: int, what: str) -> DataCorrupted:
        return DataCorrupted(
            f'file "{self._source.name}" is damaged: group {self.number}, column {column} '
            f"(at byte {self._offsets[column]}) does not decode: {what}"
        )


def _missing(layout: Layout, stored: int) -> tuple[Any, ...]:
    """The values of the columns behind the first `stored` ones."""
    return tuple([column.missing for column in layout.columns[stored:]])

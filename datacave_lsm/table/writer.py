"""TableWriter: sorted versions in, one table file out.

Versions come as rows (flushes) or as column vectors (merges) and gather until a row group is full: `group_rows_max`
rows, or about `group_bytes_target` bytes before encoding. A group holds one key prefix and one layout; each of its
segments is encoded and sealed on its own.

Invariants, checked while writing: keys ascend, timestamps descend strictly within a key. The writer only appends.
Not here: names, fsync and rename (write_table), choosing what goes into which file (compaction/).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from datacave_core.compression import ZSTD_LEVEL, TableCompression
from datacave_core.layout import PREFIX_LENGTH, TABLE_PREFIX_LENGTH, Layout, PhysicalColumn, PhysicalType
from datacave_core.ports import File, FileSystem
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_lsm.format.encodings import Compression, encode_column
from datacave_lsm.format.header import FileHeader, FileKind
from datacave_lsm.format.keys import encode_keys
from datacave_lsm.format.listfacts import ascends, total_length
from datacave_lsm.format.sealing import Seals
from datacave_lsm.format.transfer import write_all
from datacave_lsm.table.chunk import FIXED_BYTES, Chunk, chunk_of_rows, joined, string_columns
from datacave_lsm.table.filter import build_filter, key_hash
from datacave_lsm.table.properties import TableProperties
from datacave_lsm.table.shape import (
    FILE_GROUP,
    FILTER_COLUMN,
    FIRST_VALUE_COLUMN,
    FOOTER_COLUMN,
    INDEX_COLUMN,
    KEYS_COLUMN,
    OPERATIONS_COLUMN,
    PROPERTIES_COLUMN,
    TIMESTAMPS_COLUMN,
    Footer,
    GroupEntry,
    encode_index,
    encode_properties,
)

_ADD_ROWS = 1024
_INT64_COLUMN = PhysicalColumn(PhysicalType.INT64, nullable=False)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table file is built. `filter_bits_per_key` 0 leaves the filter out; `chosen` has what tables by their
    prefix have instead of `compression`."""

    group_rows_max: int = 8192
    group_bytes_target: int = 256 * 1024
    filter_bits_per_key: int = 10
    compression: Compression = Compression.LZ4
    chosen: Mapping[bytes, TableCompression] = field(default_factory=dict)


class TableWriter:
    """Builds one table file; out-of-order versions and rows that do not fit their layout raise ValueError."""

    def __init__(
        self,
        file: File,
        file_id: int,
        layout_of: Callable[[bytes], Layout],
        seals: Seals,
        options: TableOptions | None = None,
        *,
        name: str = "",
    ) -> None:
        """`layout_of` gives the layout of a key prefix of PREFIX_LENGTH bytes; `file` is new and empty."""
        self._file = file
        self._file_id = file_id
        self._layout_of = layout_of
        self._options = options or TableOptions()
        self._name = name
        header, self._sealer = seals.begin(FileKind.TABLE, file_id, name)
        self._key_id = FileHeader.decode(header, name).key_id
        write_all(file, header)
        self._size = len(header)
        self._entries = 0
        self._last: tuple[bytes, int] | None = None
        self._waiting: list[tuple[bytes, int, Row | None]] = []
        # The open group: columns, then rows that are not columns yet.
        self._prefix = b""
        self._layout: Layout | None = None
        self._strings: list[int] = []
        self._chunks: list[Chunk] = []
        self._keys: list[bytes] = []
        self._timestamps: list[int] = []
        self._rows: list[Row | None] = []
        self._group_rows = 0
        self._group_bytes = 0
        # What the tail of the file is made of.
        self._layouts: dict[Layout, int] = {}
        self._groups: list[GroupEntry] = []
        self._hashes: list[NDArray[np.uint64]] = []

    @property
    def entries(self) -> int:
        """Versions added so far."""
        return self._entries + len(self._waiting)

    @property
    def bytes_written(self) -> int:
        """Bytes in the file so far, without the group that is still open; for splitting outputs."""
        return self._size

    def add(self, key: bytes, timestamp: int, row: Row | None) -> None:
        """Adds one version; a row of None is a tombstone."""
        self._waiting.append((key, timestamp, row))
        if len(self._waiting) >= _ADD_ROWS:
            self._drain()

    def add_many(self, entries: Sequence[tuple[bytes, int, Row | None]]) -> None:
        """Adds many versions in order; prefixes may change on the way."""
        self._drain()
        self._add_rows(entries)

    def add_columns(
        self,
        keys: Sequence[bytes],
        timestamps: NDArray[np.int64],
        operations: NDArray[np.uint8],
        columns: Sequence[ColumnVector],
        layout: Layout,
    ) -> None:
        """Adds versions of one key prefix as column vectors (operation 0: put, 1: tombstone, whose values are NULL)."""
        self._drain()
        if not len(keys):
            return
        keys = keys if isinstance(keys, list) else list(keys)
        prefix = keys[0][:PREFIX_LENGTH]
        if keys[-1][:PREFIX_LENGTH] != prefix:
            raise ValueError("column vectors of more than one key prefix")
        lengths = {len(keys), len(timestamps), len(operations), *(len(column.values) for column in columns)}
        if len(lengths) != 1 or len(columns) != len(layout.columns):
            raise ValueError("column vectors do not line up")
        self._check_order(keys, timestamps)
        self._choose(prefix, layout)
        self._rows_to_chunk()
        self._take_chunk(Chunk(keys, timestamps, operations, list(columns)))

    def finish(self) -> TableProperties:
        """Writes filter, index, properties and footer; neither syncs nor closes the file.

        Raises ValueError for a table without entries: there is nothing such a file could mean.
        """
        self._drain()
        self._close_group()
        if not self._groups:
            raise ValueError("a table file needs at least one entry")
        data_bytes = self._size - self._groups[0].offset
        bits = self._options.filter_bits_per_key
        parts = [
            build_filter(np.concatenate(self._hashes), bits),
            encode_index(list(self._layouts), self._groups),
        ]
        groups = self._groups
        properties = TableProperties(
            file_id=self._file_id,
            smallest_key=groups[0].first_key,
            largest_key=groups[-1].last_key,
            min_timestamp=min(group.min_timestamp for group in groups),
            max_timestamp=max(group.max_timestamp for group in groups),
            entries=self._entries,
            tombstones=sum(group.tombstone_count for group in groups),
            groups=len(groups),
            bytes=0,
        )
        parts.append(encode_properties(properties))
        segments = [
            self._sealer.seal(FILE_GROUP, column, part)
            for column, part in zip((FILTER_COLUMN, INDEX_COLUMN, PROPERTIES_COLUMN), parts, strict=True)
        ]
        footer = Footer(data_bytes, *map(len, segments))
        segments.append(self._sealer.seal(FILE_GROUP, FOOTER_COLUMN, footer.encode()))
        self._write(b"".join(segments))
        return TableProperties(
            properties.file_id,
            properties.smallest_key,
            properties.largest_key,
            properties.min_timestamp,
            properties.max_timestamp,
            properties.entries,
            properties.tombstones,
            properties.groups,
            self._size,
            tuple(self._layouts),
            self._key_id,
        )

    def _drain(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._add_rows(waiting)

    def _add_rows(self, entries: Sequence[tuple[bytes, int, Row | None]]) -> None:
        if not entries:
            return
        key_column, timestamps, rows = zip(*entries, strict=True)
        keys = list(key_column)
        self._check_order(keys, timestamps)
        start, count = 0, len(keys)
        while start < count:
            prefix = keys[start][:PREFIX_LENGTH]
            stop = count if keys[-1][:PREFIX_LENGTH] == prefix else _prefix_end(keys, prefix, start)
            self._choose(prefix, self._layout_of(prefix))
            for low in range(start, stop, _ADD_ROWS):
                self._take_rows(keys, timestamps, rows, low, min(low + _ADD_ROWS, stop))
            start = stop

    def _check_order(self, keys: list[bytes], timestamps: Sequence[int] | NDArray[np.int64]) -> None:
        last = self._last
        if last is not None and not (keys[0] > last[0] or (keys[0] == last[0] and int(timestamps[0]) < last[1])):
            raise ValueError(f"key {keys[0]!r} at {timestamps[0]} does not follow {last[0]!r} at {last[1]}")
        if not ascends(keys):
            for at in range(1, len(keys)):
                key, before = keys[at], keys[at - 1]
                if key < before or (key == before and timestamps[at] >= timestamps[at - 1]):
                    raise ValueError(f"key {key!r} at {timestamps[at]} does not follow {before!r}")
        self._last = (keys[-1], int(timestamps[-1]))
        self._entries += len(keys)

    def _choose(self, prefix: bytes, layout: Layout) -> None:
        """Makes the open group one of this prefix and layout."""
        if self._layout is layout and self._prefix == prefix:
            return
        if self._layout != layout or self._prefix != prefix:
            self._close_group()
            self._prefix = prefix
        self._layout = layout
        self._strings = string_columns(layout)

    def _take_rows(
        self, keys: list[bytes], timestamps: Sequence[int], rows: Sequence[Row | None], start: int, stop: int
    ) -> None:
        """Adds rows of the open group's prefix, closing it whenever it is full."""
        part = rows[start:stop]
        size = sum(map(len, keys[start:stop])) + (stop - start) * FIXED_BYTES * (1 + self._width)
        for number in self._strings:
            size += _bytes_of_column(part, number)
        options = self._options
        rows_left = options.group_rows_max - self._group_rows
        if stop - start > 1 and (stop - start > rows_left or self._group_bytes + size > 2 * options.group_bytes_target):
            middle = start + rows_left if 0 < rows_left < stop - start else (start + stop) // 2
            self._take_rows(keys, timestamps, rows, start, middle)
            self._take_rows(keys, timestamps, rows, middle, stop)
            return
        self._keys += keys[start:stop]
        self._timestamps += timestamps[start:stop]
        self._rows += part
        self._count(stop - start, size)

    def _take_chunk(self, chunk: Chunk) -> None:
        """The same for column vectors."""
        count = len(chunk.keys)
        size = total_length(chunk.keys) + count * FIXED_BYTES * (1 + self._width)
        for number in self._strings:
            size += total_length(cast("list[Any]", chunk.columns[number].values))
        options = self._options
        rows_left = options.group_rows_max - self._group_rows
        if count > 1 and (count > rows_left or self._group_bytes + size > 2 * options.group_bytes_target):
            middle = rows_left if 0 < rows_left < count else count // 2
            self._take_chunk(chunk.slice(0, middle))
            self._take_chunk(chunk.slice(middle, count))
            return
        self._chunks.append(chunk)
        self._count(count, size)

    @property
    def _width(self) -> int:
        return len(self._layout.columns) if self._layout is not None else 0

    def _count(self, rows: int, size: int) -> None:
        self._group_rows += rows
        self._group_bytes += size
        if self._group_rows >= self._options.group_rows_max or self._group_bytes >= self._options.group_bytes_target:
            self._close_group()

    def _rows_to_chunk(self) -> None:
        if self._rows and self._layout is not None:
            self._chunks.append(chunk_of_rows(self._keys, self._timestamps, self._rows, self._layout))
            self._keys, self._timestamps, self._rows = [], [], []

    def _close_group(self) -> None:
        """Encodes, seals and writes the open group, if it holds anything."""
        self._rows_to_chunk()
        if not self._chunks or self._layout is None:
            return
        chunk = joined(self._chunks)
        self._chunks, self._group_rows, self._group_bytes = [], 0, 0
        keys, layout, options = chunk.keys, self._layout, self._options
        own = options.chosen.get(self._prefix[:TABLE_PREFIX_LENGTH])
        wish, level = (options.compression, ZSTD_LEVEL) if own is None else (own.method, own.level)
        number = len(self._groups)
        timestamps = encode_column(ColumnVector(chunk.timestamps), _INT64_COLUMN, wish)
        operations = encode_column(ColumnVector(chunk.operations.astype(np.int64)), _INT64_COLUMN, wish)
        columns = [
            encode_column(vector, column, wish, level)
            for vector, column in zip(chunk.columns, layout.columns, strict=True)
        ]
        seal = self._sealer.seal
        segments = [
            seal(number, KEYS_COLUMN, encode_keys(keys)),
            seal(number, TIMESTAMPS_COLUMN, timestamps.payload),
            seal(number, OPERATIONS_COLUMN, operations.payload),
        ]
        segments += [seal(number, at, column.payload) for at, column in enumerate(columns, FIRST_VALUE_COLUMN)]
        self._write_group(
            keys,
            segments,
            GroupEntry(
                first_key=keys[0],
                last_key=keys[-1],
                row_count=len(keys),
                tombstone_count=int(np.count_nonzero(chunk.operations)),
                min_timestamp=timestamps.minimum,
                max_timestamp=timestamps.maximum,
                layout=self._layouts.setdefault(layout, len(self._layouts)),
                lengths=list(map(len, segments)),
                statistics=[[column.minimum, column.maximum, column.null_count] for column in columns],
                offset=self._size,
            ),
        )

    def _write_group(self, keys: list[bytes], segments: list[bytes], entry: GroupEntry) -> None:
        self._groups.append(entry)
        if self._options.filter_bits_per_key:
            self._hashes.append(np.fromiter(map(key_hash, keys), np.uint64, len(keys)))
        else:
            self._hashes.append(np.zeros(0, np.uint64))
        self._write(b"".join(segments))

    def _write(self, data: bytes) -> None:
        write_all(self._file, data)
        self._size += len(data)


def _bytes_of_column(rows: Sequence[Row | None], number: int) -> int:
    """About the bytes of one string column: characters for TEXT."""
    present = filter(None, rows)  # neither tombstones nor rows without columns
    try:
        return sum(map(len, filter(None, map(itemgetter(number), present))))
    except IndexError:
        return sum(len(row[number]) for row in rows if row and len(row) > number and row[number])


def _prefix_end(keys: list[bytes], prefix: bytes, start: int) -> int:
    """Where the run of keys with this PREFIX_LENGTH-byte prefix ends."""
    if len(prefix) < PREFIX_LENGTH:
        return bisect_right(keys, prefix, start)  # a short key is its own prefix
    number = int.from_bytes(prefix, "big") + 1
    if number >> 8 * PREFIX_LENGTH:
        return len(keys)
    return bisect_left(keys, number.to_bytes(PREFIX_LENGTH, "big"), start)


def write_table(
    files: FileSystem,
    name: str,
    file_id: int,
    layout_of: Callable[[bytes], Layout],
    seals: Seals,
    fill: Callable[[TableWriter], None],
    options: TableOptions | None = None,
) -> TableProperties:
    """Writes the table that `fill` adds to and gives it its name once it is safely on disk.

    Temporary name, fsync, rename, folder fsync: after a crash the file is whole under its name or not there. On any
    error the temporary file is removed and the error raised.
    """
    temporary = f"{name}.tmp"
    if files.exists(temporary):
        files.remove(temporary)
    file = files.create(temporary)
    try:
        try:
            writer = TableWriter(file, file_id, layout_of, seals, options, name=name)
            fill(writer)
            properties = writer.finish()
            file.sync()
        finally:
            file.close()
        files.rename(temporary, name)
    except BaseException:
        if files.exists(temporary):
            files.remove(temporary)
        raise
    files.sync_folder(name.rpartition("/")[0])
    return properties

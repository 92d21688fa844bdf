"""TableReader: one open table file; point reads and the row groups of a key range.

Group index and filter stay in memory while the file is open; segments go through the segment cache. Everything read is
verified. Not here: what is inside a group (group.py), merging several files (iterators/).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from datacave_core.errors import DataCorrupted
from datacave_core.layout import Layout
from datacave_core.ports import File, FileSystem, Version
from datacave_lsm.format.header import HEADER_BYTES, FileKind
from datacave_lsm.format.sealing import Seals
from datacave_lsm.format.transfer import read_exactly
from datacave_lsm.table.cache import SegmentCache
from datacave_lsm.table.filter import BloomFilter, key_hash
from datacave_lsm.table.group import Group, GroupSource
from datacave_lsm.table.properties import TableProperties
from datacave_lsm.table.shape import (
    FILE_GROUP,
    FILTER_COLUMN,
    FOOTER_BYTES,
    FOOTER_COLUMN,
    INDEX_COLUMN,
    PART_NAMES,
    PROPERTIES_COLUMN,
    Footer,
    decode_index,
    decode_properties,
)


class TableReader:
    """An open table file; `properties` says what is in it, `pinned_bytes` what index and filter occupy,
    `part_lengths` the bytes in the file of filter, index, properties and footer."""

    __slots__ = (
        "_entries",
        "_file",
        "_filter",
        "_first_keys",
        "_last_keys",
        "_layouts",
        "_source",
        "cache",
        "file_id",
        "name",
        "part_lengths",
        "pinned_bytes",
        "properties",
    )

    def __init__(
        self,
        file: File,
        name: str,
        seals: Seals,
        cache: SegmentCache[Group],
        *,
        file_id: int | None = None,
        commit_timestamp: int = 0,
    ) -> None:
        """Reads header, footer, properties, index and filter. For `commit_timestamp` see `commit_at`.

        Raises DataCorrupted when any of them is damaged or the file is not the table `file_id`, and MasterKeyError.
        """
        header, opener = seals.resume(read_exactly(file, 0, HEADER_BYTES, name), FileKind.TABLE, name, file_id=file_id)
        size = file.size()
        footer_bytes = FOOTER_BYTES + opener.overhead
        footer_offset = size - footer_bytes
        if footer_offset < HEADER_BYTES:
            raise DataCorrupted(f'file "{name}" is damaged: {size} bytes cannot hold a table')

        def part(column: int, offset: int, length: int) -> bytes:
            segment = read_exactly(file, offset, length, name)
            try:
                return opener.open(FILE_GROUP, column, segment, offset)
            except DataCorrupted:
                what = f"the {PART_NAMES[column]} ({length} bytes at byte {offset}) cannot be read"
                raise DataCorrupted(f'file "{name}" is damaged: {what}') from None

        payload = part(FOOTER_COLUMN, footer_offset, footer_bytes)
        try:
            footer = Footer.decode(payload)
        except (ValueError, struct.error) as error:
            raise DataCorrupted(f'file "{name}" is damaged: the footer at byte {footer_offset}: {error}') from error
        filter_offset = HEADER_BYTES + footer.data_bytes
        index_offset = filter_offset + footer.filter_bytes
        properties_offset = index_offset + footer.index_bytes
        if properties_offset + footer.properties_bytes != footer_offset:
            raise DataCorrupted(f'file "{name}" is damaged: its parts do not add up to {size} bytes')
        filter_payload = part(FILTER_COLUMN, filter_offset, footer.filter_bytes)
        index_payload = part(INDEX_COLUMN, index_offset, footer.index_bytes)
        properties_payload = part(PROPERTIES_COLUMN, properties_offset, footer.properties_bytes)
        try:
            self._filter = BloomFilter(filter_payload)
            self._layouts, self._entries = decode_index(index_payload)
            self.properties: TableProperties = decode_properties(
                properties_payload, size, tuple(self._layouts), header.key_id
            )
            last = self._entries[-1]
            if last.offset + sum(last.lengths) != filter_offset:
                raise ValueError("the row groups do not fill the space before the filter")
        except (ValueError, TypeError, IndexError, KeyError, struct.error) as error:
            raise DataCorrupted(f'file "{name}" is damaged: index or properties do not decode: {error}') from error
        self.part_lengths = (footer.filter_bytes, footer.index_bytes, footer.properties_bytes, footer_bytes)
        self.name = name
        self.file_id = header.file_id
        self.cache = cache
        self.pinned_bytes = self._filter.cost_bytes + 4 * len(index_payload)
        self._file = file
        self._source = GroupSource(file, name, header.file_id, opener, cache)
        self._first_keys = [entry.first_key for entry in self._entries]
        self._last_keys = [entry.last_key for entry in self._entries]
        if commit_timestamp:
            self.commit_at(commit_timestamp)

    @classmethod
    def open(
        cls,
        files: FileSystem,
        name: str,
        seals: Seals,
        cache: SegmentCache[Group],
        *,
        file_id: int | None = None,
        commit_timestamp: int = 0,
    ) -> TableReader:
        """Opens the file and the table in it."""
        file = files.open(name)
        try:
            return cls(file, name, seals, cache, file_id=file_id, commit_timestamp=commit_timestamp)
        except BaseException:
            file.close()
            raise

    def commit_at(self, timestamp: int) -> None:
        """Gives every version of a file that was written before its commit this timestamp, before anything is read."""
        self._source.commit_timestamp = timestamp
        for entry in self._entries:
            entry.min_timestamp = entry.max_timestamp = timestamp
        self.properties = replace(self.properties, min_timestamp=timestamp, max_timestamp=timestamp)

    def may_contain(self, key: bytes) -> bool:
        """False only if no version of the key is in the file."""
        return self._filter.may_contain(key_hash(key))

    def may_contain_hash(self, hashed: int) -> bool:
        """The same for `key_hash(key)`, which is worth computing once when many files are asked."""
        return self._filter.may_contain(hashed)

    def get(self, key: bytes, timestamp: int, layout: Layout | None = None) -> Version | None:
        """The newest version of the key at or before the timestamp, tombstones included; None if there is none.

        With a layout, rows written under an older one are completed with `missing`. The filter is not asked.
        """
        last_keys = self._last_keys
        number = bisect_left(last_keys, key)
        first_keys, count = self._first_keys, len(last_keys)
        while number < count and first_keys[number] <= key:
            if self._entries[number].min_timestamp <= timestamp:
                group = self.cache.get((self.file_id, number)) or self.group(number, cached=True)
                version = group.get(key, timestamp, layout)
                if version is not None:
                    return version
            if last_keys[number] != key:
                return None
            number += 1  # the versions of one key may fill several groups
        return None

    @property
    def group_count(self) -> int:
        return len(self._entries)

    def group(self, number: int, *, cached: bool = False) -> Group:
        """A row group by number, from the segment cache if it is there; `cached` puts it there."""
        group = self.cache.get((self.file_id, number))
        if group is None:
            entry = self._entries[number]
            group = Group(self._source, number, entry, self._layouts[entry.layout])
            if cached:
                self.cache.put((self.file_id, number), group, group.cost_bytes)
        return group

    def groups(
        self, low: bytes | None = None, high: bytes | None = None, *, reverse: bool = False, cached: bool = False
    ) -> Iterator[Group]:
        """The groups that may hold keys with low <= key < high, in key order or against it.

        `Group.span(low, high)` gives the rows in the range. `cached` keeps what is read in the segment cache: for
        short ranges; a long scan leaves the cache alone.
        """
        start = 0 if low is None else bisect_left(self._last_keys, low)
        stop = len(self._entries) if high is None else bisect_left(self._first_keys, high)
        numbers = range(start, stop)
        for number in reversed(numbers) if reverse else numbers:
            yield self.group(number, cached=cached)

    def hides_first(self, group: Group, timestamp: int) -> bool:
        """Whether the group before ends with a version of this group's first key that is at or before the timestamp.

        Then no version of that key in this group is the one to see.
        """
        number = group.number - 1
        if number < 0 or self._last_keys[number] != group.first_key:
            return False
        entry = self._entries[number]
        if entry.max_timestamp <= timestamp:
            return True
        return int(self.group(number).timestamps(entry.row_count - 1)[0]) <= timestamp

    def verify(self) -> None:
        """Reads and checks every byte of the file; raises DataCorrupted naming the place.

        Also checks what checksums cannot: order within and across groups, and that filter, index and properties
        agree with the rows.
        """
        previous: tuple[bytes, int] | None = None
        entries = tombstones = 0
        for number, entry in enumerate(self._entries):
            group = Group(self._source, number, entry, self._layouts[entry.layout])
            group.verify()
            keys = group.keys()
            timestamps = group.timestamps()
            if previous is not None and not (
                previous[0] < keys[0] or (previous[0] == keys[0] and previous[1] > int(timestamps[0]))
            ):
                raise DataCorrupted(f'file "{self.name}" is damaged: group {number} is out of order')
            previous = (keys[-1], int(timestamps[-1]))
            entries += entry.row_count
            tombstones += entry.tombstone_count
            for key in keys:
                if not self.may_contain(key):
                    raise DataCorrupted(f'file "{self.name}" is damaged: the filter lacks a key of group {number}')
        found = (
            self._first_keys[0],
            self._last_keys[-1],
            min(entry.min_timestamp for entry in self._entries),
            max(entry.max_timestamp for entry in self._entries),
            entries,
            tombstones,
            len(self._entries),
            self.file_id,
        )
        said = self.properties
        if found != (
            said.smallest_key,
            said.largest_key,
            said.min_timestamp,
            said.max_timestamp,
            said.entries,
            said.tombstones,
            said.groups,
            said.file_id,
        ):
            raise DataCorrupted(f'file "{self.name}" is damaged: its properties do not match its rows')

    def reopen(self, file: File) -> None:
        """Goes on with a copy of the file under another master key, whose segments stand at the same places."""
        old, self._file, self._source.file = self._file, file, file
        old.close()

    def close(self) -> None:
        """Closes the file and forgets its cached groups."""
        self.cache.drop_file(self.file_id)
        self._file.close()

"""Shape of a table file: where its parts stand, and the group index, properties and footer as bytes.

    header | group 0: keys, timestamps, operations, columns | group 1 ... | filter | index | properties | footer

Segments follow one another without gaps, so lengths alone say where each one is. Byte tables: FORMAT.md, "Table files".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgpack

from datacave_core.layout import Layout
from datacave_lsm.format.header import HEADER_BYTES
from datacave_lsm.format.layouts import layout_from_record, layout_to_record
from datacave_lsm.table.properties import TableProperties

KEYS_COLUMN = 0
TIMESTAMPS_COLUMN = 1
OPERATIONS_COLUMN = 2
FIRST_VALUE_COLUMN = 3

FILE_GROUP = 2**64 - 1
"""The group number of segments that belong to the whole file."""

FILTER_COLUMN = 0
INDEX_COLUMN = 1
PROPERTIES_COLUMN = 2
FOOTER_COLUMN = 3
PART_NAMES = ("filter", "index", "properties", "footer")
"""The parts of the whole file by their column."""

PUT = 0
TOMBSTONE = 1

TABLE_VERSION = 1

_FOOTER = struct.Struct("<8sIIQQQQ")
_FOOTER_MAGIC = b"DCTABLE\n"
FOOTER_BYTES = _FOOTER.size


@dataclass(slots=True)
class GroupEntry:
    """One row group in the index. `lengths` are those of its segments in order; `statistics` has one record
    [minimum, maximum, null count] per value column."""

    first_key: bytes
    last_key: bytes
    row_count: int
    tombstone_count: int
    min_timestamp: int
    max_timestamp: int
    layout: int
    lengths: list[int]
    statistics: list[Any]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Footer:
    """Lengths, in bytes, of the four parts between header and footer."""

    data_bytes: int
    filter_bytes: int
    index_bytes: int
    properties_bytes: int

    def encode(self) -> bytes:
        return _FOOTER.pack(
            _FOOTER_MAGIC,
            TABLE_VERSION,
            0,
            self.data_bytes,
            self.filter_bytes,
            self.index_bytes,
            self.properties_bytes,
        )

    @classmethod
    def decode(cls, payload: bytes) -> Footer:
        """Raises ValueError when this is no footer of a version this program reads."""
        magic, version, reserved, *lengths = _FOOTER.unpack(payload)
        if magic != _FOOTER_MAGIC or reserved:
            raise ValueError("the footer has the wrong magic")
        if version != TABLE_VERSION:
            raise ValueError(f"table version {version} is unknown; this program reads {TABLE_VERSION}")
        return cls(*lengths)


def encode_index(layouts: list[Layout], entries: list[GroupEntry]) -> bytes:
    """The index payload."""
    records = [
        [
            entry.first_key,
            entry.last_key,
            entry.row_count,
            entry.tombstone_count,
            entry.min_timestamp,
            entry.max_timestamp,
            entry.layout,
            entry.lengths,
            entry.statistics,
        ]
        for entry in entries
    ]
    packed: bytes = msgpack.packb([[layout_to_record(layout) for layout in layouts], records])
    return packed


def decode_index(payload: bytes) -> tuple[list[Layout], list[GroupEntry]]:
    """Layouts and groups with their offsets; raises ValueError or TypeError when malformed."""
    layout_records, records = _unpacked(payload)
    layouts = [layout_from_record(record) for record in layout_records]
    entries = [GroupEntry(*record) for record in records]
    sizes = [sum(entry.lengths) for entry in entries]
    for entry, offset in zip(entries, accumulate(sizes, initial=HEADER_BYTES), strict=False):
        entry.offset = offset
        if not 0 <= entry.layout < len(layouts):
            raise ValueError(f"layout {entry.layout} is unknown")
        if len(entry.lengths) != FIRST_VALUE_COLUMN + len(layouts[entry.layout].columns):
            raise ValueError("a group does not have the columns of its layout")
    return layouts, entries


def _unpacked(payload: bytes) -> Any:
    try:
        return msgpack.unpackb(payload)
    except msgpack.UnpackException as error:
        raise ValueError(str(error)) from None


def encode_properties(properties: TableProperties) -> bytes:
    """The properties payload; size, layouts and key id stand elsewhere in the file."""
    packed: bytes = msgpack.packb(
        {
            "file_id": properties.file_id,
            "smallest_key": properties.smallest_key,
            "largest_key": properties.largest_key,
            "min_timestamp": properties.min_timestamp,
            "max_timestamp": properties.max_timestamp,
            "entries": properties.entries,
            "tombstones": properties.tombstones,
            "groups": properties.groups,
        }
    )
    return packed


def decode_properties(payload: bytes, size: int, layouts: tuple[Layout, ...], key_id: str) -> TableProperties:
    """The properties; raises TypeError or ValueError when malformed."""
    return TableProperties(**_unpacked(payload), bytes=size, layouts=layouts, key_id=key_id)

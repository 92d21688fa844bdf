"""Table files (SSTables): sorted versions of keys in columnar row groups. FORMAT.md describes every byte."""

from __future__ import annotations

from datacave_lsm.format.encodings import Compression
from datacave_lsm.table.cache import SegmentCache
from datacave_lsm.table.filter import key_hash
from datacave_lsm.table.group import Group
from datacave_lsm.table.properties import ColumnStatistics, TableProperties
from datacave_lsm.table.reader import TableReader
from datacave_lsm.table.shape import PUT, TOMBSTONE
from datacave_lsm.table.writer import TableOptions, TableWriter, write_table

__all__ = [
    "PUT",
    "TOMBSTONE",
    "ColumnStatistics",
    "Compression",
    "Group",
    "SegmentCache",
    "TableOptions",
    "TableProperties",
    "TableReader",
    "TableWriter",
    "key_hash",
    "write_table",
]

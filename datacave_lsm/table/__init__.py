"""Table files (SSTables): sorted versions of keys in columnar row groups. FORMAT.md describes every byte."""

from __future__ import annotations

from datacave_lsm.table.cache import SegmentCache
from datacave_lsm.table.properties import ColumnStatistics, TableProperties
from datacave_lsm.table.reader import Group, TableReader
from datacave_lsm.table.writer import TableOptions, TableWriter, write_table

__all__ = [
    "ColumnStatistics",
    "Group",
    "SegmentCache",
    "TableOptions",
    "TableProperties",
    "TableReader",
    "TableWriter",
    "write_table",
]

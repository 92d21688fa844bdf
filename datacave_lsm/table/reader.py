"""TableReader: point reads and group-wise scans of one table file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import Layout
from datacave_core.ports import File, FileSystem, Version
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_lsm.format import Seals
from datacave_lsm.table.cache import SegmentCache
from datacave_lsm.table.properties import ColumnStatistics, TableProperties


class Group:
    """A row group; segments are read, verified and decoded when asked for."""

    number: int
    row_count: int
    tombstone_count: int
    first_key: bytes
    last_key: bytes
    min_timestamp: int
    max_timestamp: int
    layout: Layout

    def statistics(self, column: int) -> ColumnStatistics | None:
        """Range and null count of a value column; None for a column the group does not have."""
        raise NotImplementedError

    def span(self, low: bytes | None, high: bytes | None) -> tuple[int, int]:
        """The half-open range of row positions with low <= key < high."""
        raise NotImplementedError

    def keys(self) -> list[bytes]:
        raise NotImplementedError

    def timestamps(self) -> NDArray[np.int64]:
        raise NotImplementedError

    def operations(self) -> NDArray[np.uint8]:
        """0: put, 1: tombstone."""
        raise NotImplementedError

    def column(self, number: int, layout: Layout | None = None) -> ColumnVector:
        """A value column; with a newer layout, columns the group lacks hold the layout's `missing`."""
        raise NotImplementedError

    def rows(self, columns: Sequence[int] | None = None, layout: Layout | None = None) -> list[Row]:
        """Rows as tuples (all columns, or those asked for); a tombstone's are all None: see `operations`."""
        raise NotImplementedError


class TableReader:
    """One open table file."""

    name: str
    file_id: int
    properties: TableProperties

    def __init__(self, file: File, name: str, seals: Seals, cache: SegmentCache, *, file_id: int | None = None) -> None:
        raise NotImplementedError

    @classmethod
    def open(
        cls, files: FileSystem, name: str, seals: Seals, cache: SegmentCache, *, file_id: int | None = None
    ) -> TableReader:
        raise NotImplementedError

    def may_contain(self, key: bytes) -> bool:
        """False only if no version of the key is in the file (bloom filter)."""
        raise NotImplementedError

    def get(self, key: bytes, timestamp: int, layout: Layout | None = None) -> Version | None:
        """The newest version at or before the timestamp, tombstones included."""
        raise NotImplementedError

    def groups(
        self, low: bytes | None = None, high: bytes | None = None, *, reverse: bool = False, cached: bool = False
    ) -> Iterator[Group]:
        """The groups that may hold keys with low <= key < high; `cached` keeps what is read in the segment cache."""
        raise NotImplementedError

    def verify(self) -> None:
        """Reads and checks every byte of the file; raises DataCorrupted."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

"""View: the open table files of one level state, held together for as long as a reader needs them.

A reader keeps the View it began with; a flush or merge puts a new one in force. A View counts itself in at every file
it holds, and out when its last reader lets go of it; a file that no view holds and the manifest does not name any more
is handed to `unused`, which deletes it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from datacave_lsm.table import TableReader
from datacave_lsm.version.levels import Levels, TableFile


class TableHandle:
    """An open table file, what the manifest says of it, and how many views hold it."""

    __slots__ = (
        "file",
        "largest",
        "masks",
        "max_timestamp",
        "min_timestamp",
        "obsolete",
        "reader",
        "smallest",
        "views",
    )

    def __init__(self, file: TableFile, reader: TableReader) -> None:
        self.file = file
        self.reader = reader
        self.smallest = file.smallest_key
        self.largest = file.largest_key
        self.min_timestamp = file.min_timestamp
        self.max_timestamp = file.max_timestamp
        self.views = 0
        self.obsolete = False
        # Rows of a group (number, first) that a newer file (number, second) leaves visible; None: all of them.
        self.masks: dict[tuple[int, int], NDArray[np.bool_] | None] = {}


class View:
    """Handles by level: `level0` newest first; `deeper` holds, per level with files, its largest keys, its smallest
    keys and its handles."""

    __slots__ = ("_handles", "_unused", "deeper", "level0", "levels", "max_timestamp")

    def __init__(
        self, levels: Levels, handles: Mapping[int, TableHandle], unused: Callable[[TableHandle], None]
    ) -> None:
        self.levels = levels
        self._unused = unused
        self._handles = [handles[file.number] for file in levels.all_files()]
        for handle in self._handles:
            handle.views += 1
        self.level0 = [handles[file.number] for file in levels.files[0]]
        self.deeper = [
            (
                [file.largest_key for file in files],
                [file.smallest_key for file in files],
                [handles[file.number] for file in files],
            )
            for files in levels.files[1:]
            if files
        ]
        self.max_timestamp = max([handle.max_timestamp for handle in self._handles], default=0)

    def holding(self, key: bytes) -> list[TableHandle]:
        """The files of the deeper levels whose range holds the key, newest first."""
        found = []
        for largest_keys, smallest_keys, handles in self.deeper:
            place = bisect_left(largest_keys, key)
            if place < len(handles) and smallest_keys[place] <= key:
                found.append(handles[place])
        return found

    def sources(self, low: bytes | None, high: bytes | None) -> list[list[TableHandle]]:
        """The files that may hold keys with low <= key < high, newest first; each list is ordered by key."""
        found = [
            [handle]
            for handle in self.level0
            if (high is None or handle.smallest < high) and (low is None or handle.largest >= low)
        ]
        for largest_keys, smallest_keys, handles in self.deeper:
            start = 0 if low is None else bisect_left(largest_keys, low)
            stop = len(handles) if high is None else bisect_left(smallest_keys, high)
            if start < stop:
                found.append(handles[start:stop])
        return found

    def __del__(self) -> None:
        for handle in self._handles:
            handle.views -= 1
            if not handle.views and handle.obsolete:
                self._unused(handle)

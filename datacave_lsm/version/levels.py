"""Levels: which table files lie on which level; an immutable value.

Invariants, checked on every change: level 0 is ordered from the newest file to the oldest, and of its files those with
keys in common hold disjoint spans of commits, so that of two versions of a key the one in the newer file is newer;
deeper levels are ordered by key and their files do not overlap, not even in one key; versions on a deeper level are
older than those above it.
Not here: open files (view.py), the choice of merges (compaction/picker.py).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from datacave_lsm.table import TableProperties

TABLE_FOLDER = "tables"
TABLE_SUFFIX = ".sst"


def table_name(number: int) -> str:
    """The file name of a table."""
    return f"{TABLE_FOLDER}/{number:010d}{TABLE_SUFFIX}"


@dataclass(frozen=True, slots=True)
class TableFile:
    """What the manifest knows of a table file; `key_id` names the master key of its seal.

    `ingested`: the file was written before its commit; all its versions have the timestamp given here, not their own.
    """

    number: int
    smallest_key: bytes
    largest_key: bytes
    min_timestamp: int
    max_timestamp: int
    entries: int
    tombstones: int
    size_bytes: int
    key_id: str = ""
    ingested: bool = False

    @classmethod
    def of(cls, properties: TableProperties) -> TableFile:
        """The entry for a file that was just written."""
        return cls(
            properties.file_id,
            properties.smallest_key,
            properties.largest_key,
            properties.min_timestamp,
            properties.max_timestamp,
            properties.entries,
            properties.tombstones,
            properties.bytes,
            properties.key_id,
        )

    @property
    def commit_timestamp(self) -> int:
        """The timestamp of all versions if it is not in the file, else 0."""
        return self.max_timestamp if self.ingested else 0

    def fields(self) -> tuple[int, bytes, bytes, int, int, int, int, int, str, bool]:
        """The fields in order: `TableFile(*fields)` is this file."""
        return (
            self.number,
            self.smallest_key,
            self.largest_key,
            self.min_timestamp,
            self.max_timestamp,
            self.entries,
            self.tombstones,
            self.size_bytes,
            self.key_id,
            self.ingested,
        )

    def overlaps(self, low: bytes | None, high: bytes | None) -> bool:
        """Whether the file may hold keys with low <= key < high."""
        return (high is None or self.smallest_key < high) and (low is None or self.largest_key >= low)


@dataclass(frozen=True, slots=True)
class Levels:
    """The files of each level."""

    files: tuple[tuple[TableFile, ...], ...]

    @classmethod
    def empty(cls, level_count: int) -> Levels:
        return cls(((),) * level_count)

    def all_files(self) -> list[TableFile]:
        """Every file, level by level."""
        return [file for level in self.files for file in level]

    @property
    def deepest(self) -> int:
        """The deepest level with files; 0 while there are none."""
        return max([level for level, files in enumerate(self.files) if files], default=0)

    def size_bytes(self, level: int) -> int:
        """The bytes of a level."""
        return sum(file.size_bytes for file in self.files[level])

    def overlapping(self, level: int, low: bytes | None, high: bytes | None) -> tuple[TableFile, ...]:
        """The files of a level that may hold keys with low <= key < high, in the level's order."""
        files = self.files[level]
        if level == 0:
            return tuple([file for file in files if file.overlaps(low, high)])
        start = 0 if low is None else bisect_left(files, low, key=_largest)
        stop = len(files) if high is None else bisect_left(files, high, key=_smallest)
        return files[start:stop]

    def touching(self, level: int, smallest: bytes, largest: bytes) -> tuple[TableFile, ...]:
        """The files of a level that may hold keys with smallest <= key <= largest."""
        files = self.files[level]
        if level == 0:
            return tuple([f for f in files if f.smallest_key <= largest and f.largest_key >= smallest])
        start = bisect_left(files, smallest, key=_largest)
        return tuple([file for file in files[start:] if file.smallest_key <= largest])

    def change(self, removed: frozenset[int], added: tuple[tuple[int, TableFile], ...]) -> Levels:
        """The state after a flush or merge; raises ValueError if it breaks an invariant."""
        known = {file.number for file in self.all_files()}
        if not removed <= known:
            raise ValueError(f"files {sorted(removed - known)} are on no level")
        depth = max([len(self.files), *(level + 1 for level, _ in added)])
        levels = []
        for level in range(depth):
            present = self.files[level] if level < len(self.files) else ()
            files = [file for file in present if file.number not in removed]
            files += [file for at, file in added if at == level]
            if level == 0:
                files.sort(key=lambda file: -file.max_timestamp)
            else:
                files.sort(key=_smallest)
                for left, right in pairwise(files):
                    if left.largest_key >= right.smallest_key:
                        raise ValueError(f"files {left.number} and {right.number} overlap on level {level}")
            levels.append(tuple(files))
        changed = Levels(tuple(levels))
        numbers = [file.number for file in changed.all_files()]
        if len(set(numbers)) != len(numbers):
            raise ValueError("a file is on two levels")
        return changed


def _smallest(file: TableFile) -> bytes:
    return file.smallest_key


def _largest(file: TableFile) -> bytes:
    return file.largest_key

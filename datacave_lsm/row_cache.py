"""RowCache: decoded rows of table files for point reads of hot keys.

An entry (timestamp, row) is the newest version of its key in all table files; row None with timestamp 0 says that there
is none. It holds only for keys that no memtable has, so the engine looks there first, and `forget` takes the keys of a
memtable out before its table file comes into force.

Two generations approximate least-recently-used at the price of one dictionary lookup per hit: when the young one is
full it becomes the old one, and hits in the old one move up. Scans never fill the cache; flushes do, with what they
take out of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from datacave_core.values import Row

Hot: TypeAlias = tuple[int, Row | None]

ENTRY_BYTES = 200
VALUE_BYTES = 40


def _size(key: bytes, row: Row | None) -> int:
    """The memory that an entry takes, roughly."""
    size = ENTRY_BYTES + len(key)
    if row is not None:
        size += VALUE_BYTES * len(row)
        for value in row:
            if type(value) is str or type(value) is bytes:
                size += len(value)
    return size


class RowCache:
    """`young` may be read directly, through the cache each time: the dictionary changes with the generations."""

    __slots__ = ("_bytes_max", "_young_bytes", "old", "young")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max // 2  # per generation
        self._young_bytes = 0
        self.young: dict[bytes, Hot] = {}
        self.old: dict[bytes, Hot] = {}

    def get(self, key: bytes) -> Hot | None:
        """The entry of a key, which counts as a use."""
        hot = self.young.get(key)
        if hot is None:
            hot = self.old.get(key)
            if hot is not None:
                self.put(key, *hot)
        return hot

    def put(self, key: bytes, timestamp: int, row: Row | None) -> None:
        """Remembers the newest version of a key in the table files."""
        size = _size(key, row)
        if self._make_room(size):
            self._young_bytes += size
            self.young[key] = (timestamp, row)

    def adopt(self, keys: list[bytes], find: Callable[[bytes], tuple[int, Row | None, Any] | None]) -> None:
        """Takes over rows of a memtable that is about to become a table file: what was written lately is read soon.

        `find` gives the newest cell (timestamp, row, ..) of each key. Sizes are taken from one of the rows.
        """
        cells = [cell for cell in map(find, keys) if cell is not None]
        if len(cells) != len(keys) or not keys:
            self.forget(keys)
            return
        middle = len(keys) // 2
        size = _size(keys[middle], cells[middle][1]) * len(keys)
        if self._make_room(size):
            self._young_bytes += size
            self.young.update(zip(keys, [cell[:2] for cell in cells], strict=True))
        else:
            self.forget(keys)

    def _make_room(self, size: int) -> bool:
        """Whether entries of a size may come in; the young generation grows old when it is full."""
        if self._young_bytes + size > self._bytes_max:
            if size > self._bytes_max:
                return False
            self.old, self.young = self.young, {}
            self._young_bytes = 0
        return True

    def forget(self, keys: Iterable[bytes]) -> None:
        """Takes keys out whose newest version is about to change."""
        young, old = self.young, self.old
        if young or old:
            for key in keys:
                young.pop(key, None)
                old.pop(key, None)

    def clear(self) -> None:
        """Takes everything out."""
        self.young, self.old = {}, {}
        self._young_bytes = 0

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

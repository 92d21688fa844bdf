"""RowCache: decoded rows of table files for point reads of hot keys.

An entry (timestamp, row, ..) is the newest version of its key in all table files; row None with timestamp 0 says that
there is none. It holds only for keys that no memtable has, so the engine looks there first. A memtable that has become
a table file joins the cache as it is, in the moment that file comes into force: what was written lately is read soon.

Generations approximate least-recently-used: new entries and hits in older generations go to the young one; when it is
full a new one begins, and the oldest leave when the budget is used up. A generation is newer than those behind it, so
its entries hide theirs. Scans never fill the cache.

What leaves is freed bit by bit, a few entries for each that comes in, because freeing it at once holds up the loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat, starmap
from typing import Any, TypeAlias, cast

from datacave_core.values import Row
from datacave_lsm.batch import Batch
from datacave_lsm.memtable import Cell, Memtable

Hot: TypeAlias = tuple[int, Row | None]

ENTRY_BYTES = 200
VALUE_BYTES = 40

GENERATIONS = 4
"""The young generation is full at this part of the budget. Every one costs a miss a dictionary lookup."""

FREED_PER_ENTRY = 4
FREED_PER_SLICE = 4096


def _size(key: bytes, row: Row | None) -> int:
    """The memory that an entry takes, roughly."""
    size = ENTRY_BYTES + len(key)
    if row is not None:
        size += VALUE_BYTES * len(row)
        for value in row:
            if type(value) is str or type(value) is bytes:
                size += len(value)
    return size


class _Generation:
    """Entries, what they take, and the memtable they come from, if any: a scan may still read that."""

    __slots__ = ("bytes_used", "entries", "memtable")

    def __init__(self, entries: dict[bytes, Any], bytes_used: int, memtable: Memtable | None) -> None:
        self.entries = entries
        self.bytes_used = bytes_used
        self.memtable = memtable


class RowCache:
    """`young` may be read directly, through the cache each time: the dictionary changes with the generations.

    An entry is read as [0] and [1] alone: that of a memtable goes on with older versions.
    """

    __slots__ = ("_bytes_max", "_first", "_leaving", "_older", "_older_bytes", "young")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.young: dict[bytes, Hot] = {}
        self._first = _Generation(self.young, 0, None)
        self._older: list[_Generation] = []  # newest first
        self._older_bytes = 0
        self._leaving: list[dict[bytes, Any]] = []

    def get(self, key: bytes) -> Hot | None:
        """The entry of a key, which counts as a use."""
        hot: Hot | None = self.young.get(key)
        if hot is None:
            for generation in self._older:
                hot = generation.entries.get(key)
                if hot is not None:
                    self.put(key, hot[0], hot[1])
                    break
        return hot

    def put(self, key: bytes, timestamp: int, row: Row | None) -> None:
        """Remembers the newest version of a key in the table files."""
        size = _size(key, row)
        if self._make_room(size):
            self._first.bytes_used += size
            self.young[key] = (timestamp, row)
        if self._leaving:
            self._free(FREED_PER_ENTRY)

    def prepare(self, memtable: Memtable | Batch, slice_rows: int) -> Iterator[None]:
        """Makes ready for the moment in which a memtable's rows are in a table file, in slices.

        Nobody looks here for the keys of a memtable while it stands, so that its rows may come in ahead of that moment.
        """
        if not self._joins(memtable):
            for keys in memtable.key_chunks(None, None, slice_rows):
                self._copy(keys, memtable.find)
                yield

    def take_over(self, memtable: Memtable | Batch) -> None:
        """That moment: the cells of a memtable become the young generation, and the cache their owner.

        The cache adds entries to the dictionary; it empties it in the end, if no scan reads the memtable then.
        """
        if isinstance(memtable, Memtable) and self._joins(memtable):
            self._begin(_Generation(memtable.cells, memtable.bytes_used, memtable))

    def dismantle(self, memtable: Memtable | Batch) -> Iterator[None]:
        """Frees what has left, and a memtable that was not taken over and has no readers, in slices."""
        while self._leaving:
            self._free(FREED_PER_SLICE)
            yield
        if not memtable.readers and not self._joins(memtable):
            yield from memtable.dismantle()

    def _joins(self, memtable: Memtable | Batch) -> bool:
        # The dictionary of a big commit holds rows, not cells.
        return not memtable.is_batch and memtable.bytes_used <= self._bytes_max

    def _copy(self, keys: list[bytes], find: Callable[[bytes], Cell | None]) -> None:
        """Takes over rows of some keys, or forgets what it knew of them; sizes are taken from one of the rows."""
        cells = [cell for cell in map(find, keys) if cell is not None]
        if len(cells) != len(keys) or not keys:
            self.forget(keys)
            return
        middle = len(keys) // 2
        size = _size(keys[middle], cells[middle][1]) * len(keys)
        if self._make_room(size):
            self._first.bytes_used += size
            self.young.update(zip(keys, [cell[:2] for cell in cells], strict=True))
        else:
            self.forget(keys)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Takes keys out whose newest version is about to change."""
        generations = [each.entries for each in (self._first, *self._older) if each.entries]
        if generations:
            for key in keys:
                for entries in generations:
                    entries.pop(key, None)

    def clear(self) -> None:
        """Takes everything out."""
        self._begin(_Generation({}, 0, None))
        while self._older:
            self._leave(self._older.pop())

    def _make_room(self, size: int) -> bool:
        """Whether entries of a size may come in; the young generation grows old when it is full."""
        young_bytes_max = self._bytes_max // GENERATIONS
        if self._first.bytes_used + size > young_bytes_max:
            if size > young_bytes_max:
                return False
            self._begin(_Generation({}, 0, None))
        return True

    def _begin(self, generation: _Generation) -> None:
        """Puts a generation in front, and lets the oldest go until the budget holds, with the young one grown up."""
        if self._first.entries:
            self._older.insert(0, self._first)
            self._older_bytes += self._first.bytes_used
        self._first = generation
        self.young = cast("dict[bytes, Hot]", generation.entries)
        young_bytes = max(generation.bytes_used, self._bytes_max // GENERATIONS)
        while self._older and self._older_bytes + young_bytes > self._bytes_max:
            self._leave(self._older.pop())

    def _leave(self, generation: _Generation) -> None:
        self._older_bytes -= generation.bytes_used
        if generation.memtable is None or not generation.memtable.readers:
            self._leaving.append(generation.entries)

    def _free(self, count: int) -> None:
        entries = self._leaving[-1]
        if len(entries) <= count:
            self._leaving.pop().clear()
            return
        deque(starmap(entries.popitem, repeat((), count)), maxlen=0)  # a loop without bytecode

    def __len__(self) -> int:
        return len(self.young) + sum(len(each.entries) for each in self._older)

"""Merge: the stretches of several sources as one sequence of stretches.

All sources advance together up to a pivot, the smallest last key of their current stretches: every key up to it is in
memory, so a dictionary lets the newest source win and one sort joins the keys. A source alone in its range passes
through untouched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from datacave_core.values import Row
from datacave_lsm.iterators.sources import Stretch


class _Cursor:
    """A source, its current stretch and how far that is used up."""

    __slots__ = ("_source", "keys", "rows", "start")

    def __init__(self, source: Iterator[Stretch]) -> None:
        self._source = source
        self.keys: list[bytes] = []
        self.rows: list[Row | None] = []
        self.start = 0

    def advance(self) -> bool:
        """Fetches the next stretch; False at the end."""
        stretch = next(self._source, None)
        if stretch is None:
            return False
        self.keys, self.rows = stretch
        self.start = 0
        return True


def merge(sources: list[Iterator[Stretch]], *, reverse: bool = False) -> Iterator[Stretch]:
    """The newest version per key of all sources; `sources` are ordered newest first."""
    if len(sources) == 1:
        yield from sources[0]
        return
    cursors = [cursor for source in sources if (cursor := _Cursor(source)).advance()]
    while len(cursors) > 1:
        ends = [cursor.keys[-1] for cursor in cursors]
        pivot = max(ends) if reverse else min(ends)
        parts: list[Stretch] = []
        finished = False
        for cursor in cursors:
            keys, start = cursor.keys, cursor.start
            stop = descending_right(keys, pivot, start) if reverse else bisect_right(keys, pivot, start)
            if start < stop:
                parts.append((keys[start:stop], cursor.rows[start:stop]))
                cursor.start = stop
                finished = finished or stop == len(keys)
        yield parts[0] if len(parts) == 1 else _joined(parts, reverse)
        if finished:
            cursors = [cursor for cursor in cursors if cursor.start < len(cursor.keys) or cursor.advance()]
    for cursor in cursors:
        yield cursor.keys[cursor.start :], cursor.rows[cursor.start :]
        while cursor.advance():
            yield cursor.keys, cursor.rows


def _joined(parts: list[Stretch], reverse: bool) -> Stretch:
    newest: dict[bytes, Row | None] = {}
    for keys, rows in reversed(parts):
        newest.update(zip(keys, rows, strict=True))
    ordered = sorted(newest, reverse=reverse)
    return ordered, [newest[key] for key in ordered]


def descending_right(keys: list[bytes], pivot: bytes, start: int) -> int:
    """The first place from `start` on whose key lies below the pivot, in descending keys."""
    low, high = start, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] >= pivot:
            low = middle + 1
        else:
            high = middle
    return low

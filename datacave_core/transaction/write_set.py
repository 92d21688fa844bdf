# cython: language_level=3, annotation_typing=False
"""WriteSet: what a transaction has written so far, with an undo log for savepoints and an order for scans.

`rows` maps keys to rows, None for a delete. Invariants: undoing the log backwards to a length restores `rows` as they
were at that length; the order covers exactly the log entries up to `_ordered_count` and is only kept up by scans, so
that transactions which never scan pay nothing for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.values import Row

_ABSENT: Final[Any] = object()


class WriteSet:
    """The writes of one transaction."""

    __slots__ = ("_buckets", "_ordered_count", "_unsorted", "rows", "undo")

    def __init__(self) -> None:
        self.rows: dict[bytes, Row | None] = {}
        self.undo: list[tuple[bytes | None, Any]] = []  # (key, earlier row), or (None, rows that were all new)
        self._buckets: dict[bytes, list[bytes]] = {}  # keys by prefix
        self._unsorted: set[bytes] = set()  # prefixes whose bucket has grown since it was sorted
        self._ordered_count = 0

    def copy(self) -> WriteSet:
        """The writes as they stand now, without a way back."""
        other = WriteSet()
        if self.rows:
            other.put_all(dict(self.rows))
        return other

    def put(self, key: bytes, row: Row | None) -> None:
        """Writes a row, or None for a delete."""
        rows = self.rows
        self.undo.append((key, rows.get(key, _ABSENT)))
        rows[key] = row

    def put_all(self, new: Mapping[bytes, Row | None]) -> None:
        """Writes many rows; the mapping must not change afterwards."""
        rows = self.rows
        if rows and not rows.keys().isdisjoint(new.keys()):
            for key, row in new.items():
                self.put(key, row)
        else:
            self.undo.append((None, new))
            rows.update(new)

    def fit_rows(self, prefix: bytes, layout: Layout, kept: int) -> None:
        """Gives the rows under a prefix the columns of a new layout, which has the first `kept` ones of theirs.

        There is no way back but by another call.
        """
        layout.fit_rows(self.rows, prefix, kept)

    def undo_to(self, length: int) -> None:
        """Takes back every write after the first `length` entries of the undo log."""
        undo = self.undo
        if len(undo) <= length:
            return
        rows = self.rows
        while len(undo) > length:
            key, earlier = undo.pop()
            if key is None:
                for each in earlier:
                    del rows[each]
            elif earlier is _ABSENT:
                del rows[key]
            else:
                rows[key] = earlier
        if self._ordered_count > length:
            self._buckets = {}
            self._unsorted = set()
            self._ordered_count = 0

    def range(self, low: bytes, high: bytes | None) -> list[tuple[bytes, Row | None]]:
        """The writes with low <= key < high, in order, as they stand now."""
        rows = self.rows
        if not rows:
            return []
        if self._ordered_count != len(self.undo):
            self._order()
        prefix_low = low[:PREFIX_LENGTH]
        found: list[tuple[bytes, Row | None]] = []
        for prefix in sorted(p for p in self._buckets if p >= prefix_low and (high is None or p < high)):
            keys = self._buckets[prefix]
            if prefix in self._unsorted:
                keys.sort()
                self._unsorted.discard(prefix)
            start = bisect_left(keys, low)
            end = len(keys) if high is None else bisect_left(keys, high, start)
            found += [(key, rows[key]) for key in keys[start:end]]
        return found

    def touches(self, low: bytes, high: bytes | None) -> bool:
        """Whether any key with low <= key < high has been written."""
        if not self.rows:
            return False
        if self._ordered_count != len(self.undo):
            self._order()
        prefix = low[:PREFIX_LENGTH]
        keys = self._buckets.get(prefix)
        if keys is not None:
            if prefix in self._unsorted:
                keys.sort()
                self._unsorted.discard(prefix)
            place = bisect_left(keys, low)
            if place < len(keys) and (high is None or keys[place] < high):
                return True
        return any(prefix < other and (high is None or other < high) for other in self._buckets)

    def _order(self) -> None:
        buckets = self._buckets
        unsorted = self._unsorted
        for key, earlier in self.undo[self._ordered_count :]:
            for new in (key,) if key is not None else earlier:
                if key is not None and earlier is not _ABSENT:
                    continue
                prefix = new[:PREFIX_LENGTH]
                bucket = buckets.get(prefix)
                if bucket is None:
                    buckets[prefix] = [new]
                else:
                    bucket.append(new)
                unsorted.add(prefix)
        self._ordered_count = len(self.undo)

"""RowReader: the rows of an opened row group, one by key or a span of them as of a timestamp.

The plain body asks segments for their values; the compiled one (_rowread.pyx) reads where they lie. Rows are built as
the caller wants them in one pass, because a scan spends its time in making objects.

Which version of a key is to be seen shows beside it: timestamps descend within a key, so a version is seen if it is old
enough and the one before it is of another key or too new.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, Final

from datacave_core.compiled import compiled
from datacave_core.values import Row
from datacave_lsm.format.encodings import ColumnSegment
from datacave_lsm.format.keys import KeySegment

EVERY: Final = 2**63 - 1
"""As a timestamp: every version of the group is old enough, so that nobody has to look."""


class PlainRowReader:
    """The segments of a group.

    `columns` is the group's own list: whoever asks for values has opened what they lie in. Of a span start .. stop, the
    flag `hidden` says that the group before ends with a version that is seen of this group's first key. `missing` are
    the values of columns behind the stored ones.
    """

    __slots__ = ("_columns", "_keys", "_operations", "_timestamps")

    def __init__(self, keys: KeySegment, columns: list[ColumnSegment | None]) -> None:
        self._keys = keys
        self._columns = columns
        self._timestamps: ColumnSegment | None = None
        self._operations: ColumnSegment | None = None

    def attach(self, timestamps: ColumnSegment, operations: ColumnSegment | None) -> None:
        """Gives what tells versions apart; `operations` is None where the group has no tombstone.

        Needed by `get`, by spans with a timestamp that is not EVERY, and by spans of groups with tombstones.
        """
        self._timestamps = timestamps
        self._operations = operations

    def get(self, key: bytes, timestamp: int) -> tuple[int, Row | None] | None:
        """The newest version of the key at or before the timestamp: its timestamp, and its row or None (deleted)."""
        keys, timestamps = self._keys, self._timestamps
        assert timestamps is not None
        position = keys.find(key)
        if position < 0:
            return None
        stamp: int = timestamps.value_at(position)
        if stamp > timestamp:
            low, end = position + 1, keys.first_after(key, position)
            high = end
            while low < high:
                middle = (low + high) // 2
                if timestamps.value_at(middle) > timestamp:
                    low = middle + 1
                else:
                    high = middle
            if low == end:
                return None
            position, stamp = low, timestamps.value_at(low)
        if self._operations is not None and self._operations.value_at(position):
            return stamp, None
        return stamp, tuple([self._column(number).value_at(position) for number in range(len(self._columns))])

    def first_at_least(self, key: bytes) -> int:
        """The position of the first key >= `key`; the count of rows if there is none."""
        return self._keys.first_at_least(key)

    def repeats(self) -> bytes | None:
        """For each row 1 if the row before has its key, else 0; None if no key comes twice."""
        keys = self._keys.keys()
        flags = bytes([False, *(key == before for key, before in zip(keys[1:], keys, strict=False))])
        return flags if any(flags) else None

    def pairs(
        self, start: int, stop: int, timestamp: int, hidden: bool, missing: tuple[Any, ...]
    ) -> list[tuple[bytes, Row]]:
        """The rows of a span that are seen at the timestamp, with their keys."""
        keys, rows = self.stretch(start, stop, timestamp, hidden, missing)
        return [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]

    def stretch(
        self, start: int, stop: int, timestamp: int, hidden: bool, missing: tuple[Any, ...]
    ) -> tuple[list[bytes], list[Row | None]]:
        """Keys of a span that have a version at the timestamp, and these versions: rows, None where it deletes."""
        keys, rows = self._keys.keys(start, stop), self._rows(start, stop, None, missing)
        shown = self._shown(start, stop, timestamp, hidden)
        return list(compress(keys, shown)), list(compress(rows, shown))

    def rows(
        self,
        start: int,
        stop: int,
        timestamp: int,
        hidden: bool,
        columns: Sequence[int] | None,
        missing: tuple[Any, ...],
        places: bool,
    ) -> list[Row | None]:
        """The rows of a span that are seen, with all columns or some; with `places` None stands for the others."""
        rows = self._rows(start, stop, columns, missing)
        shown = self._shown(start, stop, timestamp, hidden)
        if places:
            return [row if seen else None for row, seen in zip(rows, shown, strict=True)]
        return [row for row, seen in zip(rows, shown, strict=True) if seen and row is not None]

    def _column(self, number: int) -> ColumnSegment:
        segment = self._columns[number]
        assert segment is not None
        return segment

    def _rows(self, start: int, stop: int, columns: Sequence[int] | None, missing: tuple[Any, ...]) -> list[Row | None]:
        """Rows whether they are seen or not; None for a tombstone."""
        stored = len(self._columns)
        lists = [
            self._column(number).values(start, stop) if number < stored else [missing[number - stored]] * (stop - start)
            for number in (range(stored + len(missing)) if columns is None else columns)
        ]
        rows: list[Row | None] = list(zip(*lists, strict=True)) if lists else [()] * (stop - start)
        if self._operations is not None:
            for place, operation in enumerate(self._operations.values(start, stop)):
                if operation:
                    rows[place] = None
        return rows

    def _shown(self, start: int, stop: int, timestamp: int, hidden: bool) -> list[bool]:
        """Whether the version of each row is the one to see of its key."""
        first = max(start - 1, 0)
        keys = self._keys.keys(first, stop)
        if timestamp == EVERY:
            old = [True] * len(keys)
        else:
            assert self._timestamps is not None
            old = [stamp <= timestamp for stamp in self._timestamps.values(first, stop)]
        shown = [
            old[at] and not (keys[at] == keys[at - 1] and old[at - 1]) if at else old[0] and not hidden
            for at in range(len(keys))
        ]
        return shown[start - first :]


RowReader = compiled("datacave_lsm.table._rowread", "RowReader", PlainRowReader, 1)
"""The fastest body there is."""

"""PointReader: one key looked up in an opened row group.

The plain body asks segments for their values one by one; the compiled one (_pointread.pyx) reads where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.compiled import compiled
from datacave_core.values import Row
from datacave_lsm.format.encodings import ColumnSegment
from datacave_lsm.format.keys import KeySegment


class PlainPointReader:
    """The segments of a group, all opened; `operations` is None where the group has no tombstone."""

    __slots__ = ("_columns", "_keys", "_operations", "_timestamps")

    def __init__(
        self,
        keys: KeySegment,
        timestamps: ColumnSegment,
        operations: ColumnSegment | None,
        columns: Sequence[ColumnSegment],
    ) -> None:
        self._keys = keys
        self._timestamps = timestamps
        self._operations = operations
        self._columns = columns

    def get(self, key: bytes, timestamp: int) -> tuple[int, Row | None] | None:
        """The newest version of the key at or before the timestamp: its timestamp, and its row or None (deleted)."""
        keys = self._keys
        position = keys.find(key)
        if position < 0:
            return None
        timestamps = self._timestamps
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
        return stamp, tuple([segment.value_at(position) for segment in self._columns])


PointReader = compiled("datacave_lsm.table._pointread", "PointReader", PlainPointReader, 1)
"""The fastest body there is."""

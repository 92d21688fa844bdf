"""Matching: which rows of one frame have the join key of which rows of another.

Integer keys are matched by arrays: a table by value where the values lie close together, else a sorted array; several
of them are packed into one number where that fits. Other keys go through a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datacave_sql.vectors.vector import Mask, Places, Vector

Integers: TypeAlias = NDArray[np.int64]

DENSE_SPREAD = 8
"""A table by value is used while it has at most this many places per key."""


class Matches:
    """For each probe row the build rows with its key: `counts` of them, from `starts` on in `order`."""

    __slots__ = ("counts", "order", "starts")

    def __init__(self, counts: Integers, starts: Integers, order: Places) -> None:
        self.counts = counts
        self.starts = starts
        self.order = order

    def pairs(self) -> tuple[Places, Places]:
        """(probe row, build row) of every match."""
        counts = self.counts
        if not len(counts) or int(counts.max()) <= 1:
            probe = np.flatnonzero(counts)
            return probe, self.order[self.starts[probe]]
        total = int(counts.sum())
        probe = np.repeat(np.arange(len(counts)), counts)
        before = np.cumsum(counts) - counts
        within = np.arange(total) - np.repeat(before, counts)
        return probe, self.order[np.repeat(self.starts, counts) + within]


class IntegerTable:
    """Build rows by integer keys. `usable` is False where the keys do not fit into one integer."""

    def __init__(self, keys: Sequence[Vector]) -> None:
        self.usable = all(not isinstance(key.values, list) for key in keys)
        if not self.usable:
            return
        present = _present(keys)
        places = np.flatnonzero(present) if present is not None else None
        columns = [np.asarray(key.values, np.int64) for key in keys]
        if places is not None:
            columns = [column[places] for column in columns]
        self._bounds = [(int(column.min()), int(column.max())) if len(column) else (0, 0) for column in columns]
        span = 1
        for low, high in self._bounds:
            span *= high - low + 1
        if span >= 1 << 62:
            self.usable = False
            return
        packed = self._pack(columns)
        order = np.argsort(packed, kind="stable")
        self._sorted = packed[order]
        self._order = order if places is None else places[order]
        self._by_value: tuple[Integers, Integers] | None = None
        if span <= DENSE_SPREAD * len(packed) + 1024:
            counts = np.bincount(packed, minlength=span)
            self._by_value = counts, np.cumsum(counts) - counts

    def __len__(self) -> int:
        return len(self._sorted)

    def _pack(self, columns: Sequence[Integers]) -> Integers:
        packed = columns[0] - self._bounds[0][0]
        for column, (low, high) in zip(columns[1:], self._bounds[1:], strict=True):
            packed = packed * (high - low + 1) + (column - low)
        return packed

    def probe(self, keys: Sequence[Vector]) -> Matches:
        """The matches of probe rows."""
        columns = [np.asarray(key.values, np.int64) for key in keys]
        valid: Mask | None = _present(keys)
        for column, (low, high) in zip(columns, self._bounds, strict=True):
            inside = (column >= low) & (column <= high)
            valid = inside if valid is None else valid & inside
        assert valid is not None
        if not valid.all():
            columns = [np.where(valid, column, low) for column, (low, _) in zip(columns, self._bounds, strict=True)]
        packed = self._pack(columns)
        if self._by_value is not None:
            all_counts, all_starts = self._by_value
            counts, starts = all_counts[packed], all_starts[packed]
        else:
            starts = np.searchsorted(self._sorted, packed, "left")
            counts = np.searchsorted(self._sorted, packed, "right") - starts
        if len(self._sorted) == 0:
            counts = np.zeros(len(packed), np.int64)
        return Matches(np.where(valid, counts, 0), starts, self._order)


class ValueTable:
    """Build rows by keys of any type, given as lists of what compares as the SQL values do; None matches nothing."""

    def __init__(self, keys: list[Any]) -> None:
        table: dict[Any, list[int]] = {}
        for place, key in enumerate(keys):
            if key is not None:
                table.setdefault(key, []).append(place)
        self._numbers = {key: number for number, key in enumerate(table)}
        lengths = np.fromiter(map(len, table.values()), np.int64, len(table))
        self._counts = np.append(lengths, 0)
        self._starts = np.append(np.cumsum(lengths) - lengths, 0)
        self._order = np.fromiter(
            (place for places in table.values() for place in places), np.int64, int(lengths.sum())
        )

    def __len__(self) -> int:
        return len(self._order)

    def probe(self, keys: list[Any]) -> Matches:
        """The matches of probe rows."""
        missing = len(self._numbers)
        get = self._numbers.get
        numbers = np.fromiter((get(key, missing) for key in keys), np.int64, len(keys))
        return Matches(self._counts[numbers], self._starts[numbers], self._order)


def _present(keys: Sequence[Vector]) -> Mask | None:
    """Rows none of whose keys is NULL; None for all."""
    present: Mask | None = None
    for key in keys:
        if key.nulls is not None:
            present = ~key.nulls if present is None else present & ~key.nulls
    return present

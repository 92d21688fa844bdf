"""Row scans: the live rows of a range in key order, as (key, row) pairs or as rows alone.

Whoever does not ask for keys does not pay for them: the rows of the deepest level, which holds most of them, are taken
group by group as columns. What newer sources hold is put in its place: a few rows by searching the group for each of
their keys, many by a merge.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.values import Row
from datacave_lsm.iterators.columns import own_mask
from datacave_lsm.iterators.merge import descending_right, merge
from datacave_lsm.iterators.sources import FIRST_ROWS, GROWTH, Sources, Stretch
from datacave_lsm.table import Group
from datacave_lsm.version import TableHandle

SPAN_ROWS_MAX = 8192
KNOWN_ROWS_MIN = 1024
FEW = 8
"""Rows of newer sources are put in one by one if the span has at least this many times as many rows."""


def scan_pairs(
    sources: Sources, low: bytes, high: bytes | None, timestamp: int, reverse: bool, batch_rows: int
) -> Iterator[list[tuple[bytes, Row]]]:
    """Batches of at most `batch_rows` live rows; the first ones are shorter, so that a limited scan stops early."""
    layers = _layers(sources, low, high, timestamp)
    newer = sources.stretches(low, high, timestamp, reverse=reverse, handles=layers[:-1])
    if not newer:
        found = _alone(sources, layers, low, high, timestamp, reverse)
    else:
        found = merge(sources.stretches(low, high, timestamp, reverse=reverse, handles=layers), reverse=reverse)
    for keys, rows in found:
        pairs: list[tuple[bytes, Row]]
        if None in rows:
            pairs = [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]
        else:
            pairs = list(zip(keys, rows, strict=True))  # type: ignore[arg-type]  # no row is None
        if len(pairs) <= batch_rows:
            if pairs:
                yield pairs
            continue
        for start in range(0, len(pairs), batch_rows):
            yield pairs[start : start + batch_rows]


def scan_rows(
    sources: Sources,
    low: bytes,
    high: bytes | None,
    timestamp: int,
    columns: Sequence[int] | None,
    reverse: bool,
    batch_rows: int,
) -> Iterator[list[Row]]:
    """The same without keys, and with some columns only if `columns` names them."""
    spans = _spans(sources, low, high, timestamp, columns, reverse)
    for found in spans:
        rows: list[Row] = [row for row in found if row is not None] if None in found else found  # type: ignore[assignment]
        if len(rows) <= batch_rows:
            if rows:
                yield rows
            continue
        for start in range(0, len(rows), batch_rows):
            yield rows[start : start + batch_rows]


def _spans(
    sources: Sources, low: bytes, high: bytes | None, timestamp: int, columns: Sequence[int] | None, reverse: bool
) -> Iterator[list[Row | None]]:
    """Rows in order; None for what is not there."""
    layers = _layers(sources, low, high, timestamp)
    newer = sources.stretches(low, high, timestamp, reverse=reverse, handles=layers[:-1])
    fresh = _Fresh(merge(newer, reverse=reverse), columns, reverse) if newer else None
    if layers:
        base = _Base(sources, low, high, timestamp, columns, reverse)
        for handle in reversed(layers[-1]) if reverse else layers[-1]:
            yield from base.rows(handle, fresh)
    if fresh is not None:
        yield from fresh.rest()


def _layers(sources: Sources, low: bytes, high: bytes | None, timestamp: int) -> list[list[TableHandle]]:
    """The files with anything to see, newest first."""
    layers = []
    for handles in sources.view.sources(low, high):
        chosen = [handle for handle in handles if handle.min_timestamp <= timestamp]
        if chosen:
            layers.append(chosen)
    return layers


def _alone(
    sources: Sources, layers: list[list[TableHandle]], low: bytes, high: bytes | None, timestamp: int, reverse: bool
) -> Iterator[Stretch]:
    """Keys and rows of one layer, which nothing hides."""
    if layers:
        base = _Base(sources, low, high, timestamp, None, reverse)
        for handle in reversed(layers[0]) if reverse else layers[0]:
            yield from base.stretches(handle)


class _Fresh:
    """What newer sources hold, in the scan's order; `last` is the key that was taken last."""

    __slots__ = ("_columns", "_keys", "_rows", "_start", "_stretches", "last", "reverse")

    def __init__(self, stretches: Iterator[Stretch], columns: Sequence[int] | None, reverse: bool) -> None:
        self._stretches = stretches
        self._columns = columns
        self.reverse = reverse
        self._keys: list[bytes] = []
        self._rows: list[Row | None] = []
        self._start = 0
        self.last: bytes | None = None
        self._advance()

    def _advance(self) -> bool:
        stretch = next(self._stretches, None)
        self._start = 0
        if stretch is None:
            self._keys, self._rows = [], []
            return False
        self._keys, rows = stretch
        self._rows = rows if self._columns is None else _projected(rows, self._columns)
        return True

    def take(self, bound: bytes) -> list[tuple[bytes, Row | None]]:
        """Everything up to a key, which included."""
        taken: list[tuple[bytes, Row | None]] = []
        search = descending_right if self.reverse else bisect_right
        while self._start < len(self._keys):
            keys, start = self._keys, self._start
            stop = search(keys, bound, start)
            if start < stop:
                taken += zip(keys[start:stop], self._rows[start:stop], strict=True)
                self._start = stop
            if stop < len(keys) or not self._advance():
                break
        if taken:
            self.last = taken[-1][0]
        return taken

    def rest(self) -> Iterator[list[Row | None]]:
        """What is left."""
        while self._start < len(self._keys):
            yield self._rows[self._start :]
            self._advance()


class _Base:
    """Reads the files of the oldest source span by span."""

    __slots__ = ("_columns", "_high", "_low", "_reverse", "_size", "_sources", "_timestamp")

    def __init__(
        self,
        sources: Sources,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        columns: Sequence[int] | None,
        reverse: bool,
    ) -> None:
        self._sources = sources
        self._low = low
        self._high = high
        self._timestamp = timestamp
        self._columns = columns
        self._reverse = reverse
        self._size = FIRST_ROWS

    def rows(self, handle: TableHandle, fresh: _Fresh | None) -> Iterator[list[Row | None]]:
        """The rows of one file, with what is newer in its place."""
        low, high, reverse = self._low, self._high, self._reverse
        before: Group | None = None  # the group before this one, if that is at hand
        for group in handle.reader.groups(low, high, reverse=reverse, cached=True):
            start, end = group.span(low, high)
            mask = own_mask(handle, group, before, self._timestamp)
            before = None if reverse else group
            layout = self._sources.layout_of(group.first_key[:PREFIX_LENGTH])
            while start < end:
                size = self._size
                if reverse:
                    begin, stop = max(start, end - size), end
                    end = begin
                else:
                    begin, stop = start, min(start + size, end)
                    start = stop
                self._size = min(size * GROWTH, SPAN_ROWS_MAX)
                rows, shown = self._decoded(group, begin, stop, mask, layout)
                if fresh is not None:
                    if shown is not None:
                        rows = [row if visible else None for row, visible in zip(rows, shown, strict=True)]
                    rows = self._with_fresh(group, begin, stop, rows, fresh)
                elif shown is not None:
                    rows = list(compress(rows, shown))
                if reverse:
                    rows.reverse()
                yield rows

    def stretches(self, handle: TableHandle) -> Iterator[Stretch]:
        """Keys and rows of one file."""
        low, high, reverse, timestamp = self._low, self._high, self._reverse, self._timestamp
        before: Group | None = None
        last = b""
        for group in handle.reader.groups(low, high, reverse=reverse, cached=True):
            start, end = group.span(low, high)
            layout = self._sources.layout_of(group.first_key[:PREFIX_LENGTH])
            plain = not reverse and group.max_timestamp <= timestamp
            while start < end:
                size = self._size
                begin, stop = (max(start, end - size), end) if reverse else (start, min(start + size, end))
                self._size = min(size * GROWTH, SPAN_ROWS_MAX)
                keys = group.keys(begin, stop)
                # In a short span it is cheaper to see that no key comes twice than to find out for the whole group.
                distinct = plain and size < KNOWN_ROWS_MIN and keys[0] != last and len(set(keys)) == len(keys)
                mask = None if distinct else own_mask(handle, group, before, timestamp)
                rows, shown = self._decoded(group, begin, stop, mask, layout)
                # Also a key that is not shown counts: older versions of a deleted one may follow in the next group.
                last = keys[-1]
                if shown is not None:
                    keys, rows = list(compress(keys, shown)), list(compress(rows, shown))
                if reverse:
                    end = begin
                    keys.reverse()
                    rows.reverse()
                else:
                    start = stop
                    plain = plain and shown is None
                if keys:
                    yield keys, rows
            before = None if reverse else group

    def _decoded(
        self, group: Group, start: int, stop: int, mask: NDArray[np.bool_] | None, layout: Layout | None
    ) -> tuple[list[Row | None], list[bool] | None]:
        """The rows of a span, and which of them are to be seen, or None for all of them."""
        rows: list[Row | None] = list(group.rows(self._columns, layout, start, stop))
        shown = None if mask is None else mask[start:stop]
        if group.tombstone_count:
            live = group.operations(start, stop) == 0
            shown = live if shown is None else shown & live
        if shown is None or shown.all():
            return rows, None
        flags: list[bool] = shown.tolist()
        return rows, flags

    def _with_fresh(
        self, group: Group, start: int, stop: int, rows: list[Row | None], fresh: _Fresh
    ) -> list[Row | None]:
        """The rows of a span (ascending) with those that newer sources hold in place of them and between them."""
        segment = group.key_segment()
        seen = fresh.last
        at_edge = group.first_key if self._reverse else group.last_key
        edge = start if self._reverse else stop - 1
        if 0 < edge < group.row_count - 1:
            at_edge = segment.keys(edge, edge + 1)[0]
        due = fresh.take(at_edge)
        if seen is not None:
            # The versions of one key may lie on both sides of a border between spans.
            first, after = group.span(seen, seen + b"\0")
            for place in range(max(first, start), min(after, stop)):
                rows[place - start] = None
        if not due:
            return rows
        if self._reverse:
            due.reverse()
        if len(due) * FEW > stop - start:
            newest: dict[bytes, Row | None] = {}
            for key, row in zip(segment.keys(start, stop), rows, strict=True):
                # Of the versions of a key one at most is left.
                if row is not None or key not in newest:
                    newest[key] = row
            newest.update(due)
            return [newest[key] for key in sorted(newest)]
        added: list[tuple[int, Row]] = []
        for key, row in due:
            first, after = group.span(key, key + b"\0")
            first, after = max(first, start), min(after, stop)
            if first < after:
                for place in range(first, after):
                    rows[place - start] = None
                rows[first - start] = row
            elif row is not None:
                added.append((min(max(first, start), stop) - start, row))
        for place, row in reversed(added):
            rows.insert(place, row)
        return rows


def _projected(rows: list[Row | None], columns: Sequence[int]) -> list[Row | None]:
    if not columns:
        return [None if row is None else () for row in rows]
    if len(columns) == 1:
        number = columns[0]
        return [None if row is None else (row[number],) for row in rows]
    choose = itemgetter(*columns)
    return [None if row is None else choose(row) for row in rows]

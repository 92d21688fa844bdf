"""Row scans: the live rows of a range in key order, as (key, row) pairs or as rows alone.

Whoever does not ask for keys does not pay for them: the rows of the deepest level, which holds most of them, are taken
span by span. What newer sources hold is put in its place: a few rows by searching the group for each of their keys,
many by a merge.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter

from datacave_core.layout import PREFIX_LENGTH
from datacave_core.values import Row
from datacave_lsm.iterators.merge import descending_right, merge
from datacave_lsm.iterators.sources import Sources, Stretch, spans, table_stretches
from datacave_lsm.table import Group

FEW = 8
"""Rows of newer sources are put in one by one if the span has at least this many times as many rows."""


def scan_pairs(
    sources: Sources, low: bytes, high: bytes | None, timestamp: int, reverse: bool, batch_rows: int
) -> Iterator[list[tuple[bytes, Row]]]:
    """Batches of at most `batch_rows` live rows; the first ones are shorter, so that a limited scan stops early."""
    layers = sources.layers(low, high, timestamp)
    newer = sources.stretches(low, high, timestamp, layers[:-1], reverse=reverse)
    if newer:
        newer += [table_stretches(layer, low, high, timestamp, sources.layout_of, reverse) for layer in layers[-1:]]
        yield from _merged_pairs(merge(newer, reverse=reverse), batch_rows)
        return
    for layer in layers:
        for group, start, stop, hidden in spans(layer, low, high, timestamp, reverse, batch_rows):
            layout = sources.layout_of(group.first_key[:PREFIX_LENGTH])
            pairs = group.visible_pairs(start, stop, timestamp, hidden, layout)
            if reverse:
                pairs.reverse()
            if pairs:
                yield pairs


def _merged_pairs(merged: Iterator[Stretch], batch_rows: int) -> Iterator[list[tuple[bytes, Row]]]:
    for keys, rows in merged:
        pairs = [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]
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
    layers = sources.layers(low, high, timestamp)
    newer = sources.stretches(low, high, timestamp, layers[:-1], reverse=reverse)
    fresh = _Fresh(merge(newer, reverse=reverse), columns, reverse) if newer else None
    rows: list[Row]
    for layer in layers[-1:]:
        for group, start, stop, hidden in spans(layer, low, high, timestamp, reverse, batch_rows):
            layout = sources.layout_of(group.first_key[:PREFIX_LENGTH])
            found = group.visible_rows(start, stop, timestamp, hidden, layout, columns, fresh is not None)
            if fresh is not None:
                found = [row for row in _with_fresh(group, start, stop, found, fresh) if row is not None]
            rows = found  # type: ignore[assignment]  # no row is None
            if reverse:
                rows.reverse()
            if len(rows) <= batch_rows:
                if rows:
                    yield rows
                continue
            for first in range(0, len(rows), batch_rows):
                yield rows[first : first + batch_rows]
    if fresh is not None:
        for found in fresh.rest():
            rows = [row for row in found if row is not None]
            for first in range(0, len(rows), batch_rows):
                yield rows[first : first + batch_rows]


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


def _with_fresh(group: Group, start: int, stop: int, rows: list[Row | None], fresh: _Fresh) -> list[Row | None]:
    """The rows of a span (ascending) with those that newer sources hold in place of them and between them."""
    segment = group.key_segment()
    seen = fresh.last
    edge = start if fresh.reverse else stop - 1
    due = fresh.take(segment.keys(edge, edge + 1)[0])
    if seen is not None:
        # The versions of one key may lie on both sides of a border between spans.
        first, after = group.span(seen, seen + b"\0")
        for place in range(max(first, start), min(after, stop)):
            rows[place - start] = None
    if not due:
        return rows
    if fresh.reverse:
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

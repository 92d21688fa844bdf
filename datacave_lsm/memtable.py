"""Memtable: the newest writes, before they reach a table file.

A dictionary from key to the newest version serves point reads; versions of one key are chained, newest first, as cells
(timestamp, row, older cell or None). Order is paid for by scans and flushes only: new keys gather in an unsorted tail,
which a scan sorts into a run; runs are merged like the digits of a counter, so that a key is moved a few times at most
and a scan meets few runs.

Invariants: timestamps descend along a chain; a run never changes once made, so that a scan keeps the runs it began
with; a frozen memtable gets no more writes.
Not here: durability (wal/), visibility, flushing (flush.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from datacave_core.layout import Layout
from datacave_core.values import Row

Cell: TypeAlias = tuple[int, Row | None, Any]
"""Timestamp, row (None: tombstone), older cell or None."""

CELL_BYTES = 320
"""Estimated memory of a version beside its encoded length: cell, row tuple, key, dictionary entry."""

TAIL_KEYS_MAX = 4096
"""Unsorted keys that become a run of their own during writes; sorting them takes about a millisecond."""

RUN_KEYS_MAX = 65536
"""Runs of this size are not merged further: the merge would hold up the loop."""

RUN_RATIO = 4

GROWTH = 4
"""By what the chunks of one scan grow: a short range pays for few keys, a long one for few chunks."""

CHUNK_KEYS_MAX = 2048


class Memtable:
    """Versions by key. `log_number` is the first log segment that holds any of them, `readers` counts open scans."""

    __slots__ = ("_runs", "_tail", "bytes_used", "cells", "log_number", "max_timestamp", "readers", "version_count")

    def __init__(self, log_number: int) -> None:
        self.cells: dict[bytes, Cell] = {}
        self.log_number = log_number
        self.bytes_used = 0
        self.version_count = 0
        self.max_timestamp = 0
        self.readers = 0
        self._tail: list[bytes] = []
        self._runs: list[list[bytes]] = []

    def apply(self, timestamp: int, writes: Mapping[bytes, Row | None], encoded_bytes: int) -> None:
        """Adds the versions of one commit; `timestamp` is above every earlier one."""
        cells = self.cells
        get = cells.get
        tail = self._tail
        for key, row in writes.items():
            older = get(key)
            if older is None:
                tail.append(key)
            cells[key] = (timestamp, row, older)
        self.max_timestamp = timestamp
        self.version_count += len(writes)
        self.bytes_used += encoded_bytes + CELL_BYTES * len(writes)
        if len(tail) >= TAIL_KEYS_MAX:
            self._settle()

    def get(self, key: bytes, timestamp: int) -> Cell | None:
        """The newest version at or before the timestamp."""
        cell = self.cells.get(key)
        while cell is not None and cell[0] > timestamp:
            cell = cell[2]
        return cell

    def key_chunks(
        self, low: bytes | None, high: bytes | None, chunk_keys: int, *, reverse: bool = False
    ) -> Iterator[list[bytes]]:
        """The keys of this moment with low <= key < high in order, in chunks that begin with `chunk_keys` and grow."""
        if self._tail:
            self._settle()
        spans = []
        for run in self._runs:
            start = 0 if low is None else bisect_left(run, low)
            stop = len(run) if high is None else bisect_left(run, high, start)
            if start < stop:
                spans.append((run, start, stop))
        if not spans:
            return iter(())
        if len(spans) == 1:
            return _slices(*spans[0], chunk_keys, reverse)
        return _merge_backward(spans, chunk_keys) if reverse else _merge_forward(spans, chunk_keys)

    def complete_rows(self, prefix: bytes, layout: Layout) -> None:
        """Lengthens the rows under a prefix to the columns that were added."""
        cells = self.cells
        columns = layout.columns
        for key in [key for key in cells if key.startswith(prefix)]:
            chain = []
            cell: Cell | None = cells[key]
            while cell is not None:
                chain.append(cell)
                cell = cell[2]
            for timestamp, row, _ in reversed(chain):
                if row is not None and len(row) < len(columns):
                    row += tuple([column.missing for column in columns[len(row) :]])
                cell = (timestamp, row, cell)
            assert cell is not None
            cells[key] = cell

    def dismantle(self) -> Iterator[None]:
        """Frees the memory bit by bit, because freeing it at once holds up the loop; for a memtable without readers."""
        cells, runs = self.cells, self._runs
        pop = cells.popitem
        while cells:
            for _ in range(min(TAIL_KEYS_MAX, len(cells))):
                pop()
            yield
        while runs:
            runs.pop()
            yield

    def _settle(self) -> None:
        """Makes a run of the tail and merges it with smaller neighbours."""
        run = sorted(self._tail)
        self._tail.clear()
        # A new list: iterators hold the one they began with.
        runs = list(self._runs)
        while runs and len(runs[-1]) < RUN_RATIO * len(run) and len(runs[-1]) + len(run) <= RUN_KEYS_MAX:
            older = runs.pop()
            if older[-1] < run[0]:
                run = older + run
            else:
                run = older + run
                run.sort()  # two ascending runs: one linear merge
        runs.append(run)
        self._runs = runs


def _slices(run: list[bytes], start: int, stop: int, chunk_keys: int, reverse: bool) -> Iterator[list[bytes]]:
    if reverse:
        while start < stop:
            from_ = max(start, stop - chunk_keys)
            yield run[from_:stop][::-1]
            stop = from_
            chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)
    else:
        while start < stop:
            yield run[start : min(start + chunk_keys, stop)]
            start += chunk_keys
            chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)


def _merge_forward(spans: list[tuple[list[bytes], int, int]], chunk_keys: int) -> Iterator[list[bytes]]:
    """Per chunk, every run gives its keys up to a pivot that no run has left behind; sorting joins them."""
    while spans:
        share = max(1, chunk_keys // len(spans))
        pivot = min(run[min(start + share, stop) - 1] for run, start, stop in spans)
        chunk: list[bytes] = []
        rest = []
        for run, start, stop in spans:
            end = bisect_left(run, pivot, start, min(start + share, stop))
            if end < stop and run[end] == pivot:
                end += 1
            chunk += run[start:end]
            if end < stop:
                rest.append((run, end, stop))
        chunk.sort()
        yield chunk
        spans = rest
        chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)


def _merge_backward(spans: list[tuple[list[bytes], int, int]], chunk_keys: int) -> Iterator[list[bytes]]:
    while spans:
        share = max(1, chunk_keys // len(spans))
        pivot = max(run[max(stop - share, start)] for run, start, stop in spans)
        chunk: list[bytes] = []
        rest = []
        for run, start, stop in spans:
            begin = bisect_left(run, pivot, start, stop)
            chunk += run[begin:stop]
            if start < begin:
                rest.append((run, start, begin))
        chunk.sort(reverse=True)
        yield chunk
        spans = rest
        chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)

"""Memtable: the newest writes, before they reach a table file.

A dictionary from key to the newest version serves point reads; versions of one key are chained, newest first, as cells
(timestamp, row, older cell or None). Order is paid for by scans and flushes only (key_order.py).

Invariants: timestamps descend along a chain; a frozen memtable gets no more writes.
Not here: durability (wal/), visibility, flushing (flush.py), commits too big for a memtable (batch.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from datacave_core.compiled import compiled
from datacave_core.keycode import prefix_end
from datacave_core.layout import Layout
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_lsm.key_order import TAIL_KEYS_MAX, KeyOrder
from datacave_lsm.retention import Retention

Cell: TypeAlias = tuple[int, Row | None, Any]
"""Timestamp, row (None: tombstone), older cell or None."""

CELL_BYTES = 320
"""Estimated memory of a version beside its encoded length: cell, row tuple, key, dictionary entry."""


def plain_insert(cells: dict[bytes, Cell], writes: dict[bytes, Row | None], timestamp: int, tail: list[bytes]) -> None:
    """Puts a version of each row in front of its key's cells; new keys are added to `tail`."""
    get = cells.get
    for key, row in writes.items():
        older = get(key)
        if older is None:
            tail.append(key)
        cells[key] = (timestamp, row, older)


def plain_gather(cells: dict[bytes, Cell], keys: list[bytes]) -> tuple[list[int], list[Row | None], bool]:
    """The newest timestamps and rows of keys that are there, and whether none of them has an older version."""
    found = [cells[key] for key in keys]
    return [cell[0] for cell in found], [cell[1] for cell in found], all(cell[2] is None for cell in found)


def plain_unfold(
    cells: dict[bytes, Cell], keys: list[bytes], snapshots: tuple[int, ...]
) -> tuple[list[bytes], list[int], list[Row | None]]:
    """The versions of keys that a Retention's snapshots leave, newest first within a key."""
    kept_keys: list[bytes] = []
    kept_timestamps: list[int] = []
    kept_rows: list[Row | None] = []
    horizon = snapshots[-1]
    for key in keys:
        cell: Cell | None = cells[key]
        newer_bucket = -1
        while cell is not None:
            timestamp, row, cell = cell
            if timestamp <= horizon:
                bucket = bisect_left(snapshots, timestamp)
                if bucket == newer_bucket:
                    continue
                newer_bucket = bucket
            kept_keys.append(key)
            kept_timestamps.append(timestamp)
            kept_rows.append(row)
    return kept_keys, kept_timestamps, kept_rows


insert = compiled("datacave_lsm._memtable", "insert", plain_insert, 1)
gather = compiled("datacave_lsm._memtable", "gather", plain_gather, 1)
unfold = compiled("datacave_lsm._memtable", "unfold", plain_unfold, 1)


class Memtable:
    """Versions by key. `log_number` is the first log segment that holds any of them, `readers` counts open scans."""

    __slots__ = ("bytes_used", "cells", "find", "log_number", "max_timestamp", "order", "readers", "version_count")

    is_batch = False

    def __init__(self, log_number: int) -> None:
        self.cells: dict[bytes, Cell] = {}
        self.find = self.cells.get
        """The newest cell of a key, or None."""
        self.log_number = log_number
        self.bytes_used = 0
        self.version_count = 0
        self.max_timestamp = 0
        self.readers = 0
        self.order = KeyOrder()

    def __len__(self) -> int:
        return len(self.cells)

    def apply(self, timestamp: int, writes: dict[bytes, Row | None], encoded_bytes: int) -> None:
        """Adds the versions of one commit; `timestamp` is above every earlier one."""
        tail = self.order.tail
        insert(self.cells, writes, timestamp, tail)
        self.max_timestamp = timestamp
        self.version_count += len(writes)
        self.bytes_used += encoded_bytes + CELL_BYTES * len(writes)
        if len(tail) >= TAIL_KEYS_MAX:
            self.order.settle()

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
        return self.order.chunks(low, high, chunk_keys, reverse=reverse)

    def visible(self, keys: list[bytes], timestamp: int) -> tuple[list[bytes], list[Row | None]]:
        """Those of some keys that have a version at or before the timestamp, and the newest such rows."""
        cells = self.cells
        if self.max_timestamp <= timestamp:
            return keys, gather(cells, keys)[1]
        found: list[bytes] = []
        rows: list[Row | None] = []
        for key in keys:
            cell: Cell | None = cells[key]
            while cell is not None and cell[0] > timestamp:
                cell = cell[2]
            if cell is not None:
                found.append(key)
                rows.append(cell[1])
        return found, rows

    def newest_of(self, keys: list[bytes]) -> int:
        """The newest timestamp of some of its keys."""
        cells = self.cells
        return max([cells[key][0] for key in keys])

    def kept(self, keys: list[bytes], retention: Retention) -> tuple[list[bytes], Sequence[int], Sequence[Row | None]]:
        """The versions of some of its keys that still have a reader, newest first within a key, as columns."""
        timestamps, rows, single = gather(self.cells, keys)
        if single:
            return keys, timestamps, rows
        return unfold(self.cells, keys, retention.snapshots)

    def fit_rows(self, prefix: bytes, layout: Layout, kept: int) -> Steps[None]:
        """Gives the rows under a prefix the columns of a new layout, which has the first `kept` ones of theirs, bit by
        bit."""
        cells = self.cells
        for keys in self.key_chunks(prefix, prefix_end(prefix), TAIL_KEYS_MAX):
            for key in keys:
                cell = cells.get(key)  # none: it has been flushed meanwhile
                if cell is not None and cell[2] is None:
                    if cell[1] is not None:
                        cells[key] = (cell[0], layout.fit(cell[1], kept), None)
                elif cell is not None:
                    chain = []
                    while cell is not None:
                        chain.append(cell)
                        cell = cell[2]
                    for timestamp, row, _ in reversed(chain):
                        cell = (timestamp, None if row is None else layout.fit(row, kept), cell)
                    assert cell is not None
                    cells[key] = cell
            yield TURN

    def dismantle(self) -> Iterator[None]:
        """Frees the memory bit by bit, because freeing it at once holds up the loop; for a memtable without readers."""
        cells = self.cells
        pop = cells.popitem
        while cells:
            for _ in range(min(TAIL_KEYS_MAX, len(cells))):
                pop()
            yield
        yield from self.order.dismantle()

"""Batch: a commit of many rows that is prepared in slices and then takes effect at once.

    Engine.prepare -> parts to the log, keys put in order -> Engine.commit -> one short entry in the log

The parts stand in the log under the batch's number; without the entry that names number and timestamp recovery forgets
them. A batch that would fill a good part of a memtable becomes a frozen memtable of its own, in which no row moves: all
its versions have one timestamp, so that the dictionary the rows came in serves the reads.

Invariants: `rows` has one version per key and does not change, but for rows that get other columns; before its commit
nobody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from datacave_core.keycode import prefix_end
from datacave_core.layout import Layout
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_lsm.key_order import TAIL_KEYS_MAX, KeyOrder
from datacave_lsm.memtable import CELL_BYTES, Cell
from datacave_lsm.retention import Retention

UNKNOWN = 2**63 - 1
"""The timestamp of a batch before its commit."""


class Batch:
    """The rows of one commit; has the methods of a Memtable. `number` is never used twice within a log."""

    __slots__ = ("_given_up", "bytes_used", "log_number", "max_timestamp", "number", "order", "readers", "rows")

    is_batch = True

    def __init__(
        self, rows: dict[bytes, Row | None], number: int, log_number: int, given_up: Callable[[Batch], None]
    ) -> None:
        self._given_up = given_up
        self.rows = rows
        self.number = number
        self.log_number = log_number
        self.bytes_used = 0
        self.max_timestamp = UNKNOWN
        self.readers = 0
        self.order = KeyOrder()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def version_count(self) -> int:
        """Versions: one per key."""
        return len(self.rows)

    def give_up(self) -> None:
        """Prepared: forgets the batch; does nothing once it is committed."""
        self._given_up(self)

    def add(self, keys: Iterable[bytes], encoded_bytes: int) -> None:
        """Takes note of keys whose rows are in the log."""
        tail = self.order.tail
        before = len(tail)
        tail += keys
        self.bytes_used += encoded_bytes + CELL_BYTES * (len(tail) - before)
        if len(tail) >= TAIL_KEYS_MAX:
            self.order.settle()

    def find(self, key: bytes) -> Cell | None:
        """The only cell of a key, or None."""
        rows = self.rows
        return (self.max_timestamp, rows[key], None) if key in rows else None

    def key_chunks(
        self, low: bytes | None, high: bytes | None, chunk_keys: int, *, reverse: bool = False
    ) -> Iterator[list[bytes]]:
        """The keys with low <= key < high in order, in chunks that begin with `chunk_keys` and grow."""
        return self.order.chunks(low, high, chunk_keys, reverse=reverse)

    def visible(self, keys: list[bytes], timestamp: int) -> tuple[list[bytes], list[Row | None]]:
        """All of them, or none before the commit."""
        if self.max_timestamp > timestamp:
            return [], []
        return keys, list(map(self.rows.__getitem__, keys))

    def newest_of(self, keys: list[bytes]) -> int:
        """The timestamp of the commit."""
        return self.max_timestamp

    def kept(self, keys: list[bytes], retention: Retention) -> tuple[list[bytes], Sequence[int], Sequence[Row | None]]:
        """The versions of some of its keys, as columns."""
        return keys, [self.max_timestamp] * len(keys), list(map(self.rows.__getitem__, keys))

    def fit_rows(self, prefix: bytes, layout: Layout, kept: int) -> Steps[None]:
        """Gives the rows under a prefix the columns of a new layout, bit by bit; at once while it is prepared, for the
        parts that are still to come into the log stand behind the new layout there."""
        rows = self.rows
        if self.max_timestamp == UNKNOWN:
            layout.fit_rows(rows, prefix, kept)
            return
        for keys in self.key_chunks(prefix, prefix_end(prefix), TAIL_KEYS_MAX):
            for key in keys:
                row = rows.get(key)  # none: a delete, or it has been flushed meanwhile
                if row is not None:
                    rows[key] = layout.fit(row, kept)
            yield TURN

    def dismantle(self) -> Iterator[None]:
        """Frees the memory bit by bit, because freeing it at once holds up the loop; for a batch without readers."""
        pop = self.rows.popitem
        while self.rows:
            for _ in range(min(TAIL_KEYS_MAX, len(self.rows))):
                pop()
            yield
        yield from self.order.dismantle()

# cython: language_level=3, annotation_typing=False
"""SharedState: what the transactions of one node share: the store, the locks, durability, prepared transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, SnapshotTooOld
from datacave_core.layout import RAW_LAYOUT, Layout
from datacave_core.moments import moment_text
from datacave_core.ports import Clock, Commit, Store
from datacave_core.transaction.dependencies import Dependencies
from datacave_core.transaction.durability import DurabilityQueue
from datacave_core.transaction.lock_table import LockTable
from datacave_core.transaction.modes import TableLockMode
from datacave_core.transaction.moves import Moves
from datacave_core.transaction.prepared import PreparedTransaction, prepared_in
from datacave_core.transaction.table_locks import TableLocks
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait


class SharedState:
    """What the transactions of one node share."""

    __slots__ = (
        "_layouts",
        "_next_number",
        "active",
        "clock",
        "dependencies",
        "durability",
        "locks",
        "moves",
        "prepared",
        "store",
        "table_locks",
    )

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.locks = LockTable(clock.now_microseconds)
        self.moves = Moves()
        self.table_locks = TableLocks(self.locks)
        self.durability = DurabilityQueue(store)
        self.dependencies = Dependencies(store)
        self.active: set[Any] = set()
        self._layouts: dict[bytes, Layout] = {}
        self._next_number = 1
        self.prepared: dict[str, PreparedTransaction] = {}
        """Prepared transactions by the name they were given."""
        for each in prepared_in(store):
            self._adopt(each)

    def _adopt(self, prepared: PreparedTransaction) -> None:
        """Takes over a transaction that was prepared before a restart, with its locks."""
        self.prepared[prepared.gid] = prepared
        owner = prepared.owner
        self._next_number = max(self._next_number, prepared.number + 1)
        owner.transaction_number = prepared.number
        if prepared.serial is not None:
            self.dependencies.restore(prepared.serial)
        for key, mode in prepared.row_locks:
            self.locks.acquire(owner, key, mode)
        for key, mode in prepared.advisory_locks:
            self.locks.acquire_unlisted(owner, key, mode)
            owner.transaction_advisory.append((key, mode))
        for table_oid, modes in prepared.table_locks:
            for mode in TableLockMode:
                if modes & mode:
                    self.table_locks.acquire(owner, table_oid, int(mode))

    def finish_prepared(
        self, prepared: PreparedTransaction, *, commit: bool, instead: Mapping[bytes, Row | None] | None = None
    ) -> Commit:
        """Commits a prepared transaction, or rolls it back; `release_prepared` is due then. Raises DiskFull,
        StorageStopped. `instead` are rows that are to be written instead of its own."""
        writes: dict[bytes, Row | None] = {**prepared.writes, **(instead or {})} if commit else {}
        writes[prepared.key] = None
        done = self.write_now(writes)
        del self.prepared[prepared.gid]
        if commit and prepared.moved:
            self.tell_moves(prepared.moved, done.timestamp, others=bool(self.active))
        if prepared.serial is not None:
            if commit:
                self.dependencies.committed(prepared.serial, done.timestamp)
            else:
                self.dependencies.rolled_back(prepared.serial)
        return done

    def release_prepared(self, prepared: PreparedTransaction) -> None:
        """Releases the locks of a prepared transaction that has ended."""
        self.locks.release_all(prepared.owner)
        self.table_locks.release(prepared.owner)

    def tell_moves(self, moved: Sequence[tuple[bytes, bytes]], timestamp: int, *, others: bool) -> None:
        """Remembers the moves of a commit for whoever still sees the old keys; `others` says whether any transaction
        but that of the commit is under way, which may also need what was told before."""
        moves = self.moves
        if not others and moves.newest <= self.store.visible_timestamp:
            moves.forget()
        moves.add(moved, timestamp)

    def set_layout(self, prefix: bytes, layout: Layout) -> None:
        """Registers a layout with the store and for scans that merge own writes."""
        self._layouts[prefix] = layout
        self.store.set_layout(prefix, layout)

    def evolve_layout(self, prefix: bytes, layout: Layout) -> Steps[None]:
        """The same in slices, while nobody else reads or writes columns that come or go."""
        self._layouts[prefix] = layout
        yield from self.store.evolve_layout(prefix, layout)

    def layout_of(self, prefix: bytes) -> Layout:
        """The layout registered for a prefix."""
        return self._layouts.get(prefix, RAW_LAYOUT)

    def write_now(self, writes: Mapping[bytes, Row | None], *, wait_durable: bool = True) -> Commit:
        """Commits rows outside any transaction: values of sequences, statistics."""
        commit = self.store.commit(writes, wait_durable=wait_durable)
        self.durability.add(commit)
        return commit

    def durable_wait(self, timestamp: int) -> Wait | None:
        """What to wait for before a client may see effects of commits up to a timestamp; None if nothing."""
        return self.durability.wait_for(timestamp)

    def check_past(self, timestamp: int) -> None:
        """Raises 22023 for a timestamp in the future."""
        if timestamp > self.store.visible_timestamp and timestamp > self.clock.now_microseconds():
            raise DatacaveError(
                f"{moment_text(timestamp)} lies in the future", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )

    def check_kept(self, timestamp: int, key: bytes) -> None:
        """Raises 72000 for a timestamp before the retention of the table of a key."""
        if not self.store.is_readable(timestamp, key):
            raise SnapshotTooOld(timestamp, self.store.oldest_readable(key))

    def take_number(self) -> int:
        """The next transaction number (txid_current)."""
        number = self._next_number
        self._next_number = number + 1
        return number

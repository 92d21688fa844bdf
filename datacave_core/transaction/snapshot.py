# cython: language_level=3, annotation_typing=False
"""TransactionSnapshot: what a transaction sees: its level, the moment it reads at, how long that is kept, which of its
own writes are read, and past moments.

READ COMMITTED    a new snapshot for every statement
REPEATABLE READ   one for all, from the first statement on
SERIALIZABLE      the same, known to `Dependencies`; a read-only one for which nothing can go wrong is left alone
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, SerializationFailure
from datacave_core.keycode import key_successor
from datacave_core.ports import Store
from datacave_core.transaction.isolation import Isolation
from datacave_core.transaction.lock_table import LockOwner
from datacave_core.transaction.moves import ELSEWHERE
from datacave_core.transaction.serial import SerialTransaction
from datacave_core.transaction.shared import SharedState
from datacave_core.transaction.tracked import TrackedWriteSet
from datacave_core.transaction.write_set import WriteSet
from datacave_core.values import Row
from datacave_core.wait import Steps, wait_for

_NEVER: Final[Any] = object()


class TransactionSnapshot:
    """The part of a Transaction (which fills in the fields) that is about moments."""

    __slots__ = (
        "_past_pins",
        "_readable",
        "_serial",
        "_snapshot_fixed",
        "_store",
        "_unpin",
        "_writes",
        "deferrable",
        "isolation",
        "manager",
        "must_be_durable_before_rows",
        "owner",
        "read_only",
        "snapshot",
    )

    manager: SharedState
    owner: LockOwner
    isolation: Isolation
    read_only: bool
    deferrable: bool
    snapshot: int
    """The timestamp that the present statement reads at; 0 before the first statement."""
    must_be_durable_before_rows: int
    """Rows may be shown to the client once commits up to this timestamp are durable (manager.durable_wait)."""
    _store: Store
    _snapshot_fixed: bool
    _unpin: Callable[[], None] | None
    _past_pins: dict[int, Callable[[], None]]
    _serial: SerialTransaction | None  # from the snapshot on, if SERIALIZABLE
    _writes: WriteSet
    _readable: WriteSet  # what reads show of them

    def change(
        self, isolation: Isolation | None = None, read_only: bool | None = None, deferrable: bool | None = None
    ) -> None:
        """SET TRANSACTION. Raises 25001 when it comes too late."""
        if isolation is not None and isolation is not self.isolation:
            if self.snapshot:
                raise DatacaveError(
                    "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                    sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
                )
            self.isolation = isolation
        if read_only is not None and read_only != self.read_only:
            if not read_only and self.snapshot:
                raise DatacaveError(
                    "transaction read-write mode must be set before any query",
                    sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
                )
            self.read_only = read_only
        if deferrable is not None and deferrable != self.deferrable:
            if self.snapshot:
                raise DatacaveError(
                    "SET TRANSACTION [NOT] DEFERRABLE must be called before any query",
                    sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION,
                )
            self.deferrable = deferrable

    def statement_snapshot(self) -> int:
        """Called at the start of every statement: the timestamp it reads at."""
        self._readable = self._writes
        if self._snapshot_fixed:
            return self.snapshot
        if self._unpin is not None:
            self._unpin()
            self._unpin = None
        snapshot = self._store.visible_timestamp
        own = self.owner.last_commit_timestamp
        if own > snapshot:
            # The session goes on before its last commit is on disk (pipelining), and must see it all the same.
            snapshot = own
            if own > self.must_be_durable_before_rows:
                self.must_be_durable_before_rows = own
        if self.must_be_durable_before_rows > snapshot:
            # Nor does it see less than an earlier statement did, which has met newer rows.
            snapshot = self.must_be_durable_before_rows
        self.snapshot = snapshot
        if self.isolation is not Isolation.READ_COMMITTED:
            self._snapshot_fixed = True
            self._unpin = self._store.pin(snapshot)
            if self.isolation is Isolation.SERIALIZABLE:
                self._track()
        return snapshot

    def enter_statement(self) -> tuple[int, WriteSet]:
        """Begins a statement inside another one: it reads what is committed and written now. Gives what
        `leave_statement` needs, so that the one outside goes on reading what it read before."""
        outside = (self.snapshot, self._readable)
        self._readable = self._writes
        if not self._snapshot_fixed:
            self.snapshot = max(self._store.visible_timestamp, self.snapshot)
        return outside

    def leave_statement(self, outside: tuple[int, WriteSet]) -> tuple[int, WriteSet]:
        """Goes back to the reads of the statement outside; gives those of the one that is left, to return to them."""
        inside = (self.snapshot, self._readable)
        self.snapshot, self._readable = outside
        return inside

    def freeze_reads(self) -> bool:
        """From here to `thaw_reads`, or the next statement, own writes to come are not read: reads show the moment at
        which the statement began. False if that was so already."""
        if self._readable is not self._writes:
            return False
        self._readable = self._writes.copy()
        return True

    def thaw_reads(self) -> None:
        """Ends `freeze_reads`."""
        self._readable = self._writes

    def written_since_freeze(self, key: bytes) -> bool:
        """Whether the statement that has frozen its reads has written the key."""
        frozen, now = self._readable.rows, self._writes.rows
        return frozen is not now and frozen.get(key, _NEVER) is not now.get(key, _NEVER)

    def show_after(self, timestamp: int) -> None:
        """Lets rows be shown to the client only once commits up to a timestamp are durable."""
        if timestamp > self._store.visible_timestamp and timestamp > self.must_be_durable_before_rows:
            self.must_be_durable_before_rows = timestamp

    def place_of(self, key: bytes) -> bytes | None:
        """Where the row is by now that the snapshot shows under a key, whatever others have done to it since: the same
        key, the one it has got instead, or None if it has been deleted (even if another row has that key now).

        Raises SerializationFailure for a row that has gone to another partition.
        """
        store, snapshot = self._store, self.snapshot
        newest = store.newest_timestamp
        if newest <= snapshot or key in self._writes.rows:
            return key
        version = store.get_version(key, newest)
        if version is None or version.timestamp <= snapshot:
            return key
        place = self.manager.moves.follow(key, snapshot)
        if place == ELSEWHERE:
            raise SerializationFailure(
                "tuple to be locked was already moved to another partition due to concurrent update"
            )
        return place if place != key or version.row is not None else None

    # What was there before the newest rows, for checks that go by those. None of it counts as a read.

    def scan_shown(self, low: bytes, high: bytes | None, *, reverse: bool = False) -> Iterator[list[tuple[bytes, Row]]]:
        """The rows of a range that the snapshot shows, without own writes; nothing if no others have come since."""
        if self._store.newest_timestamp <= self.snapshot:
            return iter(())
        return self._store.scan(low, high, self.snapshot, reverse=reverse)

    def rows_since(self, low: bytes, high: bytes | None) -> Iterator[tuple[bytes, Row]]:
        """The rows that others have committed in a range since the snapshot, replaced and deleted ones included."""
        newest = self._store.newest_timestamp
        if newest > self.snapshot:
            for key, version in self._store.history(low, high, self.snapshot, newest):
                if version.row is not None:
                    yield key, version.row

    def rows_before(self, key: bytes) -> Iterator[Row]:
        """The row that the snapshot shows under a key and those that it has been since, if others have changed it."""
        store, snapshot = self._store, self.snapshot
        version = None if key in self._writes.rows else store.get_version(key, store.newest_timestamp)
        if version is not None and version.timestamp > snapshot:
            shown = store.get(key, snapshot)
            if shown is not None:
                yield shown
            for _, row in self.rows_since(key, key_successor(key)):
                yield row

    def come_after(self) -> None:
        """Called when a row that `scan_shown`, `rows_since` or `rows_before` gives would have stopped it, but is gone.

        Raises SerializationFailure at SERIALIZABLE if it comes before others who committed first, now or later on.
        """
        if self._serial is not None:
            self.manager.dependencies.comes_after(self._serial)

    def _track(self) -> None:
        """From here on reads and writes are compared with those of others; not those at a safe snapshot."""
        dependencies = self.manager.dependencies
        serial = dependencies.begin(self.snapshot, self.read_only)
        if serial.safe:
            dependencies.rolled_back(serial)
            return
        self._serial = serial
        if not self.read_only:
            self._writes = self._readable = TrackedWriteSet(dependencies, serial, self._writes)

    @property
    def serial(self) -> SerialTransaction | None:
        """What is known of its reads, from the snapshot on, if it is SERIALIZABLE and not safe."""
        return self._serial

    @property
    def keeps_snapshot(self) -> bool:
        """Whether later statements read at the present snapshot too."""
        return self._snapshot_fixed

    @property
    def waits_for_safety(self) -> bool:
        """Whether `safe_snapshot` comes before the first statement."""
        return (
            self.deferrable and self.read_only and self.isolation is Isolation.SERIALIZABLE and not self._snapshot_fixed
        )

    def safe_snapshot(self) -> Steps[None]:
        """Takes a snapshot at which nobody can notice a read-only transaction, waiting for one (DEFERRABLE)."""
        dependencies = self.manager.dependencies
        while self.waits_for_safety:
            self.statement_snapshot()
            serial = self._serial
            if serial is None:
                return
            while (wait := dependencies.safety(serial)) is not None:
                yield from wait_for(wait)
            dependencies.rolled_back(serial)
            self._serial = None
            if not serial.safe:
                self._snapshot_fixed = False
                durable = self.manager.durable_wait(self._store.newest_timestamp)
                if durable is not None:
                    yield from wait_for(durable)

    def read_as_of(self, timestamp: int) -> None:
        """Makes the transaction read-only at a past timestamp (microseconds since 1970), before its first statement.

        Raises what `check_past` raises.
        """
        self.manager.check_past(timestamp)
        self.read_only = True
        self.snapshot = timestamp
        self._snapshot_fixed = True
        self._unpin = self._store.pin(timestamp)

    def read_at(self, timestamp: int) -> None:
        """Takes over the snapshot of another transaction that is still running, before the first statement."""
        self.snapshot = timestamp
        self._snapshot_fixed = True
        self._unpin = self._store.pin(timestamp)
        if self.isolation is Isolation.SERIALIZABLE:
            self._track()

    def keep_snapshot(self) -> None:
        """Keeps the versions of the present snapshot until the next one or the end, for others to take it over."""
        self._pin_snapshot()

    def read_past(self, timestamp: int) -> None:
        """Announces reads at a past timestamp: its versions are kept until the transaction ends.

        Raises what `check_past` raises.
        """
        if timestamp in self._past_pins:
            return
        self.manager.check_past(timestamp)
        self._past_pins[timestamp] = self._store.pin(timestamp)
        newest = min(timestamp, self._store.newest_timestamp)
        if newest > self._store.visible_timestamp and newest > self.must_be_durable_before_rows:
            self.must_be_durable_before_rows = newest

    def kept_span(self, key: bytes) -> tuple[int, int]:
        """The earliest timestamp whose versions of the table of a key are all kept, and the present snapshot."""
        return self._store.oldest_readable(key), self.snapshot

    def _pin_snapshot(self) -> None:
        # A scan may last longer than old versions are kept; a single get of a statement in flight does not.
        if self._unpin is None:
            self._unpin = self._store.pin(self.snapshot)

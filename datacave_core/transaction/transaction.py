# cython: language_level=3, annotation_typing=False
"""Transaction: one client transaction over any Store, with PostgreSQL's isolation levels.

    READ COMMITTED    every statement reads a new snapshot; a writer locks the row, then reads its newest version
    REPEATABLE READ   one snapshot; who finds a row changed since then fails with 40001 (first updater wins)
    SERIALIZABLE      the same, and reads and writes are compared with those of others (dependencies.py)

Order of a row write: `lock` (and wait), `check_write`, `get_latest_version`, decide, `put`. Uniqueness: `lock` the key
of the unique index in mode UPDATE, then `get_latest_version`.
Invariants: nothing reaches the store before `commit`; locks are held until the commit is in the log (not until it is
on disk: who reads such a row through `get_latest_version` owes its client the wait, see
`must_be_durable_before_rows`); no method blocks, whoever has to wait gets a Wait.
A scan shows the own writes as they stood when it was opened; `get` shows them as they stand.
Not here: sessions, statements, catalogs, sequences' values (they do not roll back).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, SerializationFailure
from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.ports import Commit, Load, Prepared, Version
from datacave_core.rowbatch import BATCH_ROWS, ColumnBatch, rows_of
from datacave_core.transaction.isolation import SKIPPED, Isolation, WaitPolicy
from datacave_core.transaction.loads import Insert, Loads
from datacave_core.transaction.lock_table import LockOwner
from datacave_core.transaction.merge import merge_columns, merge_rows
from datacave_core.transaction.prepared import PreparedTransaction
from datacave_core.transaction.serial import SerialTransaction
from datacave_core.transaction.shared import SharedState
from datacave_core.transaction.snapshot import TransactionSnapshot
from datacave_core.transaction.tracked import tracked_scan
from datacave_core.transaction.write_set import WriteSet
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait, wait_for

NEWEST = 2**63 - 1
"""A timestamp above every commit."""

PREPARED_ROWS_MIN = 4096
"""Rows from which on a commit is prepared: at once it would hold up other sessions for too long."""

Mark: TypeAlias = tuple[int, int, int, int, int, int]
"""A point to roll back to: lengths of the undo log, of the lists of row, advisory and table locks, of the hooks, and of
the moves."""


class Transaction(TransactionSnapshot):
    """One transaction. Ends with `commit` or `rollback`; every other method is for before that."""

    __slots__ = (
        "_lock_table",
        "_prepared",
        "before_commit",
        "ended",
        "loads",
        "moved",
        "number",
        "start_microseconds",
    )

    def __init__(
        self, manager: SharedState, isolation: Isolation, read_only: bool, deferrable: bool, owner: LockOwner
    ) -> None:
        self.manager = manager
        self._store = manager.store
        self._lock_table = manager.locks
        self.isolation = isolation
        self.read_only = read_only
        self.deferrable = deferrable
        self.owner = owner
        self.number = owner.transaction_number = manager.take_number()
        self.start_microseconds = manager.clock.now_microseconds()
        self.snapshot = 0
        self.must_be_durable_before_rows = 0
        self.before_commit: list[Callable[[], Steps[None]]] = []
        """Deferred checks, run by `prepare_commit`; savepoints take back those that were added later."""
        self.ended = False
        self._snapshot_fixed = False
        self._unpin = None
        self._serial = None
        self._writes = self._readable = WriteSet()
        self._past_pins = {}
        self._prepared: tuple[int, Prepared] | None = None  # for the first so many writes
        self.loads: Loads | None = None
        self.moved: list[tuple[bytes, bytes]] = []
        """Old and new keys of rows that have got another key; the same key twice where another row has got it."""
        manager.active.add(self)

    def history(self, low: bytes, high: bytes | None, until: int) -> Iterator[tuple[bytes, Version]]:
        """All kept versions of committed rows with low <= key < high up to a timestamp, by key, newest first."""
        if self._serial is not None:
            self.manager.dependencies.read_range(self._serial, [low, high])
        return self._store.history(low, high, 0, until)

    # Reading

    def get(self, key: bytes) -> Row | None:
        """The row of a key: the own write, else what the present snapshot holds."""
        rows = self._readable.rows
        if rows and key in rows:
            return rows[key]
        if self._serial is not None:
            self.manager.dependencies.read_key(self._serial, key)
        return self._store.get(key, self.snapshot)

    def get_at(self, key: bytes, timestamp: int) -> Row | None:
        """The committed row of a key at a past timestamp."""
        return self._store.get(key, timestamp)

    def version_number(self, key: bytes) -> int:
        """What tells the version of a row that `get` gives from its other versions: its commit timestamp, or the
        number of this transaction."""
        if key in self._readable.rows:
            return self.number
        version = self._store.get_version(key, self.snapshot)
        return 0 if version is None else version.timestamp

    def get_latest_version(self, key: bytes) -> Version | None:
        """The newest version of a key, the own write (with a timestamp of NEWEST) first; None if there never was one.

        For keys the caller has locked: the answer then stays true until the transaction ends.
        """
        rows = self._writes.rows
        if rows and key in rows:
            return Version(NEWEST, rows[key])
        store = self._store
        version = store.get_version(key, store.newest_timestamp)
        if version is not None:
            timestamp = version.timestamp
            if timestamp > store.visible_timestamp and timestamp > self.must_be_durable_before_rows:
                self.must_be_durable_before_rows = timestamp
        return version

    def get_latest(self, key: bytes) -> Row | None:
        """The row of `get_latest_version`; None for a tombstone."""
        version = self.get_latest_version(key)
        return version.row if version is not None else None

    def scan(
        self,
        low: bytes,
        high: bytes | None,
        reverse: bool = False,
        batch_rows: int = BATCH_ROWS,
        timestamp: int | None = None,
    ) -> Iterator[list[tuple[bytes, Row]]]:
        """Live rows with low <= key < high in key order, in batches of about `batch_rows`, none empty.

        With `timestamp`, the committed rows of that past moment.
        """
        if timestamp is not None:
            return self._store.scan(low, high, timestamp, reverse=reverse, batch_rows=batch_rows)
        self._pin_snapshot()
        batches = self._store.scan(low, high, self.snapshot, reverse=reverse, batch_rows=batch_rows)
        if self._serial is not None:
            batches = tracked_scan(self.manager.dependencies, self._serial, batches, low, high, reverse)
        writes = self._readable
        if writes.rows:
            own = writes.range(low, high)
            if own:
                return merge_rows(batches, own, reverse, batch_rows)
        return batches

    def scan_rows(
        self,
        low: bytes,
        high: bytes | None,
        columns: Sequence[int] | None = None,
        reverse: bool = False,
        batch_rows: int = BATCH_ROWS,
        timestamp: int | None = None,
    ) -> Iterator[list[Row]]:
        """The rows of `scan` without keys, a multiple as fast; with the named columns only, if any are named."""
        store = self._store
        if timestamp is not None:
            return store.scan_rows(low, high, timestamp, columns, reverse=reverse, batch_rows=batch_rows)
        if self._serial is None and not (self._readable.rows and self._readable.range(low, high)):
            self._pin_snapshot()
            return store.scan_rows(low, high, self.snapshot, columns, reverse=reverse, batch_rows=batch_rows)
        return (rows_of(batch, columns) for batch in self.scan(low, high, reverse, batch_rows))

    def scan_columns(
        self,
        low: bytes,
        high: bytes | None,
        columns: Sequence[int],
        with_keys: bool = False,
        timestamp: int | None = None,
    ) -> Iterator[ColumnBatch]:
        """Live rows of a range under one prefix as column vectors, batches in any order."""
        if timestamp is not None:
            return self._store.scan_columns(low, high, timestamp, columns, with_keys=with_keys)
        self._pin_snapshot()
        if self._serial is not None:
            self.manager.dependencies.read_range(self._serial, [low, high])
        writes = self._readable
        if writes.rows:
            own = writes.range(low, high)
            if own:
                batches = self._store.scan_columns(low, high, self.snapshot, columns, with_keys=True)
                return merge_columns(batches, own, self.manager.layout_of(low[:PREFIX_LENGTH]), columns, with_keys)
        return self._store.scan_columns(low, high, self.snapshot, columns, with_keys=with_keys)

    def scan_newest(self, low: bytes, high: bytes | None, reverse: bool = False) -> Iterator[list[tuple[bytes, Row]]]:
        """Like `scan`, of the newest rows whatever the snapshot shows, all own writes included."""
        batches = self._store.scan(low, high, max(self._store.newest_timestamp, self.snapshot), reverse=reverse)
        own = self._writes.range(low, high)
        return merge_rows(batches, own, reverse, BATCH_ROWS) if own else batches

    # Locks

    def lock(self, key: bytes, mode: int, policy: WaitPolicy = WaitPolicy.BLOCK, relation: str = "") -> Wait | None:
        """Locks a row until the transaction ends: None when granted, else what to wait for; then it is granted.

        `mode` is one of KEY_SHARE, SHARE, NO_KEY_UPDATE, UPDATE. With SKIP_LOCKED the answer may be
        SKIPPED. Raises DeadlockDetected; 55P03 with NOWAIT, naming `relation`.
        """
        if policy is WaitPolicy.BLOCK:
            return self._lock_table.acquire(self.owner, key, mode)
        if self._lock_table.try_acquire(self.owner, key, mode):
            return None
        if policy is WaitPolicy.SKIP_LOCKED:
            return SKIPPED
        raise DatacaveError(
            f'could not obtain lock on row in relation "{relation}"', sqlstate=sqlstate.LOCK_NOT_AVAILABLE
        )

    def could_lock(self, key: bytes, mode: int) -> bool:
        """Whether a lock would be granted at once: for KEY_SHARE, whether nobody is about to take the row away."""
        return self._lock_table.is_free(self.owner, key, mode)

    def lock_at_once(self, key: bytes, mode: int) -> bool:
        """Locks a row if nobody else holds or wants it; False, with nothing changed, if somebody does."""
        return self._lock_table.acquire_at_once(self.owner, key, mode)

    def lock_table_at_once(self, table_oid: int, mode: int) -> bool:
        """Shares a table (in a weak mode) unless somebody wants it alone; False, with nothing changed, then."""
        return self.manager.table_locks.acquire_weak(self.owner, table_oid, mode)

    def lock_all(self, keys: Sequence[bytes], mode: int) -> Wait | None:
        """Locks keys in their order until one needs a wait; call again with the same keys after it."""
        owner = self.owner
        if self._lock_table.acquire_free(owner, keys, mode):
            return None
        acquire = self._lock_table.acquire
        for key in keys:
            wait = acquire(owner, key, mode)
            if wait is not None:
                return wait
        return None

    def lock_table(
        self, table_oid: int, mode: int, policy: WaitPolicy = WaitPolicy.BLOCK, relation: str = ""
    ) -> Wait | None:
        """Locks a table, in one of TableLockMode, until the transaction ends: None when granted, else what to wait for.

        Whoever has waited must look at the catalog again. Raises DeadlockDetected; 55P03 unless the policy is BLOCK.
        """
        table_locks = self.manager.table_locks
        if policy is not WaitPolicy.BLOCK and not table_locks.is_free(self.owner, table_oid, mode):
            raise DatacaveError(f'could not obtain lock on relation "{relation}"', sqlstate=sqlstate.LOCK_NOT_AVAILABLE)
        return table_locks.acquire(self.owner, table_oid, mode)

    def lock_tables(self, tables: Sequence[tuple[int, int]]) -> Wait | None:
        """Takes locks, as (oid, mode), until one needs a wait; call again after it, and after a look at the catalog."""
        held = self.owner.tables
        for table_oid, mode in tables:
            if not held.get(table_oid, 0) & mode:
                wait = self.manager.table_locks.acquire(self.owner, table_oid, mode)
                if wait is not None:
                    return wait
        return None

    def cancel_wait(self) -> None:
        """Gives up the lock that is being waited for (time-out, cancellation)."""
        self._lock_table.cancel_wait(self.owner)

    def check_write(self, key: bytes) -> None:
        """Called for a locked key before it is changed.

        Raises SerializationFailure at REPEATABLE READ and SERIALIZABLE if another transaction changed it since.
        """
        if self.isolation is Isolation.READ_COMMITTED:
            return
        store = self._store
        newest = store.newest_timestamp
        if newest <= self.snapshot or key in self._writes.rows:
            return
        version = store.get_version(key, newest)
        if version is not None and version.timestamp > self.snapshot:
            what = "delete" if self.place_of(key) is None else "update"
            raise SerializationFailure(f"could not serialize access due to concurrent {what}")

    def note_read(self, key: bytes) -> None:
        """A key whose newest version has decided what the transaction does, without being written.

        A SERIALIZABLE transaction that has learnt so of a version which its snapshot does not show cannot commit any
        more: it gets its error, as it does in PostgreSQL, but may not go on from a savepoint.
        """
        serial = self._serial
        if serial is None or key in self._writes.rows:
            return
        store = self._store
        version = store.get_version(key, store.newest_timestamp)
        if version is not None and version.timestamp > self.snapshot:
            self.manager.dependencies.learnt_too_much(serial)
        else:
            self.manager.dependencies.read_key(serial, key)

    def meet_readers(self, key: bytes) -> None:
        """Called for a key that somebody else has written, before the error: raises SerializationFailure instead if
        others have read that it was not there (SERIALIZABLE)."""
        if self._serial is not None:
            self.manager.dependencies.meet_readers(self._serial, key)

    def check_vacant(self, key: bytes, tombstone: Version) -> None:
        """Called for a locked key that has no row, before one is put there.

        Raises SerializationFailure where the snapshot of REPEATABLE READ and SERIALIZABLE shows one all the same: there
        would be two rows under one key then. At SERIALIZABLE also for a row that came and went since the snapshot:
        whoever put it there found the key vacant, and whatever else it wrote is not shown.
        """
        snapshot = self.snapshot
        if self.isolation is Isolation.READ_COMMITTED or not snapshot < tombstone.timestamp < NEWEST:
            return
        if self._serial is not None or self._store.get(key, snapshot) is not None:
            raise SerializationFailure("could not serialize access due to concurrent delete")

    # Writing

    def put(self, key: bytes, row: Row) -> None:
        """Writes a row."""
        self._writes.put(key, row)

    def put_all(self, rows: Mapping[bytes, Row | None]) -> None:
        """Writes many rows (None: deletes); the mapping must not change afterwards."""
        self._writes.put_all(rows)

    def add_load(self, load: Load, insert: Insert) -> None:
        """Lets a load take effect at the commit; `insert` inserts its rows one by one where that is not possible."""
        if self.loads is None:
            self.loads = Loads(self._store, self._lock_table, self.owner)
        self.loads.add(load, insert)

    def move(self, key: bytes, new_key: bytes, row: Row) -> None:
        """Writes a row under another key."""
        self._writes.put(key, None)
        self._writes.put(new_key, row)
        self.moved.append((key, new_key))

    def delete(self, key: bytes) -> None:
        """Deletes a row."""
        self._writes.put(key, None)

    def fit_rows(self, prefix: bytes, layout: Layout, kept: int) -> None:
        """Gives the rows that it has written under a prefix the columns of a new layout, of which they have `kept`."""
        self._writes.fit_rows(prefix, layout, kept)

    @property
    def writes(self) -> Mapping[bytes, Row | None]:
        """Everything written so far, None for deletes."""
        return self._writes.rows

    def savepoint(self) -> Mark:
        """A point to roll back to; costs as much as a tuple."""
        owner = self.owner
        return (
            len(self._writes.undo),
            len(owner.acquired),
            len(owner.transaction_advisory),
            len(owner.table_log),
            len(self.before_commit),
            len(self.moved),
        )

    def rollback_to(self, mark: Mark) -> None:
        """Takes back everything since the mark, locks and deferred checks included. The mark stays good.

        So are all loads: a mark is made when there are none.
        """
        undo, acquired, advisory, tables, hooks, moved = mark
        if self.loads is not None:
            self.loads.give_up()
        self._writes.undo_to(undo)
        self._lock_table.release_to(self.owner, acquired, advisory)
        if len(self.owner.table_log) > tables:
            self.manager.table_locks.release_to(self.owner, tables)
        del self.before_commit[hooks:]
        del self.moved[moved:]

    def release(self, mark: Mark) -> None:
        """Forgets a mark: what was done since belongs to the transaction (or an earlier mark) now."""

    # The end

    def run_deferred_checks(self) -> Steps[None]:
        """Runs the deferred checks, those they add included (SET CONSTRAINTS IMMEDIATE, COMMIT)."""
        hooks = self.before_commit
        done = 0
        while done < len(hooks):
            yield from hooks[done]()
            done += 1
        hooks.clear()

    @property
    def commits_at_once(self) -> bool:
        """Whether `prepare_commit` would have nothing to do."""
        rows = self._writes.rows
        return not (
            self.before_commit
            or self.loads
            or len(rows) >= PREPARED_ROWS_MIN
            or (rows and self._store.write_delay() is not None)
        )

    def prepare_commit(self) -> Steps[None]:
        """Runs the deferred checks, waits while the store has fallen behind, and prepares a big commit."""
        if self.before_commit:
            yield from self.run_deferred_checks()
        loads = self.loads
        if loads:
            for load in loads.finished():
                yield from load.finish()
        rows = self._writes.rows
        if rows:
            while (delay := self._store.write_delay()) is not None:
                yield from wait_for(delay)
            if len(rows) >= PREPARED_ROWS_MIN:
                prepared = yield from self._store.prepare(rows)
                self._prepared = (len(self._writes.undo), prepared)
        if loads and (yield from loads.settle(conflicts_only=True)):
            yield from self.prepare_commit()

    def commit(self, *, wait_durable: bool = True, keep_locks: bool = False) -> Commit | None:
        """Validates, writes and releases the locks (with `keep_locks`, `release_locks` does); None if nothing was
        written.

        The client may be answered when `durable` of the answer is done. On any error the transaction is rolled back;
        raises SerializationFailure, DiskFull, StorageStopped. `prepare_commit` comes first if there are deferred
        checks.
        """
        if self.ended:
            raise DatacaveError("the transaction has ended")
        rows, loads = self._writes.rows, self.loads.finished() if self.loads else ()
        serial, store = self._serial, self._store
        if serial is not None:
            self._check_serial(serial, loads)
        if not rows and not loads:
            if serial is not None:
                self.manager.dependencies.committed(serial, store.newest_timestamp)
            self._end()
            return None
        if self.before_commit:
            self._end()
            raise DatacaveError("deferred checks have not been run")
        prepared = None
        if self._prepared is not None and self._prepared[0] == len(self._writes.undo):
            prepared = self._prepared[1]
        try:
            commit = store.commit(rows, wait_durable=wait_durable, prepared=prepared, loads=loads)
        except BaseException:
            self._end()
            raise
        self.owner.last_commit_timestamp = commit.timestamp
        self.manager.durability.add(commit)
        if serial is not None:
            self.manager.dependencies.committed(serial, commit.timestamp)
        if self.moved:
            self.manager.tell_moves(self.moved, commit.timestamp, others=len(self.manager.active) > 1)
        if not keep_locks:
            self._end()
        return commit

    def release_locks(self) -> None:
        """What `commit` has left to do, if anything."""
        if not self.ended:
            self._end()

    def _check_serial(self, serial: SerialTransaction, loads: Sequence[Load]) -> None:
        dependencies = self.manager.dependencies
        try:
            for load in loads:
                if load.bounds is not None:
                    dependencies.write_between(serial, *load.bounds)
            dependencies.check_commit(serial)
        except SerializationFailure:
            self._end()
            raise

    def prepare(
        self, gid: str, role_oid: int, database_oid: int, restarts: Sequence[tuple[int, int]] = ()
    ) -> tuple[PreparedTransaction, Commit]:
        """The first phase of a two-phase commit, after `prepare_commit`: the transaction ends here, and lives on in
        `manager.prepared`, also after a restart. It is prepared when `durable` of the answer is done.

        Raises what `commit` raises, and is rolled back then.
        """
        manager, store, owner = self.manager, self._store, self.owner
        serial = self._serial
        if serial is not None:
            self._check_serial(serial, ())
        writes = dict(self._writes.rows)
        now = manager.clock.now_microseconds()
        prepared = PreparedTransaction(gid, self.number, now, role_oid, database_oid, serial, writes, [], [], [])
        prepared.moved, prepared.restarts = self.moved, list(restarts)
        prepared.owner.transaction_number = self.number
        prepared.row_locks = self._lock_table.transfer(owner, prepared.owner)
        prepared.table_locks = manager.table_locks.transfer(owner, prepared.owner)
        prepared.advisory_locks = list(prepared.owner.transaction_advisory)
        try:
            commit = store.commit({prepared.key: prepared.record()})
        except BaseException:
            self._lock_table.release_all(prepared.owner)
            manager.table_locks.release(prepared.owner)
            self._end()
            raise
        manager.durability.add(commit)
        manager.prepared[gid] = prepared
        if serial is not None:
            manager.dependencies.prepared(serial, commit.timestamp)
            self._serial = None
        self._end()
        return prepared, commit

    def rollback(self) -> None:
        """Takes everything back. Does nothing when the transaction has ended."""
        if not self.ended:
            self._end()

    def _end(self) -> None:
        self.ended = True
        owner = self.owner
        if self._serial is not None:
            self.manager.dependencies.rolled_back(self._serial)
        if self.loads:
            self.loads.give_up()
        if self._prepared is not None:
            self._prepared[1].give_up()
            self._prepared = None
            self._writes = WriteSet()  # the rows are the store's
        if owner.acquired or owner.waiting is not None or owner.transaction_advisory:
            self._lock_table.release_all(owner)
        if owner.tables:
            self.manager.table_locks.release(owner)
        if self._unpin is not None:
            self._unpin()
            self._unpin = None
        for unpin in self._past_pins.values():
            unpin()
        self.manager.active.discard(self)

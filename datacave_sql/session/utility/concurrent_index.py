"""CREATE INDEX CONCURRENTLY: an index is built while others write rows.

    1. the index is committed, not valid: from then on whoever writes rows writes its entries too
    2. transactions that had begun to write by then are waited for, as they know nothing of it
    3. the entries of the rows that are there are written, batch by batch
    4. the index becomes valid; transactions with older snapshots do not see that (hidden_indexes.py)

A batch is read and its entries are committed within one turn, so nobody writes in between. A row that somebody is
about to change or to delete gets the entry of what is committed: the other one takes that entry back, or finds it
right. Uniqueness is the other one's business in the same way, unless it has locked the very value and not committed.
After a failure the invalid index stays, as in PostgreSQL: it is written, never read, and there to be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Index, Table
from datacave_core.errors import DatacaveError, DeadlockDetected
from datacave_core.keycode import key_successor
from datacave_core.transaction import UPDATE, LockOwner, TableLockMode
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait, wait_for
from datacave_sql.session.replies import Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.table_rows import duplicate
from datacave_sql.table.access import IndexAccess, TableAccess
from datacave_sql.table.inverted_access import InvertedAccess

BATCH_ROWS = 1024

DEADLOCK_SECONDS = 1.0
"""How long a transaction is waited for before it is asked whether it waits for this one."""

SHARE_UPDATE_EXCLUSIVE = int(TableLockMode.SHARE_UPDATE_EXCLUSIVE)
SHARE = int(TableLockMode.SHARE)


def create_concurrently(
    session: Any, table: Table, index: Index, command: str = "CREATE INDEX CONCURRENTLY"
) -> Steps[None]:
    """Builds a new index beside writers; commits several times, and leaves a transaction open for the last commit."""

    def change() -> Iterator[Reply | Wait]:
        yield from session.share_catalog()
        numbers = Numbers(session.catalog_snapshot)
        changed = numbers.with_index(_found(session, table.oid), replace(index, valid=False))
        catalog = numbers.catalog.with_table(changed)
        session.set_catalog(catalog)
        session.database.register_layouts((changed,), catalog)

    def add() -> Steps[int]:
        yield from session.run_beside_others(change)
        oid: int = session.catalog_snapshot.tables[table.oid].indexes[-1].oid
        yield from session.commit()
        return oid

    yield from _beside_writers(session, table, add, command)


def rebuild_concurrently(session: Any, table: Table, index: Index) -> Steps[None]:
    """The same for an index that has been left invalid."""

    def find() -> Steps[int]:
        yield from session.commit()
        return index.oid

    yield from _beside_writers(session, table, find, "REINDEX CONCURRENTLY")


def _beside_writers(session: Any, table: Table, start: Callable[[], Steps[int]], command: str) -> Steps[None]:
    """Keeps other definitions away from the table while an index is started and built."""
    with_lock = LockOwner(session.process_id)
    table_locks = session.database.transactions.table_locks
    wait = table_locks.acquire(with_lock, table.oid, SHARE_UPDATE_EXCLUSIVE)
    try:
        if wait is not None:
            yield from wait_for(wait)
        oid = yield from start()
        yield from build_concurrently(session, table.oid, oid, with_lock, command)
    finally:
        session.progress.end()
        session.database.transactions.locks.cancel_wait(with_lock)
        table_locks.release(with_lock)


def build_concurrently(session: Any, table_oid: int, index_oid: int, with_lock: LockOwner, command: str) -> Steps[None]:
    """Fills an index that is committed and not valid, and makes it valid with the commit of the open transaction."""
    progress = session.progress.begin(command, table_oid, index_oid)
    progress.phase = "waiting for writers before build"
    yield from _wait_for_writers(session, table_oid, with_lock, progress)
    session.begin_statement()
    progress.phase = "building index"
    yield from _Build(session, table_oid, index_oid, progress).run()
    yield from session.commit()
    session.begin_statement()

    def change() -> Iterator[Reply | Wait]:
        catalog = yield from session.share_catalog()
        found = _found(session, table_oid)
        indexes = tuple(replace(one, valid=True) if one.oid == index_oid else one for one in found.indexes)
        session.set_catalog(catalog.with_table(replace(found, indexes=indexes)))

    yield from session.run_beside_others(change)


def _found(session: Any, oid: int) -> Table:
    table: Table | None = session.catalog_snapshot.tables.get(oid)
    if table is None:
        raise DatacaveError("the table has been dropped", sqlstate=sqlstate.UNDEFINED_TABLE)
    return table


def _wait_for_writers(session: Any, table_oid: int, with_lock: LockOwner, progress: Any) -> Steps[None]:
    """Waits until all transactions have ended that have locked the table for writing by now."""
    table_locks = session.database.transactions.table_locks
    writers = [one for one in table_locks.conflicting(table_oid, SHARE) if one is not with_lock]
    progress.lockers_total = len(writers)
    for writer in writers:
        progress.current_locker = writer.process_id
        while (ended := table_locks.ended(writer)) is not None and not ended.done:
            yield from _for_a_while(session, ended)
            if session.database.transactions.locks.waits_for(writer, with_lock):
                raise DeadlockDetected(
                    "deadlock detected",
                    detail=f"Process {session.process_id} waits for the transaction of process {writer.process_id};"
                    f" blocked by process {writer.process_id}.\nProcess {writer.process_id} waits for a lock on"
                    f" relation {table_oid}; blocked by process {session.process_id}.",
                    hint="See server log for query details.",
                )
            if ended.done:
                break
        progress.lockers_done += 1
    progress.current_locker = 0


def _for_a_while(session: Any, ended: Wait) -> Steps[None]:
    """Waits for an event, for a second at most where there is a clock to wake the session."""
    call_later = session.database.call_later
    if call_later is None:
        yield from wait_for(ended)
        return
    woken = Wait(ended.reason)
    ended.subscribe(woken.finish)
    take_back = call_later(DEADLOCK_SECONDS, woken.finish)
    try:
        yield from wait_for(woken)
    finally:
        take_back()


class _Build:
    """The entries of one index on their way."""

    def __init__(self, session: Any, table_oid: int, index_oid: int, progress: Any) -> None:
        self._session = session
        self._progress = progress
        self._manager = session.database.transactions
        self._store = session.database.store
        state = session.home.state
        self._access: TableAccess = state.access(state.catalog.tables[table_oid])
        self._index: IndexAccess = next(one for one in self._access.indexes if one.index.oid == index_oid)
        self._waiting: list[bytes] = []

    def run(self) -> Steps[None]:
        """Writes all entries. Raises 23505."""
        cursor, high = self._access.table_range
        self._progress.tuples_total = int(self._session.database.sizes.row_count(self._access.table))
        while True:
            yield from self._breath()
            batch = next(self._store.scan(cursor, high, self._store.newest_timestamp, batch_rows=BATCH_ROWS), None)
            if batch is None:
                break
            self._write(batch)
            cursor = key_successor(batch[-1][0])
            self._progress.tuples_done += len(batch)
            yield TURN
        for key in self._waiting:
            yield from self._write_alone(key)

    def _breath(self) -> Iterator[Wait]:
        while (delay := self._store.write_delay()) is not None:
            yield from wait_for(delay)

    def _write(self, batch: list[tuple[bytes, Row]], locked: bytes | None = None) -> None:
        """Commits the entries of rows that have just been read, but for those that have to wait: those whose value
        somebody has locked, unless it is the one that is `locked` here."""
        access, index = self._access, self._index
        convert = access.from_physical
        entries: dict[bytes, Row | None] = {}
        for key, physical in batch:
            row = physical if convert is None else convert(physical)
            if isinstance(index, InvertedAccess):
                entries.update(dict.fromkeys(index.entry_keys(row, key), (key,)))
                continue
            entry = index.entry_key(row, key)
            if entry is None:
                continue
            if index.index.unique and index.unique_key(row) is not None:
                if entry != locked and self._manager.locks.knows(entry):
                    self._waiting.append(key)
                    continue
                other = entries.get(entry) or self._present(entry)
                if other is not None and other[0] != key:
                    raise duplicate(access, index, row, self._session)
            entries[entry] = (key,)
        if entries:
            self._manager.write_now(entries, wait_durable=False)

    def _present(self, entry: bytes) -> Row | None:
        row: Row | None = self._store.get(entry, self._store.newest_timestamp)
        return row

    def _write_alone(self, key: bytes) -> Steps[None]:
        """Writes the entry of a row whose value somebody else had locked, once it is free."""
        transaction = self._session.transaction
        convert = self._access.from_physical
        mark = transaction.savepoint()
        while (physical := self._store.get(key, self._store.newest_timestamp)) is not None:
            unique = self._index.unique_key(physical if convert is None else convert(physical))
            if unique is None or self._manager.locks.held_mode(self._session.owner, unique):
                self._write([(key, physical)], locked=unique)
                break
            transaction.rollback_to(mark)
            wait = transaction.lock(unique, UPDATE)
            if wait is not None:
                yield from wait_for(wait)
        transaction.rollback_to(mark)

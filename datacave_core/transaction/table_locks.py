# cython: language_level=3, annotation_typing=False
"""Table locks: every statement takes a weak one on its tables, so those must cost almost nothing.

ACCESS SHARE, ROW SHARE and ROW EXCLUSIVE never conflict with each other. While nobody wants anything stronger on a
table, its weak locks are only notes in their owners (`owner.tables`); who wants a stronger mode first enters the notes
of all owners into the lock table, and from then on everyone queues there until the key is free again.
Invariants: while the lock table knows a table's key, it holds every lock on that table; else all of them are weak.
Table locks last until the transaction ends, or until it goes back to a savepoint before them.
"""

from __future__ import annotations

from datacave_core.transaction.lock_table import LockOwner, LockTable, LockWait
from datacave_core.transaction.modes import CONFLICTS, TABLE_PREFIX, WEAK_TABLE_MODES
from datacave_core.wait import Wait


def table_lock_key(table_oid: int) -> bytes:
    """The lock key of a table."""
    return TABLE_PREFIX + table_oid.to_bytes(4, "big")


class TableLocks:
    """The table locks of one node."""

    __slots__ = ("_ended", "_locks", "_owners", "contended")

    def __init__(self, locks: LockTable) -> None:
        self._locks = locks
        self._owners: set[LockOwner] = set()  # those with any table lock
        self._ended: dict[LockOwner, Wait] = {}
        self.contended: set[int] = set()
        """Tables whose locks are in the lock table: somebody holds or wants a lock that is not weak."""

    def acquire(self, owner: LockOwner, table_oid: int, mode: int) -> LockWait | None:
        """Takes a lock until the transaction ends: None when granted, else a wait. Raises DeadlockDetected."""
        held = owner.tables.get(table_oid, 0)
        if held & mode:
            return None
        wait: LockWait | None = None
        if mode & WEAK_TABLE_MODES == 0 or table_oid in self.contended:
            self._enter(table_oid)
            wait = self._locks.acquire_unlisted(owner, table_lock_key(table_oid), mode)
        if wait is not None:
            wait.subscribe(lambda: self._note(owner, table_oid, mode))
        else:
            self._note(owner, table_oid, mode)
        return wait

    def acquire_weak(self, owner: LockOwner, table_oid: int, mode: int) -> bool:
        """Takes a weak lock on a table that nobody wants a stronger one on; False, with nothing changed, if somebody
        does."""
        if owner.tables.get(table_oid, 0) & mode:
            return True
        if table_oid in self.contended:
            return False
        self._note(owner, table_oid, mode)
        return True

    def is_free(self, owner: LockOwner, table_oid: int, mode: int) -> bool:
        """Whether the owner would be granted a lock at once."""
        if mode & WEAK_TABLE_MODES and table_oid not in self.contended:
            return True
        if owner.tables.get(table_oid, 0) & mode:
            return True
        self._enter(table_oid)
        key = table_lock_key(table_oid)
        free = self._locks.is_free(owner, key, mode)
        if not self._locks.knows(key):
            self.contended.discard(table_oid)
        return free

    def transfer(self, owner: LockOwner, other: LockOwner) -> list[tuple[int, int]]:
        """Hands all table locks on to an owner without any; gives them."""
        tables = list(owner.tables.items())
        for table_oid, modes in tables:
            if table_oid in self.contended:
                self._locks.hold(other, table_lock_key(table_oid), modes)
        self.release(owner)
        if tables:
            other.tables.update(tables)
            self._owners.add(other)
        return tables

    def release(self, owner: LockOwner) -> None:
        """Gives up all table locks of an owner."""
        self._owners.discard(owner)
        tables = owner.tables
        if self.contended:
            for table_oid in tables:
                if table_oid in self.contended:
                    key = table_lock_key(table_oid)
                    self._locks.set_mode(owner, key, 0)
                    if not self._locks.knows(key):
                        self.contended.discard(table_oid)
        tables.clear()
        owner.table_log.clear()
        if self._ended and owner in self._ended:
            self._ended.pop(owner).finish()

    def conflicting(self, table_oid: int, mode: int) -> list[LockOwner]:
        """Those who hold a lock of a table that does not get along with a mode."""
        return [owner for owner in self._owners if owner.tables.get(table_oid, 0) & CONFLICTS[mode]]

    def ended(self, owner: LockOwner) -> Wait | None:
        """Done when an owner gives up all its table locks, at the end of its transaction; None if it has none."""
        if owner not in self._owners:
            return None
        return self._ended.setdefault(owner, Wait("Lock:virtualxid"))

    def release_to(self, owner: LockOwner, count: int) -> None:
        """Gives up what the owner has taken after its first `count` table locks."""
        log, tables = owner.table_log, owner.tables
        while len(log) > count:
            table_oid, earlier = log.pop()
            if earlier:
                tables[table_oid] = earlier
            else:
                del tables[table_oid]
            if table_oid in self.contended:
                key = table_lock_key(table_oid)
                self._locks.set_mode(owner, key, earlier)
                if not self._locks.knows(key):
                    self.contended.discard(table_oid)
        if not tables:
            self._owners.discard(owner)

    def _enter(self, table_oid: int) -> None:
        if table_oid not in self.contended:
            self.contended.add(table_oid)
            key = table_lock_key(table_oid)
            for owner in self._owners:
                modes = owner.tables.get(table_oid, 0)
                if modes:
                    self._locks.hold(owner, key, modes)

    def _note(self, owner: LockOwner, table_oid: int, mode: int) -> None:
        tables = owner.tables
        if not tables:
            self._owners.add(owner)
        earlier = tables.get(table_oid, 0)
        owner.table_log.append((table_oid, earlier))
        tables[table_oid] = earlier | mode

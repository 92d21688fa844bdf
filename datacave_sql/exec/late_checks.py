"""LateChecks: uniqueness that may be broken for a while: deferrable constraints, at the statement's end or the commit.

The entries of such an index carry the key of their row, so equal values may stand side by side until the check counts
them. The check locks the values first, and keeps them until the commit: of two transactions that have added the same
value the second one to check finds that of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, islice
from typing import Any

from datacave_core.catalog import UNIQUE_RECHECK, Constraint, key_firing
from datacave_core.errors import DatacaveError
from datacave_core.keycode import prefix_end
from datacave_core.transaction import SHARE, UPDATE
from datacave_core.values import Row
from datacave_core.wait import Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.exclusion import conflicting, exclusion_violation, meet_excluded
from datacave_sql.exec.foreign_keys import is_deferred
from datacave_sql.exec.newest_rows import newest_pairs
from datacave_sql.table.access import IndexAccess, TableAccess
from datacave_sql.table.exclusion import ExclusionAccess

Violation = Callable[[IndexAccess, Row], DatacaveError]


class LateChecks:
    """What one statement's writer has left to be checked."""

    __slots__ = ("_access", "_context", "_violation", "pending")

    def __init__(self, context: ExecutionContext, access: TableAccess, violation: Violation) -> None:
        self._context = context
        self._access = access
        self._violation = violation
        self.pending: dict[int, dict[bytes, Row]] = {}

    def note(self, index: IndexAccess, row: Row) -> None:
        """Keeps a row that is about to be written, to be checked later."""
        if isinstance(index, ExclusionAccess):
            key = index.lock_key(row)
            if key is not None:
                # Rows under one lock are many: what tells them apart follows.
                entry = index.entry_key(row, b"") or b""
                self.pending.setdefault(index.index.oid, {})[entry + repr(row).encode()] = row
        else:
            key = index.unique_key(row)
            if key is not None:
                self.pending.setdefault(index.index.oid, {})[key] = row

    def finish(self) -> Steps[None]:
        """Checks what is due at the end of a statement; the rest waits for the commit. Raises 23505."""
        pending, self.pending = self.pending, {}
        for index in self._access.indexes:
            rows = pending.get(index.index.oid)
            if not rows:
                continue
            constraint = next(
                (one for one in self._access.table.constraints if one.oid == index.index.constraint_oid), None
            )
            session = self._context.session
            if constraint is not None and self._switched_off(constraint):
                continue
            if constraint is not None and is_deferred(session, constraint):
                check = DeferredUniqueness(session, constraint.oid, self._access.table.oid, rows, self._violation)
                self._context.transaction.before_commit.append(check)
            else:
                yield from check_repeated(self._context, self._access, index, rows, self._violation)

    def _switched_off(self, constraint: Constraint) -> bool:
        table = self._access.table
        replica = self._context.session.settings.value("session_replication_role") == "replica"
        if not (replica or table.key_switches):
            return False
        return not key_firing(table, replica)(constraint.oid, UNIQUE_RECHECK)


class DeferredUniqueness:
    """A check that waits for the commit (Transaction.before_commit) or for SET CONSTRAINTS IMMEDIATE."""

    __slots__ = ("_rows", "_session", "_violation", "constraint_oid", "table_oid")

    def __init__(
        self, session: Any, constraint_oid: int, table_oid: int, rows: dict[bytes, Row], violation: Violation
    ) -> None:
        self._session = session
        self.constraint_oid = constraint_oid
        self.table_oid = table_oid
        self._rows = rows
        self._violation = violation

    def __call__(self) -> Steps[None]:
        session = self._session
        table = session.catalog_snapshot.tables.get(self.table_oid)
        if table is None:
            return
        access = session.catalog_state.access(table)
        for index in access.indexes:
            if index.index.constraint_oid == self.constraint_oid:
                context = ExecutionContext(session, session.transaction, ())
                yield from check_repeated(context, access, index, self._rows, self._violation)


def check_repeated(
    context: ExecutionContext,
    access: TableAccess,
    index: IndexAccess,
    rows: Mapping[bytes, Row],
    violation: Violation,
) -> Steps[None]:
    """Raises 23505 where more than one row has the values of a key now, 23P01 where rows conflict. Rows that somebody
    else is about to take away, or to give other values, are waited for."""
    transaction = context.transaction
    locks = {
        index.lock_key(row) if isinstance(index, ExclusionAccess) else index.unique_key(row) for row in rows.values()
    }
    ordered = sorted(key for key in locks if key is not None)
    while (wait := transaction.lock_all(ordered, UPDATE)) is not None:
        yield from wait_for(wait)
    for key, row in rows.items():
        while (found := _repeated(context, access, index, key, row)) is not None:
            others, error = found
            busy = next((other for other in others if not transaction.could_lock(other, SHARE)), None)
            if busy is None:
                told = error if error is not None else violation(index, row)
                for other in others:
                    transaction.note_read(other)
                raise told
            wait = transaction.lock(busy, SHARE)
            if wait is not None:
                yield from wait_for(wait)
        if transaction.serial is not None:
            _meet_holders(context, access, index, key, row)


def _meet_holders(context: ExecutionContext, access: TableAccess, index: IndexAccess, key: bytes, row: Row) -> None:
    """Called where an own row, if it is still there, has its values alone: the transaction comes after those who have
    given them up since its snapshot. Raises SerializationFailure if it cannot (SERIALIZABLE)."""
    transaction = context.transaction
    writes = transaction.writes
    if isinstance(index, ExclusionAccess):
        if any(other in writes for other, _ in conflicting(context, access, index, row)):
            meet_excluded(context, access, index, row)
        return
    low, high = key, prefix_end(key)
    if not any(entry in writes for batch in newest_pairs(transaction, low, high) for entry, _ in batch):
        return
    shown = (entry for batch in transaction.scan_shown(low, high) for entry, _ in batch)
    if any(entry not in writes for entry in chain(shown, (entry for entry, _ in transaction.rows_since(low, high)))):
        transaction.come_after()


def _repeated(
    context: ExecutionContext, access: TableAccess, index: IndexAccess, key: bytes, row: Row
) -> tuple[list[bytes], DatacaveError | None] | None:
    """The keys of rows that may not be there together, and the error of excluded ones; None if all is well."""
    if not isinstance(index, ExclusionAccess):
        holders = [entry[0] for batch in newest_pairs(context.transaction, key, prefix_end(key)) for _, entry in batch]
        return (holders, None) if len(holders) > 1 else None
    # A row that conflicts with nothing else still meets itself, unless it is gone.
    found = list(islice(conflicting(context, access, index, row), 3))
    if len(found) < 2 or all(other != row for _, other in found):
        return None
    other = next((one for _, one in found if one != row), row)
    return [holder for holder, _ in found], exclusion_violation(context, access, index, row, other, creating=False)

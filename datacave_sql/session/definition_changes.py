"""Definition changes: a session's own line of catalog snapshots, from its first change to the commit.

A statement runs on the session's snapshot and then locks what it has changed, the names it gave or took, and what it
newly refers to. Where somebody else holds one of these locks, or has committed a change that the statement did not know
of, it is taken back, waits, and runs again on what there is then. Commits of others move the line onto the new
committed snapshot. Commands on roles and databases keep everybody else out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    CATALOG_KEY,
    Catalog,
    ConcurrentChange,
    catalog_writes,
    cluster_record,
    definition_locks_of,
    rebased,
)
from datacave_core.errors import DatacaveError
from datacave_core.transaction import SHARE, UPDATE, Transaction, WaitPolicy
from datacave_core.wait import TURN, Steps, Wait, wait_for
from datacave_sql.session.lock_keys import CATALOG_LOCK
from datacave_sql.session.replies import Reply


class DefinitionChanges:
    """The part of a session that changes the catalog."""

    database: Any
    home: Any
    transaction: Transaction | None
    catalog_snapshot: Any
    notices: list[Any]
    savepoint_state: Any
    restore_savepoint_state: Any
    _own_catalog: Any
    _catalog_base: Catalog | None
    _known_catalog: Catalog | None

    def __init__(self) -> None:
        self.misses_change = False
        """Whether the running statement has changed what another transaction has changed meanwhile."""

    def change_catalog(self) -> Steps[Catalog]:
        """Keeps everybody else from changing the catalog until the transaction ends; returns the newest snapshot."""
        yield from self._lock_catalog(UPDATE)
        return self.catalog_snapshot  # type: ignore[no-any-return]

    def share_catalog(self) -> Steps[Catalog]:
        """Begins to change the catalog beside others; returns the newest snapshot."""
        yield from self._lock_catalog(SHARE)
        return self.catalog_snapshot  # type: ignore[no-any-return]

    def _lock_catalog(self, mode: int) -> Steps[None]:
        transaction = self.transaction
        assert transaction is not None
        if transaction.read_only:
            raise DatacaveError(
                "cannot execute this command in a read-only transaction", sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION
            )
        wait = transaction.lock(CATALOG_LOCK, mode)
        if wait is not None:
            yield from wait_for(wait)
        if self._own_catalog is None:
            self.misses_change = False
        if self._known_catalog is not None:
            self._own_catalog = self._known_catalog = None

    def set_catalog(self, catalog: Catalog) -> None:
        """Makes a changed catalog this transaction's; others see it when the transaction commits.

        Raises ConcurrentChange when somebody has committed what the change did not know of.
        """
        catalog = rebased(catalog, self.home.catalog)
        self._catalog_base = self.home.catalog
        self._own_catalog = self.database.new_state(catalog)

    def rebase(self) -> None:
        """Moves the own changes onto the committed catalog."""
        newest = self.home.catalog
        if self._catalog_base is None or self._own_catalog is None or self._own_catalog.catalog.base in (None, newest):
            return
        try:
            catalog = rebased(self._own_catalog.catalog, newest)
        except DatacaveError:
            self.misses_change = True
            return
        self._catalog_base = newest
        self._own_catalog = self.database.new_state(catalog)

    def _prepare_definitions(self, transaction: Transaction) -> Steps[None]:
        """What precedes the commit of changed definitions: they become rows."""
        assert self._catalog_base is not None
        transaction.put_all(catalog_writes(self._catalog_base, self._own_catalog.catalog))
        taken = self._own_catalog.catalog.next_oid
        yield from transaction.prepare_commit()
        if self.misses_change:
            raise ConcurrentChange
        if taken != self._own_catalog.catalog.next_oid:
            # Others have taken oids meanwhile, and may have committed them: they stay taken.
            transaction.put(CATALOG_KEY, cluster_record(self._own_catalog.catalog))

    def run_beside_others(self, run: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """Runs a statement that changes the catalog until nobody is in its way; `run` may be called several times.

        Answers are held back until then.
        """
        transaction = self.transaction
        assert transaction is not None
        while True:
            # What earlier statements of the transaction have changed cannot be done again.
            self.misses_change = False
            self.rebase()
            if self.misses_change:
                raise ConcurrentChange
            mark, state, told = transaction.savepoint(), self.savepoint_state(), len(self.notices)
            before = self.catalog_snapshot
            answers: list[Reply] = []
            blocked: tuple[bytes, int] | None = None
            try:
                for step in run():
                    if isinstance(step, Wait):
                        yield step
                    else:
                        answers.append(step)
                blocked = self._lock_changes(before)
                if blocked is None and not self.misses_change:
                    break
            except ConcurrentChange:
                pass
            transaction.rollback_to(mark)
            self.restore_savepoint_state(state)
            del self.notices[told:]
            if blocked is not None and (wait := transaction.lock(*blocked)) is not None:
                yield from wait_for(wait)
            else:
                yield TURN
        yield from answers

    def _lock_changes(self, before: Catalog) -> tuple[bytes, int] | None:
        """Locks what has changed since a snapshot; the first lock that somebody else holds."""
        transaction, after = self.transaction, self.catalog_snapshot
        assert transaction is not None
        if after is before:
            return None
        if (before.base or before) is not after.base:
            before = after.base  # others have committed meanwhile: all own changes are looked at again
        for key, mode in definition_locks_of(before, after):
            if transaction.lock(key, mode, WaitPolicy.SKIP_LOCKED) is not None:
                return key, mode
        return None

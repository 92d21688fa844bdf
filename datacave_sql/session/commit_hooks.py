"""Commit hooks: what a transaction has to do when it ends, one way or the other; also when that is decided later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.catalog import Catalog
from datacave_core.ports import Commit
from datacave_core.transaction import Transaction
from datacave_core.wait import Steps
from datacave_sql.session.evaluation import SessionEvaluation
from datacave_sql.session.prepared_definitions import restarts_in


class CommitHooks:
    """Work that waits for the end of the transaction, in the order in which it came up."""

    database: Any
    home: Any
    evaluation: SessionEvaluation
    transaction: Transaction | None
    _own_catalog: Any
    _catalog_base: Catalog | None
    _prepare_definitions: Callable[[Transaction], Steps[None]]
    _ended: Callable[[bool], None]

    def __init__(self) -> None:
        self._after_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], None]] = []
        self._at_commit: list[Callable[[], Steps[None]]] = []

    @property
    def changes_catalog(self) -> bool:
        """Whether the transaction has changed definitions."""
        return self._own_catalog is not None and self._catalog_base is not None

    def after_commit(self, work: Callable[[], None]) -> None:
        """Runs `work` once the transaction has committed; forgotten when it rolls back."""
        self._after_commit.append(work)

    def at_commit(self, work: Callable[[], Steps[None]]) -> None:
        """Runs `work` inside the transaction when it commits, before its catalog is written."""
        self._at_commit.append(work)

    def after_rollback(self, work: Callable[[], None]) -> None:
        """Runs `work` when what has been done up to now is taken back, by ROLLBACK or ROLLBACK TO."""
        self._after_rollback.append(work)

    def prepare_transaction(self, gid: str) -> Steps[Commit]:
        """PREPARE TRANSACTION: the transaction leaves the session and waits, in the store, for its second phase."""
        transaction = self.transaction
        assert transaction is not None
        if self.changes_catalog:
            yield from self._prepare_definitions(transaction)
        else:
            yield from transaction.prepare_commit()
        prepared, commit = transaction.prepare(
            gid, self.evaluation.current_role.oid, self.home.oid, restarts_in(self._after_commit)
        )
        prepared.after_commit, self._after_commit = self._after_commit, []
        prepared.after_rollback, self._after_rollback = self._after_rollback, []
        self._ended(True)
        return commit

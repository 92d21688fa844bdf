"""AtOnce: the plain beginnings and ends of transactions, without a generator.

Plain means that nothing has to be done or told beyond what every transaction needs. Whatever is not plain goes through
the session's ordinary statements, which do the same and more.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from datacave_core.transaction import Isolation, Transaction
from datacave_core.wait import Wait
from datacave_sql.bind.statements import Command
from datacave_sql.session.compiled import CompiledUtility
from datacave_sql.session.evaluation import SessionEvaluation
from datacave_sql.session.portal import Portal
from datacave_sql.session.settings import SessionSettings
from datacave_sql.session.utility import begins_plainly, commits_plainly


class AtOnce:
    """The part of a session that begins and ends plain transactions."""

    transaction: Transaction | None
    in_block: bool
    failed: bool
    portals: dict[str, Portal]
    settings: SessionSettings
    evaluation: SessionEvaluation
    emptied_at_commit: set[int]
    pending_notifications: Any
    _own_catalog: Any
    _after_commit: list[Any]
    _at_commit: list[Any]

    @property
    @abstractmethod
    def has_asides(self) -> bool:
        """Whether there are notices or changed parameters for the client."""

    @abstractmethod
    def begin_transaction(
        self, isolation: Isolation | None = None, read_only: bool | None = None, deferrable: bool | None = None
    ) -> Transaction:
        """Starts a transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Takes the whole transaction back."""

    @abstractmethod
    def _ended(self, committed: bool) -> None:
        """Forgets the transaction."""

    def begin_at_once(self, compiled: CompiledUtility) -> bool:
        """Opens a block, if the statement is a plain BEGIN of an idle session; False with nothing done otherwise."""
        statement = compiled.statement
        if (
            type(statement) is not Command
            or not begins_plainly(statement.statement)
            or self.transaction is not None
            or self.portals
            or self.has_asides
            or self.settings.as_of
        ):
            return False
        self.begin_transaction()
        self.evaluation.statement_started()
        self.in_block = True
        return True

    def is_plain_commit(self, compiled: CompiledUtility) -> bool:
        """Whether the statement is a COMMIT that `commit_at_once` may do."""
        statement = compiled.statement
        return type(statement) is Command and commits_plainly(statement.statement) and self.commits_at_once

    @property
    def commits_at_once(self) -> bool:
        """Whether nothing has to be done before the transaction's writes can go to the log, or after it."""
        transaction = self.transaction
        return not (
            transaction is None
            or self.failed
            or self.portals
            or self.has_asides
            or self._own_catalog is not None
            or self._after_commit
            or self._at_commit
            or self.emptied_at_commit
            or self.pending_notifications
            or not transaction.commits_at_once
        )

    def commit_at_once(self) -> Wait | None:
        """Commits a transaction that `commits_at_once`; what its client has to wait for, if anything.

        Raises what `Transaction.commit` raises, and is rolled back then.
        """
        transaction = self.transaction
        assert transaction is not None
        wait_durable = self.settings.synchronous_commit
        try:
            commit = transaction.commit(wait_durable=wait_durable)
        except BaseException:
            self.rollback()
            raise
        self._ended(True)
        return commit.durable if commit is not None and wait_durable else None

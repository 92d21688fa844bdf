# cython: language_level=3, annotation_typing=False
"""Point statements: what finds or writes single rows by complete keys, run without a generator.

A plan of a session without what repeats from one execution to the next: the context, the reader and the operator's
parts are kept, until `holds` says no. Every `run` answers None where the statement has to go the long way; nothing
that the long way would not do has happened then.

    PointLookup.rows           a lone SELECT, outside any transaction
    PointLookup.rows_in_block  a SELECT inside a transaction block
    PointUpdate, PointInsert   a write inside a READ COMMITTED transaction (point_write.py)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core.values import Row
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.session.compiled import CompiledQuery


class PointStatement:
    """One plan of one session. `settings` are the format settings that the caller's codecs hold."""

    __slots__ = (
        "_authorization",
        "_context",
        "_evaluation",
        "_home",
        "_role",
        "_session",
        "_state",
        "compiled",
        "settings",
    )

    def __init__(self, session: Any, compiled: CompiledQuery) -> None:
        self._session = session
        self._home = session.home
        self._evaluation = session.evaluation
        self.compiled = compiled
        self._state = session.home.state
        self._context = ExecutionContext(session, session.reader, ())
        self.settings = session.format_settings
        self._role = session.settings.role
        self._authorization = session.settings.session_authorization

    def holds(self) -> bool:
        """Whether the catalog, the role and the settings are still those of the beginning."""
        session = self._session
        return (
            self.compiled.catalog is self._state.catalog
            and self._home.state is self._state
            and session.settings.format_settings is self.settings
            and session.settings.role is self._role
            and session.settings.session_authorization is self._authorization
        )

    def _renewed(self, parameters: Sequence[Any]) -> ExecutionContext:
        """The context of another execution."""
        self._evaluation.statement_started()
        context = self._context
        context.parameters = parameters
        if context.subquery_results or context.common_tables or context.outer:
            context.forget_results()
        return context

    def _transaction(self) -> Any:
        """The session's transaction; None where something else has to be minded."""
        session = self._session
        transaction = session.transaction
        if (
            transaction is None
            or session.failed
            or session.portals
            or session.catalog_state is not self._state
            or session.has_asides
            or transaction.loads
            or (transaction.deferrable and transaction.waits_for_safety)
            or session.settings.as_of
        ):
            return None
        return transaction


class PointLookup(PointStatement):
    """A SELECT; `compiled` must have a `lookup`."""

    __slots__ = ("_contended_tables", "_counts", "_get", "_make", "_make_keys", "_owner", "_tables")

    def __init__(self, session: Any, compiled: CompiledQuery) -> None:
        if compiled.lookup is None:
            raise ValueError("the plan has no lookup")
        super().__init__(session, compiled)
        self._owner = session.owner
        self._get = session.database.store.get
        self._contended_tables = session.database.transactions.table_locks.contended
        self._tables = compiled.tables
        self._make_keys = compiled.lookup.make_keys
        self._make = compiled.lookup.make
        self._counts = session.counts.of(compiled.lookup.counted_oid)

    def rows(self, parameters: Sequence[Any]) -> list[Row] | None:
        """The rows of a lone execution; None inside a transaction, or with something else to tell the client."""
        session = self._session
        if session.transaction is not None or session.failed or session.has_news or self._contended_tables:
            return None
        reader = session.reader
        timestamp = reader.renew()
        if self._owner.last_commit_timestamp > timestamp:
            return None  # the session's own last commit is on its way to the disk
        context = self._renewed(parameters)
        context.transaction = reader
        get = self._get
        counts = self._counts
        counts.lone += 1
        pairs = [(key, row) for key in self._make_keys(context)() if (row := get(key, timestamp)) is not None]
        if not pairs:
            return []
        counts.fetched += len(pairs)
        rows: list[Row] = self._make(context)(pairs)
        return rows

    def rows_in_block(self, parameters: Sequence[Any]) -> list[Row] | None:
        """The rows as the transaction of the block sees them."""
        transaction = self._transaction()
        if transaction is None:
            return None
        for table_oid, mode in self._tables:
            if not transaction.lock_table_at_once(table_oid, mode):
                return None
        transaction.statement_snapshot()
        if transaction.must_be_durable_before_rows:
            return None
        context = self._renewed(parameters)
        context.transaction = transaction
        counts = self._counts
        if counts.number != transaction.number:
            counts.begin(transaction.number)
        counts.scans += 1
        pairs = [(key, row) for key in self._make_keys(context)() if (row := transaction.get(key)) is not None]
        if not pairs:
            return []
        counts.fetched += len(pairs)
        rows: list[Row] = self._make(context)(pairs)
        return rows

"""PointLookup: a statement that finds rows by complete keys, run outside any transaction.

`Session.lookup` without what repeats from one execution to the next: the context, the reader and the operator's parts
are kept. It holds for one plan of one session, until `holds` says no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core.values import Row
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.session.compiled import CompiledQuery


class PointLookup:
    """`compiled` must have a `lookup`. `settings` are the format settings that the caller's codecs hold."""

    __slots__ = (
        "_authorization",
        "_context",
        "_evaluation",
        "_get",
        "_home",
        "_make",
        "_make_keys",
        "_owner",
        "_reader",
        "_role",
        "_session",
        "_state",
        "compiled",
        "settings",
    )

    def __init__(self, session: Any, compiled: CompiledQuery) -> None:
        if compiled.lookup is None:
            raise ValueError("the plan has no lookup")
        self._session = session
        self._home = session.home
        self._evaluation = session.evaluation
        self._owner = session.owner
        self.compiled = compiled
        self._state = session.home.state
        self._reader = session.make_reader()
        self._get = session.database.store.get
        self._make_keys = compiled.lookup.make_keys
        self._make = compiled.lookup.make
        self._context = ExecutionContext(session, self._reader, ())
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

    def rows(self, parameters: Sequence[Any]) -> list[Row] | None:
        """The rows of an execution; None where it has to go the long way: inside a transaction, or with something
        else to tell the client."""
        session = self._session
        if session.transaction is not None or session.failed or session.has_news or session.settings.as_of:
            return None
        reader = self._reader
        timestamp = reader.renew()
        if self._owner.last_commit_timestamp > timestamp:
            return None  # the session's own last commit is on its way to the disk
        self._evaluation.statement_started()
        context = self._context
        context.parameters = parameters
        if context.subquery_results or context.common_tables or context.outer:
            context.forget_results()
        get = self._get
        pairs = [(key, row) for key in self._make_keys(context)() if (row := get(key, timestamp)) is not None]
        if not pairs:
            return []
        rows: list[Row] = self._make(context)(pairs)
        return rows

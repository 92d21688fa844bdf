"""Held statements: what a session keeps under names between messages: prepared statements and portals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog
from datacave_core.errors import CachedPlanChanged, DatacaveError
from datacave_core.transaction import Mark, Transaction
from datacave_core.wait import Steps
from datacave_sql.exec.suspension import in_turns
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility, shapes
from datacave_sql.session.compiler import Compiler
from datacave_sql.session.definition_waits import wait_for_changes
from datacave_sql.session.portal import Portal
from datacave_sql.session.prepared import PreparedStatement, stale


class HeldStatements:
    """The part of a session that prepares, binds and forgets."""

    failed: bool
    compiler: Compiler

    def __init__(self) -> None:
        self.prepared: dict[str, PreparedStatement] = {}
        self.portals: dict[str, Portal] = {}
        self._latest_mark: Any = None
        """Where the running statement began, so that it undoes no more than itself."""

    def statement_interrupted(self) -> None:
        """Others may have run since the statement began that goes on or ends now: it does not undo what they did."""
        self._latest_mark = None

    def mark_to_undo(self, transaction: Transaction, mark: Mark) -> Mark:
        """To where a statement that began at a mark is undone: to here if others have run meanwhile."""
        return mark if self._latest_mark is mark else transaction.savepoint()

    @property
    @abstractmethod
    def catalog_snapshot(self) -> Catalog:
        """The catalog that statements see."""

    @property
    @abstractmethod
    def definitions_change(self) -> bool:
        """Whether somebody may be changing a table."""

    @abstractmethod
    def _begin_in_past(self) -> None:
        """Goes to the past that a setting asks for."""

    @abstractmethod
    def _check_not_failed(self, statement: Any) -> None:
        """Raises 25P02 in a failed block."""

    def forget_plans(self) -> None:
        """Prepared statements are planned anew when they are next used."""
        for prepared in self.prepared.values():
            if prepared.compiled is not None:
                prepared.compiled = stale(prepared.compiled)

    def prepare(self, name: str, text: str, parameter_types: Sequence[int]) -> None:
        """Parse: prepares a statement. Raises 42P05 for a name in use, 42601 for more than one statement."""
        if name and name in self.prepared:
            raise DatacaveError(f'prepared statement "{name}" already exists', sqlstate=sqlstate.DUPLICATE_PSTATEMENT)
        self._begin_in_past()
        types = tuple(parameter_types)
        known = self.compiler.known(text, types) if not self.failed else None
        if known is not None:
            self.prepared[name] = PreparedStatement(name, text, known.parsed, types, known)
            return
        statements = self.compiler.parse(text)
        if len(statements) > 1:
            raise DatacaveError(
                "cannot insert multiple commands into a prepared statement", sqlstate=sqlstate.SYNTAX_ERROR
            )
        prepared = PreparedStatement(name, text, None, types, None)
        if statements:
            prepared.parsed = statements[0]
            self._check_not_failed(statements[0].statement)
            prepared.compiled = self._compile_prepared(prepared)
        self.prepared[name] = prepared

    def prepare_when_settled(self, name: str, text: str, parameter_types: Sequence[int]) -> Steps[None]:
        """The same once nobody is changing the tables that the statement names."""
        self._begin_in_past()
        if self.definitions_change:
            for parsed in (yield from in_turns(text, lambda: self.compiler.parse(text))):
                yield from wait_for_changes(self, parsed.statement)
        yield from in_turns(text, lambda: self.prepare(name, text, parameter_types))

    def _compile_prepared(self, prepared: PreparedStatement) -> CompiledQuery | CompiledUtility:
        return self.compiler.prepare(prepared.text, prepared.parsed, prepared.declared_types)

    def prepared_statement(self, name: str) -> PreparedStatement:
        """A prepared statement with a plan for the present catalog. Raises 26000, 0A000 if its result has changed."""
        prepared = self.prepared.get(name)
        if prepared is None:
            what = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise DatacaveError(f"{what} does not exist", sqlstate=sqlstate.UNDEFINED_PSTATEMENT)
        compiled = prepared.compiled
        self._begin_in_past()
        if compiled is not None and compiled.catalog is not self.catalog_snapshot and not self.failed:
            fresh = self._compile_prepared(prepared)
            if shapes(fresh.columns) != shapes(compiled.columns):
                raise CachedPlanChanged
            prepared.compiled = fresh
        return prepared

    def check_bind(self, prepared: PreparedStatement) -> None:
        """Raises 25P02 in a failed block, unless the statement ends it."""
        if self.failed and prepared.parsed is not None:
            self._check_not_failed(prepared.parsed.statement)

    def bind(self, name: str, prepared: PreparedStatement, parameters: Sequence[Any]) -> Portal:
        """Bind: makes a portal, replacing the unnamed one. Raises 42P03 for a name in use."""
        if name and name in self.portals:
            raise DatacaveError(f'cursor "{name}" already exists', sqlstate=sqlstate.DUPLICATE_CURSOR)
        self.close_portal(name)
        portal = self.portals[name] = Portal(self, name, prepared.compiled, parameters, text=prepared.text)
        return portal

    def portal(self, name: str) -> Portal:
        """An open portal. Raises 34000."""
        portal = self.portals.get(name)
        if portal is None:
            raise DatacaveError(f'portal "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_CURSOR)
        return portal

    def close_portal(self, name: str) -> None:
        """Closes a portal; unknown names are ignored, as the protocol asks."""
        portal = self.portals.pop(name, None)
        if portal is not None:
            portal.close()

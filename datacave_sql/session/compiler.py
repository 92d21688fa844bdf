"""Compiler: statement text to compiled statements, through the plan caches.

A plan holds for one catalog snapshot and one way of finding names (search path, user). Statements that meet temporary
or uncommitted objects are compiled for the session alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeAlias

from datacave_core.errors import CachedPlanChanged, DatacaveError
from datacave_core.types import FormatSettings, oids
from datacave_core.types.numeric import read_literal
from datacave_core.values import Row
from datacave_sql.bind.binder import bind_statement
from datacave_sql.bind.statements import BoundQuery, BoundStatement, Command
from datacave_sql.expr.runtime import STRING_TYPES
from datacave_sql.parse import ParsedStatement, ast, parse_statements
from datacave_sql.parse.fingerprint import fingerprint
from datacave_sql.parse.values_scanner import scan_values
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.bulk_insert import BulkShape, given_rows, literal_types, with_given_rows
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility, compiled_query, shapes
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.planned import planned
from datacave_sql.session.shared_shape import SharedShape
from datacave_sql.session.steady_plans import carried_over, is_steady
from datacave_sql.session.utility import utility_columns

Plan: TypeAlias = tuple[CompiledQuery | CompiledUtility, Sequence[Any]]
"""A compiled statement, and the values of its literals if they have become parameters."""

CACHED_TEXT_CHARACTERS_MAX = 20_000
BULK_CHARACTERS_MIN = 200

BOUND_WHEN_RUN = (
    ast.AlterDefaultPrivileges, ast.AlterFunction, ast.CreateFunction,
    ast.AlterPolicy,
    ast.CreatePolicy,
    ast.AlterDomain, ast.AlterEnumType, ast.AlterSequence, ast.AlterTable, ast.ChangeOwner, ast.Comment, ast.Copy,
    ast.CreateCompositeType, ast.CreateDomain, ast.CreateEnumType, ast.CreateIndex, ast.CreateRangeType,
    ast.CreateSchema, ast.CreateSequence, ast.CreateTable, ast.CreateView, ast.Drop, ast.Grant, ast.LockTable,
    ast.RefreshMaterializedView, ast.Reindex, ast.Rename, ast.SetSchema, ast.Truncate, ast.Vacuum,
)  # fmt: skip
"""Utility statements that a client may prepare before what they name exists, as PostgreSQL allows."""

LITERAL_TYPES = {"i": oids.INT4, "l": oids.INT8, "n": oids.NUMERIC, "s": 0}
"""Types of the parameters that stand for literals in a fingerprint; 0 is found from the context."""


def _decimal(text: str, typmod: int, settings: FormatSettings) -> Decimal:
    return read_literal(text)


class Compiler:
    """Compiles for one session."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def parse(self, text: str) -> list[ParsedStatement]:
        """The statements of a query string. Raises 42601 with a position."""
        return parse_statements(text)

    def cached(self, text: str) -> Plan | None:
        """A compiled statement for a text, by itself or by its fingerprint, and the values of its literals."""
        session = self._session
        if session.failed or len(text) > CACHED_TEXT_CHARACTERS_MAX:
            return None
        state = session.catalog_state
        home = session.home
        context = session.name_context
        found = home.plans_by_text.get((text, context))
        if found is not None and (found := self._present(found, (text, context))) is not None:
            return found, ()
        printed = fingerprint(text)
        if printed is None:
            return None
        shape, kinds, literals = printed
        key = (shape, kinds, context)
        shared = home.plans_by_fingerprint.get(key)
        if shared is None or shared.catalog is not state.catalog:
            carried = self._carried(shared.query) if shared is not None and shared.query is not None else None
            if shared is not None and carried is not None:
                shared = replace(shared, catalog=state.catalog, query=carried)
            elif state is not home.state:
                return None
            else:
                shared = self._share(shape, kinds)
            if state is home.state:
                home.plans_by_fingerprint.put(key, shared)
        if shared.query is None:
            return None
        values = self.literal_values(shared, literals)
        return None if values is None else (shared.query, values)

    def shared(self, shape: str, kinds: str) -> SharedShape | None:
        """What is known of a fingerprint."""
        session = self._session
        found: SharedShape | None = session.home.plans_by_fingerprint.get((shape, kinds, session.name_context))
        return found

    def literal_values(self, shared: SharedShape, literals: Sequence[Any]) -> Sequence[Any] | None:
        """The values of a fingerprint's literals; None where a type does not take one."""
        if shared.readers is None:
            return literals
        settings = self._session.format_settings
        try:
            return [
                literal if read is None else read(literal, -1, settings)
                for read, literal in zip(shared.readers, literals, strict=True)
            ]
        except DatacaveError:
            # The ordinary way tells where it stands.
            return None

    def _share(self, shape: str, kinds: str) -> SharedShape:
        """A plan for all statements of a shape, if there can be one."""
        session = self._session
        catalog = session.catalog_state.catalog
        try:
            statements = parse_statements(shape)
            compiled = self.compile(shape, statements[0], [LITERAL_TYPES[kind] for kind in kinds])
        except DatacaveError:
            # Not every literal can become a parameter; the ordinary way says what is wrong, if anything is.
            return SharedShape(catalog, None, None)
        if not isinstance(compiled, CompiledQuery) or not compiled.shareable:
            return SharedShape(catalog, None, None)
        readers = [
            _decimal if kind == "n" else session.find_io(oid).input if kind == "s" and oid not in STRING_TYPES else None
            for kind, oid in zip(kinds, compiled.parameter_types, strict=True)
        ]
        return SharedShape(catalog, compiled, readers if any(readers) else None)

    def bulk_insert(self, text: str) -> tuple[CompiledQuery, list[Row]] | None:
        """An INSERT of many rows of literals: its plan and the rows; None where the parser has to read it."""
        session = self._session
        if session.failed or len(text) < BULK_CHARACTERS_MIN or text[:6].lower() != "insert":
            return None
        scanned = scan_values(text)
        if scanned is None or (types := literal_types(scanned)) is None:
            return None
        state, home = session.catalog_state, session.home
        if state is not home.state:
            return None
        key = (scanned.template, types, session.name_context)
        shape = home.bulk_shapes.get(key)
        if shape is None or shape.catalog is not state.catalog:
            shape = self._bulk_shape(scanned.template, types)
            home.bulk_shapes.put(key, shape)
        if shape.query is None:
            return None
        try:
            return shape.query, given_rows(scanned, shape.query, session)
        except DatacaveError:
            # A literal that its type does not take: the ordinary way tells where it stands.
            return None

    def _bulk_shape(self, template: str, types: tuple[int, ...]) -> BulkShape:
        session = self._session
        state = session.catalog_state
        try:
            compiled = self.compile(template, parse_statements(template)[0], types)
        except DatacaveError:
            # The ordinary way says what is wrong, with positions in the statement as it was written.
            return BulkShape(state.catalog, None)
        if not isinstance(compiled, CompiledQuery):
            return BulkShape(state.catalog, None)
        plan = with_given_rows(compiled.plan, compiled.parameter_types)
        if plan is None:
            return BulkShape(state.catalog, None)
        operator = plan_query(session.database.environment(state), plan)
        return BulkShape(state.catalog, replace(compiled, operator=operator, plan=plan))

    def known(self, text: str, parameter_types: tuple[int, ...]) -> CompiledQuery | CompiledUtility | None:
        """What `prepare` would find without compiling, or None."""
        session = self._session
        key = (text, parameter_types, session.name_context)
        found: CompiledQuery | CompiledUtility | None = session.home.plans_by_text.get(key)
        return self._present(found, key) if found is not None else None

    def _present(self, found: CompiledQuery | CompiledUtility, key: Any) -> CompiledQuery | CompiledUtility | None:
        """A kept plan if it holds for the session's catalog, or can be carried over to it."""
        state, home = self._session.catalog_state, self._session.home
        if found.catalog is state.catalog:
            return found
        carried = self._carried(found) if isinstance(found, CompiledQuery) else None
        if carried is not None and state is home.state:
            home.plans_by_text.put(key, carried)
        return carried

    def _carried(self, found: CompiledQuery) -> CompiledQuery | None:
        """A plan of another catalog, if it holds for that of the session; what is read of the past is planned anew."""
        state = self._session.catalog_state
        return carried_over(found, state.catalog) if not state.past else None

    def prepare(
        self, text: str, parsed: ParsedStatement, parameter_types: tuple[int, ...]
    ) -> CompiledQuery | CompiledUtility:
        """The same for a prepared statement, shared between the sessions that prepare the same text."""
        if (found := self.known(text, parameter_types)) is not None:
            return found
        session = self._session
        key = (text, parameter_types, session.name_context)
        state = session.catalog_state
        if isinstance(parsed.statement, BOUND_WHEN_RUN):
            return CompiledUtility(state.catalog, None, None, parameter_types, text, parsed)
        compiled = self.compile(text, parsed, parameter_types)
        if state is session.home.state and compiled.shareable and _is_shared(compiled):
            session.home.plans_by_text.put(key, compiled)
        return compiled

    def again(self, compiled: CompiledQuery, *, may_change: bool = False) -> CompiledQuery:
        """A plan for the present catalog instead of one that has become stale while its statement waited.

        `may_change`: nobody has been told what the columns of the result are. Raises 0A000 if they change else.
        """
        fresh = self.compile(compiled.text, compiled.parsed, compiled.parameter_types)
        if not isinstance(fresh, CompiledQuery):
            raise CachedPlanChanged
        if not may_change and shapes(fresh.columns) != shapes(compiled.columns):
            raise CachedPlanChanged
        return fresh

    def compile(
        self, text: str, parsed: ParsedStatement, parameter_types: Sequence[int] | None, *, keep: bool = False
    ) -> CompiledQuery | CompiledUtility:
        """Binds and plans one statement. `parameter_types` None: parameters are not allowed (a simple query)."""
        session = self._session
        state = session.catalog_state
        bound = bind_statement(parsed, text, session.binding_environment(state), parameter_types)
        check_permissions(session, bound)
        compiled: CompiledQuery | CompiledUtility
        if isinstance(bound, BoundQuery):
            operator = planned(session, state, bound)
            compiled = compiled_query(state.catalog, bound, operator, text, parsed)
            compiled.steady = is_steady(bound)
        else:
            types = _types_found(bound, parameter_types)
            compiled = CompiledUtility(state.catalog, bound, utility_columns(session, bound), types, text, parsed)
        if keep and compiled.shareable and state is session.home.state and _is_shared(compiled):
            session.home.plans_by_text.put((text, session.name_context), compiled)
        return compiled


def _types_found(bound: BoundStatement, given: Sequence[int] | None) -> tuple[int, ...]:
    """The parameter types of a command: those of the query in it, where it has one."""
    inner = getattr(bound, "query", None) or getattr(bound, "target", None)
    return inner.parameter_types if given is not None and isinstance(inner, BoundQuery) else tuple(given or ())


def _is_shared(compiled: CompiledQuery | CompiledUtility) -> bool:
    """Whether other sessions may run it too: queries, and commands such as BEGIN that hold nothing of a session."""
    if isinstance(compiled, CompiledQuery):
        return True
    return isinstance(compiled.statement, Command) and compiled.columns is None

"""RoutineCalls: running the bodies of SQL functions and procedures inside the statement that calls them.

A body's statements run one after the other in the caller's transaction and snapshot, each seeing what those before it
wrote. They are bound once per session for one catalog, one way of finding names and the types of the call.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Routine
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_core.types.record import record_class
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.names import Scope
from datacave_sql.bind.routine_body import ResultShape, bind_body, body_environment, result_shape
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.bind.stored_text import statements_of
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.suspension import wait_inside
from datacave_sql.exec.triggers import TriggerCall
from datacave_sql.functions.body import CallTypes
from datacave_sql.functions.polymorphism import POLYMORPHIC
from datacave_sql.functions.routines import returns_row
from datacave_sql.parse import ParsedStatement
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.functions import Function, compile_block_statement, compile_routine, compile_trigger
from datacave_sql.plpgsql.trigger_variables import trigger_values
from datacave_sql.session.compiled import CompiledQuery, compiled_query
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.planned import planned
from datacave_sql.session.touched_tables import check_may_write

BODIES_MAX = 500
DEPTH_MAX = 100
"""Calls inside calls."""
FRAMES_BEFORE, FRAMES_EACH = 1000, 45
"""Frames of the interpreter's stack that a statement may take, and each call inside it. Nothing else needs that many:
whoever nests deeply without calls is still stopped by other limits long before the machine's stack ends."""


def make_room(depth: int) -> None:
    """Lets the interpreter's stack grow for so many calls inside each other."""
    needed = FRAMES_BEFORE + FRAMES_EACH * depth
    if sys.getrecursionlimit() < needed:
        sys.setrecursionlimit(needed)


def too_deep() -> DatacaveError:
    """54001."""
    return DatacaveError(
        "stack depth limit exceeded",
        sqlstate=sqlstate.STATEMENT_TOO_COMPLEX,
        hint=f"Functions may call each other {DEPTH_MAX} levels deep.",
    )


@dataclass(frozen=True, slots=True)
class RoutineBody:
    """A bound body: for each statement its plan, or its text where it is a utility statement.

    `wrap` makes a result row of the columns of the last statement; None: the first column is the result.
    """

    catalog: Catalog
    steps: tuple[CompiledQuery | ParsedStatement, ...]
    gives_rows: bool
    wrap: Any


class RoutineCalls:
    """The routines that one session runs."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._bodies: dict[Any, RoutineBody] = {}
        self._functions: dict[Any, Function] = {}
        self._depth = 0
        self.frame: Frame | None = None
        """The innermost PL/pgSQL function that runs."""
        self.may_commit = False
        """Whether the procedure that a function calls next may end the transaction."""

    def value(self, routine: Routine, call: CallTypes, arguments: Sequence[Any]) -> Any:
        """The result of a call: the first row of the last statement, NULL without one."""
        if routine.language == "plpgsql":
            return self._run_function(routine, call, arguments).result
        for item in self._run(routine, call, arguments):
            return item
        return None

    def rows(self, routine: Routine, call: CallTypes, arguments: Sequence[Any]) -> Iterator[Any]:
        """The results of a set-returning function, as they are asked for."""
        if routine.language == "plpgsql":
            return iter(self._run_function(routine, call, arguments).rows)
        if routine.security_definer or routine.settings:
            return iter(list(self._run(routine, call, arguments)))
        return self._run(routine, call, arguments)

    # PL/pgSQL

    def _run_function(self, routine: Routine, call: CallTypes, arguments: Sequence[Any]) -> Frame:
        may_commit = self._takes_commit()
        if routine.return_type_oid == oids.TRIGGER:
            raise FeatureNotSupported("trigger functions can only be called as triggers")
        function = self._function(routine, call)
        atomic = not may_commit or routine.kind != "p" or routine.security_definer or bool(routine.settings)
        return self._call(routine, function, arguments, atomic=atomic)

    def _takes_commit(self) -> bool:
        """Whether what is called now may end the transaction."""
        if self.frame is None:
            # What a function in SQL calls never may.
            return not self._depth and not self._session.in_block and not self._session.several
        may_commit, self.may_commit = self.may_commit, False
        return may_commit

    def _call(self, routine: Routine | None, function: Function, arguments: Sequence[Any], *, atomic: bool) -> Frame:
        if self._depth >= DEPTH_MAX:
            raise too_deep()
        self._depth += 1
        make_room(self._depth)
        configured = routine is not None and (routine.security_definer or routine.settings)
        before = self._enter(routine) if configured and routine is not None else None
        try:
            return function.run(self._session, arguments, self.frame, atomic=atomic)
        except RecursionError:
            raise too_deep() from None
        finally:
            self._depth -= 1
            if before is not None:
                self._session.settings.rollback_to(before)

    def _function(self, routine: Routine, call: CallTypes) -> Function:
        columns = tuple((one.name, one.type, one.typmod) for one in call.columns)
        key = (routine.oid, call.arguments, call.result, columns)
        function = self._functions.get(key)
        if function is None or function.catalog is not self._session.catalog_snapshot:
            if len(self._functions) >= BODIES_MAX:
                self._functions.clear()
            function = self._functions[key] = compile_routine(self._session, routine, call)
        return function

    def trigger(self, routine: Routine, call: TriggerCall, old: Row | None, new: Row | None) -> Any:
        """Runs a trigger function: the row that it returns, or None. `old` and `new` are values of the table's type."""
        session = self._session
        trigger, table = call.trigger, call.table
        key = (routine.oid, table.oid, trigger.old_table, trigger.new_table)
        function = self._functions.get(key)
        if function is None or function.catalog is not session.catalog_snapshot:
            if len(self._functions) >= BODIES_MAX:
                self._functions.clear()
            function = self._functions[key] = compile_trigger(session, routine, table)
        arguments = trigger_values(session, call, old, new)
        return self._call(routine, function, arguments, atomic=True).result

    def check(self, routine: Routine) -> None:
        """Compiles a routine whose types are all known. Raises what is wrong with its declarations and names."""
        types = tuple(argument.type_oid for argument in routine.arguments if argument.mode in "ibv")
        if POLYMORPHIC.isdisjoint((*types, routine.return_type_oid)) and routine.return_type_oid != oids.TRIGGER:
            call = CallTypes(types, routine.return_type_oid, self._session.catalog_state.types)
            compile_routine(self._session, routine, call)

    def block(self, body: str) -> None:
        """DO."""
        may_commit = self._takes_commit()
        self._call(None, compile_block_statement(self._session, body), (), atomic=not may_commit)

    # SQL

    def _run(self, routine: Routine, call: CallTypes, arguments: Sequence[Any]) -> Iterator[Any]:
        session = self._session
        if self._depth >= DEPTH_MAX:
            raise too_deep()
        self._depth += 1
        make_room(self._depth)
        self.may_commit = False  # whatever it calls may not
        before = self._enter(routine) if routine.security_definer or routine.settings else None
        try:
            body = self._body(routine, call)
            last = len(body.steps) - 1
            for place, step in enumerate(body.steps):
                if isinstance(step, ParsedStatement):
                    self._utility(routine, step)
                    continue
                wanted = place == last and body.gives_rows and call.result != oids.VOID
                for batch in self._batches(step, arguments, read_only=routine.volatility != "v"):
                    if wanted:
                        wrap = body.wrap
                        yield from (row[0] for row in batch) if wrap is None else map(wrap, batch)
        except RecursionError:
            raise too_deep() from None
        finally:
            self._depth -= 1
            if before is not None:
                session.settings.rollback_to(before)

    def _enter(self, routine: Routine) -> int:
        """Takes the owner's role and the function's parameters; returns the mark to go back to."""
        settings = self._session.settings
        mark: int = settings.savepoint()
        owner = self._session.catalog_snapshot.roles.get(routine.owner_oid)
        for name, value in routine.settings:
            settings.set(name, value, local=True)
        if routine.security_definer and owner is not None:
            settings.set("role", owner.name, local=True)
        return mark

    def _batches(self, step: CompiledQuery, arguments: Sequence[Any], *, read_only: bool) -> Iterator[Any]:
        session = self._session
        transaction = session.transaction
        if step.written or step.locked:
            if read_only:
                raise DatacaveError(
                    f"{step.kind.upper()} is not allowed in a non-volatile function",
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                )
            if transaction.read_only:
                check_may_write(step)
        while (wait := transaction.lock_tables(step.tables)) is not None:
            wait_inside(wait)
        context = ExecutionContext(session, transaction, arguments)
        for batch in step.operator.open(context):
            if isinstance(batch, Wait):
                wait_inside(batch)
            elif step.returns_rows:
                yield batch

    def _utility(self, routine: Routine, parsed: ParsedStatement) -> None:
        session = self._session
        if routine.volatility != "v":
            raise DatacaveError(
                "utility commands are not allowed in a non-volatile function", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
            )
        compiled = session.compiler.compile(routine.body, parsed, None)
        for step in session.execute(compiled, (), inner=True):
            if isinstance(step, Wait):
                wait_inside(step)

    # Bodies

    def _body(self, routine: Routine, call: CallTypes) -> RoutineBody:
        session = self._session
        catalog = session.catalog_snapshot
        columns = tuple((one.name, one.type, one.typmod) for one in call.columns)
        key = (routine.oid, call.arguments, call.result, columns, session.name_context)
        body = self._bodies.get(key)
        if body is None or body.catalog is not catalog:
            if len(self._bodies) >= BODIES_MAX:
                self._bodies.clear()
            body = self._bodies[key] = self._bind(routine, call, catalog, columns)
        return body

    def _bind(self, routine: Routine, call: CallTypes, catalog: Catalog, columns: Any) -> RoutineBody:
        session = self._session
        state = session.catalog_state
        shape = result_shape(call.result, columns, state.types)
        statements = statements_of(routine.body)
        environment = body_environment(routine, session.binding_environment(state))

        def bind(parsed: ParsedStatement, scope: Scope) -> tuple[Binding, BoundQuery]:
            return bind_in_scope(parsed, routine.body, environment, call.arguments, scope)

        found: list[CompiledQuery | ParsedStatement] = []
        queries = bind_body(routine, statements, call.arguments, shape, bind, state.types)
        for parsed, query in zip(statements, queries, strict=True):
            if query is None:
                found.append(parsed)
                continue
            check_permissions(session, query)
            operator = planned(session, state, query)
            found.append(compiled_query(catalog, query, operator, routine.body, parsed))
        last = queries[-1] if queries else None
        gives_rows = last is not None and last.returns_rows
        wrap = None
        if last is not None and gives_rows and returns_row(routine, call.result, state.types):
            wrap = self._wrap(last, call, shape)
        return RoutineBody(catalog, tuple(found), gives_rows, wrap)

    def _wrap(self, last: BoundQuery, call: CallTypes, shape: ResultShape) -> Any:
        """How a row becomes a value of the result's type; None where its one column is such a value already."""
        types = self._session.catalog_state.types
        given = last.plan.columns
        if call.result != oids.RECORD:
            single = len(given) == 1 and types.base(given[0].type) == types.base(call.result)
            return None if single else tuple
        names = [name for name, _, _ in shape.columns] if shape.columns is not None else [c.name for c in given]
        kinds = [column.type if column.type != oids.UNKNOWN else oids.TEXT for column in given]
        if shape.columns is None and len(given) == 1 and given[0].type == oids.RECORD:
            return None
        return record_class(names, kinds, [types.io(oid) for oid in kinds])

"""run_utility: which function runs which bound statement, and what all of them need before.

Statements that change the catalog first take the right to do so; if the catalog has changed while they waited, they
are bound again, so that they never act on a table that is no longer there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait, wait_for
from datacave_sql.bind import bound_named, bound_routines, table_changes
from datacave_sql.bind import statements as bound
from datacave_sql.bind.binder import bind_statement
from datacave_sql.bind.bound_privileges import AlterDefaultPrivileges, ChangePolicies, GrantPrivileges
from datacave_sql.bind.bound_rules import ChangeRules, ChangeStatistics, ChangeTriggers
from datacave_sql.parse import ast
from datacave_sql.session.compiled import touched_tables
from datacave_sql.session.copying import copy_from, copy_to
from datacave_sql.session.definition_locks import lock_for_definition
from datacave_sql.session.definition_waits import wait_for_changes
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.replies import Complete, Reply, ResultColumn, ResultHeader
from datacave_sql.session.utility import (
    alter_table,
    cursors,
    databases,
    drops,
    explain,
    extensions,
    grants,
    indexes,
    locks,
    maintenance,
    memberships,
    named_objects,
    owned,
    parameters,
    prepared,
    reindex,
    role_settings,
    roles,
    routines,
    schemas,
    sequences,
    session_state,
    table_parts,
    tables,
    transaction,
    truncate,
    two_phase,
    types,
    views,
)
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]

COMMANDS: dict[type, Callable[[Any, Any], Steps]] = {
    ast.Begin: transaction.begin,
    ast.Commit: transaction.commit,
    ast.Rollback: transaction.rollback,
    ast.Savepoint: transaction.savepoint,
    ast.ReleaseSavepoint: transaction.release,
    ast.RollbackTo: transaction.rollback_to,
    ast.PreparedTransaction: two_phase.prepared_transaction,
    ast.SetTransaction: transaction.set_transaction,
    ast.SetConstraints: transaction.set_constraints,
    ast.SetParameter: parameters.set_parameter,
    ast.ResetParameter: parameters.reset_parameter,
    ast.ShowParameter: parameters.show_parameter,
    ast.Deallocate: prepared.deallocate,
    ast.FetchCursor: cursors.fetch,
    ast.CloseCursor: cursors.close,
    ast.Listen: session_state.listen,
    ast.Unlisten: session_state.unlisten,
    ast.Notify: session_state.notify,
    ast.Discard: session_state.discard,
    ast.Checkpoint: session_state.checkpoint,
    ast.Do: routines.do_block,
}
"""Statements in which the catalog names nothing."""

CATALOG_CHANGES: dict[type, Callable[[Any, Any], Steps]] = {
    bound.CreateTable: tables.create_table,
    bound.CreateIndex: indexes.create_index,
    table_changes.AlterTable: alter_table.alter_table,
    bound.AlterIndex: indexes.alter_index,
    bound.Truncate: truncate.truncate,
    bound.DropObjects: drops.drop_objects,
    bound.CreateSequence: sequences.create_sequence,
    bound.AlterSequence: sequences.alter_sequence,
    bound.CreateSchema: schemas.create_schema,
    bound.RenameObject: schemas.rename,
    bound.SetObjectSchema: schemas.set_schema,
    bound.ChangeOwner: schemas.change_owner,
    bound.CommentOn: schemas.comment_on,
    bound.CreateView: views.create_view,
    bound.CreateTableAs: views.create_table_as,
    bound.RefreshMaterializedView: views.refresh,
    bound.CreateType: types.create_type,
    bound.AlterType: types.alter_type,
    GrantPrivileges: grants.grant_privileges,
    AlterDefaultPrivileges: grants.alter_default_privileges,
    bound_named.CreateNamed: named_objects.create_named,
    bound_named.AlterNamed: named_objects.alter_named,
    bound_routines.CreateRoutine: routines.create_routine,
    bound_routines.AlterRoutine: routines.alter_routine,
    ChangePolicies: table_parts.change_policies,
    ChangeRules: table_parts.change_rules,
    ChangeStatistics: table_parts.change_statistics,
    ChangeTriggers: table_parts.change_triggers,
    bound_routines.CreateOperator: routines.create_operator,
    bound_routines.CreateCast: routines.create_cast,
}
"""Statements that change the catalog."""

ROLE_COMMANDS: dict[type, Callable[[Any, Any], Steps]] = {
    ast.CreateRole: roles.create_role,
    ast.AlterRole: roles.alter_role,
    ast.DropRole: roles.drop_role,
    ast.GrantRole: memberships.grant_role,
    ast.DropOwned: owned.drop_owned,
    ast.ReassignOwned: owned.reassign_owned,
    ast.AlterSettings: role_settings.alter_settings,
    ast.CreateDatabase: databases.create_database,
    ast.AlterDatabase: databases.alter_database,
    ast.DropDatabase: databases.drop_database,
    ast.CreateExtension: extensions.create_extension,
}
"""Commands that change the catalog."""

OTHERS: dict[type, Callable[[Any, Any, Sequence[Any]], Steps]] = {
    bound.Reindex: reindex.reindex,
    bound.Explain: explain.explain,
    bound.PrepareStatement: prepared.prepare,
    bound.ExecuteStatement: prepared.execute,
    bound.DeclareCursor: cursors.declare,
    bound.LockTable: locks.lock_table,
    bound.Vacuum: maintenance.vacuum,
    bound.CopyFrom: copy_from,
    bound.CopyTo: copy_to,
}
"""Everything else; these also get the parameters of the statement."""

_QUERIES: dict[type, Callable[[Any], Any]] = {
    bound.Explain: lambda statement: statement.target,
    bound.DeclareCursor: lambda statement: statement.query,
    bound.CopyTo: lambda statement: statement.query,
}
"""Statements around a query, whose tables are locked for it."""

_RUN_IN_FAILED_BLOCK = (ast.Commit, ast.Rollback, ast.RollbackTo)


def run_utility(session: Any, compiled: Any, values: Sequence[Any]) -> Steps:
    """Runs a compiled utility statement."""
    transaction = session.transaction
    statement = compiled.statement
    if transaction is not None and transaction.loads:
        ends = type(statement) is bound.Command and isinstance(statement.statement, _RUN_IN_FAILED_BLOCK)
        if not ends:
            yield from transaction.loads.settle()
    if statement is None:
        compiled = session.compiler.compile(compiled.text, compiled.parsed, compiled.parameter_types)
        statement = compiled.statement
    if compiled.columns is not None:
        yield ResultHeader(compiled.columns)
    if type(statement) is bound.Command:
        command = COMMANDS.get(type(statement.statement))
        if command is None:
            command = ROLE_COMMANDS.get(type(statement.statement))
            if command is None:
                raise unsupported(statement.statement)
            session.begin_statement()
            yield from session.change_catalog()
        yield from command(session, statement.statement)
        return
    kind = type(statement)
    change = CATALOG_CHANGES.get(kind)
    if change is not None:
        session.begin_statement()
        if kind is bound.CreateIndex and statement.concurrently:
            yield from _change(session, compiled, change)  # commits on its way
        else:
            yield from session.run_beside_others(lambda: _change(session, compiled, change))
        return
    if kind is bound.NothingToDo:
        yield from _nothing_to_do(session, statement)
        return
    other = OTHERS.get(kind)
    if other is None:
        raise unsupported(statement)
    if (find_query := _QUERIES.get(kind)) is not None and isinstance(find_query(statement), bound.BoundQuery):
        tables = touched_tables(find_query(statement).plan)
        transaction = session.begin_statement()
        while (wait := transaction.lock_tables(tables)) is not None:
            yield from wait_for(wait)
    elif _waits_for_changes(session, statement):
        yield from wait_for_changes(session, compiled.parsed.statement)
    if compiled.catalog is not session.catalog_snapshot:
        statement = session.compiler.compile(compiled.text, compiled.parsed, compiled.parameter_types).statement
    yield from other(session, statement, values)


def _waits_for_changes(session: Any, statement: Any) -> bool:
    """Whether a statement finds its tables once nobody is changing them; not one that is refused anyhow."""
    if isinstance(statement, bound.LockTable):
        return not statement.nowait and bool(session.in_block or session.in_function)
    if isinstance(statement, bound.Vacuum):
        return "skip_locked" not in statement.options and (statement.analyze_only or not session.in_block)
    return True


def _change(session: Any, compiled: Any, change: Callable[[Any, Any], Steps]) -> Steps:
    """A statement that changes the catalog, on what the catalog is when its locks are granted."""
    catalog, statement = compiled.catalog, compiled.statement
    if catalog is not session.catalog_snapshot:
        catalog = session.catalog_snapshot
        statement = _again(session, compiled)
    yield from lock_for_definition(session, statement)
    if (yield from session.share_catalog()) is not catalog:
        statement = _again(session, compiled)
    if type(statement) is bound.NothingToDo:
        yield from _nothing_to_do(session, statement)
    elif type(statement) is bound.CreateSchema and statement.elements:
        yield from _schema_elements(session, statement, compiled, change(session, statement))
    else:
        yield from change(session, statement)


def _again(session: Any, compiled: Any) -> Any:
    return session.compiler.compile(compiled.text, compiled.parsed, compiled.parameter_types).statement


def _nothing_to_do(session: Any, statement: bound.NothingToDo) -> Steps:
    for message, code in statement.notices:
        tell(session, "NOTICE", message, code)
    yield Complete(statement.tag)


_ELEMENT_ORDER = (ast.CreateSequence, ast.CreateTable, ast.CreateView, ast.CreateIndex)
"""What may need what among the elements of a schema: later ones the earlier ones."""


def _schema_elements(session: Any, statement: bound.CreateSchema, compiled: Any, made: Steps) -> Steps:
    """The elements of CREATE SCHEMA, made inside the new schema."""
    tag = [step for step in made if isinstance(step, Complete)]
    environment = session.binding_environment(session.catalog_state)
    path = (statement.name, *(name for name in environment.search_path if name != statement.name))

    def order(element: ast.Statement) -> int:
        kinds = [place for place, kind in enumerate(_ELEMENT_ORDER) if isinstance(element, kind)]
        return kinds[0] if kinds else len(_ELEMENT_ORDER)

    for element in sorted(statement.elements, key=order):
        inside = _inside(element, statement.name)
        parsed = replace(compiled.parsed, statement=inside)
        state = replace(session.binding_environment(session.catalog_state), search_path=path)
        part = bind_statement(parsed, compiled.text, state, None)
        check_permissions(session, part)
        change = CATALOG_CHANGES.get(type(part))
        if change is None:
            raise unsupported(inside)
        for step in change(session, part):
            if not isinstance(step, Complete):
                yield step
    yield from tag


def _inside(element: Any, schema: str) -> Any:
    """An element with its name in the schema. Raises 42P15 for a name in another one."""
    if isinstance(element, ast.CreateTrigger):
        return replace(element, table=_inside_name(element.table, schema))
    if isinstance(element, ast.CreateIndex):
        return replace(element, table=replace(element.table, name=_inside_name(element.table.name, schema)))
    name = getattr(element, "name", None)
    return replace(element, name=_inside_name(name, schema)) if isinstance(name, tuple) else element


def _inside_name(name: tuple[str, ...], schema: str) -> tuple[str, ...]:
    if len(name) > 1 and name[-2] != schema:
        raise DatacaveError(
            f"CREATE specifies a schema ({name[-2]}) different from the one being created ({schema})",
            sqlstate=sqlstate.INVALID_SCHEMA_DEFINITION,
        )
    return schema, name[-1]


def utility_columns(session: Any, statement: Any) -> tuple[ResultColumn, ...] | None:
    """What a bound utility statement returns; None if it returns no rows."""
    if type(statement) is bound.Command:
        inner = statement.statement
        if isinstance(inner, ast.ShowParameter):
            return parameters.show_columns(session, inner)
        if isinstance(inner, ast.FetchCursor):
            return cursors.fetch_columns(session, inner)
    elif type(statement) is bound.ExecuteStatement:
        return prepared.execute_columns(session, statement)
    elif type(statement) is bound.Explain:
        return explain.explain_columns(statement)
    return None


def runs_in_failed_block(statement: Any) -> bool:
    """Whether a statement (its syntax tree) runs in a failed block."""
    return isinstance(statement, _RUN_IN_FAILED_BLOCK) or (
        isinstance(statement, ast.PreparedTransaction) and statement.action == "prepare"
    )


def unsupported(statement: Any) -> FeatureNotSupported:
    """0A000 for a statement that nothing runs yet."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__)
    return FeatureNotSupported(f"{words.strip().upper()} is not supported yet")

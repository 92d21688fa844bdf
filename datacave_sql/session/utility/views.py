"""CREATE VIEW, CREATE TABLE AS, materialized views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.binder import binding
from datacave_sql.bind.statements import (
    BoundQuery,
    CreateTableAs,
    CreateView,
    ExecuteStatement,
    RefreshMaterializedView,
)
from datacave_sql.bind.stored_query import query_columns
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.plan.logical import LogicalPlan
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.compiled import CompiledQuery
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.arguments import evaluate_arguments
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.prepared import find_prepared
from datacave_sql.session.utility.temporary import follow_on_commit, in_temporary_schema
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]


def create_view(session: Any, bound: CreateView) -> Steps:
    """CREATE [OR REPLACE] VIEW."""
    yield from ()
    if bound.becomes_temporary:
        tell(session, "NOTICE", f'view "{bound.table.name}" will be a temporary view', sqlstate.SUCCESSFUL_COMPLETION)
    numbers = Numbers(session.catalog_snapshot)
    if bound.replaces is not None:
        old = bound.replaces
        view = replace(
            bound.table,
            oid=old.oid,
            owner_oid=old.owner_oid,
            schema_oid=old.schema_oid,
            row_type_oid=old.row_type_oid,
            row_array_type_oid=old.row_array_type_oid,
            privileges=old.privileges,
            rules=old.rules,
        )
    else:
        described = in_temporary_schema(session, numbers, bound.table)
        view = numbers.table(described, session.evaluation.current_role.oid)
    session.set_catalog(numbers.catalog.with_objects((view,)))
    yield Complete("CREATE VIEW")


def create_table_as(session: Any, bound: CreateTableAs) -> Steps:
    """CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW."""
    values: Sequence[Any] = ()
    executes = bound.execute is not None
    if bound.execute is not None:
        bound, values = _executed(session, bound, bound.execute)
    assert bound.query is not None
    numbers = Numbers(session.catalog_snapshot)
    described = in_temporary_schema(session, numbers, bound.table)
    table = replace(numbers.table(described, session.evaluation.current_role.oid), populated=bound.with_data)
    catalog = numbers.catalog.with_table(table)
    before = session.catalog_state
    session.set_catalog(catalog)
    session.database.register_layouts((table,), catalog)
    follow_on_commit(session, table, bound.on_commit)
    count = 0
    if bound.with_data:
        count = yield from _fill(session, table, bound.query.plan, before, values)
    if bound.table.kind == "m":
        yield Complete(f"SELECT {count}" if bound.with_data else "CREATE MATERIALIZED VIEW")
    else:
        yield Complete(f"SELECT {count}" if bound.with_data or executes else "CREATE TABLE AS")


def _executed(session: Any, bound: CreateTableAs, execute: ExecuteStatement) -> tuple[CreateTableAs, Sequence[Any]]:
    """CREATE TABLE AS EXECUTE with the query of the prepared statement, and its arguments. Raises 26000, 42809."""
    compiled = find_prepared(session, execute.name).compiled
    if not isinstance(compiled, CompiledQuery) or compiled.kind != "select":
        raise DatacaveError("prepared statement is not a SELECT", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    b = binding(session.binding_environment(session.catalog_state), compiled.text)
    columns = query_columns(b, compiled.plan.columns, bound.column_names)
    values = evaluate_arguments(session, execute, compiled.parameter_types, ())
    query = BoundQuery(compiled.plan, "select", (), True, compiled.parameter_types, True)
    table = replace(bound.table, columns=columns, populated=bound.with_data)
    return replace(bound, table=table, query=query, execute=None), values


def _fill(session: Any, table: Table, plan: LogicalPlan, state: Any, values: Sequence[Any] = ()) -> Any:
    """Stores the rows of a query; gives their number."""
    transaction = session.transaction
    transaction.statement_snapshot()
    operator = plan_query(session.database.environment(state), plan)
    context = ExecutionContext(session, transaction, values)
    writer = RowWriter(context, session.catalog_state.access(table))
    count = 0
    for batch in operator.open(context):
        if isinstance(batch, Wait):
            yield batch
            continue
        rows = [tuple(row) for row in batch]
        yield from writer.insert_many(rows)
        count += len(rows)
    return count


def refresh(session: Any, bound: RefreshMaterializedView) -> Steps:
    """REFRESH MATERIALIZED VIEW: the rows are computed anew under a new storage id."""
    yield from session.lock_table(bound.table.oid)
    numbers = Numbers(session.catalog_snapshot)
    before = session.catalog_state
    old = bound.table
    table = replace(old, storage_id=numbers.take(), populated=bound.with_data)
    catalog = numbers.catalog.with_table(table)
    session.set_catalog(catalog)
    session.database.register_layouts((table,), catalog)
    if bound.with_data:
        yield from _fill(session, table, bound.query.plan, before)
    session.after_commit(lambda: session.database.reclaimer.add((old.storage_id,)))
    yield Complete("REFRESH MATERIALIZED VIEW")

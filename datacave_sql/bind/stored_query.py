"""Stored queries: views, materialized views and CREATE TABLE AS.

The text of a view is written from its tree with every table named in full and every star spelled out, so that it
means the same under any search path and after columns are added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import format_type, oids
from datacave_sql.bind import relations, write_target
from datacave_sql.bind import statements as s
from datacave_sql.bind.create_table import check_on_commit
from datacave_sql.bind.nested import Entries
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statement_text import StatementText
from datacave_sql.bind.storage_parameters import table_parameters, view_parameters
from datacave_sql.bind.stored_text import query_tree
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_PERSISTENCE = {"permanent": "p", "temporary": "t", "unlogged": "u"}


def query_columns(b: Binding, columns: Sequence[l.OutputColumn], names: Sequence[str]) -> tuple[Column, ...]:
    """The columns a query gives a table or view. Raises 42601 for too many names, 42701, 42P16."""
    if len(names) > len(columns):
        raise DatacaveError("too many column names were specified", sqlstate=sqlstate.SYNTAX_ERROR)
    labels = [*names, *(column.name for column in columns[len(names) :])]
    made = []
    for number, (label, column) in enumerate(zip(labels, columns, strict=True), 1):
        if label in labels[: number - 1]:
            raise DatacaveError(f'column "{label}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
        if b.types.kind(column.type) == "p" and column.type != oids.UNKNOWN:
            raise DatacaveError(
                f'column "{label}" has pseudo-type {b.types.name(column.type)}',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
        type_oid, typmod = _declared_type(b, column)
        collation = b.types.type(type_oid).collation_oid
        made.append(Column(number, label, type_oid, typmod, collation=collation))
    return tuple(made)


def _declared_type(b: Binding, column: l.OutputColumn) -> tuple[int, int]:
    """The type of a column of a result: the domain, where it is a column of a table that has one."""
    table = b.catalog.tables.get(column.table_oid)
    if table is not None and 0 < column.attribute <= len(table.columns):
        declared = table.column(column.attribute)
        if b.types.kind(declared.type_oid) == "d" and b.types.base(declared.type_oid) == column.type:
            return declared.type_oid, declared.typmod
    return column.type, column.typmod


def query_text(b: Binding, query: ast.Statement) -> str:
    """The text under which a bound query is stored."""
    return _writer(b, query).query(query)


def expression_text(b: Binding, expression: ast.Expression) -> str:
    """The text under which a bound expression that may hold queries is stored."""
    return _writer(b, expression)(expression)


def statement_text(b: Binding, statement: ast.Statement) -> str:
    """The text under which a bound statement is stored that may change rows."""
    return _writer(b, statement, StatementText).query(statement)


def _writer(b: Binding, node: ast.Node, kind: type[SqlText] = SqlText) -> SqlText:
    commons = set(_common_names(node))

    def full_name(item: ast.TableRef) -> tuple[str, ...]:
        if len(item.name) == 1 and item.name[0] in commons:
            return item.name
        schema, name = relations.split_relation_name(b, item.name, item.position)
        for candidate in (schema,) if schema is not None else relations.search_schemas(b):
            if relations.relation_in(b, candidate, name) is not None:
                return (candidate, name)
        return item.name

    def star(node: ast.ColumnRef) -> tuple[tuple[str, ...], ...] | None:
        return b.stars.get(id(node))

    return kind(full_name, star, b.routine_name, lambda join: b.natural_names.get(id(join)))


def _common_names(node: Any) -> Sequence[str]:
    found: list[str] = []

    def visit(value: Any) -> None:
        if isinstance(value, ast.CommonTable):
            found.append(value.name)
        if isinstance(value, ast.Node):
            for base in type(value).__mro__:
                for slot in getattr(base, "__slots__", ()):
                    if slot != "position":
                        visit(getattr(value, slot))
        elif isinstance(value, tuple):
            for part in value:
                visit(part)

    visit(node)
    return found


def _depends_on(b: Binding) -> tuple[int, ...]:
    return tuple(sorted(b.dependencies | b.needed_keys))


def columns_read(b: Binding) -> tuple[tuple[int, int], ...]:
    """The columns of relations that a bound query names itself, not through a view."""
    found = {(use.relation.oid, number) for use in b.uses if use.named for number in use.read}
    return tuple(sorted(found))


def reads_column(view: Table, relation_oid: int, number: int) -> bool:
    """Whether a view needs a column of a relation."""
    if relation_oid not in view.depends_on:
        return False
    return view.columns_read is None or (relation_oid, number) in view.columns_read


def _first_select(query: ast.Query) -> ast.Select:
    body = query.body
    while isinstance(body, ast.SetOperation):
        body = body.left.body
    return body if isinstance(body, ast.Select) else ast.Select(query.position, ())


def bind_create_view(b: Binding, statement: ast.CreateView, entries: Entries) -> s.BoundStatement:
    """CREATE VIEW. Raises 42P07, and 42P16 where OR REPLACE would take or change columns."""
    temporary = relations.is_temporary(b, statement.name, statement.persistence)
    schema = relations.creation_schema(b, statement.name, statement.position, temporary)
    b.defining = True
    if _first_select(statement.query).into is not None:
        raise FeatureNotSupported("views must not contain SELECT INTO")
    query = entries.bound_query(b, statement.query)
    becomes = not temporary and any(use.named and getattr(use.relation, "persistence", "") == "t" for use in b.uses)
    if becomes:
        temporary = True
        schema = relations.creation_schema(b, statement.name, statement.position, temporary)
    if b.modifies_data:
        raise FeatureNotSupported("views must not contain data-modifying statements in WITH")
    if query.parameter_types:
        raise DatacaveError("views must not contain parameters", sqlstate=sqlstate.UNDEFINED_PARAMETER)
    if len(statement.columns) > len(query.columns):
        raise DatacaveError("CREATE VIEW specifies more column names than columns", sqlstate=sqlstate.SYNTAX_ERROR)
    columns = query_columns(b, query.columns, statement.columns)
    name = statement.name[-1]
    view_options = view_parameters(statement.options)
    if statement.check_option:
        view_options += (("check_option", statement.check_option),)
    _check_options(b, statement.query, dict(view_options))
    table = Table(
        0,
        schema.oid,
        name,
        columns,
        kind="v",
        persistence="t" if temporary else "p",
        view_query=query_text(b, statement.query),
        options=view_options,
        depends_on=_depends_on(b),
        columns_read=columns_read(b),
    )
    existing_oid = b.catalog.relation_names.get((schema.oid, name))
    if existing_oid is None:
        return s.CreateView(table, None, becomes)
    existing = b.catalog.tables.get(existing_oid)
    if not statement.or_replace:
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    if existing is None or existing.kind != "v":
        raise DatacaveError(f'"{name}" is not a view', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    _check_replacement(b, existing, columns)
    if existing.oid in table.depends_on:
        raise DatacaveError(
            f'infinite recursion detected in rules for relation "{name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    return s.CreateView(table, existing, becomes)


def _check_options(b: Binding, query: ast.Query, view_options: Mapping[str, str]) -> None:
    """Raises 0A000 for a check of a view that cannot be written through."""
    if "check_option" not in view_options:
        return
    refusal = write_target.view_refusal(b, query)
    if refusal is not None:
        raise FeatureNotSupported("WITH CHECK OPTION is supported only on automatically updatable views", hint=refusal)


def _check_replacement(b: Binding, old: Table, columns: Sequence[Column]) -> None:
    before = old.live_columns
    if len(columns) < len(before):
        raise DatacaveError("cannot drop columns from view", sqlstate=sqlstate.INVALID_TABLE_DEFINITION)
    for was, now in zip(before, columns, strict=False):
        if was.name != now.name:
            raise DatacaveError(
                f'cannot change name of view column "{was.name}" to "{now.name}"',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
                hint="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )
        if was.type_oid != now.type_oid or was.typmod != now.typmod:
            old_type, new_type = (format_type(one.type_oid, one.typmod, b.types.find) for one in (was, now))
            raise DatacaveError(
                f'cannot change data type of view column "{was.name}" from {old_type} to {new_type}',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )


def bind_create_table_as(b: Binding, statement: ast.CreateTableAs, entries: Entries) -> s.BoundStatement:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    return _into(b, statement.into, statement.source, statement, entries)


def bind_select_into(b: Binding, query: ast.Query, entries: Entries) -> s.BoundStatement:
    """SELECT INTO is CREATE TABLE AS."""
    into: list[ast.IntoTable] = []

    def without(part: ast.Query) -> ast.Query:
        body = part.body
        if isinstance(body, ast.SetOperation):
            return replace(part, body=replace(body, left=without(body.left)))
        assert isinstance(body, ast.Select) and body.into is not None
        into.append(body.into)
        return replace(part, body=replace(body, into=None))

    plain = without(query)
    statement = ast.CreateTableAs(query.position, into[0], plain)
    return _into(b, into[0], plain, statement, entries)


def _into(
    b: Binding, into: ast.IntoTable, source: ast.Statement, statement: ast.CreateTableAs, entries: Entries
) -> s.BoundStatement:
    temporary = relations.is_temporary(b, into.name, into.persistence)
    check_on_commit(into.on_commit, temporary)
    schema = relations.creation_schema(b, into.name, statement.position, temporary)
    name = into.name[-1]
    word = "MATERIALIZED VIEW" if statement.materialized_view else "TABLE AS"
    if (schema.oid, name) in b.catalog.relation_names:
        if statement.if_not_exists:
            return s.NothingToDo(
                f"CREATE {word}", ((f'relation "{name}" already exists, skipping', sqlstate.DUPLICATE_TABLE),)
            )
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    table = Table(
        0,
        schema.oid,
        name,
        (),
        kind="m" if statement.materialized_view else "r",
        persistence="t" if temporary else _PERSISTENCE[into.persistence],
        options=table_parameters(into.options, temporary=temporary),
    )
    if isinstance(source, ast.Execute):
        execute = s.ExecuteStatement(source.name, source.arguments)
        return s.CreateTableAs(table, None, statement.with_data, into.on_commit, execute, into.columns)
    # Without data nothing is read yet, a materialized view that has none either.
    b.unread = not statement.with_data
    query = entries.bound_query(b, source)
    columns = query_columns(b, query.plan.columns, into.columns)
    table = replace(table, columns=columns, populated=statement.with_data)
    if statement.materialized_view:
        if query.parameter_types:
            raise DatacaveError(
                "materialized views may not be defined using bound parameters",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            )
        table = replace(
            table, view_query=query_text(b, source), depends_on=tuple(sorted(b.dependencies | b.needed_keys))
        )
        table = replace(table, columns_read=columns_read(b))
    tag = "SELECT" if statement.with_data else f"CREATE {word}"
    return s.CreateTableAs(table, query, statement.with_data, into.on_commit, None, into.columns, tag)


def bind_refresh(b: Binding, statement: ast.RefreshMaterializedView, entries: Entries) -> s.BoundStatement:
    """REFRESH MATERIALIZED VIEW."""
    table = relations.require_table(b, statement.name, statement.position)
    if table.kind != "m" or table.view_query is None:
        raise DatacaveError(f'"{table.name}" is not a materialized view', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if statement.concurrently and not statement.with_data:
        raise DatacaveError(
            "CONCURRENTLY and WITH NO DATA options cannot be used together", sqlstate=sqlstate.SYNTAX_ERROR
        )
    if statement.concurrently:
        _check_concurrent_refresh(b, table)
    query = entries.bound_query(b, query_tree(table.view_query))
    return s.RefreshMaterializedView(table, query, statement.with_data)


def _check_concurrent_refresh(b: Binding, table: Table) -> None:
    """Readers go on during every refresh here; what PostgreSQL asks of CONCURRENTLY is asked all the same."""
    if not table.populated:
        raise DatacaveError(
            "CONCURRENTLY cannot be used when the materialized view is not populated",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    if not any(
        index.unique and index.predicate is None and all(part.column for part in index.keys) for index in table.indexes
    ):
        schema = b.catalog.schemas[table.schema_oid].name
        raise DatacaveError(
            f'cannot refresh materialized view "{schema}.{table.name}" concurrently',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            hint="Create a unique index with no WHERE clause on one or more columns of the materialized view.",
        )


STORED_QUERIES: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreateView: bind_create_view,
    ast.CreateTableAs: bind_create_table_as,
    ast.RefreshMaterializedView: bind_refresh,
}

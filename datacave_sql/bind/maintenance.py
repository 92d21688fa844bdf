"""TRUNCATE, LOCK, VACUUM, ANALYZE, REINDEX: tables by name, and what cascades."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from datacave_core import sqlstate
from datacave_core.catalog import Index, Schema, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast


def _truncated_table(b: Binding, item: ast.TableRef) -> Table:
    table = relations.require_table(b, item.name, item.position)
    if table.kind not in ("r", "p"):
        raise DatacaveError(f'"{table.name}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if table.kind == "p" and item.only:
        raise DatacaveError(
            "cannot truncate only a partitioned table",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            hint="Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.",
        )
    return table


def bind_truncate(b: Binding, statement: ast.Truncate, entries: object) -> s.BoundStatement:
    """The tables, with those that refer to them under CASCADE. Raises 0A000 where others refer to one without it."""
    tables: list[Table] = []
    for item in statement.tables:
        table = _truncated_table(b, item)
        members = [table] if item.only else [table, *b.catalog.descendants_of(table.oid)]
        tables += [one for one in members if one not in tables]
    for table in tables:
        for other, _, _ in b.catalog.references_to(table):
            if other in tables:
                continue
            if not statement.cascade:
                raise FeatureNotSupported(
                    "cannot truncate a table referenced in a foreign key constraint",
                    detail=f'Table "{other.name}" references "{table.name}".',
                    hint=f'Truncate table "{other.name}" at the same time, or use TRUNCATE ... CASCADE.',
                )
            # The list grows while it is walked, so that what refers to these is found too.
            tables.append(other)
    return s.Truncate(tuple(tables), statement.restart_identity, statement.cascade)


def bind_lock(b: Binding, statement: ast.LockTable, entries: object) -> s.BoundStatement:
    tables = []
    for item in statement.tables:
        table = relations.require_table(b, item.name, item.position)
        if table.kind not in ("r", "v", "p"):
            raise DatacaveError(f'cannot lock relation "{table.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        tables.append(table)
        if not item.only:
            tables += b.catalog.descendants_of(table.oid)
    return s.LockTable(tuple(tables), statement.mode, statement.nowait)


def bind_vacuum(b: Binding, statement: ast.Vacuum, entries: object) -> s.BoundStatement:
    tables = []
    for target in statement.targets:
        table = relations.require_table(b, target.table.name, target.table.position)
        for name in target.columns:
            if name not in table.columns_by_name:
                raise DatacaveError(
                    f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
                )
        tables.append(table)
    return s.Vacuum(statement.analyze_only, tuple(tables), statement.options)


def bind_reindex(b: Binding, statement: ast.Reindex, entries: object) -> s.BoundStatement:
    indexes: tuple[tuple[Table, Index], ...] = ()
    tables: tuple[Table, ...] = ()
    schema: Schema | None = None
    if statement.kind == "index":
        found = relations.find_index(b, statement.name, statement.position)
        if found is None:
            raise relations.undefined_relation(statement.name, None)
        indexes = (found,)
    elif statement.kind == "table":
        tables = (relations.require_table(b, statement.name, statement.position),)
    elif statement.kind == "schema":
        schema = relations.require_schema(b, statement.name[-1])
    concurrently = statement.concurrently or any(
        option.name == "concurrently" and option.value not in ("off", "false", "0") for option in statement.options
    )
    return s.Reindex(tables, indexes, schema, statement.kind in ("database", "system"), concurrently)


MAINTENANCE: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.Truncate: bind_truncate,
    ast.LockTable: bind_lock,
    ast.Vacuum: bind_vacuum,
    ast.Reindex: bind_reindex,
}

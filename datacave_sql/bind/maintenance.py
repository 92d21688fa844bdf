"""TRUNCATE, LOCK, REINDEX: tables by name, and what cascades."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from datacave_core import sqlstate
from datacave_core.catalog import Index, Schema, Sequence, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import descendants, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.state import Binding
from datacave_sql.bind.vacuum import bind_vacuum
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import relation_shapes


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
    named: set[int] = set()
    for item in statement.tables:
        table = _truncated_table(b, item)
        named.add(table.oid)
        members = [table] if item.only else [table, *descendants.own_descendants(b, table)]
        tables += [one for one in members if one not in tables]
    below = frozenset(table.oid for table in tables) - named
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
    return s.Truncate(tuple(tables), statement.restart_identity, statement.cascade, below)


def bind_lock(b: Binding, statement: ast.LockTable, entries: object) -> s.BoundStatement:
    tables = []
    named: set[int] = set()
    for item in statement.tables:
        table = relations.require_table(b, item.name, item.position)
        if table.kind not in ("r", "v", "p"):
            raise DatacaveError(f'cannot lock relation "{table.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        tables.append(table)
        named.add(table.oid)
        if not item.only:
            tables += descendants.own_descendants(b, table)
    below = frozenset(table.oid for table in tables) - named
    return s.LockTable(tuple(tables), statement.mode, statement.nowait, below)


def bind_reindex(b: Binding, statement: ast.Reindex, entries: object) -> s.BoundStatement:
    """REINDEX. Raises 42P01, 42809, 3F000, and 0A000 for what cannot be built beside writers."""
    indexes: tuple[tuple[Table, Index], ...] = ()
    tables: tuple[Table, ...] = ()
    schema: Schema | None = None
    concurrently = statement.concurrently or any(
        option.name == "concurrently" and option.value not in ("off", "false", "0") for option in statement.options
    )
    if statement.kind == "index":
        indexes = _index_to_rebuild(b, statement, concurrently)
    elif statement.kind == "table":
        tables = _table_to_rebuild(b, statement, concurrently)
    elif statement.kind == "schema":
        schema = relations.require_schema(b, statement.name[-1])
    if concurrently and statement.kind == "system":
        raise _system_concurrently()
    return s.Reindex(tables, indexes, schema, statement.kind in ("database", "system"), concurrently)


def _system_concurrently() -> FeatureNotSupported:
    return FeatureNotSupported("cannot reindex system catalogs concurrently")


def _is_system_index(name: ast.QualifiedName) -> bool:
    """Whether a system table has this index; none of them has entries to write again."""
    schema = name[-2] if len(name) > 1 else "pg_catalog"
    return any(one.kind == "i" and (one.schema, one.name) == (schema, name[-1]) for one in relation_shapes().values())


def _index_to_rebuild(b: Binding, statement: ast.Reindex, concurrently: bool) -> tuple[tuple[Table, Index], ...]:
    found = relations.find_index(b, statement.name, statement.position)
    if found is None:
        other = relations.find_relation(b, statement.name, statement.position)
        if other is None and _is_system_index(statement.name):
            if concurrently:
                raise _system_concurrently()
            return ()
        if other is None:
            raise relations.undefined_relation(statement.name, None)
        raise DatacaveError(f'"{statement.name[-1]}" is not an index', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if concurrently and found[1].exclusion:
        raise FeatureNotSupported("concurrent index creation for exclusion constraints is not supported")
    return (found,)


def _table_to_rebuild(b: Binding, statement: ast.Reindex, concurrently: bool) -> tuple[Table, ...]:
    found = relations.find_relation(b, statement.name, statement.position)
    if isinstance(found, Table) and found.kind in ("r", "p", "m"):
        return (found,)
    if found is None and relations.find_index(b, statement.name, statement.position) is None:
        raise relations.undefined_relation(statement.name, None)
    if found is not None and not isinstance(found, Table | Sequence):
        if concurrently:
            raise _system_concurrently()
        return ()
    raise DatacaveError(
        f'"{statement.name[-1]}" is not a table or materialized view', sqlstate=sqlstate.WRONG_OBJECT_TYPE
    )


MAINTENANCE: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.Truncate: bind_truncate,
    ast.LockTable: bind_lock,
    ast.Vacuum: bind_vacuum,
    ast.Reindex: bind_reindex,
}

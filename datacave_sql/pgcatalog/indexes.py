"""pg_index: the indexes of tables, system tables included, and the operator class of each key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from datacave_core.catalog import Index, IndexKey, Table
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import index_shapes
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.pgcatalog.operator_classes import named_class, operator_class
from datacave_sql.pgcatalog.relation import int2vector
from datacave_sql.pgcatalog.snapshot import CatalogRows

_DESCENDING: Final = 1
_NULLS_FIRST: Final = 2
_TEXT: Final = 25


def index_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_index."""
    found = list(_system_rows())
    found += rows.per_object("index", rows.catalog.tables.items(), _of_table)
    return found


def indexes_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one table's indexes."""
    table = rows.catalog.tables.get(relation)
    if table is not None:
        return rows.of_object("index", relation, table, _of_table)
    return [row for row in _system_rows() if row[1] == relation]


def index_of_oid(rows: CatalogRows, oid: int) -> Sequence[Row]:
    """The row of one index."""
    table_oid = rows.catalog.index_tables.get(oid)
    if table_oid is None:
        return [row for row in _system_rows() if row[0] == oid]
    return [row for row in indexes_of(rows, table_oid) if row[0] == oid]


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    return [_row(rows, table, index) for index in table.indexes]


@cache
def _system_rows() -> tuple[Row, ...]:
    return tuple(
        (
            s.oid, s.relation_oid, len(s.keys), len(s.keys), s.unique, False, s.primary, False, s.immediate, False,
            True, False, True, True, False, int2vector(s.keys), int2vector(s.collations), int2vector(s.classes),
            int2vector(s.options), None, None,
        )
        for s in index_shapes().values()
    )  # fmt: skip


def key_type(table: Table, key: IndexKey) -> tuple[int, int]:
    """(type oid, collation) of a key column; the collation is 0 where it is the type's own."""
    if key.column:
        column = table.column(key.column)
        return column.type_oid, key.collation or column.collation
    return key.type_oid or _TEXT, key.collation


def _row(rows: CatalogRows, table: Table, index: Index) -> Row:
    method = ACCESS_METHODS.get(index.method, 403)
    collations, classes, options = [], [], []
    for key in index.keys:
        type_oid, collation = key_type(table, key)
        described = rows.types.find(type_oid)
        collations.append(collation or (described.collation_oid if described is not None else 0))
        named = named_class(rows, method, key.operator_class)
        classes.append(named or operator_class(rows, method, type_oid))
        options.append((_DESCENDING if key.descending else 0) | (_NULLS_FIRST if key.nulls_first else 0))
    places = [key.column for key in index.keys] + list(index.included)
    expressions = [key.expression for key in index.keys if not key.column and key.expression]
    constraint = next((c for c in table.constraints if c.oid == index.constraint_oid), None)
    return (
        index.oid, table.oid, len(places), len(index.keys), index.unique, index.nulls_not_distinct, index.primary,
        bool(index.exclusion), constraint is None or not constraint.deferrable,
        index.oid == table.cluster_index_oid, index.valid, False, True, True, index.oid == table.replica_index_oid,
        int2vector(places), int2vector(collations), int2vector(classes), int2vector(options),
        ", ".join(expressions) if expressions else None, index.predicate,
    )  # fmt: skip

"""The views that list relations by name: pg_tables, pg_views, pg_matviews, pg_indexes."""

from __future__ import annotations

from datacave_core.catalog import Index, Table
from datacave_core.values import Row
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.pgcatalog.facts import index_shapes, relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows
from datacave_sql.session.definitions import index_text

_ADMIN = 10


def tables_view(rows: CatalogRows) -> list[Row]:
    """pg_tables."""
    referenced = rows.catalog.foreign_keys_to
    found: list[Row] = [
        (
            rows.schema_name(t.schema_oid), t.name, rows.role_name(t.owner_oid), None, bool(t.indexes),
            bool(t.rules), bool(t.triggers) or bool(referenced(t.oid)) or any(c.kind == "f" for c in t.constraints),
            t.row_security,
        )
        for t in rows.catalog.tables.values()
        if t.kind in "rp"
    ]  # fmt: skip
    found += (
        (s.schema, s.name, rows.role_name(_ADMIN), "pg_global" if s.shared else None, s.has_index, False, False, False)
        for s in relation_shapes().values()
        if s.kind == "r"
    )
    return found


def views_view(rows: CatalogRows) -> list[Row]:
    """pg_views; the queries of system views are not known."""
    found: list[Row] = [
        (rows.schema_name(t.schema_oid), t.name, rows.role_name(t.owner_oid), rows.view_query(t))
        for t in rows.catalog.tables.values()
        if t.kind == "v"
    ]
    found += ((s.schema, s.name, rows.role_name(_ADMIN), None) for s in relation_shapes().values() if s.kind == "v")
    return found


def materialized_views_view(rows: CatalogRows) -> list[Row]:
    """pg_matviews."""
    return [
        (
            rows.schema_name(t.schema_oid), t.name, rows.role_name(t.owner_oid), None, bool(t.indexes), t.populated,
            rows.view_query(t),
        )
        for t in rows.catalog.tables.values()
        if t.kind == "m"
    ]  # fmt: skip


def rules_view(rows: CatalogRows) -> list[Row]:
    """pg_rules: all but the queries of views."""
    return [
        (rows.schema_name(t.schema_oid), t.name, rule.name, rows.rule(t, rule))
        for t in rows.catalog.tables.values()
        for rule in t.rules
    ]


def index_definition(rows: CatalogRows, table: Table, index: Index) -> str:
    """CREATE INDEX with the table's full name."""
    name = f"{quote_identifier(rows.schema_name(table.schema_oid))}.{quote_identifier(table.name)}"
    return index_text(table, index, name, lambda stored: rows.expression(stored, table), rows.class_name)


def indexes_view(rows: CatalogRows) -> list[Row]:
    """pg_indexes."""
    found: list[Row] = [
        (rows.schema_name(t.schema_oid), t.name, index.name, None, index_definition(rows, t, index))
        for t in rows.catalog.tables.values()
        for index in t.indexes
    ]
    shapes = relation_shapes()
    for index in index_shapes().values():
        relation = shapes[index.relation_oid]
        space = "pg_global" if relation.shared else None
        found.append((relation.schema, relation.name, shapes[index.oid].name, space, index.definition))
    return found

"""information_schema: constraints, their columns, and what they refer to. NOT NULL shows as a check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from datacave_core.catalog import Constraint, Table
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import index_shapes, relation_shapes
from datacave_sql.pgcatalog.information.tables import YES_NO
from datacave_sql.pgcatalog.information.visibility import CHANGE, Viewer
from datacave_sql.pgcatalog.internal_triggers import all_constraints, is_reference_part
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

_KINDS: Final = {"c": "CHECK", "f": "FOREIGN KEY", "p": "PRIMARY KEY", "u": "UNIQUE"}
_RULES: Final = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def _all(rows: CatalogRows) -> Iterator[tuple[str, Table, Constraint]]:
    """(schema, table, constraint) of every constraint of a kind that the standard knows."""
    for table in rows.catalog.tables.values():
        if table.constraints:
            schema = rows.schema_name(table.schema_oid)
            for constraint in all_constraints(rows.catalog, table):
                if constraint.kind in _KINDS:
                    yield schema, table, constraint


def _not_null(rows: CatalogRows) -> Iterator[tuple[str, Table, str, str]]:
    """(schema, table, made-up name, column) of every NOT NULL."""
    for table in rows.catalog.tables.values():
        if table.kind not in "rp":
            continue
        schema = rows.schema_name(table.schema_oid)
        for column in table.live_columns:
            if column.not_null:
                yield schema, table, f"{table.schema_oid}_{table.oid}_{column.number}_not_null", column.name


def table_constraints(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.table_constraints."""
    shapes = relation_shapes()
    for index in index_shapes().values():
        if index.constraint_oid:
            relation = shapes[index.relation_oid]
            yield make(
                constraint_catalog=database, constraint_schema=relation.schema, constraint_name=shapes[index.oid].name,
                table_catalog=database, table_schema=relation.schema, table_name=relation.name,
                constraint_type="PRIMARY KEY" if index.primary else "UNIQUE", is_deferrable="NO",
                initially_deferred="NO", enforced="YES", nulls_distinct=None if index.primary else "YES",
            )  # fmt: skip
    for schema, table, c in _all(rows):
        distinct = None
        if c.kind == "u":
            found = rows.catalog.index_by_oid(c.index_oid)
            distinct = YES_NO[found is None or not found[1].nulls_not_distinct]
        yield make(
            constraint_catalog=database, constraint_schema=schema, constraint_name=c.name, table_catalog=database,
            table_schema=schema, table_name=table.name, constraint_type=_KINDS[c.kind],
            is_deferrable=YES_NO[c.deferrable], initially_deferred=YES_NO[c.initially_deferred], enforced="YES",
            nulls_distinct=distinct,
        )  # fmt: skip
    for schema, table, name, _ in _not_null(rows):
        yield make(
            constraint_catalog=database, constraint_schema=schema, constraint_name=name, table_catalog=database,
            table_schema=schema, table_name=table.name, constraint_type="CHECK", is_deferrable="NO",
            initially_deferred="NO", enforced="YES",
        )  # fmt: skip


def check_constraints(rows: CatalogRows, database: str, make: RowMaker, viewer: Viewer | None = None) -> Iterator[Row]:
    """information_schema.check_constraints; with a viewer, those of its own tables and domains."""
    for schema, table, c in _all(rows):
        if c.kind == "c" and (viewer is None or viewer.owns(table.owner_oid)):
            yield make(
                constraint_catalog=database, constraint_schema=schema, constraint_name=c.name,
                check_clause=f"({rows.expression(c.expression or '', table)})",
            )  # fmt: skip
    for definition in rows.catalog.types.values():
        if viewer is not None and not viewer.owns(definition.owner_oid):
            continue
        for check in definition.checks:
            condition = rows.domain_check(check.expression, definition.base_type_oid)
            yield make(
                constraint_catalog=database, constraint_schema=rows.schema_name(definition.schema_oid),
                constraint_name=check.name, check_clause=f"({condition})",
            )  # fmt: skip
    for schema, table, name, column in _not_null(rows):
        if viewer is None or viewer.owns(table.owner_oid):
            yield make(
                constraint_catalog=database, constraint_schema=schema, constraint_name=name,
                check_clause=f"{column} IS NOT NULL",
            )  # fmt: skip


def _referenced_key(rows: CatalogRows, c: Constraint) -> tuple[Table | None, Constraint | None]:
    """The table and the key that a foreign key refers to."""
    target = rows.catalog.tables.get(c.referenced_table_oid)
    if target is None:
        return None, None
    for other in target.constraints:
        if other.kind in "pu" and other.index_oid == c.index_oid:
            return target, other
    return target, None


def key_column_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.key_column_usage."""
    for schema, table, c in _all(rows):
        if c.kind not in "puf":
            continue
        key = _referenced_key(rows, c)[1] if c.kind == "f" else None
        for position, number in enumerate(c.columns, 1):
            place = None
            if key is not None:
                place = key.columns.index(c.referenced_columns[position - 1]) + 1
            yield make(
                constraint_catalog=database, constraint_schema=schema, constraint_name=c.name, table_catalog=database,
                table_schema=schema, table_name=table.name, column_name=table.column(number).name,
                ordinal_position=position, position_in_unique_constraint=place,
            )  # fmt: skip


def constraint_column_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.constraint_column_usage: of a foreign key, the columns it refers to."""
    for schema, table, c in _all(rows):
        used: Table | None = table
        numbers = c.columns
        if c.kind == "f":
            used, numbers = rows.catalog.tables.get(c.referenced_table_oid), c.referenced_columns
        if used is None:
            continue
        for number in sorted(set(numbers)) if c.kind == "c" else numbers:
            yield make(
                table_catalog=database, table_schema=rows.schema_name(used.schema_oid), table_name=used.name,
                column_name=used.column(number).name, constraint_catalog=database, constraint_schema=schema,
                constraint_name=c.name,
            )  # fmt: skip


def constraint_table_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.constraint_table_usage."""
    for schema, table, c in _all(rows):
        if c.kind not in "puf":
            continue
        used = rows.catalog.tables.get(c.referenced_table_oid) if c.kind == "f" else table
        if used is not None:
            yield make(
                table_catalog=database, table_schema=rows.schema_name(used.schema_oid), table_name=used.name,
                constraint_catalog=database, constraint_schema=schema, constraint_name=c.name,
            )  # fmt: skip


def referential_constraints(
    rows: CatalogRows, database: str, make: RowMaker, viewer: Viewer | None = None
) -> Iterator[Row]:
    """information_schema.referential_constraints; with a viewer, those of tables that it may change or refer to."""
    for schema, table, c in _all(rows):
        if c.kind != "f" or (viewer is not None and not viewer.may_use_table(table, CHANGE)):
            continue
        target, key = _referenced_key(rows, c)
        known = target is not None and key is not None
        yield make(
            constraint_catalog=database, constraint_schema=schema, constraint_name=c.name,
            unique_constraint_catalog=database if known else None,
            unique_constraint_schema=rows.schema_name(target.schema_oid) if target is not None and known else None,
            unique_constraint_name=key.name if key is not None else None,
            match_option="FULL" if c.match == "f" else "NONE", update_rule=_RULES[c.on_update],
            delete_rule=_RULES[c.on_delete],
        )  # fmt: skip
        if c.parent_oid and not is_reference_part(c):
            # What a partition's key has from the key above is a second row, without a key that it refers to.
            yield make(
                constraint_catalog=database, constraint_schema=schema, constraint_name=c.name,
                match_option="FULL" if c.match == "f" else "NONE", update_rule=_RULES[c.on_update],
                delete_rule=_RULES[c.on_delete],
            )  # fmt: skip


def domain_constraints(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.domain_constraints."""
    for definition in rows.catalog.types.values():
        schema = rows.schema_name(definition.schema_oid)
        for check in definition.checks:
            yield make(
                constraint_catalog=database, constraint_schema=schema, constraint_name=check.name,
                domain_catalog=database, domain_schema=schema, domain_name=definition.name, is_deferrable="NO",
                initially_deferred="NO",
            )  # fmt: skip

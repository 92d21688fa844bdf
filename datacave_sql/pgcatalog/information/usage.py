"""information_schema: which columns, types, tables and routines views, columns, domains and routines use."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.catalog import Table, TypeDefinition
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import base_type, domain_shapes, relation_shapes
from datacave_sql.pgcatalog.information.typefacts import base_of, type_place
from datacave_sql.pgcatalog.named_columns import columns_named
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

_WITH_COLUMNS = "rvp"


def _views(rows: CatalogRows) -> Iterator[Table]:
    return (view for view in rows.catalog.tables.values() if view.kind == "v")


def _place(rows: CatalogRows, table: Table, database: str, kind: str = "table") -> dict[str, str]:
    """The three columns that name a relation."""
    return {
        f"{kind}_catalog": database, f"{kind}_schema": rows.schema_name(table.schema_oid), f"{kind}_name": table.name,
    }  # fmt: skip


def view_table_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.view_table_usage."""
    for view in _views(rows):
        for oid in view.depends_on:
            table = rows.catalog.tables.get(oid)
            if table is not None and table.kind in _WITH_COLUMNS:
                yield make(**_place(rows, view, database, "view"), **_place(rows, table, database))


def view_column_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.view_column_usage."""
    for view in _views(rows):
        for oid, number in view.columns_read or ():
            table = rows.catalog.tables.get(oid)
            if table is not None and table.kind in _WITH_COLUMNS and number > 0:
                column = table.column(number).name
                yield make(
                    **_place(rows, view, database, "view"), **_place(rows, table, database), column_name=column
                )  # fmt: skip


def view_routine_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.view_routine_usage."""
    for view in _views(rows):
        for oid in view.depends_on:
            routine = rows.catalog.routines.get(oid)
            if routine is not None:
                yield make(
                    **_place(rows, view, database), specific_catalog=database,
                    specific_schema=rows.schema_name(routine.schema_oid), specific_name=f"{routine.name}_{oid}",
                )  # fmt: skip


def _routine_uses(rows: CatalogRows, database: str) -> Iterator[tuple[dict[str, str], int]]:
    """(what names the routine, oid of what it uses) of routines whose bodies are kept parsed or have defaults."""
    for oid, routine in rows.catalog.routines.items():
        schema = rows.schema_name(routine.schema_oid)
        named = {
            "specific_catalog": database, "specific_schema": schema, "specific_name": f"{routine.name}_{oid}",
        }  # fmt: skip
        for used in routine.depends_on:
            yield named, used


def routine_routine_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routine_routine_usage."""
    for named, oid in _routine_uses(rows, database):
        used = rows.catalog.routines.get(oid)
        if used is not None and used.kind in "fp":
            yield make(
                **named, routine_catalog=database, routine_schema=rows.schema_name(used.schema_oid),
                routine_name=f"{used.name}_{oid}",
            )  # fmt: skip


def routine_table_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routine_table_usage."""
    for named, oid in _routine_uses(rows, database):
        table = rows.catalog.tables.get(oid)
        if table is not None and table.kind in _WITH_COLUMNS:
            yield make(**named, **_routine_place(named), **_place(rows, table, database))


def routine_sequence_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routine_sequence_usage."""
    for named, oid in _routine_uses(rows, database):
        sequence = rows.catalog.sequences.get(oid)
        if sequence is not None:
            yield make(
                **named, **_routine_place(named), sequence_catalog=database,
                sequence_schema=rows.schema_name(sequence.schema_oid), sequence_name=sequence.name,
            )  # fmt: skip


def _routine_place(named: dict[str, str]) -> dict[str, str]:
    return {
        "routine_catalog": named["specific_catalog"], "routine_schema": named["specific_schema"],
        "routine_name": named["specific_name"].rpartition("_")[0],
    }  # fmt: skip


def column_udt_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_udt_usage."""
    for shape in relation_shapes().values():
        if shape.kind not in "rv":
            continue
        for shown in shape.columns:
            schema, name = type_place(rows, base_type(shown.type_oid))
            yield make(
                udt_catalog=database, udt_schema=schema, udt_name=name, table_catalog=database,
                table_schema=shape.schema, table_name=shape.name, column_name=shown.name,
            )  # fmt: skip
    for table in rows.catalog.tables.values():
        if table.kind not in _WITH_COLUMNS:
            continue
        for column in table.live_columns:
            schema, name = type_place(rows, base_of(rows, column.type_oid, -1)[0])
            yield make(
                udt_catalog=database, udt_schema=schema, udt_name=name, **_place(rows, table, database),
                column_name=column.name,
            )  # fmt: skip


def _domains(rows: CatalogRows) -> Iterator[TypeDefinition]:
    return (one for one in rows.catalog.types.values() if one.kind == "d")


def column_domain_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_domain_usage."""
    domains = domain_shapes()
    for shape in relation_shapes().values():
        if shape.kind not in "rv":
            continue
        for shown in shape.columns:
            domain = domains.get(shown.type_oid)
            if domain is not None:
                yield make(
                    domain_catalog=database, domain_schema="information_schema", domain_name=domain.name,
                    table_catalog=database, table_schema=shape.schema, table_name=shape.name, column_name=shown.name,
                )  # fmt: skip
    for table in rows.catalog.tables.values():
        if table.kind not in _WITH_COLUMNS:
            continue
        for column in table.live_columns:
            definition = rows.catalog.types.get(column.type_oid)
            if definition is not None and definition.kind == "d":
                yield make(
                    domain_catalog=database, domain_schema=rows.schema_name(definition.schema_oid),
                    domain_name=definition.name, **_place(rows, table, database), column_name=column.name,
                )  # fmt: skip


def column_column_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_column_usage: the columns that generated columns are computed from."""
    for table in rows.catalog.tables.values():
        for column in table.live_columns:
            if column.generated and column.default is not None:
                for number in columns_named(table, column.default):
                    yield make(
                        **_place(rows, table, database), column_name=table.column(number).name,
                        dependent_column=column.name,
                    )  # fmt: skip


def domain_udt_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.domain_udt_usage."""
    for shape in domain_shapes().values():
        schema, name = type_place(rows, shape.base_oid)
        yield make(
            udt_catalog=database, udt_schema=schema, udt_name=name, domain_catalog=database,
            domain_schema="information_schema", domain_name=shape.name,
        )  # fmt: skip
    for definition in _domains(rows):
        schema, name = type_place(rows, definition.base_type_oid)
        yield make(
            udt_catalog=database, udt_schema=schema, udt_name=name, domain_catalog=database,
            domain_schema=rows.schema_name(definition.schema_oid), domain_name=definition.name,
        )  # fmt: skip


def triggered_update_columns(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.triggered_update_columns: the columns of UPDATE OF."""
    for table in rows.catalog.tables.values():
        for trigger in table.triggers:
            for number in trigger.update_columns:
                yield make(
                    trigger_catalog=database, trigger_schema=rows.schema_name(table.schema_oid),
                    trigger_name=trigger.name, event_object_column=table.column(number).name,
                    **_place_of_event(rows, table, database),
                )  # fmt: skip


def _place_of_event(rows: CatalogRows, table: Table, database: str) -> dict[str, str]:
    return {
        "event_object_catalog": database, "event_object_schema": rows.schema_name(table.schema_oid),
        "event_object_table": table.name,
    }  # fmt: skip

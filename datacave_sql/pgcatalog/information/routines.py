"""information_schema: routines, and how views, columns and types use each other."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.values import Row
from datacave_sql.pgcatalog.information.tables import YES_NO
from datacave_sql.pgcatalog.information.typefacts import base_of, data_type, type_place
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.routines import proc_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows

_KINDS = {"f": "FUNCTION", "p": "PROCEDURE"}
_MODES = {"i": "IN", "o": "OUT", "b": "INOUT", "v": "IN", "t": "OUT"}


def routines(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routines."""
    for row in proc_rows(rows):
        schema, name = type_place(rows, row[18])
        yield make(
            specific_catalog=database, specific_schema=rows.schema_name(row[2]), specific_name=f"{row[1]}_{row[0]}",
            routine_catalog=database, routine_schema=rows.schema_name(row[2]), routine_name=row[1],
            routine_type=_KINDS.get(row[9]), data_type=data_type(rows, row[18]), type_udt_catalog=database,
            type_udt_schema=schema, type_udt_name=name, dtd_identifier="0",
            routine_body="SQL" if row[4] == 14 else "EXTERNAL",
            external_language="SQL" if row[4] == 14 else "INTERNAL", parameter_style="GENERAL",
            is_deterministic=YES_NO[row[14] == "i"], sql_data_access="MODIFIES", is_null_call=YES_NO[row[12]],
            schema_level_routine="YES", max_dynamic_result_sets=0,
            security_type="DEFINER" if row[10] else "INVOKER", as_locator="NO", is_udt_dependent="NO",
        )  # fmt: skip


def parameters(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.parameters."""
    for row in proc_rows(rows):
        types = row[20].elements if row[20] is not None else row[19].elements
        modes = row[21].elements if row[21] is not None else "i" * len(types)
        names = row[22].elements if row[22] is not None else ()
        for position, (type_oid, mode) in enumerate(zip(types, modes, strict=True), 1):
            schema, name = type_place(rows, type_oid)
            yield make(
                specific_catalog=database, specific_schema=rows.schema_name(row[2]), specific_name=f"{row[1]}_{row[0]}",
                ordinal_position=position, parameter_mode=_MODES[mode], is_result="NO", as_locator="NO",
                parameter_name=names[position - 1] or None if position <= len(names) else None,
                data_type=data_type(rows, type_oid), udt_catalog=database, udt_schema=schema, udt_name=name,
                dtd_identifier=str(position),
            )  # fmt: skip


def view_table_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.view_table_usage."""
    catalog = rows.catalog
    for view in catalog.tables.values():
        if view.kind != "v":
            continue
        for oid in view.depends_on:
            table = catalog.tables.get(oid)
            if table is not None:
                yield make(
                    view_catalog=database, view_schema=rows.schema_name(view.schema_oid), view_name=view.name,
                    table_catalog=database, table_schema=rows.schema_name(table.schema_oid), table_name=table.name,
                )  # fmt: skip


def column_udt_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_udt_usage, of users' tables."""
    for table in rows.catalog.tables.values():
        if table.kind not in "rvp":
            continue
        for column in table.live_columns:
            schema, name = type_place(rows, base_of(rows, column.type_oid, -1)[0])
            yield make(
                udt_catalog=database, udt_schema=schema, udt_name=name, table_catalog=database,
                table_schema=rows.schema_name(table.schema_oid), table_name=table.name, column_name=column.name,
            )  # fmt: skip


def column_domain_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_domain_usage, of users' tables."""
    for table in rows.catalog.tables.values():
        for column in table.live_columns:
            definition = rows.catalog.types.get(column.type_oid)
            if definition is not None and definition.kind == "d":
                yield make(
                    domain_catalog=database, domain_schema=rows.schema_name(definition.schema_oid),
                    domain_name=definition.name, table_catalog=database,
                    table_schema=rows.schema_name(table.schema_oid), table_name=table.name, column_name=column.name,
                )  # fmt: skip


def domain_udt_usage(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.domain_udt_usage."""
    for definition in rows.catalog.types.values():
        if definition.kind == "d":
            schema, name = type_place(rows, base_of(rows, definition.oid, -1)[0])
            yield make(
                udt_catalog=database, udt_schema=schema, udt_name=name, domain_catalog=database,
                domain_schema=rows.schema_name(definition.schema_oid), domain_name=definition.name,
            )  # fmt: skip

"""information_schema: routines and their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from datacave_core.values import Row
from datacave_sql.pgcatalog.information.tables import YES_NO
from datacave_sql.pgcatalog.information.typefacts import data_type, type_place
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.routines import proc_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows

_KINDS: Final = {"f": "FUNCTION", "p": "PROCEDURE"}
_MODES: Final = {"i": "IN", "o": "OUT", "b": "INOUT", "v": "IN", "t": "OUT"}
_LANGUAGES: Final = {12: "INTERNAL", 13: "C", 14: "SQL", 13563: "PLPGSQL"}
_C: Final = 13
_SQL: Final = 14


def routines(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routines."""
    for row in proc_rows(rows):
        procedure = row[9] == "p"
        facts: dict[str, Any] = {}
        if not procedure:
            schema, name = type_place(rows, row[18])
            facts = {
                "data_type": data_type(rows, row[18]), "type_udt_catalog": database, "type_udt_schema": schema,
                "type_udt_name": name, "dtd_identifier": "0", "is_null_call": YES_NO[row[12]],
            }  # fmt: skip
        yield make(
            specific_catalog=database, specific_schema=rows.schema_name(row[2]), specific_name=f"{row[1]}_{row[0]}",
            routine_catalog=database, routine_schema=rows.schema_name(row[2]), routine_name=row[1],
            routine_type=_KINDS.get(row[9]), routine_body="SQL" if row[4] == _SQL else "EXTERNAL",
            routine_definition=row[25], external_name=row[25] if row[4] == _C else None,
            external_language=_LANGUAGES[row[4]], parameter_style="GENERAL",
            is_deterministic=YES_NO[row[14] == "i"], sql_data_access="MODIFIES",
            schema_level_routine="YES", max_dynamic_result_sets=0,
            security_type="DEFINER" if row[10] else "INVOKER", as_locator="NO", is_udt_dependent="NO", **facts,
        )  # fmt: skip


def parameters(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.parameters."""
    for row in proc_rows(rows):
        types = row[20].elements if row[20] is not None else row[19].elements
        modes = row[21].elements if row[21] is not None else "i" * len(types)
        names = row[22].elements if row[22] is not None else ()
        routine = rows.catalog.routines.get(row[0])
        for position, (type_oid, mode) in enumerate(zip(types, modes, strict=True), 1):
            schema, name = type_place(rows, type_oid)
            stored = routine.arguments[position - 1].default if routine is not None else None
            yield make(
                specific_catalog=database, specific_schema=rows.schema_name(row[2]), specific_name=f"{row[1]}_{row[0]}",
                ordinal_position=position, parameter_mode=_MODES[mode], is_result="NO", as_locator="NO",
                parameter_name=names[position - 1] or None if position <= len(names) else None,
                data_type=data_type(rows, type_oid), udt_catalog=database, udt_schema=schema, udt_name=name,
                dtd_identifier=str(position),
                parameter_default=rows.expression(stored, None, type_oid) if stored is not None else None,
            )  # fmt: skip


def types_of_routines(rows: CatalogRows) -> Iterator[tuple[str, str, str | None, int]]:
    """(schema, specific name, identifier, type) of what routines take and return; a procedure's result has none."""
    for row in proc_rows(rows):
        types = row[20].elements if row[20] is not None else row[19].elements
        name = f"{row[1]}_{row[0]}"
        yield rows.schema_name(row[2]), name, "0" if row[9] != "p" else None, row[18]
        for position, type_oid in enumerate(types, 1):
            yield rows.schema_name(row[2]), name, str(position), type_oid

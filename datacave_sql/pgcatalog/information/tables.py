"""information_schema: tables, views, columns, sequences, schemata and the types that users made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core.catalog import Column, Table, TypeDefinition
from datacave_core.types import find_type, format_type
from datacave_core.values import Row
from datacave_sql.bind.updatability import (
    DELETE_EVENT,
    INSERT_EVENT,
    UPDATE_EVENT,
    column_is_updatable,
    updatable_events,
)
from datacave_sql.pgcatalog.facts import RelationShape, base_type, relation_shapes
from datacave_sql.pgcatalog.information.typefacts import base_of, type_facts, type_place
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

YES_NO = ("NO", "YES")


def _tables(rows: CatalogRows) -> Iterator[Table]:
    return (table for table in rows.catalog.tables.values() if table.kind in "rvp")


def tables(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.tables."""
    for shape in relation_shapes().values():
        if shape.kind in "rv":
            yield make(
                table_catalog=database, table_schema=shape.schema, table_name=shape.name,
                table_type="VIEW" if shape.kind == "v" else "BASE TABLE", is_insertable_into="NO", is_typed="NO",
            )  # fmt: skip
    for table in _tables(rows):
        kind = "VIEW" if table.kind == "v" else "LOCAL TEMPORARY" if table.persistence == "t" else "BASE TABLE"
        yield make(
            table_catalog=database, table_schema=rows.schema_name(table.schema_oid), table_name=table.name,
            table_type=kind, is_insertable_into=YES_NO[bool(updatable_events(rows.catalog, table) & INSERT_EVENT)],
            **_typed_by(rows, database, table),
        )  # fmt: skip


def _typed_by(rows: CatalogRows, database: str, table: Table) -> dict[str, str]:
    """The composite type that a table is of."""
    if not table.of_type_oid:
        return {"is_typed": "NO"}
    schema, name = type_place(rows, table.of_type_oid)
    kind = "user_defined_type"
    return {"is_typed": "YES", f"{kind}_catalog": database, f"{kind}_schema": schema, f"{kind}_name": name}


def views(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.views."""
    for shape in relation_shapes().values():
        if shape.kind == "v":
            yield _view(make, database, shape.schema, shape.name, None)
    for table in rows.catalog.tables.values():
        if table.kind == "v":
            events = updatable_events(rows.catalog, table)
            option = dict(table.options).get("check_option", "none").upper()
            instead = "".join(one.events for one in table.triggers if one.timing == "i")
            schema = rows.schema_name(table.schema_oid)
            yield _view(make, database, schema, table.name, rows.view_query(table), events, option, instead)


def _view(
    make: RowMaker,
    database: str,
    schema: str,
    name: str,
    text: str | None,
    events: int = 0,
    option: str = "NONE",
    instead: str = "",
) -> Row:
    both = UPDATE_EVENT | DELETE_EVENT
    return make(
        table_catalog=database, table_schema=schema, table_name=name, view_definition=text, check_option=option,
        is_updatable=YES_NO[events & both == both], is_insertable_into=YES_NO[bool(events & INSERT_EVENT)],
        is_trigger_updatable=YES_NO["u" in instead], is_trigger_deletable=YES_NO["d" in instead],
        is_trigger_insertable_into=YES_NO["i" in instead],
    )  # fmt: skip


def columns(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.columns."""
    for shape in relation_shapes().values():
        yield from _system_columns(rows, database, make, shape)
    yield from rows.per_object(
        f"information_schema.columns {database}",
        ((table.oid, table) for table in _tables(rows) if not _has_identity(table)),
        lambda r, table: _columns_of(r, database, make, table),
    )
    # What identity columns show changes with their sequences.
    for table in _tables(rows):
        if _has_identity(table):
            yield from _columns_of(rows, database, make, table)


def columns_of_tables_named(rows: CatalogRows, database: str, make: RowMaker, name: str) -> list[Row]:
    """The rows of information_schema.columns of the tables of a name, in all schemas."""
    found: list[Row] = []
    for shape in relation_shapes().values():
        if shape.name == name:
            found += _system_columns(rows, database, make, shape)
    for schema in rows.catalog.schemas:
        table = rows.catalog.tables.get(rows.catalog.relation_names.get((schema, name), 0))
        if table is not None and table.kind in "rvp":
            found += _columns_of(rows, database, make, table)
    return found


def _system_columns(rows: CatalogRows, database: str, make: RowMaker, shape: RelationShape) -> Iterator[Row]:
    if shape.kind not in "rv":
        return
    for column in shape.columns:
        base, typmod = base_of(rows, column.type_oid, column.typmod)
        described = find_type(base_type(column.type_oid))
        collation = column.collation or (described.collation_oid if described is not None else 0)
        facts = type_facts(rows, database, base, typmod, collation)
        if base != column.type_oid:
            schema, name = type_place(rows, column.type_oid)
            facts |= {"domain_catalog": database, "domain_schema": schema, "domain_name": name}
        yield make(
            table_catalog=database, table_schema=shape.schema, table_name=shape.name, column_name=column.name,
            ordinal_position=column.number, is_nullable=YES_NO[not column.not_null],
            dtd_identifier=str(column.number), is_self_referencing="NO", is_identity="NO", identity_cycle="NO",
            is_generated="NEVER", is_updatable="NO", **facts,
        )  # fmt: skip


def _columns_of(rows: CatalogRows, database: str, make: RowMaker, table: Table) -> list[Row]:
    return [_column(rows, database, make, table, column) for column in table.live_columns]


def _has_identity(table: Table) -> bool:
    return any(column.identity for column in table.live_columns)


def _column(rows: CatalogRows, database: str, make: RowMaker, table: Table, column: Column) -> Row:
    base, typmod = base_of(rows, column.type_oid, column.typmod)
    described = rows.types.find(base)
    own = described.collation_oid if described is not None else 0
    facts = type_facts(rows, database, base, typmod, column.collation or own)
    not_null = column.not_null
    if base != column.type_oid:
        schema, name = type_place(rows, column.type_oid)
        facts |= {"domain_catalog": database, "domain_schema": schema, "domain_name": name}
        definition = rows.catalog.types.get(column.type_oid)
        not_null = not_null or (definition is not None and definition.not_null)
    if column.identity:
        facts["identity_generation"] = "ALWAYS" if column.identity == "a" else "BY DEFAULT"
        for sequence in rows.owned_sequences(table.oid):
            if sequence.owned_by_column != column.number:
                continue
            facts |= {
                "identity_start": str(sequence.start), "identity_increment": str(sequence.increment),
                "identity_maximum": str(sequence.maximum), "identity_minimum": str(sequence.minimum),
                "identity_cycle": YES_NO[sequence.cycle],
            }  # fmt: skip
    if column.generated:
        facts["generation_expression"] = rows.expression(column.default or "", table, column.type_oid)
    elif column.default is not None:
        facts["column_default"] = rows.expression(column.default, None, column.type_oid)
    return make(
        **{
            "table_catalog": database, "table_schema": rows.schema_name(table.schema_oid), "table_name": table.name,
            "column_name": column.name, "ordinal_position": column.number, "is_nullable": YES_NO[not not_null],
            "dtd_identifier": str(column.number), "is_self_referencing": "NO",
            "is_identity": YES_NO[bool(column.identity)], "identity_cycle": "NO",
            "is_generated": "ALWAYS" if column.generated else "NEVER",
            "is_updatable": YES_NO[column_is_updatable(rows.catalog, table, column.name)],
            **facts,
        }
    )  # fmt: skip


def sequences(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.sequences; those of identity columns are part of their column."""
    for sequence in rows.catalog.sequences.values():
        if sequence.identity:
            continue
        facts = type_facts(rows, database, sequence.type_oid, -1)
        yield make(
            sequence_catalog=database, sequence_schema=rows.schema_name(sequence.schema_oid),
            sequence_name=sequence.name, data_type=facts["data_type"], numeric_precision=facts["numeric_precision"],
            numeric_precision_radix=2, numeric_scale=0, start_value=str(sequence.start),
            minimum_value=str(sequence.minimum), maximum_value=str(sequence.maximum),
            increment=str(sequence.increment), cycle_option=YES_NO[sequence.cycle],
        )  # fmt: skip


def schemata(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.schemata."""
    for schema in rows.catalog.schemas.values():
        yield make(catalog_name=database, schema_name=schema.name, schema_owner=rows.role_name(schema.owner_oid))


def domain_default(rows: CatalogRows, definition: TypeDefinition) -> str | None:
    """The default of a domain as it is shown."""
    if definition.default is None:
        return None
    return rows.expression(definition.default, None, definition.base_type_oid)


def domains(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.domains."""
    for definition in rows.catalog.types.values():
        if definition.kind == "d":
            base, typmod = base_of(rows, definition.oid, -1)
            yield make(
                domain_catalog=database, domain_schema=rows.schema_name(definition.schema_oid),
                domain_name=definition.name, domain_default=domain_default(rows, definition), dtd_identifier="1",
                **_of_domain(rows, type_facts(rows, database, base, typmod), base),
            )  # fmt: skip


def _of_domain(rows: CatalogRows, facts: dict[str, Any], base: int) -> dict[str, Any]:
    """The view of domains names an array by what it holds."""
    if facts["data_type"] == "ARRAY" and facts["udt_schema"] == "pg_catalog":
        facts["data_type"] = format_type(base, None, rows.types.find)
    return facts


def user_defined_types(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.user_defined_types: composite types."""
    for definition in rows.catalog.types.values():
        if definition.kind == "c":
            yield make(
                user_defined_type_catalog=database, user_defined_type_schema=rows.schema_name(definition.schema_oid),
                user_defined_type_name=definition.name, user_defined_type_category="STRUCTURED",
                is_instantiable="YES",
            )  # fmt: skip


def attributes(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.attributes: the fields of composite types."""
    for definition in rows.catalog.types.values():
        if definition.kind != "c":
            continue
        for column in definition.attributes:
            if column.dropped:
                continue
            base, typmod = base_of(rows, column.type_oid, column.typmod)
            facts: dict[str, Any] = type_facts(rows, database, base, typmod, column.collation)
            for part in ("catalog", "schema", "name"):
                facts[f"attribute_udt_{part}"] = facts.pop(f"udt_{part}")
            yield make(
                udt_catalog=database, udt_schema=rows.schema_name(definition.schema_oid), udt_name=definition.name,
                attribute_name=column.name, ordinal_position=column.number, is_nullable="YES",
                dtd_identifier=str(column.number), is_derived_reference_attribute="NO", **facts,
            )  # fmt: skip


def catalog_name(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.information_schema_catalog_name."""
    yield make(catalog_name=database)


def character_sets(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.character_sets."""
    yield make(
        character_set_name="UTF8", character_repertoire="UCS", form_of_use="UTF8", default_collate_catalog=database,
        default_collate_schema="pg_catalog", default_collate_name="default",
    )  # fmt: skip

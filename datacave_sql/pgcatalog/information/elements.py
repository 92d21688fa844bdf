"""information_schema: the types of what arrays hold, and the objects that have a type (data_type_privileges)."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import base_type, domain_shapes, relation_shapes
from datacave_sql.pgcatalog.information.routines import types_of_routines
from datacave_sql.pgcatalog.information.typefacts import base_of, data_type, type_place
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

Typed = tuple[str, str, str, str | None, int]


def _typed(rows: CatalogRows) -> Iterator[Typed]:
    """(kind, schema, name, identifier, type) of every column, attribute, domain, parameter and result.

    The type of a column is what it has; of a domain, the type right below it.
    """
    for shape in relation_shapes().values():
        if shape.kind in "rv":
            kind = "TABLE"
            for shown in shape.columns:
                yield kind, shape.schema, shape.name, str(shown.number), base_type(shown.type_oid)
    for table in rows.catalog.tables.values():
        if table.kind in "rvp":
            schema = rows.schema_name(table.schema_oid)
            for column in table.live_columns:
                yield "TABLE", schema, table.name, str(column.number), column.type_oid
    for domain in domain_shapes().values():
        yield "DOMAIN", "information_schema", domain.name, "1", domain.base_oid
    for definition in rows.catalog.types.values():
        schema = rows.schema_name(definition.schema_oid)
        if definition.kind == "d":
            yield "DOMAIN", schema, definition.name, "1", definition.base_type_oid
        elif definition.kind == "c":
            for column in definition.attributes:
                if not column.dropped:
                    yield "USER-DEFINED TYPE", schema, definition.name, str(column.number), column.type_oid
    for schema, name, identifier, type_oid in types_of_routines(rows):
        yield "ROUTINE", schema, name, identifier, type_oid


def data_type_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.data_type_privileges."""
    for kind, schema, name, identifier, _ in _typed(rows):
        yield make(
            object_catalog=database, object_schema=schema, object_name=name, object_type=kind,
            dtd_identifier=identifier,
        )  # fmt: skip


def element_types(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.element_types."""
    for kind, schema, name, identifier, type_oid in _typed(rows):
        described = rows.types.find(type_oid)
        if described is None or not described.is_array or not described.element_oid:
            continue
        base = base_of(rows, described.element_oid, -1)[0]
        element_schema, element = type_place(rows, base)
        facts = {}
        if base != described.element_oid:
            domain_schema, domain = type_place(rows, described.element_oid)
            facts = {"domain_catalog": database, "domain_schema": domain_schema, "domain_name": domain}
        yield make(
            object_catalog=database, object_schema=schema, object_name=name, object_type=kind,
            collection_type_identifier=identifier, dtd_identifier=f"a{identifier}",
            data_type=data_type(rows, base), udt_catalog=database, udt_schema=element_schema, udt_name=element,
            **facts,
        )  # fmt: skip

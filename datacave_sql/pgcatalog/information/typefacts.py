"""What the standard's views say about a type: its name, lengths, precisions, and where it is defined."""

from __future__ import annotations

from typing import Any, Final

from datacave_core.types import format_type, oids
from datacave_sql.pgcatalog.facts import domain_shapes, relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

_CHARACTERS: Final = frozenset({oids.TEXT, oids.BPCHAR, oids.VARCHAR})
_MODIFIED_CHARACTERS: Final = frozenset({oids.BPCHAR, oids.VARCHAR})
_BITS: Final = frozenset({oids.BIT, oids.VARBIT})
_INTEGER_BITS: Final = {oids.INT2: 16, oids.INT4: 32, oids.INT8: 64}
_FLOAT_BITS: Final = {oids.FLOAT4: 24, oids.FLOAT8: 53}
_TIMES: Final = frozenset({oids.TIME, oids.TIMETZ, oids.TIMESTAMP, oids.TIMESTAMPTZ})
_OCTETS_MAX: Final = 1 << 30
_BYTES_PER_CHARACTER: Final = 4
_HEADER: Final = 4
_SECONDS_MAX: Final = 6
_COLLATIONS: Final = {950: "C", 951: "POSIX", 12340: "ucs_basic"}


def type_schemas(rows: CatalogRows) -> dict[int, tuple[str, str]]:
    """(schema, name) of every type outside pg_catalog."""
    found: dict[int, tuple[str, str]] = {}
    for shape in relation_shapes().values():
        if shape.row_type_oid and shape.schema != "pg_catalog":
            found[shape.row_type_oid] = shape.schema, shape.name
    for domain in domain_shapes().values():
        found[domain.oid] = "information_schema", domain.name
        found[domain.array_oid] = "information_schema", "_" + domain.name
    for (schema, name), oid in rows.catalog.type_names.items():
        found[oid] = rows.schema_name(schema), name
    return found


def type_place(rows: CatalogRows, oid: int) -> tuple[str, str]:
    """(schema, name) of a type; built-in ones are in pg_catalog."""
    places: dict[int, tuple[str, str]] = rows.once("type places", type_schemas)
    place = places.get(oid)
    if place is not None:
        return place
    described = rows.types.find(oid)
    return "pg_catalog", described.name if described is not None else str(oid)


def base_of(rows: CatalogRows, oid: int, typmod: int) -> tuple[int, int]:
    """The type right below a domain with its modifier; any other type as it is."""
    shape = domain_shapes().get(oid)
    if shape is not None:
        return shape.base_oid, shape.typmod
    definition = rows.catalog.types.get(oid)
    if definition is not None and definition.kind == "d":
        return definition.base_type_oid, definition.typmod
    return oid, typmod


def data_type(rows: CatalogRows, oid: int) -> str:
    """The standard's name of a type that is no domain."""
    described = rows.types.find(oid)
    if described is not None and described.is_array:
        return "ARRAY"
    if type_place(rows, oid)[0] != "pg_catalog":
        return "USER-DEFINED"
    return format_type(oid, None, rows.types.find)


def type_facts(rows: CatalogRows, database: str, oid: int, typmod: int, collation: int = 0) -> dict[str, Any]:
    """The columns that views of columns, domains and attributes share, by name; those of a base type."""
    schema, name = type_place(rows, oid)
    facts: dict[str, Any] = {
        "data_type": data_type(rows, oid), "udt_catalog": database, "udt_schema": schema, "udt_name": name,
    }  # fmt: skip
    if oid in _CHARACTERS:
        known = typmod >= 0 and oid in _MODIFIED_CHARACTERS
        if known:
            facts["character_maximum_length"] = typmod - _HEADER
        facts["character_octet_length"] = (typmod - _HEADER) * _BYTES_PER_CHARACTER if known else _OCTETS_MAX
    elif oid in _BITS:
        facts["character_maximum_length"] = typmod if typmod >= 0 else None
    elif oid in _INTEGER_BITS:
        facts |= {"numeric_precision": _INTEGER_BITS[oid], "numeric_precision_radix": 2, "numeric_scale": 0}
    elif oid in _FLOAT_BITS:
        facts |= {"numeric_precision": _FLOAT_BITS[oid], "numeric_precision_radix": 2}
    elif oid == oids.NUMERIC:
        facts["numeric_precision_radix"] = 10
        if typmod >= 0:
            facts["numeric_precision"] = (typmod - _HEADER) >> 16 & 0xFFFF
            facts["numeric_scale"] = (typmod - _HEADER) & 0xFFFF
    elif oid == oids.DATE:
        facts["datetime_precision"] = 0
    elif oid in _TIMES:
        facts["datetime_precision"] = typmod if typmod >= 0 else _SECONDS_MAX
    elif oid == oids.INTERVAL:
        known = typmod >= 0 and typmod & 0xFFFF != 0xFFFF
        facts["datetime_precision"] = typmod & 0xFFFF if known else _SECONDS_MAX
        fields = format_type(oid, typmod).removeprefix("interval").partition("(")[0].strip().upper()
        facts["interval_type"] = fields or None
    collation_name = _COLLATIONS.get(collation)
    if collation_name is not None:
        facts |= {
            "collation_catalog": database, "collation_schema": "pg_catalog", "collation_name": collation_name,
        }  # fmt: skip
    return facts

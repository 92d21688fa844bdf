"""Rows of pg_ts_*, pg_opclass, pg_opfamily, pg_amop, pg_amproc and pg_conversion: PostgreSQL's and users'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datacave_core.catalog import Conversion, FamilyFunction, FamilyOperator, OperatorClass, OperatorFamily
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows


def option_text(options: Iterable[tuple[str, str]]) -> str:
    """Options of a dictionary as pg_ts_dict.dictinitoption has them: numbers as they are, else quoted."""
    return ", ".join(f"{name} = {_value(value)}" for name, value in options)


def _value(value: str) -> str:
    if value.lstrip("-").replace(".", "", 1).isdigit():
        return value
    quoted = value.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


def configuration_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_config."""
    own = rows.catalog.configurations.values()
    return [*fixed_rows("pg_ts_config"), *((o.oid, o.name, o.schema_oid, o.owner_oid, o.parser_oid) for o in own)]


def mapping_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_config_map."""
    found = list(fixed_rows("pg_ts_config_map"))
    for one in rows.catalog.configurations.values():
        for mapping in one.mappings:
            found += [(one.oid, mapping.token, place, oid) for place, oid in enumerate(mapping.dictionary_oids, 1)]
    return found


def dictionary_rows(rows: CatalogRows) -> list[Row]:
    """pg_ts_dict."""
    return [
        *fixed_rows("pg_ts_dict"),
        *(
            (o.oid, o.name, o.schema_oid, o.owner_oid, o.template_oid, option_text(o.options) or None)
            for o in rows.catalog.dictionaries.values()
        ),
    ]


def family_rows(rows: CatalogRows) -> list[Row]:
    """pg_opfamily."""
    own = rows.catalog.operator_families.values()
    return [*fixed_rows("pg_opfamily"), *(_head(o) for o in own)]


def _head(one: OperatorFamily | OperatorClass) -> Row:
    return (one.oid, one.method_oid, one.name, one.schema_oid, one.owner_oid)


def class_rows(rows: CatalogRows) -> list[Row]:
    """pg_opclass."""
    return [
        *fixed_rows("pg_opclass"),
        *(
            (
                o.oid,
                o.method_oid,
                o.name,
                o.schema_oid,
                o.owner_oid,
                o.family_oid,
                o.input_oid,
                o.default,
                o.storage_oid,
            )
            for o in rows.catalog.operator_classes.values()
        ),
    ]


def _member_oid(family: OperatorFamily, place: int, first: int) -> int:
    """A made-up oid: members have none of their own in the catalog. Above all that is handed out."""
    return 0x80000000 | (family.oid * 1024 + first + place) & 0x7FFFFFFF


def amop_rows(rows: CatalogRows) -> list[Row]:
    """pg_amop."""
    return [*fixed_rows("pg_amop"), *_amops(rows)]


def _amops(rows: CatalogRows) -> Iterator[Row]:
    for family in rows.catalog.operator_families.values():
        for place, one in enumerate(family.operators):
            yield _amop(family, _member_oid(family, place, 0), one)


def _amop(family: OperatorFamily, oid: int, one: FamilyOperator) -> Row:
    purpose = "o" if one.sort_family_oid else "s"
    return (
        oid, family.oid, one.left_oid, one.right_oid, one.strategy, purpose, one.operator_oid, family.method_oid,
        one.sort_family_oid,
    )  # fmt: skip


def amproc_rows(rows: CatalogRows) -> list[Row]:
    """pg_amproc."""
    return [*fixed_rows("pg_amproc"), *_amprocs(rows)]


def _amprocs(rows: CatalogRows) -> Iterator[Row]:
    for family in rows.catalog.operator_families.values():
        for place, one in enumerate(family.functions):
            yield _amproc(family, _member_oid(family, place, 512), one)


def _amproc(family: OperatorFamily, oid: int, one: FamilyFunction) -> Row:
    return (oid, family.oid, one.left_oid, one.right_oid, one.number, one.function_oid)


def conversion_rows(rows: CatalogRows) -> list[Row]:
    """pg_conversion."""
    return [*fixed_rows("pg_conversion"), *map(_conversion, rows.catalog.conversions.values())]


def _conversion(one: Conversion) -> Row:
    place = (one.oid, one.name, one.schema_oid, one.owner_oid)
    return (*place, one.source_encoding, one.target_encoding, one.function_oid, one.default)

"""Text search objects, operator classes, families and conversions by name and by oid: PostgreSQL's and users'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

from datacave_core.catalog import (
    CLASS_OIDS,
    Catalog,
    Conversion,
    NamedObject,
    OperatorClass,
    OperatorFamily,
    TextSearchConfiguration,
    TextSearchDictionary,
)
from datacave_sql.pgcatalog.facts import fixed_rows

ACCESS_METHODS: Final = {"btree": 403, "hash": 405, "gist": 783, "gin": 2742, "spgist": 4000, "brin": 3580}
"""Oids of the access methods of indexes."""
CONFIGURATION: Final = CLASS_OIDS[TextSearchConfiguration]
DICTIONARY: Final = CLASS_OIDS[TextSearchDictionary]
PARSER: Final = 3601
TEMPLATE: Final = 3764
FAMILY: Final = CLASS_OIDS[OperatorFamily]
CLASS: Final = CLASS_OIDS[OperatorClass]
CONVERSION: Final = CLASS_OIDS[Conversion]
KINDS: Final = {
    "text search configuration": CONFIGURATION,
    "text search dictionary": DICTIONARY,
    "text search parser": PARSER,
    "text search template": TEMPLATE,
    "operator family": FAMILY,
    "operator class": CLASS,
    "conversion": CONVERSION,
}
"""Oids of the system tables by the kind of object, as messages name it."""


class _Place(NamedTuple):
    """Which relation lists a kind, and in which columns the name and the access method stand."""

    relation: str
    name: int
    method: int | None = None


_PLACES: Final = {
    CONFIGURATION: _Place("pg_ts_config", 1),
    DICTIONARY: _Place("pg_ts_dict", 1),
    PARSER: _Place("pg_ts_parser", 1),
    TEMPLATE: _Place("pg_ts_template", 1),
    FAMILY: _Place("pg_opfamily", 2, 1),
    CLASS: _Place("pg_opclass", 2, 1),
    CONVERSION: _Place("pg_conversion", 1),
}
_MAPS: Final = {
    CONFIGURATION: "configurations",
    DICTIONARY: "dictionaries",
    FAMILY: "operator_families",
    CLASS: "operator_classes",
    CONVERSION: "conversions",
}


@cache
def _fixed(class_oid: int) -> tuple[dict[tuple[str, int], int], dict[int, str]]:
    """(oid by name and access method, name by oid) of what is there from the beginning."""
    place = _PLACES[class_oid]
    by_name = {}
    by_oid = {}
    for row in fixed_rows(place.relation):
        method = row[place.method] if place.method is not None else 0
        by_name[row[place.name], method] = row[0]
        by_oid[row[0]] = row[place.name]
    return by_name, by_oid


def find_named(catalog: Catalog, class_oid: int, schemas: Iterable[str], name: str, method: int = 0) -> int | None:
    """The oid of the first object of the name in these schemas."""
    for schema in schemas:
        if schema == "pg_catalog":
            found = _fixed(class_oid)[0].get((name, method))
        else:
            place = catalog.schema_named(schema)
            found = catalog.named_objects.get((class_oid, place.oid, name, method)) if place is not None else None
        if found is not None:
            return found
    return None


def named_definition(catalog: Catalog, class_oid: int, oid: int) -> NamedObject | None:
    """The object of a user."""
    found: Mapping[int, NamedObject] = getattr(catalog, _MAPS[class_oid]) if class_oid in _MAPS else {}
    return found.get(oid)


def name_of(catalog: Catalog, class_oid: int, oid: int) -> tuple[str, str] | None:
    """(schema, name)."""
    known = _fixed(class_oid)[1].get(oid)
    if known is not None:
        return "pg_catalog", known
    found = named_definition(catalog, class_oid, oid)
    return (catalog.schemas[found.schema_oid].name, found.name) if found is not None else None


def method_of(catalog: Catalog, class_oid: int, oid: int) -> int:
    """The access method of an operator class or family; 0 for other kinds."""
    found = named_definition(catalog, class_oid, oid)
    if isinstance(found, OperatorClass | OperatorFamily):
        return found.method_oid
    place = _PLACES[class_oid]
    if place.method is None:
        return 0
    return next((row[place.method] for row in fixed_rows(place.relation) if row[0] == oid), 0)

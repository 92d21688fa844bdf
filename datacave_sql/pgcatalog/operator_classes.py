"""Operator classes: by access method and type, or by name."""

from __future__ import annotations

from functools import cache
from typing import Final

from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.pgcatalog.snapshot import CatalogRows

BTREE: Final = ACCESS_METHODS["btree"]
HASH: Final = ACCESS_METHODS["hash"]
_BY_KIND: Final = {"e": 3500, "r": 3831, "c": 2249, "m": 4537}
_ANY_ARRAY: Final = 2277
_TEXT: Final = 25
_VARCHAR: Final = 1043


@cache
def _default_classes() -> dict[tuple[int, int], int]:
    return {(row[1], row[6]): row[0] for row in fixed_rows("pg_opclass") if row[7]}


@cache
def _named_classes() -> dict[tuple[int, str], int]:
    return {(row[1], row[2]): row[0] for row in fixed_rows("pg_opclass")}


def named_class(rows: CatalogRows, method: int, name: str) -> int:
    """The operator class of a name; 0 where there is none."""
    found = _named_classes().get((method, name), 0)
    made = () if found else rows.catalog.operator_classes.values()
    return found or next((one.oid for one in made if (one.method_oid, one.name) == (method, name)), 0)


def operator_class(rows: CatalogRows, method: int, type_oid: int) -> int:
    """The default operator class of a type, by its own oid or what it belongs to; 0 where there is none."""
    classes = _default_classes()
    base = rows.types.base(type_oid) if rows.types.find(type_oid) is not None else type_oid
    found = classes.get((method, _TEXT if base == _VARCHAR else base))
    if found is not None:
        return found
    for one in rows.catalog.operator_classes.values():
        if one.default and (one.method_oid, one.input_oid) == (method, base):
            return one.oid
    described = rows.types.find(base)
    if described is None:
        return 0
    generic = _ANY_ARRAY if described.is_array else _BY_KIND.get(described.kind, 0)
    return classes.get((method, generic), 0)

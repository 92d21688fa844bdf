"""How types are called in SQL: format_type, as psql, pg_dump and error messages print it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from datacave_core.types import oids
from datacave_core.types.registry import find_type
from datacave_core.types.sqltype import SqlType
from datacave_core.types.typmod import typmod_suffix

_SQL_NAMES: Final = {
    oids.BIT: "bit",
    oids.BOOL: "boolean",
    oids.BPCHAR: "character",
    oids.FLOAT4: "real",
    oids.FLOAT8: "double precision",
    oids.INT2: "smallint",
    oids.INT4: "integer",
    oids.INT8: "bigint",
    oids.NUMERIC: "numeric",
    oids.INTERVAL: "interval",
    oids.TIME: "time",
    oids.TIMETZ: "time",
    oids.TIMESTAMP: "timestamp",
    oids.TIMESTAMPTZ: "timestamp",
    oids.VARBIT: "bit varying",
    oids.VARCHAR: "character varying",
}
_ZONE_WORDS: Final = {
    oids.TIME: " without time zone",
    oids.TIMETZ: " with time zone",
    oids.TIMESTAMP: " without time zone",
    oids.TIMESTAMPTZ: " with time zone",
}
_WITHOUT_MODIFIER: Final = frozenset({oids.BOOL, oids.FLOAT4, oids.FLOAT8, oids.INT2, oids.INT4, oids.INT8})
_KEYWORDS: Final = frozenset({"char", "any", "bit"})


def format_type(
    oid: int, typmod: int | None = None, find: Callable[[int], SqlType | None] = find_type, *, schema: str | None = None
) -> str:
    """The SQL name of a type, as PostgreSQL's function of the same name gives it.

    A `typmod` of None means that none is known; -1 that there is none, which matters for char and bit, whose SQL names
    imply a length of 1. `find` resolves oids beyond the built-in ones; `schema` is put before a name taken from it.
    """
    if oid == 0:
        return "-"
    found = find(oid)
    if found is None:
        return "???"
    suffix = ""
    if found.is_array:
        element = find(found.element_oid)
        if element is None:
            return "???[]"
        found, suffix = element, "[]"
    modifier = "" if typmod is None or found.oid in _WITHOUT_MODIFIER else typmod_suffix(found.oid, typmod)
    name = _SQL_NAMES.get(found.oid)
    if name is not None and not (found.oid in (oids.BPCHAR, oids.BIT) and typmod is not None and typmod < 0):
        return name + (modifier or _ZONE_WORDS.get(found.oid, "")) + suffix
    name = quote_name(found.name)
    return f"{quote_name(schema)}.{name}{modifier}{suffix}" if schema else f"{name}{modifier}{suffix}"


def quote_name(name: str) -> str:
    """A type name with double quotes where it could not be read back without them."""
    plain = (
        name.isascii()
        and name.replace("_", "a").isalnum()
        and name == name.lower()
        and not name[:1].isdigit()
        and name not in _KEYWORDS
    )
    return name if plain else '"' + name.replace('"', '""') + '"'

"""Extensions that CREATE EXTENSION can make: their functions as PostgreSQL's scripts declare them (facts)."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from datacave_core.types import type_by_name
from datacave_sql.functions.factfiles import fact_rows

VERSIONS: Final = {"pgcrypto": "1.3", "uuid-ossp": "1.1"}
COMMENTS: Final = {
    "pgcrypto": "cryptographic functions",
    "plpgsql": "PL/pgSQL procedural language",
    "uuid-ossp": "generate universally unique identifiers (UUIDs)",
}
INSTEAD: Final = {
    "citext": "Use text with lower(..), and an index on lower(column).",
    "hstore": "Use jsonb.",
    "pg_trgm": "Use LIKE and regular expressions.",
}
BUILT_IN: Final = frozenset({"plpgsql"})
"""Extensions that every database has."""


class ExtensionFunction(NamedTuple):
    """One function: types are oids, the letters those of pg_proc."""

    name: str
    arguments: tuple[int, ...]
    result: int
    volatility: str
    strict: bool
    parallel: str
    symbol: str


@cache
def functions_of(extension: str) -> tuple[ExtensionFunction, ...]:
    """The functions of an extension."""
    found = []
    for name, function, arguments, result, volatility, strict, parallel, symbol in fact_rows("extensions.tsv"):
        if name == extension:
            types = tuple(_oid(word) for word in arguments.split(",")) if arguments else ()
            found.append(ExtensionFunction(function, types, _oid(result), volatility, strict == "t", parallel, symbol))
    return tuple(found)


def _oid(word: str) -> int:
    name = {"integer": "int4", "boolean": "bool"}.get(word.removesuffix("[]"), word.removesuffix("[]"))
    found = type_by_name(name)
    assert found is not None, word
    return found.array_oid if word.endswith("[]") else found.oid

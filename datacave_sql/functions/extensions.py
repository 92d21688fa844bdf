"""Extensions that CREATE EXTENSION can make: what they bring, as PostgreSQL's scripts declare it (facts)."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from datacave_core.types import SqlType, find_type, type_by_name
from datacave_sql.functions.factfiles import fact_rows

VERSIONS: Final = {
    "btree_gin": "1.3",
    "btree_gist": "1.7",
    "citext": "1.6",
    "fuzzystrmatch": "1.1",
    "hstore": "1.8",
    "pg_trgm": "1.6",
    "pgcrypto": "1.3",
    "unaccent": "1.1",
    "uuid-ossp": "1.1",
}
COMMENTS: Final = {
    "btree_gin": "support for indexing common datatypes in GIN",
    "btree_gist": "support for indexing common datatypes in GiST",
    "citext": "data type for case-insensitive character strings",
    "fuzzystrmatch": "determine similarities and distance between strings",
    "hstore": "data type for storing sets of (key, value) pairs",
    "pg_trgm": "text similarity measurement and index searching based on trigrams",
    "pgcrypto": "cryptographic functions",
    "plpgsql": "PL/pgSQL procedural language",
    "unaccent": "text search dictionary that removes accents",
    "uuid-ossp": "generate universally unique identifiers (UUIDs)",
}
BUILT_IN: Final = frozenset({"plpgsql"})
"""Extensions that every database has."""


_INTERNAL_NAMES: Final = {
    "bigint": "int8",
    "bit varying": "varbit",
    "boolean": "bool",
    "character": "bpchar",
    "character varying": "varchar",
    "double precision": "float8",
    "integer": "int4",
    "real": "float4",
    "smallint": "int2",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    '"char"': "char",
}


def built_in_type(name: str) -> SqlType | None:
    """The built-in type that the facts name as format_type does, or None."""
    plain = name.removesuffix("[]")
    found = type_by_name(_INTERNAL_NAMES.get(plain, plain))
    return find_type(found.array_oid) if found is not None and plain != name else found


class ExtensionType(NamedTuple):
    """One base type; `reads` names how its values are read and compared. The last five are columns of pg_type."""

    name: str
    category: str
    collatable: bool
    reads: str
    subscript: str
    input: str
    output: str
    receive: str
    send: str


class ExtensionArgument(NamedTuple):
    """One argument, its type by name; `mode` as in pg_proc."""

    name: str
    type: str
    mode: str


class ExtensionFunction(NamedTuple):
    """One function: types are names, the letters those of pg_proc; `symbol` of one in SQL is its text."""

    name: str
    arguments: tuple[ExtensionArgument, ...]
    result: str
    returns_set: bool
    volatility: str
    strict: bool
    parallel: str
    language: str
    symbol: str


class ExtensionAggregate(NamedTuple):
    """One aggregate over the extension's own type, which is its state and result too."""

    name: str
    type: str
    transition: str
    sort_operator: str


class ExtensionOperator(NamedTuple):
    """One operator; types and function by name, `left` "" for a prefix operator, the others "" for none."""

    name: str
    left: str
    right: str
    result: str
    function: str
    commutator: str
    negator: str
    merges: bool
    hashes: bool
    restrict: str
    join: str


class ExtensionCast(NamedTuple):
    """One cast; types and function by name, the letters those of pg_cast."""

    source: str
    target: str
    function: str
    context: str
    method: str


def types_of(extension: str) -> tuple[ExtensionType, ...]:
    """The base types of an extension."""
    return tuple(one for owner, one in _types() if owner == extension)


@cache
def extension_type(reads: str) -> ExtensionType:
    """The type whose values are read in this way."""
    return next(one for _, one in _types() if one.reads == reads)


@cache
def _types() -> tuple[tuple[str, ExtensionType], ...]:
    return tuple(
        (row[0], ExtensionType(row[1], row[2], row[3] == "t", *row[4:])) for row in fact_rows("extension_types.tsv")
    )


@cache
def functions_of(extension: str) -> tuple[ExtensionFunction, ...]:
    """The functions of an extension."""
    return tuple(
        ExtensionFunction(
            name,
            tuple(map(_argument, arguments.split(","))) if arguments else (),
            result.removeprefix("SETOF "),
            result.startswith("SETOF "),
            volatility,
            strict == "t",
            parallel,
            language,
            symbol,
        )
        for owner, name, arguments, result, volatility, strict, parallel, language, symbol in fact_rows(
            "extensions.tsv"
        )
        if owner == extension
    )


def _argument(text: str) -> ExtensionArgument:
    mode = "o" if text.startswith("OUT ") else "i"
    name, blank, kind = text.removeprefix("OUT ").partition(" ")
    # Types of two words have no name before them in these facts.
    if blank and not text.startswith(("character ", "double ")):
        return ExtensionArgument(name, kind, mode)
    return ExtensionArgument("", text, mode)


def aggregates_of(extension: str) -> tuple[ExtensionAggregate, ...]:
    """The aggregates of an extension."""
    rows = fact_rows("extension_aggregates.tsv")
    return tuple(ExtensionAggregate(*row[1:]) for row in rows if row[0] == extension)


def operators_of(extension: str) -> tuple[ExtensionOperator, ...]:
    """The operators of an extension."""
    found = []
    for owner, name, left, right, result, function, commutator, negator, merges, hashes, restrict, join in fact_rows(
        "extension_operators.tsv"
    ):
        if owner == extension:
            flags = merges == "t", hashes == "t"
            found.append(
                ExtensionOperator(
                    name, left, right, result, function, commutator, negator, *flags, restrict=restrict, join=join
                )
            )
    return tuple(found)


def casts_of(extension: str) -> tuple[ExtensionCast, ...]:
    """The casts of an extension."""
    return tuple(ExtensionCast(*row[1:]) for row in fact_rows("extension_casts.tsv") if row[0] == extension)


class ExtensionClass(NamedTuple):
    """One operator class; access method and input type by name."""

    method: str
    name: str
    input: str
    default: bool


def classes_of(extension: str) -> tuple[ExtensionClass, ...]:
    """The operator classes of an extension."""
    rows = fact_rows("extension_classes.tsv")
    return tuple(ExtensionClass(row[1], row[2], row[3], row[4] == "t") for row in rows if row[0] == extension)

"""pg_proc, pg_aggregate, pg_operator, pg_cast: the built-in functions, from the facts that calls are resolved by.

Functions written in SQL or C have no source text here.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from datacave_core.catalog import ADMIN_ROLE_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID
from datacave_core.values import Row
from datacave_sql.functions.factfiles import fact_rows
from datacave_sql.pgcatalog.facts import function_oid
from datacave_sql.pgcatalog.relation import array_or_null, int2vector

_LANGUAGES: Final = {"internal": 12, "c": 13, "sql": 14}


@cache
def proc_rows() -> tuple[Row, ...]:
    """All of pg_proc; functions of languages that are missing here are left out."""
    found = []
    for (
        oid, name, kind, strict, volatility, retset, variadic, result, arguments, all_arguments, modes, names, defaults,
        default_texts, cost, rows, parallel, leakproof, language, symbol,
    ) in fact_rows("procs.tsv"):  # fmt: skip
        number = _LANGUAGES.get(language)
        if number is None:
            continue
        types = tuple(map(int, arguments.split()))
        bare = name.removeprefix("information_schema.")
        schema = PG_CATALOG_OID if bare == name else INFORMATION_SCHEMA_OID
        found.append(
            (
                int(oid), bare, schema, ADMIN_ROLE_OID, number, float(cost), float(rows), int(variadic), 0,
                kind, False, leakproof == "t", strict == "t", retset == "t", volatility, parallel, len(types),
                int(defaults), int(result), int2vector(types), array_or_null(tuple(map(int, all_arguments.split()))),
                array_or_null(modes), array_or_null(names.split(",") if names else ()), default_texts or None, None,
                symbol, None, None, None, None,
            )
        )  # fmt: skip
    return tuple(found)


@cache
def aggregate_rows() -> tuple[Row, ...]:
    """All of pg_aggregate, without what only parallel and moving aggregation need."""
    return tuple(
        (
            int(function), kind, int(direct), int(transition), int(final), int(combine), 0, 0, 0, 0, 0, False, False,
            "r", "r", int(sort_operator), int(state), 0, 0, 0, None if is_null == "t" else initial, None,
        )
        for function, kind, direct, transition, final, combine, state, initial, is_null, sort_operator in (
            fact_rows("aggregates.tsv")
        )
    )  # fmt: skip


def _named(name: str) -> int:
    return function_oid(name) if name else 0


@cache
def operator_rows() -> tuple[Row, ...]:
    """All of pg_operator."""
    return tuple(
        (
            int(oid), name, PG_CATALOG_OID, ADMIN_ROLE_OID, kind, merges == "t", hashes == "t", int(left), int(right),
            int(result), int(commutator), int(negator), int(function), _named(restrict), _named(join),
        )
        for oid, name, kind, left, right, result, function, commutator, negator, merges, hashes, restrict, join in (
            fact_rows("operators.tsv")
        )
    )  # fmt: skip


@cache
def cast_rows() -> tuple[Row, ...]:
    """All of pg_cast."""
    return tuple(
        (int(oid), int(source), int(target), int(function), context, method)
        for oid, source, target, function, context, method in fact_rows("casts.tsv")
    )

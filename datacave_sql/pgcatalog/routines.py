"""pg_proc, pg_aggregate, pg_operator, pg_cast with what users have made beside the built-in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from datacave_core.catalog import FIRST_USER_OID, Routine
from datacave_core.values import Row
from datacave_sql.functions.extensions import COMMENTS, VERSIONS
from datacave_sql.pgcatalog import functions
from datacave_sql.pgcatalog.facts import function_oid
from datacave_sql.pgcatalog.privileges import acl_array
from datacave_sql.pgcatalog.relation import array_or_null, int2vector
from datacave_sql.pgcatalog.snapshot import CatalogRows

_LANGUAGES: Final = {"internal": 12, "c": 13, "sql": 14, "plpgsql": 13563}


def proc_rows(rows: CatalogRows) -> Sequence[Row]:
    """All of pg_proc."""
    routines = rows.catalog.routines
    if not routines:
        return functions.proc_rows()
    return (*functions.proc_rows(), *(proc_row(rows, routine) for _, routine in sorted(routines.items())))


def proc_row(rows: CatalogRows, routine: Routine) -> Row:
    """One routine as pg_proc shows it."""
    arguments = routine.arguments
    plain = all(argument.mode == "i" for argument in arguments)
    types = routine.input_types
    defaults = [argument.default for argument in arguments if argument.default is not None]
    variadic = next((argument.type_oid for argument in arguments if argument.mode == "v"), 0)
    named = any(argument.name for argument in arguments)
    body = "aggregate_dummy" if routine.kind == "a" else "" if routine.sql_body else routine.body
    return (
        routine.oid, routine.name, routine.schema_oid, routine.owner_oid, _LANGUAGES[routine.language], routine.cost,
        routine.rows,
        rows.types.element(variadic) if variadic else 0, 0, routine.kind, routine.security_definer, routine.leakproof,
        routine.strict, routine.returns_set, routine.volatility, routine.parallel, len(types), len(defaults),
        routine.return_type_oid, int2vector(types),
        None if plain else array_or_null(tuple(argument.type_oid for argument in arguments)),
        None if plain else array_or_null("".join(argument.mode for argument in arguments)),
        array_or_null([argument.name for argument in arguments] if named else ()), ", ".join(defaults) or None, None,
        body, None, routine.body if routine.sql_body else None,
        array_or_null([f"{name}={value}" for name, value in routine.settings]), acl_array(rows, routine.privileges),
    )  # fmt: skip


def aggregate_rows(rows: CatalogRows) -> Sequence[Row]:
    """All of pg_aggregate."""
    made = [
        (
            routine.oid, parts.kind, parts.direct_count, parts.transition_oid, parts.final_oid, parts.combine_oid, 0, 0,
            0, 0, 0, parts.final_extra, False, "r", "r", parts.sort_operator_oid, parts.state_type_oid,
            parts.state_size, 0, 0, parts.initial, None,
        )
        for _, routine in sorted(rows.catalog.routines.items())
        for parts in routine.parts
    ]  # fmt: skip
    return (*functions.aggregate_rows(), *made) if made else functions.aggregate_rows()


def operator_rows(rows: CatalogRows) -> Sequence[Row]:
    """All of pg_operator."""
    known = rows.catalog.operators

    def there(oid: int) -> int:
        return oid if oid in known or oid < FIRST_USER_OID else 0  # others have been dropped

    made = [
        (
            one.oid, one.name, one.schema_oid, one.owner_oid, "b" if one.left_oid else "l", one.merges, one.hashes,
            one.left_oid, one.right_oid, one.result_oid, there(one.commutator_oid), there(one.negator_oid),
            one.function_oid, function_oid(one.restrict) if one.restrict else 0,
            function_oid(one.join) if one.join else 0,
        )
        for _, one in sorted(rows.catalog.operators.items())
    ]  # fmt: skip
    return (*functions.operator_rows(), *made) if made else functions.operator_rows()


def cast_rows(rows: CatalogRows) -> Sequence[Row]:
    """All of pg_cast."""
    made = [
        (one.oid, one.source_oid, one.target_oid, one.function_oid, one.context, one.method)
        for _, one in sorted(rows.catalog.casts.items())
    ]
    return (*functions.cast_rows(), *made) if made else functions.cast_rows()


def extension_rows(rows: CatalogRows) -> Sequence[Row]:
    """pg_extension."""
    return [
        (13559, "plpgsql", 10, 11, False, "1.0", None, None),
        *(
            (one.oid, one.name, one.owner_oid, one.schema_oid, True, one.version, None, None)
            for _, one in sorted(rows.catalog.extensions.items())
        ),
    ]


def available_extensions(rows: CatalogRows) -> Sequence[Row]:
    """pg_available_extensions."""
    names = rows.catalog.extension_names
    return [
        ("plpgsql", "1.0", "1.0", COMMENTS["plpgsql"]),
        *((name, version, version if name in names else None, COMMENTS[name]) for name, version in VERSIONS.items()),
    ]


def available_versions(rows: CatalogRows) -> Sequence[Row]:
    """pg_available_extension_versions."""
    names = rows.catalog.extension_names
    return [
        ("plpgsql", "1.0", True, True, True, False, "pg_catalog", None, COMMENTS["plpgsql"]),
        *(
            (name, version, name in names, True, True, True, None, None, COMMENTS[name])
            for name, version in VERSIONS.items()
        ),
    ]

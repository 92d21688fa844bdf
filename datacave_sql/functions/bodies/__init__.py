"""Bodies of the built-in functions, one family per module, joined into the tables the registry reads."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from datacave_sql.functions.aggregate import AggregateMaker
from datacave_sql.functions.bodies import (
    acl,
    aggregate_support,
    aggregates,
    arrays,
    bits,
    catalog,
    citext,
    comparison,
    date_formats,
    datetimes,
    encoding,
    extraction,
    float_accumulators,
    floats,
    fuzzystrmatch,
    geometry,
    hashing,
    hstore,
    inquiries,
    integer,
    intervals,
    json,
    json_records,
    jsonb,
    jsonpath,
    like,
    log_positions,
    mathematics,
    money,
    monitoring,
    networks,
    number_formats,
    numerics,
    ordered_set,
    past,
    patterns,
    pg_trgm,
    pgcrypto,
    pgcrypto_ciphers,
    quoting,
    ranges,
    roots,
    session,
    snapshots,
    standard_schema,
    statistics,
    text,
    text_search,
    unaccent,
    uuid_ossp,
    windows,
    wire,
    zoned,
)
from datacave_sql.functions.body import Body
from datacave_sql.functions.window import WindowBody

__all__ = ["AGGREGATES", "BODIES", "FAMILIES", "INLINE_NAMES", "WINDOWS"]

BODIES: dict[str, Body] = {}
"""Bodies by symbol (see functions/body.py)."""

INLINE_NAMES: dict[str, Any] = {}
"""The globals that inline templates may use."""

AGGREGATES: dict[str, AggregateMaker] = {}
"""Aggregates by name(argument oids)."""

WINDOWS: dict[str, WindowBody] = {}
"""Window functions by name(argument oids)."""

FAMILIES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        acl,
        aggregate_support,
        arrays,
        bits,
        catalog,
        citext,
        comparison,
        date_formats,
        datetimes,
        encoding,
        extraction,
        float_accumulators,
        floats,
        fuzzystrmatch,
        geometry,
        hashing,
        hstore,
        inquiries,
        integer,
        intervals,
        json,
        json_records,
        jsonb,
        jsonpath,
        like,
        log_positions,
        mathematics,
        money,
        monitoring,
        networks,
        number_formats,
        numerics,
        past,
        patterns,
        pg_trgm,
        pgcrypto,
        pgcrypto_ciphers,
        quoting,
        ranges,
        roots,
        session,
        snapshots,
        standard_schema,
        text,
        text_search,
        unaccent,
        uuid_ossp,
        wire,
        zoned,
    )
}
"""The family modules by name."""

for _module in FAMILIES.values():
    for _symbol, _body in _module.BODIES.entries.items():
        if _symbol in BODIES:
            raise AssertionError(f"{_symbol} has two bodies")
        BODIES[_symbol] = _body
    INLINE_NAMES.update(_module.BODIES.inline_names)

for _aggregates in (
    aggregates.AGGREGATES,
    bits.AGGREGATES,
    intervals.AGGREGATES,
    json.AGGREGATES,
    jsonb.AGGREGATES,
    ordered_set.AGGREGATES,
    ranges.AGGREGATES,
    statistics.AGGREGATES,
):
    for _symbol, _maker in _aggregates.entries.items():
        if _symbol in AGGREGATES:
            raise AssertionError(f"{_symbol} has two bodies")
        AGGREGATES[_symbol] = _maker
WINDOWS.update(windows.WINDOWS)

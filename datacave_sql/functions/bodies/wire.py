"""The binary output functions (int4send, textsend ...), log positions, and lists of time zones."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import find_type, oids
from datacave_core.types.io import type_io
from datacave_core.types.names import format_type
from datacave_core.types.zone_names import ABBREVIATIONS, named_zone
from datacave_core.types.zones import find_zone, zone_names
from datacave_core.values import Array, Interval
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

_SENT = (
    oids.BOOL, oids.BYTEA, oids.CHAR, oids.NAME, oids.INT2, oids.INT4, oids.INT8, oids.TEXT, oids.OID, oids.XID,
    oids.CID, oids.XID8, oids.JSON, oids.JSONB, oids.FLOAT4, oids.FLOAT8, oids.NUMERIC, oids.BPCHAR, oids.VARCHAR,
    oids.DATE, oids.TIME, oids.TIMETZ, oids.TIMESTAMP, oids.TIMESTAMPTZ, oids.INTERVAL, oids.UUID, oids.BIT,
    oids.VARBIT, oids.MONEY, oids.INET, oids.CIDR, oids.MACADDR, oids.MACADDR8, oids.TID, oids.PG_LSN, oids.JSONPATH,
    oids.TSVECTOR, oids.TSQUERY, oids.POINT, oids.LINE, oids.LSEG, oids.BOX, oids.PATH, oids.POLYGON, oids.CIRCLE,
)  # fmt: skip


def _publish_send_functions() -> None:
    for type_oid in _SENT:
        found = find_type(type_oid)
        try:
            io = type_io(type_oid)
        except FeatureNotSupported:
            continue
        if found is not None and found.send not in BODIES.entries:
            BODIES.add(found.send, io.send)


_publish_send_functions()


def _position(value: int) -> int:
    if 0 <= value < 2**64:
        return value
    raise DatacaveError("pg_lsn out of range", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _distance(value: Decimal, verb: str) -> int:
    if value.is_nan():
        raise DatacaveError(
            f"cannot {verb} NaN {'to' if verb == 'add' else 'from'} pg_lsn", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
        )
    if value.is_infinite():
        raise DatacaveError("pg_lsn out of range", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return int(value.to_integral_value(rounding="ROUND_HALF_UP"))


BODIES.add("pg_lsn_mi pg_wal_lsn_diff", lambda a, b: Decimal(a - b))
BODIES.add("pg_lsn_pli", lambda position, distance: _position(position + _distance(distance, "add")))
BODIES.add("pg_lsn_mii", lambda position, distance: _position(position - _distance(distance, "subtract")))


@BODIES("numeric_pl_pg_lsn(1700 3220)")
def add_to_position(distance: Decimal, position: int) -> int:
    """numeric + pg_lsn."""
    return _position(position + _distance(distance, "add"))


@BODIES("numeric_pg_lsn")
def position_of_numeric(value: Decimal) -> int:
    """numeric to pg_lsn."""
    if not value.is_finite():
        word = "NaN" if value.is_nan() else "infinity"
        raise DatacaveError(f"cannot convert {word} to pg_lsn", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    number = int(value.to_integral_value(rounding="ROUND_HALF_UP"))
    if not 0 <= number < 2**64:
        raise bad_parameter("pg_lsn out of range")
    return number


def _zone_row(name: str, context: EvaluationContext) -> tuple[str, str, Interval, bool] | None:
    zone = find_zone(name)
    if zone is None:
        return None
    kind = zone.at(context.transaction_timestamp // 1_000_000)
    return name, kind.abbreviation, Interval(0, 0, kind.offset * 1_000_000), kind.is_dst


@BODIES.with_context("pg_timezone_names")
def timezone_names(context: EvaluationContext) -> Iterator[tuple[str, str, Interval, bool]]:
    """Name, abbreviation, offset and daylight saving of every zone now."""
    for name in sorted(zone_names().values()):
        row = _zone_row(name, context)
        if row is not None:
            yield row


@BODIES.with_context("pg_timezone_abbrevs")
def timezone_abbreviations(context: EvaluationContext) -> Iterator[tuple[str, Interval, bool]]:
    """Abbreviation, offset and daylight saving."""
    now = context.transaction_timestamp // 1_000_000
    for word, found in sorted(ABBREVIATIONS.items()):
        offset, is_dst = found.offset, found.is_dst
        if found.zone_name is not None:
            zone = named_zone(found.zone_name)
            meaning = zone.meaning(word.upper(), now)
            if meaning is not None:
                offset, is_dst = meaning.offset, meaning.is_dst
        yield word.upper(), Interval(0, 0, offset * 1_000_000), is_dst


@BODIES("oidvectortypes")
def type_names(value: Array) -> str:
    """The SQL names of a list of type oids."""
    return ", ".join(format_type(oid) for oid in value.elements)

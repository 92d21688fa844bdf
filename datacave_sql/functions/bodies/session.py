"""Session functions: the clock, chance, settings, who and where, sequences, advisory locks.

All of them ask the EvaluationContext. Calls that may have to wait (pg_sleep, pg_advisory_lock) return Steps, a
generator of Waits, and are marked `waits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from datacave_core import sqlstate
from datacave_core.encodings import ENCODINGS, encoding_named
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.network import parse_inet
from datacave_core.types.zone_names import session_zone
from datacave_core.values import Array, Interval, Value
from datacave_core.wait import Steps
from datacave_sql.functions.bodies.comparison import interval_key
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()
HEADER_BYTES = 4
"""What stands before the bytes of a value of variable length."""


@BODIES.with_context("pgsql_version")
def version(context: EvaluationContext) -> str:
    """What clients parse: PostgreSQL's name, then the version whose behaviour is ours."""
    return f"PostgreSQL {context.setting('server_version')}"


@BODIES.with_context("now")
def now(context: EvaluationContext) -> int:
    """The start of the transaction."""
    return context.transaction_timestamp


@BODIES.with_context("statement_timestamp")
def statement_timestamp(context: EvaluationContext) -> int:
    """The start of the statement."""
    return context.statement_timestamp


@BODIES.with_context("clock_timestamp")
def clock_timestamp(context: EvaluationContext) -> int:
    """The time now."""
    return context.clock_timestamp()


@BODIES.with_context("timeofday")
def time_of_day(context: EvaluationContext) -> str:
    """The time now as text, e.g. "Wed Feb 26 02:11:00.123456 2020 UTC"."""
    moment = context.clock_timestamp()
    kind = session_zone(context.format_settings.time_zone).at(moment // 1_000_000)
    local = datetime(2000, 1, 1, tzinfo=timezone(timedelta(0))) + timedelta(microseconds=moment, seconds=kind.offset)
    return local.strftime("%a %b %d %H:%M:%S.%f %Y ") + kind.abbreviation


@BODIES.with_context("drandom")
def random(context: EvaluationContext) -> float:
    """0 <= x < 1."""
    return context.random_float()


@BODIES.with_context("setseed")
def set_seed(context: EvaluationContext, seed: float) -> None:
    """Makes the following random() calls of the session repeatable."""
    if seed < -1 or seed > 1 or seed != seed:
        raise bad_parameter(f"setseed parameter {seed:g} is out of allowed range [-1,1]")
    context.seed_random(seed)


@BODIES.with_context("gen_random_uuid")
def random_uuid(context: EvaluationContext) -> bytes:
    """A version 4 UUID."""
    data = bytearray(context.random_bytes(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    return bytes(data)


BODIES.add_with_context("current_database", lambda context: context.database)
BODIES.add_with_context("current_user", lambda context: context.current_user)
BODIES.add_with_context("session_user", lambda context: context.session_user)
BODIES.add_with_context("current_schema", lambda context: context.search_path[0] if context.search_path else None)
BODIES.add_with_context("pg_backend_pid", lambda context: context.backend_pid)
BODIES.add_with_context("pg_export_snapshot", lambda context: context.export_snapshot())
BODIES.add_with_context("pg_postmaster_start_time", lambda context: context.server_start_timestamp)
BODIES.add_with_context("pg_conf_load_time", lambda context: context.server_start_timestamp)
BODIES.add("pg_is_in_recovery pg_jit_available", lambda: False)
BODIES.add("getdatabaseencoding", lambda: "UTF8")
BODIES.add_with_context("pg_client_encoding", lambda context: context.setting("client_encoding"))
BODIES.add_with_context("pg_my_temp_schema", lambda context: _temporary_schema_oid(context))
BODIES.add_with_context("pg_trigger_depth", lambda context: context.trigger_depth)
BODIES.add("pg_notification_queue_usage", lambda: 0.0)
BODIES.add("pg_last_xact_replay_timestamp pg_current_logfile", lambda: None)
BODIES.add("pg_stat_clear_snapshot pg_stat_force_next_flush", lambda: None)
BODIES.add_with_context("pg_blocking_pids", lambda context, pid: Array.of(context.blocking_pids(pid)))
BODIES.add_with_context(
    "pg_safe_snapshot_blocking_pids", lambda context, pid: Array.of(context.snapshot_blocking_pids(pid))
)
BODIES.add_with_context("current_query", lambda context: context.query_text)
BODIES.add_with_context("pg_listening_channels", lambda context: iter(context.listening_channels()))
BODIES.add_with_context("pg_notify", lambda context, channel, payload: context.notify(channel or "", payload or ""))


def _temporary_schema_oid(context: EvaluationContext) -> int:
    name = context.own_temporary_schema
    return (context.catalog.schema_oid(name) if name is not None else None) or 0


@BODIES.with_context("pg_is_other_temp_schema")
def is_other_temporary_schema(context: EvaluationContext, oid: int) -> bool:
    """Whether it is another session's schema of temporary objects."""
    name = context.catalog.schema_name(oid)
    return name is not None and name.startswith("pg_temp_") and name != context.own_temporary_schema


@BODIES.with_context("current_schemas")
def current_schemas(context: EvaluationContext, implicit: bool) -> Array:
    """The schemas of the search path; with `implicit` also that of temporary objects and pg_catalog in front."""
    schemas = list(context.search_path)
    if implicit and "pg_catalog" not in schemas:
        schemas.insert(0, "pg_catalog")
    temporary = context.own_temporary_schema
    if implicit and temporary is not None and temporary not in schemas:
        schemas.insert(0, temporary)
    return Array.of(schemas)


def _unknown_setting(name: str) -> DatacaveError:
    return DatacaveError(f'unrecognized configuration parameter "{name}"', sqlstate=sqlstate.UNDEFINED_OBJECT)


@BODIES.with_context("show_config_by_name", "show_config_by_name_missing_ok")
def current_setting(context: EvaluationContext, name: str, missing_ok: bool = False) -> str | None:
    """The parameter as SHOW prints it."""
    value = context.setting(name)
    if value is None and not missing_ok:
        raise _unknown_setting(name)
    return value


@BODIES.with_context("set_config_by_name")
def set_config(context: EvaluationContext, name: str | None, value: str | None, local: bool | None) -> str:
    """Sets a parameter; NULL resets it to its default."""
    if name is None:
        raise DatacaveError("SET requires parameter name", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    return context.set_setting(name, value, bool(local))


def _address(part: int) -> Any:
    def ask(context: EvaluationContext) -> Value:
        found = context.client_address()
        return None if found is None else found[part]

    return ask


BODIES.add_with_context("inet_client_port", _address(1))


@BODIES.with_context("inet_client_addr")
def client_address(context: EvaluationContext) -> Value:
    """The client's address; NULL for a local socket."""
    found = context.client_address()
    return None if found is None else parse_inet(found[0])


@BODIES.with_context("pg_current_xact_id")
def transaction_id(context: EvaluationContext) -> int:
    """The running transaction's id."""
    return context.transaction_id()


BODIES.add_with_context("pg_current_xact_id_if_assigned", lambda context: context.assigned_transaction_id())


@BODIES.with_context("nextval_oid")
def next_value(context: EvaluationContext, oid: int) -> int:
    """nextval."""
    return context.sequences.next_value(oid)


@BODIES.with_context("identity_nextval")
def next_identity_value(context: EvaluationContext, oid: int) -> int:
    """The value of an identity column: who may insert needs no right on its sequence."""
    return context.sequences.next_value(oid, of_identity=True)


@BODIES.with_context("currval_oid")
def current_value(context: EvaluationContext, oid: int) -> int:
    """currval."""
    return context.sequences.current_value(oid)


@BODIES.with_context("pg_sequence_last_value")
def stored_value(context: EvaluationContext, oid: int) -> int | None:
    """pg_sequence_last_value."""
    return context.sequences.stored_value(oid)


@BODIES.with_context("lastval")
def last_value(context: EvaluationContext) -> int:
    """lastval."""
    return context.sequences.last_value()


@BODIES.with_context("setval_oid", "setval3_oid")
def set_value(context: EvaluationContext, oid: int, value: int, is_called: bool = True) -> int:
    """setval."""
    return context.sequences.set_value(oid, value, is_called)


@BODIES.for_types("pg_typeof")
def _type_of(types: CallTypes) -> Body:
    oid = types.arguments[0]
    return Body(lambda value: oid, str(oid))


@BODIES.for_types("pg_collation_for")
def _collation(types: CallTypes) -> Body:
    name = types.types.name(types.arguments[0])
    collatable = types.types.type(types.arguments[0]).collation_oid != 0

    def collation(value: Value) -> str:
        if not collatable:
            raise DatacaveError(f"collations are not supported by type {name}", sqlstate=sqlstate.DATATYPE_MISMATCH)
        return '"default"'

    return Body(collation)


_POINTS_HEADER_BYTES = {oids.PATH: 16, oids.POLYGON: 40}
"""What stands in front of the points."""


@BODIES.for_types("pg_column_size")
def _column_size(types: CallTypes) -> Body:
    """The bytes of a value outside of a table, as PostgreSQL has it in memory; nothing is compressed."""
    oid = types.types.base(types.arguments[0])
    length = types.types.type(oid).length
    if length > 0:
        return Body(lambda value: length)
    send = types.types.io(oid).send
    if oid == oids.NUMERIC:
        # The header of the binary form has 8 bytes, that of a short numeric 2.
        return Body(lambda value: HEADER_BYTES + 2 + len(send(value)) - 8)
    if oid in _POINTS_HEADER_BYTES:
        header = _POINTS_HEADER_BYTES[oid]
        return Body(lambda value: header + 16 * len(value.points))
    return Body(lambda value: HEADER_BYTES + len(send(value)))


def _spread(values: tuple[Value, ...]) -> Sequence[Value] | None:
    """The values of a call whose last argument is an array marked VARIADIC; None for a NULL array."""
    array = values[-1]
    return None if array is None else (*values[:-1], *array.elements)


@BODIES.for_types("pg_num_nulls")
def _count_nulls(types: CallTypes) -> Body:
    if not types.variadic:
        return Body(lambda *values: values.count(None))

    def count(*values: Value) -> int | None:
        given = _spread(values)
        return None if given is None else sum(1 for value in given if value is None)

    return Body(count)


@BODIES.for_types("pg_num_nonnulls")
def _count_values(types: CallTypes) -> Body:
    if not types.variadic:
        return Body(lambda *values: len(values) - values.count(None))

    def count(*values: Value) -> int | None:
        given = _spread(values)
        return None if given is None else sum(1 for value in given if value is not None)

    return Body(count)


@BODIES.waiting("pg_sleep")
def sleep(context: EvaluationContext, seconds: float) -> Steps[None]:
    """Waits; NaN and negative numbers not at all."""
    return context.sleep(max(seconds, 0.0) if seconds == seconds else 0.0)


@BODIES.waiting("pg_sleep_for(1186)")
def sleep_for(context: EvaluationContext, span: Interval) -> Steps[None]:
    """Waits for an interval."""
    return context.sleep(max(interval_key(span) / 1e6, 0.0))


@BODIES.waiting("pg_sleep_until(1184)")
def sleep_until(context: EvaluationContext, moment: int) -> Steps[None]:
    """Waits until a moment."""
    return context.sleep(max((moment - context.clock_timestamp()) / 1e6, 0.0))


@BODIES.with_context("pg_isolation_test_session_is_blocked")
def is_blocked(context: EvaluationContext, pid: int, interesting: Array) -> bool:
    """Whether one of some sessions holds up another."""
    blocking = {*context.blocking_pids(pid), *context.snapshot_blocking_pids(pid)}
    return not blocking.isdisjoint(interesting.elements)


@BODIES.with_context("pg_cancel_backend")
def cancel_backend(context: EvaluationContext, pid: int) -> bool:
    """Cancels the statement another session runs."""
    return context.cancel_backend(pid, False)


@BODIES.with_context("pg_terminate_backend")
def terminate_backend(context: EvaluationContext, pid: int, timeout_ms: int) -> bool:
    """Ends another session."""
    if timeout_ms < 0:
        raise bad_parameter('"timeout" must not be negative')
    return context.cancel_backend(pid, True)


def _advisory(symbol: str, *, shared: bool, transaction: bool) -> None:
    def lock(context: EvaluationContext, *key: int) -> Steps[None]:
        return context.advisory_lock(key, shared, transaction)

    def try_lock(context: EvaluationContext, *key: int) -> bool:
        return context.try_advisory_lock(key, shared, transaction)

    def unlock(context: EvaluationContext, *key: int) -> bool:
        return context.advisory_unlock(key, shared)

    for width in ("int8", "int4"):
        BODIES.waiting(f"pg_advisory_{symbol}_{width}")(lock)
        BODIES.with_context(f"pg_try_advisory_{symbol}_{width}")(try_lock)
        if not transaction:
            BODIES.with_context(f"pg_advisory_un{symbol}_{width}")(unlock)


_advisory("lock", shared=False, transaction=False)
_advisory("lock_shared", shared=True, transaction=False)
_advisory("xact_lock", shared=False, transaction=True)
_advisory("xact_lock_shared", shared=True, transaction=True)
BODIES.add_with_context("pg_advisory_unlock_all", lambda context: context.advisory_unlock_all())

_UNITS = (("bytes", 0), ("kB", 10), ("MB", 20), ("GB", 30), ("TB", 40), ("PB", 50))


@BODIES("pg_size_pretty")
def size_pretty(size: int) -> str:
    """A number of bytes in the largest unit that leaves a readable number, rounded half up."""
    for place, (unit, bits) in enumerate(_UNITS):
        limit = 10 * 1024 if place == 0 else 20 * 1024 - 1
        shown = _in_half_units(size, bits)
        if place == len(_UNITS) - 1 or abs(shown) < limit:
            return f"{size} {unit}" if place == 0 else f"{_round_half(shown)} {unit}"
    return ""


def _in_half_units(size: int, bits: int) -> int:
    if not bits:
        return size
    return -(-size >> (bits - 1)) if size < 0 else size >> (bits - 1)


def _round_half(halves: int) -> int:
    return -((-halves + 1) // 2) if halves < 0 else (halves + 1) // 2


@BODIES("pg_size_pretty_numeric")
def size_pretty_numeric(size: Decimal) -> str:
    """The same for numeric."""
    if not size.is_finite():
        return f"{'NaN' if size.is_nan() else size} bytes"
    if abs(size) < 10240:
        return f"{size:f} bytes"
    return size_pretty(int(size))


@BODIES("pg_size_bytes")
def size_bytes(text: str) -> int:
    """The number of bytes that "1.5 GB" means."""
    stripped = text.strip()
    end = 0
    while end < len(stripped) and (stripped[end].isdigit() or stripped[end] in "+-." or _is_exponent(stripped, end)):
        end += 1
    number, unit = stripped[:end], stripped[end:].strip()
    if not any(character.isdigit() for character in number):
        raise bad_parameter(f'invalid size: "{text}"')
    factors = {name.lower(): 1 << bits for name, bits in _UNITS}
    factor = factors.get(unit.lower(), 1 if not unit else None)
    if factor is None:
        raise bad_parameter(
            f'invalid size: "{text}"',
            hint='Valid units are "bytes", "B", "kB", "MB", "GB", "TB", and "PB".',
            detail=f'Invalid size unit: "{unit}".',
        )
    return int((Decimal(number) * factor).to_integral_value(rounding="ROUND_HALF_UP"))


def _is_exponent(text: str, at: int) -> bool:
    return text[at] in "eE" and at > 0 and text[at + 1 : at + 2].lstrip("+-").isdigit()


_ENCODING_LENGTHS = {1: 3, 2: 2, 3: 3, 4: 4, 5: 3, 6: 4, 7: 4, 35: 2, 36: 2, 37: 2, 38: 2, 39: 4, 40: 3, 41: 2}
"""Bytes per character at most, where that is not 1."""


@BODIES("PG_encoding_to_char")
def encoding_name(number: int) -> str:
    """The name of an encoding; UTF8 is 6."""
    return ENCODINGS[number] if 0 <= number < len(ENCODINGS) else ""


@BODIES("PG_char_to_encoding")
def encoding_number(name: str) -> int:
    """The number of an encoding; -1 for an unknown one."""
    found = encoding_named(name)
    return ENCODINGS.index(found) if found is not None else -1


@BODIES("pg_encoding_max_length_sql")
def encoding_length(number: int) -> int | None:
    """Bytes per character at most."""
    return _ENCODING_LENGTHS.get(number, 1) if 0 <= number < len(ENCODINGS) else None

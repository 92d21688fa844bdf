"""timestamp with time zone and time with time zone, where the session's zone or a named zone matters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import (
    MICROSECONDS_PER_DAY,
    TIMESTAMP_END,
    TIMESTAMP_MIN,
    UNIX_EPOCH_SECONDS,
)
from datacave_core.types.datetime_fields import DecodeError, Failure, parse_offset
from datacave_core.types.interval import format_interval
from datacave_core.types.zone_names import ABBREVIATIONS, fixed_zone, named_zone, session_zone
from datacave_core.types.zones import Zone
from datacave_core.values import TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, Interval, TimeTz
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.bodies.datetimes import (
    OPERATIONS,
    check_timestamp,
    comparable_date,
    date_of_timestamp,
    is_infinite,
    make_timestamp,
    opposite,
    overlap,
    series,
    shifted,
    symbolic_age,
    timestamp_of_date,
)
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()


def zone_of(context: EvaluationContext) -> Zone:
    """The session's zone."""
    return session_zone(context.format_settings.time_zone)


def to_local(moment: int, zone: Zone) -> int:
    """What the zone's clock shows; infinities stay."""
    if is_infinite(moment):
        return moment
    return moment + zone.at(moment // 1_000_000).offset * 1_000_000


def from_local(local: int, zone: Zone) -> int:
    """The moment at which the zone's clock shows a local time; infinities stay."""
    if is_infinite(local):
        return local
    return check_timestamp(local - zone.of_local(local // 1_000_000).offset * 1_000_000)


def add_in_zone(moment: int, span: Interval, zone: Zone) -> int:
    """Months and days move the zone's calendar, the time moves the clock."""
    if is_infinite(moment):
        return moment
    months, days, microseconds = span
    if months:
        day, time = divmod(to_local(moment, zone), MICROSECONDS_PER_DAY)
        moment = from_local(shifted(day, months) * MICROSECONDS_PER_DAY + time, zone)
    if days:
        moment = from_local(to_local(moment, zone) + days * MICROSECONDS_PER_DAY, zone)
    return check_timestamp(moment + microseconds)


@BODIES.with_context("timestamptz_pl_interval")
def add(context: EvaluationContext, moment: int, span: Interval) -> int:
    """timestamptz + interval."""
    return add_in_zone(moment, span, zone_of(context))


@BODIES.with_context("interval_pl_timestamptz(1186 1184)")
def add_swapped(context: EvaluationContext, span: Interval, moment: int) -> int:
    """interval + timestamptz."""
    return add_in_zone(moment, span, zone_of(context))


@BODIES.with_context("timestamptz_mi_interval")
def subtract(context: EvaluationContext, moment: int, span: Interval) -> int:
    """timestamptz - interval."""
    return add_in_zone(moment, opposite(span), zone_of(context))


@BODIES.with_context("generate_series_timestamptz")
def generate(context: EvaluationContext, start: int, stop: int, step: Interval) -> Iterator[int]:
    """start, start + step, ... in the session's zone."""
    zone = zone_of(context)
    return series(start, stop, step, lambda moment, span: add_in_zone(moment, span, zone))


BODIES.add_with_context("timestamptz_timestamp", lambda context, moment: to_local(moment, zone_of(context)))
BODIES.add_with_context("timestamp_timestamptz", lambda context, local: from_local(local, zone_of(context)))
BODIES.add_with_context(
    "timestamptz_date", lambda context, moment: date_of_timestamp(to_local(moment, zone_of(context)))
)


@BODIES.with_context("date_timestamptz")
def moment_of_date(context: EvaluationContext, date: int) -> int:
    """Midnight of a date in the session's zone."""
    return from_local(timestamp_of_date(date), zone_of(context))


@BODIES.with_context("timestamptz(1082 1083)")
def moment_of_date_and_time(context: EvaluationContext, date: int, time: int) -> int:
    """A date and a time in the session's zone."""
    start = timestamp_of_date(date)
    return start if is_infinite(start) else from_local(check_timestamp(start + time), zone_of(context))


@BODIES.with_context("timestamptz_time")
def time_of(context: EvaluationContext, moment: int) -> int | None:
    """The time of day in the session's zone; NULL for infinities."""
    return None if is_infinite(moment) else to_local(moment, zone_of(context)) % MICROSECONDS_PER_DAY


@BODIES.with_context("timestamptz_timetz")
def zoned_time_of(context: EvaluationContext, moment: int) -> TimeTz | None:
    """The time of day with the session's offset."""
    if is_infinite(moment):
        return None
    offset = zone_of(context).at(moment // 1_000_000).offset
    return TimeTz((moment + offset * 1_000_000) % MICROSECONDS_PER_DAY, -offset)


@BODIES.with_context("time_timetz")
def zoned_time(context: EvaluationContext, time: int) -> TimeTz:
    """A time with the offset of the session's zone on the transaction's day."""
    zone = zone_of(context)
    today = to_local(context.transaction_timestamp, zone) // MICROSECONDS_PER_DAY
    local_seconds = today * 86400 + time // 1_000_000
    return TimeTz(time, -zone.of_local(local_seconds).offset)


@BODIES.with_context("timestamptz_age")
def age(context: EvaluationContext, a: int, b: int) -> Interval:
    """a - b by the calendar of the session's zone."""
    zone = zone_of(context)
    return symbolic_age(to_local(a, zone), to_local(b, zone))


@BODIES.with_context("age(1184)")
def age_today(context: EvaluationContext, moment: int) -> Interval:
    """From the moment to the midnight at which the transaction's day began."""
    zone = zone_of(context)
    today = to_local(context.transaction_timestamp, zone) // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY
    return age(context, from_local(today, zone), moment)


@BODIES.with_context("age(1114)")
def age_today_local(context: EvaluationContext, local: int) -> Interval:
    """The same for a timestamp without time zone."""
    today = to_local(context.transaction_timestamp, zone_of(context)) // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY
    return symbolic_age(today, local)


def find_zone(name: str, seconds: int) -> Zone:
    """The zone that AT TIME ZONE names: an abbreviation first, then a zone; raises 22023."""
    found = ABBREVIATIONS.get(name.lower())
    if found is None:
        return named_zone(name)
    if found.zone_name is None:
        return fixed_zone(found.offset, name.upper())
    zone = named_zone(found.zone_name)
    meaning = zone.meaning(name.upper(), seconds)
    return zone if meaning is None else fixed_zone(meaning.offset, name.upper())


@BODIES("timestamptz_zone")
def at_zone(name: str, moment: int) -> int:
    """timestamptz AT TIME ZONE: what the clock there shows."""
    return moment if is_infinite(moment) else to_local(moment, find_zone(name, moment // 1_000_000))


@BODIES("timestamp_zone")
def of_zone(name: str, local: int) -> int:
    """timestamp AT TIME ZONE: the moment when the clock there shows it."""
    return local if is_infinite(local) else from_local(local, find_zone(name, local // 1_000_000))


@BODIES.with_context("timetz_zone")
def time_at_zone(context: EvaluationContext, name: str, time: TimeTz) -> TimeTz:
    """timetz AT TIME ZONE, with the offset of now."""
    seconds = context.transaction_timestamp // 1_000_000
    return _moved_time(time, find_zone(name, seconds).at(seconds).offset)


def _moved_time(time: TimeTz, offset: int) -> TimeTz:
    moved = time.microseconds + (time.zone_seconds + offset) * 1_000_000
    return TimeTz(moved % MICROSECONDS_PER_DAY, -offset)


def _offset(context: EvaluationContext, zone: Interval) -> int:
    if zone.months or zone.days:
        shown = format_interval(zone, context.format_settings)
        raise bad_parameter(f'interval time zone "{shown}" must not include months or days')
    seconds = abs(zone.microseconds) // 1_000_000
    return seconds if zone.microseconds >= 0 else -seconds


@BODIES.with_context("timestamptz_izone")
def at_offset(context: EvaluationContext, zone: Interval, moment: int) -> int:
    """timestamptz AT TIME ZONE interval."""
    return moment if is_infinite(moment) else check_timestamp(moment + _offset(context, zone) * 1_000_000)


@BODIES.with_context("timestamp_izone")
def of_offset(context: EvaluationContext, zone: Interval, local: int) -> int:
    """timestamp AT TIME ZONE interval."""
    return local if is_infinite(local) else check_timestamp(local - _offset(context, zone) * 1_000_000)


@BODIES.with_context("timetz_izone")
def time_at_offset(context: EvaluationContext, zone: Interval, time: TimeTz) -> TimeTz:
    """timetz AT TIME ZONE interval."""
    return _moved_time(time, _offset(context, zone))


@BODIES.with_context("make_timestamptz")
def make(context: EvaluationContext, year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    """A moment from the fields of the session's clock."""
    return from_local(make_timestamp(year, month, day, hour, minute, second), zone_of(context))


@BODIES("make_timestamptz_at_timezone")
def make_in_zone(year: int, month: int, day: int, hour: int, minute: int, second: float, zone: str) -> int:
    """A moment from the fields of a named zone's clock; a number is an offset east of UTC."""
    if zone[:1].isdigit():
        raise DatacaveError(
            f'invalid input syntax for type numeric time zone: "{zone}"',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            hint='Numeric time zones must have "-" or "+" as first character.',
        )
    if zone[:1] in ("+", "-") and zone:
        local = make_timestamp(year, month, day, hour, minute, second)
        return check_timestamp(local - _numeric_zone(zone) * 1_000_000)
    return of_zone(zone, make_timestamp(year, month, day, hour, minute, second))


def _numeric_zone(zone: str) -> int:
    try:
        return parse_offset(zone)
    except DecodeError as error:
        word = "out of range" if error.failure is Failure.ZONE_OVERFLOW else "not recognized"
        message = f'numeric time zone "{zone}" out of range' if word == "out of range" else f'time zone "{zone}" {word}'
        raise bad_parameter(message) from error


@BODIES("float8_timestamptz")
def moment_of_unix(seconds: float) -> int:
    """to_timestamp(seconds since 1970)."""
    if math.isnan(seconds):
        raise DatacaveError("timestamp cannot be NaN", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    if math.isinf(seconds):
        return TIMESTAMP_INFINITY if seconds > 0 else TIMESTAMP_NEGATIVE_INFINITY
    if not TIMESTAMP_MIN / 1e6 - 946684800 <= seconds - 946684800 * 2 < TIMESTAMP_END / 1e6:
        raise _bad_unix(seconds)
    result = round((seconds + UNIX_EPOCH_SECONDS) * 1e6)
    if not TIMESTAMP_MIN <= result < TIMESTAMP_END:
        raise _bad_unix(seconds)
    return result


def _bad_unix(seconds: float) -> DatacaveError:
    return DatacaveError(f'timestamp out of range: "{seconds:g}"', sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)


def _end(context: EvaluationContext, start: int | None, span: Interval | None) -> int | None:
    return None if start is None or span is None else add(context, start, span)


@BODIES.with_context("overlaps(1184 1186 1184 1186)")
def overlap_lengths(context: EvaluationContext, a: Any, b: Any, c: Any, d: Any) -> bool | None:
    """Both ends as lengths."""
    return overlap(a, _end(context, a, b), c, _end(context, c, d))


@BODIES.with_context("overlaps(1184 1184 1184 1186)")
def overlap_second_length(context: EvaluationContext, a: Any, b: Any, c: Any, d: Any) -> bool | None:
    """The second end as a length."""
    return overlap(a, b, c, _end(context, c, d))


@BODIES.with_context("overlaps(1184 1186 1184 1184)")
def overlap_first_length(context: EvaluationContext, a: Any, b: Any, c: Any, d: Any) -> bool | None:
    """The first end as a length."""
    return overlap(a, _end(context, a, b), c, d)


def _comparable(local: int, zone: Zone) -> int:
    """The moment of a local time, to compare with: it may lie beyond the first or last one."""
    if is_infinite(local):
        return local
    if local >= TIMESTAMP_END:
        return TIMESTAMP_INFINITY - 1
    return local - zone.of_local(local // 1_000_000).offset * 1_000_000


def _mixed(word: str, operation: Callable[[Any, Any], Any]) -> None:
    BODIES.add_with_context(
        f"timestamp_{word}_timestamptz",
        lambda context, local, moment: operation(_comparable(local, zone_of(context)), moment),
    )
    BODIES.add_with_context(
        f"timestamptz_{word}_timestamp",
        lambda context, moment, local: operation(moment, _comparable(local, zone_of(context))),
    )
    BODIES.add_with_context(
        f"date_{word}_timestamptz",
        lambda context, date, moment: operation(_comparable(comparable_date(date), zone_of(context)), moment),
    )
    BODIES.add_with_context(
        f"timestamptz_{word}_date",
        lambda context, moment, date: operation(moment, _comparable(comparable_date(date), zone_of(context))),
    )


for _word, _operation in OPERATIONS.items():
    _mixed(_word, _operation)
_mixed("cmp", compare)

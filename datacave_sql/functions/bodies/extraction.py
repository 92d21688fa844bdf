"""Fields of dates and times: extract, date_part and date_trunc.

extract answers numeric, date_part double precision. Infinite values have infinite years and no months.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import format_type, oids
from datacave_core.types.calendar import (
    EPOCH_JULIAN_DAY,
    MICROSECONDS_PER_DAY,
    UNIX_EPOCH_SECONDS,
    civil_of,
    days_of,
    weekday_of,
)
from datacave_core.types.datetime_words import DATE_WORDS, INTERVAL_WORDS, WordKind
from datacave_core.types.numeric import EXACT
from datacave_core.types.zones import Zone
from datacave_core.values import TIMESTAMP_INFINITY, Interval, TimeTz
from datacave_sql.functions.bodies.datetimes import (
    check_timestamp,
    is_infinite,
    is_infinite_date,
    timestamp_of_date,
)
from datacave_sql.functions.bodies.intervals import interval
from datacave_sql.functions.bodies.numerics import divide
from datacave_sql.functions.bodies.zoned import find_zone, from_local, zone_of
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

Number = Any
"""A field's value: an int, or a Decimal of microseconds, milliseconds or days; `finish` makes the result of it."""

_ZONE_UNITS = {"timezone": "timezone", "timezone_h": "timezone_hour", "timezone_m": "timezone_minute"}
_INFINITE = frozenset({"year", "decade", "century", "millennium", "julian", "isoyear", "epoch"})
_OSCILLATING = frozenset(
    {
        "microsecond", "millisecond", "second", "minute", "hour", "day", "month", "quarter", "week", "dow", "isodow",
        "doy", "timezone", "timezone_hour", "timezone_minute",
    }
)  # fmt: skip


def unit_of(word: str) -> str:
    """The field a word names; words of values ("now") are "special", other words ""."""
    key = word.lower()[:10]
    if key in _ZONE_UNITS:
        return _ZONE_UNITS[key]
    unit = INTERVAL_WORDS.get(key)
    if unit and unit != "ago":
        return unit
    kind, meaning = DATE_WORDS.get(key, (None, ""))
    if kind is WordKind.UNIT and isinstance(meaning, str) and meaning not in _SHORT_UNITS:
        return meaning
    if kind is WordKind.SPECIAL:
        return "epoch" if key == "epoch" else "special"
    return ""


_SHORT_UNITS = frozenset({"year", "month", "day", "hour", "minute", "second"})


def unsupported(word: str, type_oid: int, detail: str | None = None) -> DatacaveError:
    """0A000: the type has no such field."""
    return DatacaveError(
        f'unit "{word.lower()}" not supported for type {format_type(type_oid)}',
        sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        detail=detail,
    )


def unrecognized(word: str, type_oid: int) -> DatacaveError:
    """22023: there is no such field."""
    return bad_parameter(f'unit "{word.lower()}" not recognized for type {format_type(type_oid)}')


def refuse(word: str, unit: str, type_oid: int) -> DatacaveError:
    """The error for a field that a type does not answer."""
    return unsupported(word, type_oid) if unit else unrecognized(word, type_oid)


def iso_week(days: int) -> tuple[int, int]:
    """The ISO year (astronomical) and week of a day."""
    thursday = days - (weekday_of(days) + 6) % 7 + 3
    year = civil_of(thursday)[0]
    return year, (thursday - days_of(year, 1, 1)) // 7 + 1


def _quotient(value: int, unit: int) -> int:
    """Division toward zero."""
    return value // unit if value >= 0 else -(-value // unit)


def date_field(days: int, unit: str) -> Number:
    """A field of a finite day; None where a day has none of the kind."""
    if unit == "epoch":
        return days * 86400 - UNIX_EPOCH_SECONDS
    if unit == "julian":
        return days + EPOCH_JULIAN_DAY
    if unit in ("dow", "isodow"):
        weekday = weekday_of(days)
        return 7 if unit == "isodow" and weekday == 0 else weekday
    if unit in ("week", "isoyear"):
        year, week = iso_week(days)
        return week if unit == "week" else year if year > 0 else year - 1
    year, month, day = civil_of(days)
    if unit == "year":
        return year if year > 0 else year - 1
    if unit == "month":
        return month
    if unit == "day":
        return day
    if unit == "quarter":
        return (month - 1) // 3 + 1
    if unit == "doy":
        return days - days_of(year, 1, 1) + 1
    if unit == "decade":
        return year // 10 if year >= 0 else -((8 - (year - 1)) // 10)
    if unit == "century":
        return (year + 99) // 100 if year > 0 else -((99 - (year - 1)) // 100)
    if unit == "millennium":
        return (year + 999) // 1000 if year > 0 else -((999 - (year - 1)) // 1000)
    return None


def clock_field(microseconds: int, unit: str) -> Number:
    """A field of a time of day; None where a time has none of the kind."""
    if unit == "microsecond":
        return microseconds % 60_000_000
    if unit == "millisecond":
        return Decimal(microseconds % 60_000_000).scaleb(-3)
    if unit == "second":
        return Decimal(microseconds % 60_000_000).scaleb(-6)
    if unit == "minute":
        return microseconds // 60_000_000 % 60
    if unit == "hour":
        return microseconds // 3_600_000_000
    return None


def timestamp_field(local: int, unit: str) -> Number:
    """A field of a finite local timestamp; None where it has none of the kind."""
    days, time = divmod(local, MICROSECONDS_PER_DAY)
    if unit == "epoch":
        return EXACT.scaleb(Decimal(local - UNIX_EPOCH_SECONDS * 1_000_000), -6)
    if unit == "julian":
        part = divide(Decimal(time), Decimal(MICROSECONDS_PER_DAY))
        return EXACT.add(Decimal(days + EPOCH_JULIAN_DAY), part)
    found = clock_field(time, unit)
    return date_field(days, unit) if found is None else found


def _infinite(word: str, unit: str, positive: bool, type_oid: int) -> Decimal | None:
    if unit in _INFINITE:
        return Decimal("Infinity") if positive else Decimal("-Infinity")
    if unit in _OSCILLATING and (type_oid == oids.TIMESTAMPTZ or not unit.startswith("timezone")):
        return None
    raise refuse(word, unit, type_oid)


def _timestamp(word: str, local: int) -> Number:
    unit = unit_of(word)
    if is_infinite(local):
        return _infinite(word, unit, local == TIMESTAMP_INFINITY, oids.TIMESTAMP)
    found = timestamp_field(local, unit)
    if found is None:
        raise refuse(word, unit, oids.TIMESTAMP)
    return found


def _zone_field(offset: int, unit: str) -> Number:
    if unit == "timezone":
        return offset
    if unit == "timezone_hour":
        return _quotient(offset, 3600)
    if unit == "timezone_minute":
        minutes = _quotient(offset, 60)
        return minutes - _quotient(minutes, 60) * 60
    return None


def _moment(context: EvaluationContext, word: str, moment: int) -> Number:
    unit = unit_of(word)
    if is_infinite(moment):
        return _infinite(word, unit, moment == TIMESTAMP_INFINITY, oids.TIMESTAMPTZ)
    if unit == "epoch":
        return timestamp_field(moment, unit)
    offset = zone_of(context).at(moment // 1_000_000).offset
    found = _zone_field(offset, unit)
    if found is None:
        found = timestamp_field(moment + offset * 1_000_000, unit)
    if found is None:
        raise refuse(word, unit, oids.TIMESTAMPTZ)
    return found


_DATE_OSCILLATING = frozenset({"day", "month", "quarter", "week", "dow", "isodow", "doy"})


def _date(word: str, days: int) -> Number:
    unit = unit_of(word)
    if is_infinite_date(days):
        if unit in _INFINITE:
            return Decimal("Infinity") if days > 0 else Decimal("-Infinity")
        if unit in _DATE_OSCILLATING:
            return None
        raise refuse(word, unit, oids.DATE)
    found = date_field(days, unit)
    if found is None:
        raise refuse(word, unit, oids.DATE)
    return found


def _time(word: str, time: int) -> Number:
    unit = unit_of(word)
    found = Decimal(time).scaleb(-6) if unit == "epoch" else clock_field(time, unit)
    if found is None:
        raise unrecognized(word, oids.TIME) if unit == "special" else refuse(word, unit, oids.TIME)
    return found


def _zoned_time(word: str, time: TimeTz) -> Number:
    unit = unit_of(word)
    if unit == "epoch":
        return Decimal(time.microseconds + time.zone_seconds * 1_000_000).scaleb(-6)
    found = _zone_field(-time.zone_seconds, unit)
    if found is None:
        found = clock_field(time.microseconds, unit)
    if found is None:
        raise unrecognized(word, oids.TIMETZ) if unit == "special" else refuse(word, unit, oids.TIMETZ)
    return found


_YEARS = {"year": 1, "decade": 10, "century": 100, "millennium": 1000}


def _interval(word: str, span: Interval) -> Number:
    unit = unit_of(word)
    years = _quotient(span.months, 12)
    months = span.months - years * 12
    if unit == "epoch":
        seconds = (1461 * years + 120 * months + 4 * span.days) * 21600
        return EXACT.scaleb(Decimal(seconds * 1_000_000 + span.microseconds), -6)
    if unit in _YEARS:
        return _quotient(years, _YEARS[unit])
    if unit == "month":
        return months
    if unit == "quarter":
        return _quotient(months, 3) + 1
    if unit == "day":
        return span.days
    if unit == "hour":
        return _quotient(span.microseconds, 3_600_000_000)
    sign = -1 if span.microseconds < 0 else 1
    found = clock_field(abs(span.microseconds), unit)
    if found is None:
        raise unrecognized(word, oids.INTERVAL) if unit == "special" else refuse(word, unit, oids.INTERVAL)
    return sign * found


def _numeric(value: Number) -> Decimal | None:
    if value is None:
        return None
    found = Decimal(value)
    return found if found or found.is_nan() else found.copy_abs()


def _double(value: Number, unit: str = "") -> float | None:
    """The field as PostgreSQL computes it in double precision."""
    if value is None:
        return None
    if isinstance(value, Decimal) and value.is_finite() and unit in ("epoch", "second", "millisecond"):
        microseconds = int(value.scaleb(3 if unit == "millisecond" else 6, EXACT))
        if unit == "epoch":
            return float(microseconds) / 1e6
        sign = -1 if microseconds < 0 else 1
        seconds, fraction = divmod(abs(microseconds), 1_000_000)
        if unit == "second":
            return sign * (seconds + fraction / 1e6)
        return sign * (seconds * 1e3 + fraction / 1e3)
    return float(value)


def _interval_double(word: str, span: Interval) -> float | None:
    unit = unit_of(word)
    if unit != "epoch":
        return _double(_interval(word, span), unit)
    years = _quotient(span.months, 12)
    seconds = span.microseconds / 1e6
    seconds += 365.25 * 86400 * years
    seconds += 30.0 * 86400 * (span.months - years * 12)
    return seconds + 86400.0 * span.days


def _both(symbol: str, part_symbol: str, field: Callable[..., Number], *, context: bool = False) -> None:
    if context:
        BODIES.add_with_context(symbol, lambda where, word, value: _numeric(field(where, word, value)))
        BODIES.add_with_context(
            part_symbol, lambda where, word, value: _double(field(where, word, value), unit_of(word))
        )
    else:
        BODIES.add(symbol, lambda word, value: _numeric(field(word, value)))
        BODIES.add(part_symbol, lambda word, value: _double(field(word, value), unit_of(word)))


_both("extract_timestamp", "timestamp_part", _timestamp)
_both("extract_timestamptz", "timestamptz_part", _moment, context=True)
_both("extract_time", "time_part", _time)
_both("extract_timetz", "timetz_part", _zoned_time)
BODIES.add("extract_interval", lambda word, span: _numeric(_interval(word, span)))
BODIES.add("interval_part", _interval_double)
BODIES.add("extract_date", lambda word, days: _numeric(_date(word, days)))


@BODIES("date_part(25 1082)")
def date_part(word: str, days: int) -> float | None:
    """date_part of a date, by way of timestamp."""
    return _double(_timestamp(word, timestamp_of_date(days)), unit_of(word))


def truncate(local: int, word: str, type_oid: int) -> tuple[int, bool]:
    """The start of the unit that holds a finite local timestamp, and whether the unit is a day or more."""
    unit = unit_of(word)
    days, time = divmod(local, MICROSECONDS_PER_DAY)
    step = _CLOCK_STEPS.get(unit)
    if step is not None:
        return days * MICROSECONDS_PER_DAY + time // step * step, False
    if unit == "week":
        return (days - (weekday_of(days) + 6) % 7) * MICROSECONDS_PER_DAY, True
    year, month, day = civil_of(days)
    if unit == "millennium":
        year = (year + 999) // 1000 * 1000 - 999 if year > 0 else -((999 - (year - 1)) // 1000) * 1000 + 1
    elif unit == "century":
        year = (year + 99) // 100 * 100 - 99 if year > 0 else -((99 - (year - 1)) // 100) * 100 + 1
    elif unit == "decade":
        year = year // 10 * 10 if year > 0 else -((8 - (year - 1)) // 10) * 10
    elif unit == "quarter":
        month = (month - 1) // 3 * 3 + 1
    elif unit not in ("year", "month", "day"):
        raise unsupported(word, type_oid) if _is_interval_unit(word) else unrecognized(word, type_oid)
    if unit in _YEARS:
        month = 1
    if unit != "day":
        day = 1
    return check_timestamp(days_of(year, month, day) * MICROSECONDS_PER_DAY), True


def _is_interval_unit(word: str) -> bool:
    key = word.lower()[:10]
    return key in INTERVAL_WORDS and key not in ("ago", "@")


_CLOCK_STEPS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}


@BODIES("timestamp_trunc")
def truncate_timestamp(word: str, local: int) -> int:
    """date_trunc of a timestamp."""
    return local if is_infinite(local) else truncate(local, word, oids.TIMESTAMP)[0]


def _truncate_in(zone: Zone, word: str, moment: int) -> int:
    offset = zone.at(moment // 1_000_000).offset * 1_000_000
    local, whole_days = truncate(moment + offset, word, oids.TIMESTAMPTZ)
    return from_local(local, zone) if whole_days else check_timestamp(local - offset)


@BODIES.with_context("timestamptz_trunc")
def truncate_moment(context: EvaluationContext, word: str, moment: int) -> int:
    """date_trunc in the session's zone."""
    return moment if is_infinite(moment) else _truncate_in(zone_of(context), word, moment)


@BODIES("timestamptz_trunc_zone")
def truncate_in_zone(word: str, moment: int, zone: str) -> int:
    """date_trunc in a named zone."""
    if is_infinite(moment):
        return moment
    return _truncate_in(find_zone(zone, moment // 1_000_000), word, moment)


@BODIES("interval_trunc")
def truncate_interval(word: str, span: Interval) -> Interval:
    """date_trunc of an interval."""
    unit = unit_of(word)
    months, days, microseconds = span
    step = _CLOCK_STEPS.get(unit)
    if step is not None:
        return interval(months, days, _quotient(microseconds, step) * step)
    if unit == "day":
        return interval(months, days, 0)
    if unit == "month":
        return interval(months, 0, 0)
    if unit == "quarter":
        return interval(_quotient(months, 3) * 3, 0, 0)
    if unit in _YEARS:
        length = _YEARS[unit] * 12
        return interval(_quotient(months, length) * length, 0, 0)
    if not _is_interval_unit(word):
        raise unrecognized(word, oids.INTERVAL)
    raise unsupported(word, oids.INTERVAL, "Months usually have fractional weeks." if unit == "week" else None)

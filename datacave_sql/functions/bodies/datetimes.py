"""date, time, timestamp: arithmetic and conversions that need no time zone.

Infinities of dates and timestamps stay what they are under addition. Not here: timestamps with time zone where the
session's zone matters (zoned.py), fields and truncation (extraction.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import (
    DATE_END,
    DATE_MIN,
    MICROSECONDS_PER_DAY,
    TIMESTAMP_END,
    TIMESTAMP_MIN,
    civil_of,
    days_in_month,
    days_of,
    is_valid_julian,
)
from datacave_core.types.time import round_microseconds
from datacave_core.types.timestamp import apply_timestamp_typmod
from datacave_core.values import (
    DATE_INFINITY,
    DATE_NEGATIVE_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY,
    Interval,
    TimeTz,
)
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.bodies.intervals import interval, out_of_range
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()


def is_infinite(timestamp: int) -> bool:
    """Whether a timestamp is one of the sentinels."""
    return timestamp in (TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY)


def is_infinite_date(date: int) -> bool:
    """Whether a date is one of the sentinels."""
    return date in (DATE_INFINITY, DATE_NEGATIVE_INFINITY)


def check_timestamp(value: int) -> int:
    """The value, or 22008."""
    if TIMESTAMP_MIN <= value < TIMESTAMP_END:
        return value
    raise out_of_range("timestamp")


def shifted(days: int, months: int) -> int:
    """The day some months later; the end of the month where that is too short."""
    year, month, day = civil_of(days)
    years, month = divmod(month - 1 + months, 12)
    year, month = year + years, month + 1
    if not is_valid_julian(year, month):
        raise out_of_range("timestamp")
    return days_of(year, month, min(day, days_in_month(year, month)))


@BODIES("timestamp_pl_interval")
def add(timestamp: int, span: Interval) -> int:
    """timestamp + interval: months, then days, then the time."""
    if is_infinite(timestamp):
        return timestamp
    months, days, microseconds = span
    if months:
        day, time = divmod(timestamp, MICROSECONDS_PER_DAY)
        timestamp = check_timestamp(shifted(day, months) * MICROSECONDS_PER_DAY + time)
    if days:
        timestamp = check_timestamp(timestamp + days * MICROSECONDS_PER_DAY)
    return check_timestamp(timestamp + microseconds)


def opposite(span: Interval) -> Interval:
    """-span without a check, for subtraction."""
    return Interval(-span.months, -span.days, -span.microseconds)


@BODIES("timestamp_mi_interval")
def subtract(timestamp: int, span: Interval) -> int:
    """timestamp - interval."""
    return add(timestamp, opposite(span))


@BODIES("interval_pl_timestamp(1186 1114)")
def add_swapped(span: Interval, timestamp: int) -> int:
    """interval + timestamp."""
    return add(timestamp, span)


@BODIES("timestamp_mi")
def difference(a: int, b: int) -> Interval:
    """a - b in days and time."""
    if is_infinite(a) or is_infinite(b):
        raise DatacaveError("cannot subtract infinite timestamps", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    distance = a - b
    days = abs(distance) // MICROSECONDS_PER_DAY
    days = days if distance >= 0 else -days
    return interval(0, days, distance - days * MICROSECONDS_PER_DAY)


def timestamp_of_date(date: int) -> int:
    """Midnight at the start of a date."""
    if date == DATE_INFINITY:
        return TIMESTAMP_INFINITY
    if date == DATE_NEGATIVE_INFINITY:
        return TIMESTAMP_NEGATIVE_INFINITY
    result = date * MICROSECONDS_PER_DAY
    if result >= TIMESTAMP_END:
        raise DatacaveError("date out of range for timestamp", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    return result


def date_of_timestamp(timestamp: int) -> int:
    """The day of a timestamp."""
    if timestamp == TIMESTAMP_INFINITY:
        return DATE_INFINITY
    if timestamp == TIMESTAMP_NEGATIVE_INFINITY:
        return DATE_NEGATIVE_INFINITY
    return timestamp // MICROSECONDS_PER_DAY


BODIES.add("date_timestamp", timestamp_of_date)
BODIES.add("timestamp_date", date_of_timestamp)


@BODIES("timestamp_scale", "timestamptz_scale")
def rescale(value: int, precision: int) -> int:
    """Rounds to a number of decimal places of seconds; -1 leaves the value alone."""
    if precision != -1 and not 0 <= precision <= 6 and not is_infinite(value):
        raise bad_parameter(f"timestamp({precision}) precision must be between 0 and 6")
    return apply_timestamp_typmod(value, precision, True)


BODIES.add("time_scale", round_microseconds)
BODIES.add(
    "timetz_scale", lambda value, typmod: TimeTz(round_microseconds(value.microseconds, typmod), value.zone_seconds)
)
BODIES.add("timestamp_finite", lambda value: not is_infinite(value))
BODIES.add("date_finite", lambda value: not is_infinite_date(value))


def _moved(date: int, days: int) -> int:
    if is_infinite_date(date):
        return date
    result = date + days
    if not DATE_MIN <= result < DATE_END:
        raise out_of_range("date")
    return result


BODIES.add("date_pli", _moved)
BODIES.add("date_mii", lambda date, days: _moved(date, -days))


@BODIES("integer_pl_date(23 1082)")
def add_days(days: int, date: int) -> int:
    """integer + date."""
    return _moved(date, days)


@BODIES("date_mi")
def days_between(a: int, b: int) -> int:
    """date - date in days."""
    if is_infinite_date(a) or is_infinite_date(b):
        raise DatacaveError("cannot subtract infinite dates", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    return a - b


BODIES.add("date_pl_interval", lambda date, span: add(timestamp_of_date(date), span))
BODIES.add("date_mi_interval", lambda date, span: subtract(timestamp_of_date(date), span))


@BODIES("interval_pl_date(1186 1082)")
def add_to_date(span: Interval, date: int) -> int:
    """interval + date."""
    return add(timestamp_of_date(date), span)


@BODIES("datetime_timestamp")
def at_time(date: int, time: int) -> int:
    """date + time."""
    start = timestamp_of_date(date)
    return start if is_infinite(start) else check_timestamp(start + time)


@BODIES("timedate_pl(1083 1082)")
def at_date(time: int, date: int) -> int:
    """time + date."""
    return at_time(date, time)


@BODIES("datetimetz_timestamptz")
def at_zoned_time(date: int, time: TimeTz) -> int:
    """date + timetz."""
    start = timestamp_of_date(date)
    return start if is_infinite(start) else check_timestamp(start + time.microseconds + time.zone_seconds * 1_000_000)


@BODIES("timetzdate_pl(1266 1082)")
def at_date_with_zoned_time(time: TimeTz, date: int) -> int:
    """timetz + date."""
    return at_zoned_time(date, time)


@BODIES("timestamp_time")
def time_of_timestamp(timestamp: int) -> int | None:
    """The time of day; NULL for infinities."""
    return None if is_infinite(timestamp) else timestamp % MICROSECONDS_PER_DAY


BODIES.add("interval_time", lambda span: span.microseconds % MICROSECONDS_PER_DAY)
BODIES.add("timetz_time", lambda value: value.microseconds)
BODIES.add("time_mi_time", lambda a, b: Interval(0, 0, a - b))
BODIES.add("time_pl_interval", lambda time, span: (time + span.microseconds) % MICROSECONDS_PER_DAY)
BODIES.add("time_mi_interval", lambda time, span: (time - span.microseconds) % MICROSECONDS_PER_DAY)
BODIES.add(
    "timetz_pl_interval",
    lambda time, span: TimeTz((time.microseconds + span.microseconds) % MICROSECONDS_PER_DAY, time.zone_seconds),
)
BODIES.add(
    "timetz_mi_interval",
    lambda time, span: TimeTz((time.microseconds - span.microseconds) % MICROSECONDS_PER_DAY, time.zone_seconds),
)


@BODIES("interval_pl_time(1186 1083)")
def add_to_time(span: Interval, time: int) -> int:
    """interval + time."""
    return (time + span.microseconds) % MICROSECONDS_PER_DAY


@BODIES("interval_pl_timetz(1186 1266)")
def add_to_zoned_time(span: Interval, time: TimeTz) -> TimeTz:
    """interval + timetz."""
    return TimeTz((time.microseconds + span.microseconds) % MICROSECONDS_PER_DAY, time.zone_seconds)


def symbolic_age(a: int, b: int) -> Interval:
    """a - b in years, months, days and time, by the calendar; both are local.

    Infinity counts as the last moment there is, as it does in PostgreSQL 15.
    """
    if TIMESTAMP_NEGATIVE_INFINITY in (a, b):
        raise out_of_range("timestamp")
    sign = -1 if a < b else 1
    (day_a, time_a), (day_b, time_b) = divmod(a, MICROSECONDS_PER_DAY), divmod(b, MICROSECONDS_PER_DAY)
    civil_a, civil_b = civil_of(day_a), civil_of(day_b)
    time = sign * (time_a - time_b)
    years, months, days = (sign * (x - y) for x, y in zip(civil_a, civil_b, strict=True))
    if time < 0:
        time += MICROSECONDS_PER_DAY
        days -= 1
    borrowed = civil_a if sign < 0 else civil_b
    while days < 0:
        days += days_in_month(borrowed[0], borrowed[1])
        months -= 1
    while months < 0:
        months += 12
        years -= 1
    return interval(sign * (years * 12 + months), sign * days, sign * time)


BODIES.add("timestamp_age", symbolic_age)


@BODIES("timestamp_bin", "timestamptz_bin")
def bin_start(stride: Interval, timestamp: int, origin: int) -> int:
    """The start of the stride, counted from the origin, that holds the timestamp."""
    if is_infinite(timestamp):
        return timestamp
    if is_infinite(origin):
        raise out_of_range("origin")
    if stride.months:
        raise DatacaveError(
            "timestamps cannot be binned into intervals containing months or years",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    width = stride.days * MICROSECONDS_PER_DAY + stride.microseconds
    if not -(2**63) <= width < 2**63:
        raise out_of_range()
    if width <= 0:
        raise DatacaveError("stride must be greater than zero", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    return check_timestamp(origin + (timestamp - origin) // width * width)


@BODIES("make_date")
def make_date(year: int, month: int, day: int) -> int:
    """A date from its fields; negative years are BC."""
    return _checked_date(year, month, day, year + 1 if year < 0 else year)


def _checked_date(year: int, month: int, day: int, shown: int) -> int:
    astronomical = year + 1 if year < 0 else year
    valid = year != 0 and 1 <= month <= 12 and 1 <= day <= days_in_month(astronomical, month)
    if not valid:
        raise _field_error(f"date field value out of range: {shown}-{month:02d}-{day:02d}")
    if not is_valid_julian(astronomical, month):
        raise _field_error(f"date out of range: {year}-{month:02d}-{day:02d}")
    result = days_of(astronomical, month, day)
    if not DATE_MIN <= result < DATE_END:
        raise _field_error(f"date out of range: {year}-{month:02d}-{day:02d}")
    return result


def _field_error(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.DATETIME_FIELD_OVERFLOW)


@BODIES("make_time")
def make_time(hour: int, minute: int, second: float) -> int:
    """A time from its fields; 24:00 and second 60 are allowed."""
    microseconds = round(second * 1e6) if second - second == 0 else -1
    valid = 0 <= hour <= 24 and 0 <= minute <= 59 and 0 <= microseconds <= 60_000_000
    total = (hour * 60 + minute) * 60_000_000 + microseconds
    if not valid or total > MICROSECONDS_PER_DAY:
        raise _field_error(f"time field value out of range: {hour}:{minute:02d}:{_number(second)}")
    return total


def _number(second: float) -> str:
    return f"{second:02g}"


@BODIES("make_timestamp")
def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    """A timestamp from its fields."""
    days = _checked_date(year, month, day, year)
    time = make_time(hour, minute, second)
    result = days * MICROSECONDS_PER_DAY + time
    if not TIMESTAMP_MIN <= result < TIMESTAMP_END:
        raise _field_error(
            f"timestamp out of range: {year}-{month:02d}-{day:02d} {hour}:{minute:02d}:{_number(second)}"
        )
    return result


def series(start: int, stop: int, step: Interval, plus: Callable[[int, Interval], int]) -> Iterator[int]:
    """start, start + step, ... up to stop."""
    direction = compare((step.months * 30 + step.days) * MICROSECONDS_PER_DAY + step.microseconds, 0)
    if direction == 0:
        raise bad_parameter("step size cannot equal zero")
    return _series(start, stop, step, plus, upward=direction > 0)


def _series(
    value: int, stop: int, step: Interval, plus: Callable[[int, Interval], int], *, upward: bool
) -> Iterator[int]:
    while value <= stop if upward else value >= stop:
        yield value
        value = plus(value, step)


BODIES.add("generate_series_timestamp", lambda start, stop, step: series(start, stop, step, add))


def overlap(
    start1: Any, end1: Any, start2: Any, end2: Any, key: Callable[[Any], Any] = lambda value: value
) -> bool | None:
    """Whether two periods share a moment; either end may be NULL or the earlier one."""
    first: list[Any] = []
    second: list[Any] = []
    for bounds, found in (((start1, end1), first), ((start2, end2), second)):
        known = sorted(key(value) for value in bounds if value is not None)
        if not known:
            return None
        found += known
    one, two = (first, second) if first[0] >= second[0] else (second, first)
    if one[0] > two[0]:
        if len(two) == 1:
            return None
        if one[0] < two[1]:
            return True
        return None if len(one) == 1 else False
    return None if len(one) == 1 or len(two) == 1 else True


BODIES.add("overlaps_time overlaps_timestamp", overlap)
BODIES.add(
    "overlaps_timetz",
    lambda a, b, c, d: overlap(a, b, c, d, lambda t: (t.microseconds + t.zone_seconds * 1_000_000, t.zone_seconds)),
)


def _end(start: int | None, span: Interval | None, plus: Callable[[int, Interval], int]) -> int | None:
    return None if start is None or span is None else plus(start, span)


def overlap_by_length(symbols: tuple[str, str, str], plus: Callable[[int, Interval], int]) -> None:
    """The three forms of OVERLAPS in which an end is given as a length."""
    BODIES(symbols[0])(lambda a, b, c, d: overlap(a, _end(a, b, plus), c, _end(c, d, plus)))
    BODIES(symbols[1])(lambda a, b, c, d: overlap(a, b, c, _end(c, d, plus)))
    BODIES(symbols[2])(lambda a, b, c, d: overlap(a, _end(a, b, plus), c, d))


overlap_by_length(
    ("overlaps(1114 1186 1114 1186)", "overlaps(1114 1114 1114 1186)", "overlaps(1114 1186 1114 1114)"), add
)
overlap_by_length(
    ("overlaps(1083 1186 1083 1186)", "overlaps(1083 1083 1083 1186)", "overlaps(1083 1186 1083 1083)"),
    lambda time, span: (time + span.microseconds) % MICROSECONDS_PER_DAY,
)

OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def comparable_date(date: int) -> int:
    """Midnight at the start of a date, to compare with: beyond the last timestamp, but before infinity."""
    if date in (DATE_INFINITY, DATE_NEGATIVE_INFINITY):
        return timestamp_of_date(date)
    return min(date * MICROSECONDS_PER_DAY, TIMESTAMP_INFINITY - 1)


def _mixed(word: str, operation: Callable[[Any, Any], bool]) -> None:
    BODIES.add(f"date_{word}_timestamp", lambda date, stamp: operation(comparable_date(date), stamp))
    BODIES.add(f"timestamp_{word}_date", lambda stamp, date: operation(stamp, comparable_date(date)))


for _word, _operation in OPERATIONS.items():
    _mixed(_word, _operation)
BODIES.add("date_cmp_timestamp", lambda date, stamp: compare(comparable_date(date), stamp))
BODIES.add("timestamp_cmp_date", lambda stamp, date: compare(stamp, comparable_date(date)))

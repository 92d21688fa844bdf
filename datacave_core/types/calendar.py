"""The proleptic Gregorian calendar over PostgreSQL's whole range, 4713 BC to 5874897 AD, which datetime does not cover.

Days count from 2000-01-01. Years are astronomical: 0 is 1 BC, -1 is 2 BC.
"""

from __future__ import annotations

from datetime import date
from typing import Final

EPOCH_ORDINAL: Final = date(2000, 1, 1).toordinal()
EPOCH_JULIAN_DAY: Final = 2451545
UNIX_EPOCH_DAY: Final = -10957
"""1970-01-01."""
UNIX_EPOCH_SECONDS: Final = UNIX_EPOCH_DAY * 86400

DATE_MIN: Final = -EPOCH_JULIAN_DAY
DATE_END: Final = 2147483494 - EPOCH_JULIAN_DAY
"""The first day beyond the range of date."""

MICROSECONDS_PER_SECOND: Final = 1_000_000
MICROSECONDS_PER_MINUTE: Final = 60 * MICROSECONDS_PER_SECOND
MICROSECONDS_PER_HOUR: Final = 60 * MICROSECONDS_PER_MINUTE
MICROSECONDS_PER_DAY: Final = 24 * MICROSECONDS_PER_HOUR

TIMESTAMP_MIN: Final = -211813488000000000
TIMESTAMP_END: Final = 9223371331200000000
"""The first microsecond beyond the range of timestamp."""

_ORDINAL_DAY_MIN: Final = 1 - EPOCH_ORDINAL
_ORDINAL_DAY_MAX: Final = date.max.toordinal() - EPOCH_ORDINAL
_DAYS_PER_CYCLE: Final = 146097
_DAYS_IN_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap(year: int) -> bool:
    """Gregorian leap years, at any distance."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    return 29 if month == 2 and is_leap(year) else _DAYS_IN_MONTH[month - 1]


def days_of(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01; days beyond the month's end run on into the next."""
    cycle, year_of_cycle = divmod(year - 1, 400)
    return cycle * _DAYS_PER_CYCLE + date(year_of_cycle + 1, month, 1).toordinal() + day - 1 - EPOCH_ORDINAL


def civil_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    if _ORDINAL_DAY_MIN <= days <= _ORDINAL_DAY_MAX:
        found = date.fromordinal(days + EPOCH_ORDINAL)
        return found.year, found.month, found.day
    cycle, day_of_cycle = divmod(days + EPOCH_ORDINAL - 1, _DAYS_PER_CYCLE)
    found = date.fromordinal(day_of_cycle + 1)
    return found.year + cycle * 400, found.month, found.day


def is_valid_julian(year: int, month: int) -> bool:
    """Whether PostgreSQL's Julian day arithmetic covers the month: November 4714 BC to May 5874898."""
    if year <= -4713:
        return year == -4713 and month >= 11
    if year >= 5874898:
        return year == 5874898 and month < 6
    return True


def weekday_of(days: int) -> int:
    """0 is Sunday."""
    return (days + 6) % 7

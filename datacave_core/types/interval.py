"""interval: an Interval of months, days and microseconds, which only comparison converts into each other.

Reading and printing are in interval_parse.py and interval_format.py.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_MINUTE,
)
from datacave_core.types.codec import TypeIO, bad_length
from datacave_core.types.datetime_fields import DecodeError, Failure, client_error, split_fields
from datacave_core.types.interval_format import format_iso, format_postgres, format_sql_standard, format_verbose
from datacave_core.types.interval_parse import IsoIntervalReader, decode_interval
from datacave_core.types.settings import FormatSettings
from datacave_core.types.time import round_microseconds
from datacave_core.types.typmod import (
    INTERVAL_DAY,
    INTERVAL_FULL_RANGE,
    INTERVAL_HOUR,
    INTERVAL_MINUTE,
    INTERVAL_MONTH,
    INTERVAL_SECOND,
    INTERVAL_YEAR,
    interval_modifier,
)
from datacave_core.values import Interval

_BINARY: Final = Struct("!qii")
_BUFFER_LENGTH: Final = 255
_FORMATS: Final = {
    "postgres": format_postgres,
    "postgres_verbose": format_verbose,
    "sql_standard": format_sql_standard,
    "iso_8601": format_iso,
}


def interval_out_of_range() -> DatacaveError:
    """22008."""
    return DatacaveError("interval out of range", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)


def parse_interval(text: str, settings: FormatSettings, fields: int = INTERVAL_FULL_RANGE) -> Interval:
    """`fields` is the field mask of the declared type; raises 22007, 22008, 22015."""
    try:
        try:
            found = decode_interval(
                split_fields(text, _BUFFER_LENGTH), fields, settings.interval_style == "sql_standard"
            )
        except DecodeError as error:
            if error.failure is not Failure.BAD_FORMAT:
                raise
            found = IsoIntervalReader(text).read()
    except DecodeError as error:
        failure = Failure.INTERVAL_OVERFLOW if error.failure is Failure.FIELD_OVERFLOW else error.failure
        raise client_error(failure, text, "interval") from None
    months = found.years * 12 + found.months
    if not -(2**31) <= months < 2**31:
        raise interval_out_of_range()
    return Interval(months, found.days, found.microseconds)


def format_interval(value: Interval, settings: FormatSettings) -> str:
    """In the session's interval style."""
    return _FORMATS[settings.interval_style](value)


def apply_interval_typmod(value: Interval, typmod: int, explicit: bool) -> Interval:
    """Zeroes what lies right of the last declared field, and rounds seconds to the precision."""
    if typmod < 0:
        return value
    fields, precision = interval_modifier(typmod)
    months, days, microseconds = value
    if fields == INTERVAL_FULL_RANGE or fields & INTERVAL_SECOND:
        pass
    elif fields & INTERVAL_MINUTE:
        microseconds = _truncate(microseconds, MICROSECONDS_PER_MINUTE)
    elif fields & INTERVAL_HOUR:
        microseconds = _truncate(microseconds, MICROSECONDS_PER_HOUR)
    elif fields & INTERVAL_DAY:
        microseconds = 0
    elif fields & INTERVAL_MONTH:
        days = microseconds = 0
    elif fields & INTERVAL_YEAR:
        months, days, microseconds = _truncate(months, 12), 0, 0
    if precision is not None:
        microseconds = round_microseconds(microseconds, precision)
    return Interval(months, days, microseconds)


def _truncate(value: int, unit: int) -> int:
    return value // unit * unit if value >= 0 else -(-value // unit * unit)


def interval_key(value: Interval) -> int:
    """Microseconds, with 30 days to the month and 24 hours to the day."""
    return (value.months * 30 + value.days) * MICROSECONDS_PER_DAY + value.microseconds


def _input(text: str, typmod: int, settings: FormatSettings) -> Interval:
    fields, _ = interval_modifier(typmod)
    return apply_interval_typmod(parse_interval(text, settings, fields), typmod, False)


def _receive(data: bytes) -> Interval:
    if len(data) != 16:
        raise bad_length(data, 16)
    microseconds, days, months = _BINARY.unpack(data)
    return Interval(months, days, microseconds)


def _send(value: Interval) -> bytes:
    return _BINARY.pack(value.microseconds, value.days, value.months)


INTERVAL_IO: Final = TypeIO(
    _input,
    format_interval,
    _receive,
    _send,
    apply_typmod=apply_interval_typmod,
    comparison_key=interval_key,
)

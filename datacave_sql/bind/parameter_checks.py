"""Checks of the values of storage parameters, in PostgreSQL's words. Each raises 22023 for what is none."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.compression import ZSTD_LEVEL_MAX, TableCompression
from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS
from datacave_core.types.boolean import parse_boolean
from datacave_core.types.interval import interval_key, parse_interval

Check = Callable[[str, str], object]
"""Takes the name and the value as written."""

RETENTION_SECONDS_MIN = 1
RETENTION_DAYS_MAX = 3650
_MICROSECONDS_PER_DAY = 86_400_000_000


def invalid(message: str, *, detail: str | None = None, hint: str | None = None) -> DatacaveError:
    """22023."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE, detail=detail, hint=hint)


def _out_of_bounds(name: str, value: str, low: str, high: str) -> DatacaveError:
    detail = f'Valid values are between "{low}" and "{high}".'
    return invalid(f'value {value} out of bounds for option "{name}"', detail=detail)


def integer(low: int, high: int = 2**31 - 1) -> Check:
    """A whole number within bounds."""

    def check(name: str, value: str) -> object:
        try:
            number = int(value)
        except ValueError:
            raise invalid(f'invalid value for integer option "{name}": {value}') from None
        if not low <= number <= high:
            raise _out_of_bounds(name, value, str(low), str(high))
        return number

    return check


def real(low: float, high: float) -> Check:
    """A number within bounds."""

    def check(name: str, value: str) -> object:
        try:
            number = float(value)
        except ValueError:
            raise invalid(f'invalid value for floating point option "{name}": {value}') from None
        if not low <= number <= high:
            raise _out_of_bounds(name, value, f"{low:f}", f"{high:f}")
        return number

    return check


def boolean(name: str, value: str) -> bool:
    """A truth value."""
    try:
        return parse_boolean(value)
    except DatacaveError:
        raise invalid(f'invalid value for boolean option "{name}": {value}') from None


def one_of(words: tuple[str, ...], shown: str) -> Check:
    """One of some words; `shown` is how an error lists them."""

    def check(name: str, value: str) -> object:
        if value.lower() not in words:
            raise invalid(f'invalid value for enum option "{name}": {value}', detail=f"Valid values are {shown}.")
        return value.lower()

    return check


def retention_microseconds(name: str, value: str) -> int:
    """How long a table keeps old versions, as an interval; a month counts as 30 days."""
    try:
        microseconds = interval_key(parse_interval(value, DEFAULT_SETTINGS))
    except DatacaveError:
        raise invalid(f'invalid value for interval option "{name}": {value}') from None
    if not RETENTION_SECONDS_MIN * 1_000_000 <= microseconds <= RETENTION_DAYS_MAX * _MICROSECONDS_PER_DAY:
        raise _out_of_bounds(name, value, f"{RETENTION_SECONDS_MIN} second", f"{RETENTION_DAYS_MAX} days")
    return microseconds


def table_compression(name: str, value: str) -> TableCompression:
    """How a table is compressed."""
    try:
        return TableCompression.parse(value)
    except ValueError:
        hint = f'Valid values are "none", "lz4", "zstd", and "zstd:1" to "zstd:{ZSTD_LEVEL_MAX}".'
        raise invalid(f'invalid value for option "{name}": {value}', hint=hint) from None

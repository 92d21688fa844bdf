"""Prints dates, clocks and offsets in the date styles of a session."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from datacave_core.types.calendar import civil_of, weekday_of
from datacave_core.types.datetime_words import MONTH_NAMES, WEEKDAY_NAMES
from datacave_core.types.settings import FormatSettings

TWO_DIGITS: Final = tuple([f"{number:02d}" for number in range(100)])


def format_date(days: int, settings: FormatSettings) -> str:
    """A finite date in the session's style."""
    style = settings.date_style
    if style == "ISO":
        return iso_date(days)
    year, month, day = civil_of(days)
    body = _date_body(style, settings.date_order, year, month, day, "-")
    return body if year > 0 else body + " BC"


def _date_body(style: str, order: str, year: int, month: int, day: int, separator: str) -> str:
    shown = year if year > 0 else 1 - year
    if style == "German":
        return f"{day:02d}.{month:02d}.{shown:04d}"
    if style == "SQL":
        separator = "/"
    if order == "DMY":
        return f"{day:02d}{separator}{month:02d}{separator}{shown:04d}"
    return f"{month:02d}{separator}{day:02d}{separator}{shown:04d}"


@lru_cache(maxsize=8192)
def iso_date(days: int) -> str:
    """yyyy-mm-dd, with ` BC` behind years before 1."""
    year, month, day = civil_of(days)
    if year > 0:
        return f"{year:04d}-{month:02d}-{day:02d}"
    return f"{1 - year:04d}-{month:02d}-{day:02d} BC"


def format_clock(microseconds: int) -> str:
    """hh:mm:ss, and the fraction without trailing zeros where there is one."""
    seconds, fraction = divmod(microseconds, 1000000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    if fraction:
        digits = f"{fraction:06d}".rstrip("0")
        return f"{TWO_DIGITS[hour]}:{TWO_DIGITS[minute]}:{TWO_DIGITS[second]}.{digits}"
    return f"{TWO_DIGITS[hour]}:{TWO_DIGITS[minute]}:{TWO_DIGITS[second]}"


def format_offset(offset: int) -> str:
    """+hh, +hh:mm or +hh:mm:ss, for seconds east of UTC."""
    sign = "-" if offset < 0 else "+"
    minutes, second = divmod(abs(offset), 60)
    hour, minute = divmod(minutes, 60)
    if second:
        return f"{sign}{hour:02d}:{minute:02d}:{second:02d}"
    if minute:
        return f"{sign}{hour:02d}:{minute:02d}"
    return f"{sign}{hour:02d}"


def format_date_time(days: int, microseconds: int, settings: FormatSettings, offset: int | None, zone: str) -> str:
    """A date and a clock; with an offset where there is one, as number (ISO) or as the zone's abbreviation."""
    clock = format_clock(microseconds)
    style = settings.date_style
    if style == "ISO":
        date = iso_date(days)
        era = ""
        if date.endswith(" BC"):
            date, era = date[:-3], " BC"
        return f"{date} {clock}{'' if offset is None else format_offset(offset)}{era}"
    year, month, day = civil_of(days)
    if style == "Postgres":
        month_name, shown = MONTH_NAMES[month - 1], year if year > 0 else 1 - year
        date = f"{day:02d} {month_name}" if settings.date_order == "DMY" else f"{month_name} {day:02d}"
        body = f"{WEEKDAY_NAMES[weekday_of(days)]} {date} {clock} {shown:04d}"
    else:
        body = f"{_date_body(style, settings.date_order, year, month, day, '/')} {clock}"
    if offset is not None:
        body += f" {zone[:10]}"
    return body if year > 0 else body + " BC"

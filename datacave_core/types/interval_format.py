"""Prints intervals in the four interval styles."""

from __future__ import annotations

from datacave_core.types.calendar import MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE
from datacave_core.values import Interval


def _split(value: Interval) -> tuple[int, int, int, int, int, int, int]:
    """Years, months, days, hours, minutes, seconds, microseconds; all clock parts carry the sign of the clock."""
    year_sign = -1 if value.months < 0 else 1
    years, months = divmod(abs(value.months), 12)
    sign = -1 if value.microseconds < 0 else 1
    hours, rest = divmod(abs(value.microseconds), MICROSECONDS_PER_HOUR)
    minutes, rest = divmod(rest, MICROSECONDS_PER_MINUTE)
    seconds, microseconds = divmod(rest, 1000000)
    return (
        year_sign * years,
        year_sign * months,
        value.days,
        sign * hours,
        sign * minutes,
        sign * seconds,
        sign * microseconds,
    )


def _seconds(seconds: int, microseconds: int, *, pad: bool) -> str:
    text = f"{abs(seconds):02d}" if pad else str(abs(seconds))
    return f"{text}.{abs(microseconds):06d}".rstrip("0") if microseconds else text


def _clock(value: Interval) -> tuple[int, str]:
    """Hours, and `:mm:ss.ffffff` behind them, without sign."""
    _, _, _, hours, minutes, seconds, microseconds = _split(value)
    return abs(hours), f":{abs(minutes):02d}:{_seconds(seconds, microseconds, pad=True)}"


def format_postgres(value: Interval) -> str:
    """`1 year 2 mons 3 days -04:05:06`; a plus stands behind a negative part."""
    total_months, days, microseconds = value
    parts: list[str] = []
    negative = False
    if total_months:
        years, months, *_ = _split(value)
        if years:
            parts.append(f"{years} year{'' if years == 1 else 's'}")
        if months:
            parts.append(f"{months} mon{'' if months == 1 else 's'}")
        negative = total_months < 0
    if days:
        parts.append(f"{'+' if negative and days > 0 else ''}{days} day{'' if days == 1 else 's'}")
        negative = days < 0
    if microseconds or not parts:
        seconds, fraction = divmod(abs(microseconds), 1000000)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        sign = "-" if microseconds < 0 else "+" if negative else ""
        clock = f"{sign}{hours:02d}:{minutes:02d}:{seconds:02d}"
        parts.append(f"{clock}.{fraction:06d}".rstrip("0") if fraction else clock)
    return " ".join(parts)


def format_iso(value: Interval) -> str:
    """`P1Y2M3DT-4H-5M-6S`."""
    years, months, days, hours, minutes, seconds, microseconds = _split(value)
    parts = ["P"]
    parts += [f"{number}{unit}" for number, unit in ((years, "Y"), (months, "M"), (days, "D")) if number]
    if value.microseconds:
        parts.append("T")
        parts += [f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number]
        if seconds or microseconds:
            sign = "-" if value.microseconds < 0 else ""
            parts.append(f"{sign}{_seconds(seconds, microseconds, pad=False)}S")
    return "".join(parts) if len(parts) > 1 else "PT0S"


def format_sql_standard(value: Interval) -> str:
    """`1-2` or `3 4:05:06`; mixed intervals show all three parts with signs."""
    years, months, days, *_ = _split(value)
    numbers = (value.months, value.days, value.microseconds)
    negative = any(number < 0 for number in numbers)
    positive = any(number > 0 for number in numbers)
    if not negative and not positive:
        return "0"
    hours, rest = _clock(value)
    day_time = value.days != 0 or value.microseconds != 0
    if (negative and positive) or (value.months and day_time):
        signs = ["-" if number < 0 else "+" for number in numbers]
        return f"{signs[0]}{abs(years)}-{abs(months)} {signs[1]}{abs(days)} {signs[2]}{hours}{rest}"
    sign = "-" if negative else ""
    if value.months:
        return f"{sign}{abs(years)}-{abs(months)}"
    if days:
        return f"{sign}{abs(days)} {hours}{rest}"
    return f"{sign}{hours}{rest}"


def format_verbose(value: Interval) -> str:
    """`@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago`; the first part's sign is told by `ago`."""
    years, months, days, hours, minutes, seconds, microseconds = _split(value)
    parts = ["@"]
    before = False
    units = ((years, "year"), (months, "mon"), (days, "day"), (hours, "hour"), (minutes, "min"))
    for number, unit in units:
        if number:
            if len(parts) == 1:
                before = number < 0
                number = abs(number)
            elif before:
                number = -number
            parts.append(f"{number} {unit}{'' if number == 1 else 's'}")
    if seconds or microseconds:
        negative = value.microseconds < 0
        if len(parts) == 1:
            before, sign = negative, ""
        else:
            sign = "-" if negative != before else ""
        plural = "" if abs(seconds) == 1 and not microseconds else "s"
        parts.append(f"{sign}{_seconds(seconds, microseconds, pad=False)} sec{plural}")
    if len(parts) == 1:
        parts.append("0")
    if before:
        parts.append("ago")
    return " ".join(parts)

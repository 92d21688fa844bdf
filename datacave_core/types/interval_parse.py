"""Reads intervals: `1 day 02:03`, `@ 1 minute ago`, `1-2`, `1.5 months`, and the two ISO 8601 forms.

Fields are read from the right, since a unit follows its number. Fractions of a unit run down into smaller ones as
doubles, which decides how they round. Ranges are those of C's int32 and int64, checked at every step.
"""

from __future__ import annotations

import math
import re
from typing import Final

from datacave_core.types.calendar import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_MINUTE,
    MICROSECONDS_PER_SECOND,
)
from datacave_core.types.clock import parse_clock
from datacave_core.types.datetime_fields import (
    DecodeError,
    Field,
    FieldKind,
    bad_format,
    field_overflow,
    leading_int,
    parse_fraction,
)
from datacave_core.types.datetime_words import INTERVAL_WORDS, WORD_LENGTH_MAX
from datacave_core.types.typmod import (
    INTERVAL_DAY,
    INTERVAL_FULL_RANGE,
    INTERVAL_HOUR,
    INTERVAL_MINUTE,
    INTERVAL_MONTH,
    INTERVAL_SECOND,
    INTERVAL_YEAR,
)

_MINUTE_SECOND: Final = INTERVAL_MINUTE | INTERVAL_SECOND
_SCALES: Final = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": MICROSECONDS_PER_SECOND,
    "minute": MICROSECONDS_PER_MINUTE,
    "hour": MICROSECONDS_PER_HOUR,
}
_YEARS: Final = {"year": 1, "decade": 10, "century": 100, "millennium": 1000}
_TIME_FIELDS: Final = frozenset({"hour", "minute", "second", "millisecond", "microsecond"})
_SIGNED: Final = re.compile(r"([+-]?)([0-9]*)(.*)", re.DOTALL)
_ISO_NUMBER: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ISO_LIMIT: Final = 1.0e15


class IntervalFields:
    """The four sums of an interval being read; methods raise field_overflow."""

    __slots__ = ("days", "microseconds", "months", "years")

    def __init__(self) -> None:
        self.years = self.months = self.days = self.microseconds = 0

    def add_microseconds(self, value: int, fraction: float, scale: int) -> None:
        """value and fraction of a unit of `scale` microseconds."""
        self.microseconds = _int64(self.microseconds + _int64(value * scale))
        self.add_fraction(fraction, scale)

    def add_fraction(self, fraction: float, scale: int) -> None:
        """The fraction of a unit, rounded to microseconds."""
        if fraction == 0:
            return
        scaled = fraction * scale
        whole = int(scaled)
        rest = scaled - whole
        self.microseconds = _int64(self.microseconds + whole + (1 if rest > 0.5 else -1 if rest < -0.5 else 0))

    def add_days(self, value: int, scale: int = 1) -> None:
        """Whole days, or weeks with a scale of 7."""
        self.days = _int32(self.days + _int32(_int32(value) * scale))

    def add_day_fraction(self, fraction: float, scale: int) -> None:
        """The fraction of a unit of `scale` days."""
        if fraction == 0:
            return
        scaled = fraction * scale
        whole = int(scaled)
        self.days = _int32(self.days + whole)
        self.add_fraction(scaled - whole, MICROSECONDS_PER_DAY)

    def add_months(self, value: int) -> None:
        """Whole months."""
        self.months = _int32(self.months + _int32(value))

    def add_years(self, value: int, fraction: float, scale: int) -> None:
        """Years, decades and so on; the fraction becomes whole months."""
        self.years = _int32(self.years + _int32(_int32(value) * scale))
        self.months = _int32(self.months + round(fraction * scale * 12))

    def add(self, unit: str, value: int, fraction: float) -> None:
        """One number with its unit; raises bad_format for units that intervals do not take."""
        if unit in _SCALES:
            self.add_microseconds(value, fraction, _SCALES[unit])
        elif unit == "day":
            self.add_days(value)
            self.add_fraction(fraction, MICROSECONDS_PER_DAY)
        elif unit == "week":
            self.add_days(value, 7)
            self.add_day_fraction(fraction, 7)
        elif unit == "month":
            self.add_months(value)
            self.add_day_fraction(fraction, 30)
        elif unit in _YEARS:
            self.add_years(value, fraction, _YEARS[unit])
        else:
            raise bad_format()

    def negate(self) -> None:
        """`ago`."""
        if self.microseconds == -(2**63) or -(2**31) in (self.days, self.months, self.years):
            raise field_overflow()
        self.years, self.months, self.days, self.microseconds = (
            -self.years,
            -self.months,
            -self.days,
            -self.microseconds,
        )


def _int64(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise field_overflow()
    return value


def _int32(value: int) -> int:
    if not -(2**31) <= value < 2**31:
        raise field_overflow()
    return value


def decode_interval(fields: list[Field], field_range: int, sql_standard: bool) -> IntervalFields:
    """`field_range` is the field mask of the typmod, which says what a last number without unit is."""
    result = IntervalFields()
    negative = (
        sql_standard
        and bool(fields)
        and fields[0].text[0] == "-"
        and not any(field.text[0] in "+-" for field in fields[1:])
    )
    unit: str | None = None
    seen: set[str] = set()
    before = False
    for kind, text in reversed(fields):
        found: frozenset[str]
        if kind is FieldKind.TIME or (kind is FieldKind.ZONE and ":" in text and _is_clock(text, field_range)):
            _set_clock(result, text, field_range, negative)
            unit = "day"
            found = _TIME_FIELDS
        elif kind in (FieldKind.NUMBER, FieldKind.DATE, FieldKind.ZONE):
            if unit is None:
                unit = _unit_of_range(field_range)
            value, fraction, unit = _parse_number(text, unit)
            if negative:
                value, fraction = -abs(value), -abs(fraction)
            result.add(unit, value, fraction)
            found = frozenset({unit}) if unit != "second" or fraction == 0 else _SUBSECONDS
            if unit == "hour":
                unit = "day"
        else:
            word = INTERVAL_WORDS.get(text[:WORD_LENGTH_MAX])
            if word is None:
                raise bad_format()
            if not word:
                continue
            if word == "ago":
                before = True
            unit = word
            continue
        if found & seen:
            raise bad_format()
        seen |= found
    if not seen:
        raise bad_format()
    if before:
        result.negate()
    return result


_SUBSECONDS: Final = frozenset({"second", "millisecond", "microsecond"})


def _is_clock(text: str, field_range: int) -> bool:
    try:
        _clock(text[1:], field_range)
    except DecodeError:
        return False
    return True


def _clock(text: str, field_range: int) -> int:
    if not "0" <= text[:1] <= "9" or any(not ("0" <= c <= "9" or c in ":.") for c in text):
        raise bad_format()
    hour, minute, second, microsecond = parse_clock(text, minute_second=field_range == _MINUTE_SECOND)
    return _int64(
        _int64(_int64(microsecond + hour * MICROSECONDS_PER_HOUR) + minute * MICROSECONDS_PER_MINUTE)
        + second * MICROSECONDS_PER_SECOND
    )


def _set_clock(result: IntervalFields, text: str, field_range: int, negative: bool) -> None:
    """A clock replaces the microseconds that stand to its right."""
    signed = text[0] in "+-"
    microseconds = _clock(text[1:] if signed else text, field_range)
    if text[0] == "-" or negative:
        microseconds = -microseconds
    result.microseconds = microseconds


def _unit_of_range(field_range: int) -> str:
    if field_range == INTERVAL_FULL_RANGE or field_range & INTERVAL_SECOND:
        return "second"
    if field_range & INTERVAL_MINUTE:
        return "minute"
    if field_range & INTERVAL_HOUR:
        return "hour"
    if field_range & INTERVAL_DAY:
        return "day"
    if field_range & INTERVAL_MONTH:
        return "month"
    return "year" if field_range & INTERVAL_YEAR else "second"


def _parse_number(text: str, unit: str) -> tuple[int, float, str]:
    """A signed number with a fraction, or SQL's years-months."""
    found = _SIGNED.fullmatch(text)
    assert found is not None
    sign, digits, rest = found.groups()
    if len(digits.lstrip("0")) > 19:
        raise field_overflow()
    value = _int64(-int(digits or 0) if sign == "-" else int(digits or 0))
    if rest.startswith("-"):
        minus = rest[1:2] == "-" and rest[2:3].isdigit()
        months, rest = leading_int(rest[2:] if minus else rest[1:])
        if months >= 12 or (minus and months):
            raise field_overflow()
        if rest:
            raise bad_format()
        return _int64(_int64(value * 12) + (-months if sign == "-" else months)), 0.0, "month"
    if rest.startswith("."):
        fraction = parse_fraction(rest)
        return value, -fraction if sign == "-" else fraction, unit
    if rest:
        raise bad_format()
    return value, 0.0, unit


class IsoIntervalReader:
    """ISO 8601 durations: `P1Y2MT3H`, `P0001-02-03T04:05:06`, `P00010203T040506`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1
        self.result = IntervalFields()

    def read(self) -> IntervalFields:
        """Raises bad_format and field_overflow."""
        if len(self._text) < 2 or self._text[0] != "P":
            raise bad_format()
        in_date = True
        have_field = False
        while self._at < len(self._text):
            if self._text[self._at] == "T":
                in_date = have_field = False
                self._at += 1
                continue
            start = self._at
            value, fraction = self._number()
            unit = self._take()
            digits = len(re.match("-?([0-9]*)", self._text[start:])[1])  # type: ignore[index]
            if in_date:
                name = {"Y": "year", "M": "month", "W": "week", "D": "day"}.get(unit)
                if name is None:
                    if unit not in ("", "T", "-"):
                        raise bad_format()
                    if not self._alternative_date(value, fraction, unit, digits == 8 and not have_field, have_field):
                        return self.result
                    in_date = have_field = False
                    continue
            else:
                name = {"H": "hour", "M": "minute", "S": "second"}.get(unit)
                if name is None:
                    if unit not in ("", ":"):
                        raise bad_format()
                    self._alternative_time(value, fraction, unit, digits == 6 and not have_field, have_field)
                    return self.result
            self.result.add(name, value, fraction)
            have_field = True
        return self.result

    def _number(self) -> tuple[int, float]:
        found = _ISO_NUMBER.match(self._text, self._at)
        if found is None:
            raise bad_format()
        self._at = found.end()
        value = float(found[0])
        if math.isinf(value):
            raise bad_format()
        if not -_ISO_LIMIT <= value <= _ISO_LIMIT:
            raise field_overflow()
        whole = int(value)
        return whole, value - whole

    def _take(self) -> str:
        character = self._text[self._at : self._at + 1]
        self._at += 1
        return character

    def _alternative_date(self, value: int, fraction: float, unit: str, compact: bool, have_field: bool) -> bool:
        """Years, months and days by position; tells whether a time follows."""
        if compact and unit != "-":
            sign = -1 if value < 0 else 1
            value = abs(value)
            self.result.add_years(sign * (value // 10000), 0.0, 1)
            self.result.add_months(sign * (value // 100 % 100))
            self.result.add("day", sign * (value % 100), fraction)
            return unit == "T"
        if have_field:
            raise bad_format()
        self.result.add("year", value, fraction)
        for name in ("month", "day"):
            if unit != "-":
                break
            self.result.add(name, *self._number())
            unit = self._take()
            if unit not in ("", "T", "-") or (unit == "-" and name == "day"):
                raise bad_format()
        return unit == "T"

    def _alternative_time(self, value: int, fraction: float, unit: str, compact: bool, have_field: bool) -> None:
        """Hours, minutes and seconds by position, to the end of the text."""
        if compact and not unit:
            sign = -1 if value < 0 else 1
            value = abs(value)
            self.result.add("hour", sign * (value // 10000), 0.0)
            self.result.add("minute", sign * (value // 100 % 100), 0.0)
            self.result.add("second", sign * (value % 100), 0.0)
            self.result.add_fraction(fraction, 1)
            return
        if have_field:
            raise bad_format()
        self.result.add("hour", value, fraction)
        for name in ("minute", "second"):
            if not unit:
                return
            self.result.add(name, *self._number())
            unit = self._take()
            if unit not in ("", ":") or (unit == ":" and name == "second"):
                raise bad_format()

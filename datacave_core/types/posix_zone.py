"""POSIX time zone specifications, `EST5EDT,M3.2.0,M11.1.0`: the last line of every zone file, and usable as names.

Offsets here are seconds east of UTC, the opposite of the sign in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from datacave_core.types.calendar import days_of, is_leap, weekday_of

DEFAULT_RULE: Final = ",M3.2.0,M11.1.0"
"""The rule of a name with daylight saving time but without rules: that of the United States."""

_NAME: Final = r"(?:<([^>]*)>|([^0-9,+\-<]*))"
_OFFSET: Final = r"([+-]?)([0-9]+)(?::([0-9]+)(?::([0-9]+)|(?!:))|(?!:))"
_START: Final = re.compile(_NAME + _OFFSET)
_DAYLIGHT: Final = re.compile(_NAME + "(?:" + _OFFSET + ")?")
_DATE: Final = re.compile(r",(?:J([0-9]+)|M([0-9]+)\.([0-9]+)\.([0-9]+)|([0-9]+))(?:/" + _OFFSET + ")?")


@dataclass(frozen=True, slots=True)
class RuleDate:
    """The moment of a change within a year: a day by one of three ways, and seconds after its local midnight."""

    kind: str  # J: day 1-365 without leap days; M: month.week.weekday; N: day 0-365
    day: int
    week: int = 0
    month: int = 0
    seconds: int = 7200

    def seconds_in(self, year: int) -> int:
        """Local seconds since 2000-01-01 of this moment in a year."""
        first = days_of(year, 1, 1)
        if self.kind == "J":
            days = first + self.day - 1 + (1 if is_leap(year) and self.day >= 60 else 0)
        elif self.kind == "N":
            days = first + self.day
        else:
            start = days_of(year, self.month, 1)
            days = start + (self.day - weekday_of(start)) % 7 + 7 * (self.week - 1)
            end = days_of(year + self.month // 12, self.month % 12 + 1, 1)
            if days >= end:
                days -= 7
        return days * 86400 + self.seconds


@dataclass(frozen=True, slots=True)
class PosixZone:
    """A standard time and perhaps a daylight saving time with the dates of its two changes."""

    standard_name: str
    standard_offset: int
    daylight_name: str = ""
    daylight_offset: int = 0
    start: RuleDate | None = None
    end: RuleDate | None = None

    def changes(self, year: int) -> list[tuple[int, bool]]:
        """The changes of a year in order: UTC seconds since 2000-01-01, and whether daylight saving time begins."""
        if self.start is None or self.end is None:
            return []
        return sorted(
            (
                (self.start.seconds_in(year) - self.standard_offset, True),
                (self.end.seconds_in(year) - self.daylight_offset, False),
            )
        )


def parse_posix_zone(text: str) -> PosixZone | None:
    """Reads a specification; None when it is none."""
    found = _START.match(text)
    if found is None:
        return None
    standard_offset = _seconds(found, 3)
    if standard_offset is None:
        return None
    name = found[1] if found[1] is not None else found[2]
    rest = text[found.end() :]
    if not rest:
        return PosixZone(name, -standard_offset)
    daylight = _DAYLIGHT.match(rest)
    if daylight is None:
        return None
    daylight_name = daylight[1] if daylight[1] is not None else daylight[2]
    if not daylight_name:
        return None
    daylight_offset = standard_offset - 3600 if daylight[4] is None else _seconds(daylight, 3)
    rules = rest[daylight.end() :].replace(";", ",", 1) or DEFAULT_RULE
    first = _DATE.match(rules)
    second = _DATE.match(rules, first.end()) if first else None
    if first is None or second is None or second.end() != len(rules) or daylight_offset is None:
        return None
    start, end = _rule_date(first), _rule_date(second)
    if start is None or end is None:
        return None
    return PosixZone(name, -standard_offset, daylight_name, -daylight_offset, start, end)


def _seconds(found: re.Match[str], group: int) -> int | None:
    hours, minutes, seconds = (int(found[group + number] or 0) for number in (1, 2, 3))
    if hours > 167 or minutes > 59 or seconds > 59:
        return None
    total = hours * 3600 + minutes * 60 + seconds
    return -total if found[group] == "-" else total


def _rule_date(found: re.Match[str]) -> RuleDate | None:
    seconds = 7200 if found[7] is None else _seconds(found, 6)
    if seconds is None:
        return None
    if found[1] is not None:
        day = int(found[1])
        return RuleDate("J", day, seconds=seconds) if 1 <= day <= 365 else None
    if found[5] is not None:
        day = int(found[5])
        return RuleDate("N", day, seconds=seconds) if day <= 365 else None
    month, week, weekday = int(found[2]), int(found[3]), int(found[4])
    if not (1 <= month <= 12 and 1 <= week <= 5 and weekday <= 6):
        return None
    return RuleDate("M", weekday, week, month, seconds)

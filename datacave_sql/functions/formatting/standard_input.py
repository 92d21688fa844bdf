"""The standard's strict templates, as jsonpath's .datetime() reads them: no loose blanks, and nothing left over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.types.datetime_format import format_clock, format_offset, iso_date
from datacave_sql.functions.formatting.date_input import Fields, Reader, moment_of
from datacave_sql.functions.formatting.date_template import date_template

_ALLOWED = frozenset(
    {
        "YYYY", "YYY", "YY", "Y", "MM", "DD", "DDD", "HH", "HH12", "HH24", "MI", "SS", "SSSSS", "MS", "US", "FF1",
        "FF2", "FF3", "FF4", "FF5", "FF6", "AM", "PM", "A.M.", "P.M.", "TZH", "TZM",
    }
)  # fmt: skip
_SEPARATORS = "-./,':; "
_DATE = frozenset({"YYYY", "YYY", "YY", "Y", "MM", "DD", "DDD"})
_ZONE = frozenset({"TZH", "TZM"})
_DAYS = ("yyyy-mm-dd ", 'yyyy-mm-dd"T"')
_CLOCKS = ("HH24:MI:SS.US", "HH24:MI:SS")
_OFFSETS = ("TZH:TZM", "TZH")
_RECOGNISED = (
    "yyyy-mm-dd",
    *(clock + offset for clock in _CLOCKS for offset in _OFFSETS),
    *_CLOCKS,
    *(day + clock + offset for day in _DAYS for clock in _CLOCKS for offset in _OFFSETS),
    *(day + clock for day in _DAYS for clock in _CLOCKS),
)
TYPE_NAMES = {
    "date": "date",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


@dataclass(frozen=True, slots=True)
class PathMoment:
    """A date or time inside jsonpath: `kind` is a type's name, `value` days or local microseconds, `offset` seconds."""

    kind: str
    value: int
    offset: int = 0

    def __str__(self) -> str:
        if self.kind == "date":
            return iso_date(self.value)
        zone = format_offset(self.offset) if self.kind.endswith("tz") else ""
        if zone and ":" not in zone:
            zone += ":00"
        if self.kind.startswith("timestamp"):
            day, time = divmod(self.value, MICROSECONDS_PER_DAY)
            return f"{iso_date(day)}T{format_clock(time)}{zone}"
        return format_clock(self.value) + zone


def _bad(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_DATETIME_FORMAT, detail=detail)


class StandardReader(Reader):
    """A text that has to follow its template exactly."""

    def read(self) -> Fields:
        self.fixed = True
        tokens = self.tokens
        place = 0
        while place < len(tokens) and self.at < len(self.text):
            token = tokens[place]
            if token.word:
                self._field(token, place)
            elif token.kind in ("space", "separator"):
                if self.text[self.at] != token.literal:
                    raise _bad(f'unmatched format separator "{token.literal}"')
                self.at += 1
            else:
                if self.text[self.at] != token.literal:
                    raise _bad(f'unmatched format character "{token.literal}"')
                self.at += 1
            place += 1
        if place < len(tokens):
            raise _bad("input string is too short for datetime format")
        if self.text[self.at :].strip():
            raise _bad("trailing characters remain in input string after datetime format")
        return self.fields


@lru_cache(256)
def _kind(template: str) -> str:
    """The type that a template reads. Raises 22007 for fields and separators the standard has not."""
    words = set()
    quoted = False
    for token in date_template(template):
        if token.word:
            if token.word.upper() not in _ALLOWED:
                raise _bad(f'invalid datetime format separator: "{token.word[0]}"')
            words.add(token.word.upper())
        elif token.kind == "text":
            quoted = quoted or '"' in template
            if '"' not in template:
                raise _bad(f'invalid datetime format separator: "{token.literal}"')
        elif token.literal not in _SEPARATORS:
            raise _bad(f'invalid datetime format separator: "{token.literal}"')
    dated, zoned, timed = bool(words & _DATE), bool(words & _ZONE), bool(words - _DATE - _ZONE)
    if dated:
        if timed:
            return "timestamptz" if zoned else "timestamp"
        if zoned:
            raise _bad("datetime format is zoned but not timed")
        return "date"
    if not timed:
        raise _bad("datetime format is zoned but not timed" if zoned else "datetime format is not dated and not timed")
    return "timetz" if zoned else "time"


def read_standard(text: str, template: str) -> PathMoment:
    """The text by a template. Raises 22007, 22008."""
    kind = _kind(template)
    days, time, offset = moment_of(StandardReader(text, template).read(), text)
    if kind == "date":
        return PathMoment(kind, days)
    if kind.startswith("timestamp"):
        return PathMoment(kind, days * MICROSECONDS_PER_DAY + time, offset or 0)
    return PathMoment(kind, time, offset or 0)


def recognised(text: str) -> PathMoment | None:
    """The text by the first of ISO 8601's forms that fits, or None."""
    for template in _RECOGNISED:
        try:
            return read_standard(text, template)
        except DatacaveError:
            continue
    return None

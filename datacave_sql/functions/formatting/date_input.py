"""to_date and to_timestamp: a text read by a template.

Outside FX mode blanks and separators of text and template match each other loosely, and a number field takes as many
digits as its pattern has letters, or all of them when a separator follows in the template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types.calendar import EPOCH_JULIAN_DAY, civil_of, days_in_month, days_of, weekday_of
from datacave_sql.functions.formatting.date_template import Token, date_template
from datacave_sql.functions.formatting.names import DAYS, MONTHS, ROMAN_MONTHS

_NUMBER = re.compile(r"[+-]?\d+")
_SPACES = re.compile(r"[ \t\n\v\f\r]*")
_WIDTHS = {
    "HH": 2, "HH12": 2, "HH24": 2, "MI": 2, "SS": 2, "SSSS": 5, "SSSSS": 5, "MM": 2, "DDD": 3, "IDDD": 3, "DD": 2,
    "D": 1, "ID": 1, "WW": 2, "IW": 2, "W": 1, "CC": 2, "YYYY": 4, "IYYY": 4, "YYY": 3, "IYY": 3, "YY": 2, "IY": 2,
    "Y": 1, "I": 1,
}  # fmt: skip
_FIELD_OF = {
    "HH": "hh", "HH12": "hh", "HH24": "hh", "MI": "mi", "SS": "ss", "SSSS": "ssss", "SSSSS": "ssss", "MM": "mm",
    "DDD": "ddd", "IDDD": "ddd", "DD": "dd", "D": "d", "ID": "d", "WW": "ww", "IW": "ww", "W": "w", "CC": "cc",
    "YYYY": "year", "IYYY": "year", "YYY": "year", "IYY": "year", "YY": "year", "IY": "year", "Y": "year", "I": "year",
}  # fmt: skip
_ISO = frozenset({"IYYY", "IYY", "IY", "I", "IW", "ID", "IDDD"})
_GREGORIAN = frozenset(
    {"YYYY", "YYY", "YY", "Y", "Y,YYY", "WW", "W", "DDD", "DD", "D", "MM", "MONTH", "Month", "month", "MON", "Mon",
     "mon", "DAY", "Day", "day", "DY", "Dy", "dy", "Q", "RM", "rm", "CC"}
)  # fmt: skip


@dataclass(slots=True)
class Fields:
    """What the text said, by field; 0 or absent means nothing was said."""

    numbers: dict[str, int] = field(default_factory=dict)
    year_digits: int = 0
    half_day: bool = False
    afternoon: int = 0
    before_christ: bool = False
    iso: bool | None = None
    offset: int | None = None

    def get(self, name: str) -> int:
        """The field's number, or 0."""
        return self.numbers.get(name, 0)


def _bad(message: str, detail: str | None = None, hint: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_DATETIME_FORMAT, detail=detail, hint=hint)


class Reader:
    """A text being read by a template."""

    def __init__(self, text: str, template: str) -> None:
        self.text = text
        self.tokens = date_template(template)
        self.at = 0
        self.fixed = False
        self.skipped = 0
        """Characters that were skipped beyond those that the template has separators for."""
        self.fields = Fields()

    def read(self) -> Fields:
        """All fields; what stands behind the last one is ignored."""
        extra = 0
        for place, token in enumerate(self.tokens):
            if self.at >= len(self.text):
                break
            if not self.fixed and token.word != "FX" and (token.word or place == 0):
                start = self.at
                self._skip_spaces()
                extra += self.at - start
            if token.word:
                self.skipped = extra
                self._field(token, place)
                if not self.fixed:
                    extra = 0
                    while self.at < len(self.text) and self.text[self.at].isspace():
                        self.at += 1
                        extra += 1
            elif token.kind in ("space", "separator"):
                if self.fixed:
                    self.at += 1
                    continue
                extra -= 1
                if self._at_separator():
                    self.at += 1
                    extra += 1
            elif not self.fixed and extra > 0:
                extra -= 1
            else:
                self.at += 1
        return self.fields

    def _skip_spaces(self) -> None:
        found = _SPACES.match(self.text, self.at)
        self.at = found.end() if found is not None else self.at

    def _at_separator(self) -> bool:
        character = self.text[self.at]
        return character.isspace() or (character.isascii() and character.isprintable() and not character.isalnum())

    def _next_is_separator(self, place: int) -> bool:
        """Whether the number of this field ends at whatever is not a digit."""
        if self.tokens[place].ordinal:
            return True
        if place + 1 >= len(self.tokens):
            return True
        following = self.tokens[place + 1]
        return not following.is_numeric if following.word else not following.literal.isdigit()

    def _number(self, token: Token, place: int, width: int) -> tuple[int, int]:
        """The field's number and how many characters it took."""
        self._skip_spaces()
        start = self.at
        part = self.text[start : start + width]
        if token.fill or self._next_is_separator(place):
            found = _NUMBER.match(self.text, start)
        else:
            if len(part) < width:
                raise _bad(
                    f'source string too short for "{token.word}" formatting field',
                    f"Field requires {width} characters, but only {len(part)} remain.",
                    'If your source string is not fixed-width, try using the "FM" modifier.',
                )
            found = _NUMBER.match(part)
            if found is not None and found.end() < width:
                raise _bad(
                    f'invalid value "{part}" for "{token.word}"',
                    f"Field requires {width} characters, but only {found.end()} could be parsed.",
                    'If your source string is not fixed-width, try using the "FM" modifier.',
                )
        if found is None:
            raise _bad(f'invalid value "{part}" for "{token.word}"', "Value must be an integer.")
        value = int(found[0])
        if not -(2**31) <= value < 2**31:
            raise DatacaveError(
                f'value for "{token.word}" in source string is out of range',
                sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE,
                detail="Value must be in the range -2147483648 to 2147483647.",
            )
        self.at = start + len(found[0])
        return value, len(found[0])

    def _set(self, name: str, value: int, token: Token) -> None:
        if self.fields.numbers.get(name, value) != value and self.fields.numbers[name] != 0:
            raise _bad(
                f'conflicting values for "{token.word}" field in formatting string',
                "This value contradicts a previous setting for the same field type.",
            )
        self.fields.numbers[name] = value

    def _skip_ordinal(self, token: Token) -> None:
        if token.ordinal:
            self.at = min(self.at + 2, len(self.text))

    def _mode(self, token: Token) -> None:
        iso = True if token.word in _ISO else False if token.word in _GREGORIAN else None
        if iso is None:
            return
        if self.fields.iso is not None and self.fields.iso != iso:
            raise _bad(
                "invalid combination of date conventions",
                hint="Do not mix Gregorian and ISO week date conventions in a formatting template.",
            )
        self.fields.iso = iso

    def _field(self, token: Token, place: int) -> None:
        self._mode(token)
        word = token.word
        if word == "FX":
            self.fixed = True
        elif word in _WIDTHS:
            self._plain_number(token, place)
        elif word in ("MS", "US") or word.startswith("FF"):
            self._fraction(token, place)
        elif word.upper().replace(".", "") in ("AM", "PM"):
            self.fields.half_day = True
            self._set("pm", 2 if self._word(token, ("a.m.", "p.m.") if "." in word else ("am", "pm")) else 1, token)
            self.fields.afternoon = self.fields.get("pm")
        elif word.upper().replace(".", "") in ("AD", "BC"):
            self.fields.before_christ = bool(self._word(token, ("a.d.", "b.c.") if "." in word else ("ad", "bc")))
        elif word.upper() in ("MONTH", "MON"):
            names = MONTHS if len(word) == 5 else tuple(name[:3] for name in MONTHS)
            self._set("mm", self._word(token, names) + 1, token)
        elif word.upper() in ("DAY", "DY"):
            names = DAYS if len(word) == 3 else tuple(name[:3] for name in DAYS)
            self._set("d", self._word(token, names) + 1, token)
        elif word.upper() == "RM":
            found = self._word(token, tuple(reversed(ROMAN_MONTHS)))
            self._set("mm", 12 - found, token)
        elif word == "Q":
            self._skip_spaces()
            self._number(token, place, 1)
            self._skip_ordinal(token)
        elif word == "J":
            self._set("j", self._number(token, place, 7)[0], token)
            self._skip_ordinal(token)
        elif word == "Y,YYY":
            self._comma_year(token)
        elif word in ("TZH", "TZM"):
            self._offset(token, place)
        else:
            raise FeatureNotSupported(f'formatting field "{word}" is only supported in to_char')

    def _plain_number(self, token: Token, place: int) -> None:
        word = token.word
        value, used = self._number(token, place, _WIDTHS[word])
        name = _FIELD_OF[word]
        if name == "year":
            if used < 4 and len(word) < 4:
                value = _full_year(value)
            self.fields.year_digits = len(word)
        elif word in ("HH", "HH12"):
            self.fields.half_day = True
        elif word == "D":
            pass
        elif word == "ID":
            value = 1 if value == 7 else value + 1
        self._set(name, value, token)
        self._skip_ordinal(token)

    def _fraction(self, token: Token, place: int) -> None:
        digits = {"MS": 3, "US": 6}.get(token.word) or int(token.word[2])
        value, used = self._number(token, place, digits)
        scale = {1: 100, 2: 10}.get(used, 1) if token.word == "MS" else 10 ** (6 - min(max(used, 1), 6))
        if token.word not in ("MS", "US"):
            self.fields.numbers["ff"] = digits
        self._set("ms" if token.word == "MS" else "us", value * scale, token)
        self._skip_ordinal(token)

    def _word(self, token: Token, names: tuple[str, ...]) -> int:
        """The index of the name the text goes on with, in any case."""
        rest = self.text[self.at :].lower()
        for place, name in enumerate(names):
            if rest.startswith(name.lower()):
                self.at += len(name)
                return place
        shown = re.match(r"\S*", self.text[self.at :])
        raise _bad(
            f'invalid value "{shown[0] if shown else ""}" for "{token.word}"',
            "The given value did not match any of the allowed values for this field.",
        )

    def _comma_year(self, token: Token) -> None:
        found = re.compile(r"\s*(\d+),(\d{1,3})").match(self.text, self.at)
        if found is None:
            raise _bad('invalid input string for "Y,YYY"')
        self._set("year", int(found[1]) * 1000 + int(found[2]), token)
        self.fields.year_digits = 4
        self.at = found.end()
        self._skip_ordinal(token)

    def _offset(self, token: Token, place: int) -> None:
        if token.word == "TZH":
            sign = 1
            if self.text[self.at : self.at + 1] in ("+", "-", " "):
                sign = -1 if self.text[self.at] == "-" else 1
                self.at += 1
            elif self.skipped > 0 and self.text[self.at - 1 : self.at] == "-":
                # The sign has been taken for a separator.
                sign = -1
            self.fields.numbers["tzsign"] = sign
            self._set("tzh", self._number(token, place, 2)[0], token)
        else:
            self.fields.numbers.setdefault("tzsign", 1)
            self._set("tzm", self._number(token, place, 2)[0], token)


def _full_year(year: int) -> int:
    """A year of one to three digits as the one nearest to 2020."""
    if year < 70:
        return year + 2000
    if year < 100:
        return year + 1900
    if year < 520:
        return year + 2000
    return year + 1000 if year < 1000 else year


def _overflow(text: str) -> DatacaveError:
    return DatacaveError(f'date/time field value out of range: "{text}"', sqlstate=sqlstate.DATETIME_FIELD_OVERFLOW)


def read_moment(text: str, template: str) -> tuple[int, int, int | None]:
    """The day, the microsecond of the day, and the offset in seconds east of UTC where the text names one."""
    fields = Reader(text, template).read()
    days, time, offset = moment_of(fields, text)
    if digits := fields.get("ff"):
        # FF1 to FF6 read all digits and round to theirs.
        unit = 10 ** (6 - digits)
        time = (time + unit // 2) // unit * unit
    return days, time, offset


def moment_of(fields: Fields, text: str) -> tuple[int, int, int | None]:
    """The same of the fields of a text. Raises 22008 for what is no date or time."""
    hour, minute, second = _clock(fields)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise _overflow(text)
    microseconds = fields.get("ms") * 1000 + fields.get("us")
    if not 0 <= microseconds < 1_000_000:
        raise _overflow(text)
    year, month, day = _date(fields, text)
    if not (1 <= month <= 12 and 1 <= day <= days_in_month(year, month)):
        raise _overflow(text)
    offset = None
    if "tzsign" in fields.numbers:
        if not (0 <= fields.get("tzh") <= 15 and 0 <= fields.get("tzm") < 60):
            raise _overflow(text)
        offset = fields.get("tzsign") * (fields.get("tzh") * 3600 + fields.get("tzm") * 60)
    time = ((hour * 60 + minute) * 60 + second) * 1_000_000 + microseconds
    return days_of(year, month, day), time, offset


def _clock(fields: Fields) -> tuple[int, int, int]:
    hour, minute, second = 0, 0, 0
    total = fields.get("ssss")
    if total:
        hour, rest = divmod(total, 3600)
        minute, second = divmod(rest, 60)
    second, minute, hour = fields.get("ss") or second, fields.get("mi") or minute, fields.get("hh") or hour
    if fields.half_day and ("hh" in fields.numbers or fields.afternoon):
        if not 1 <= hour <= 12:
            raise _bad(
                f'hour "{hour}" is invalid for the 12-hour clock',
                hint="Use the 24-hour clock, or give an hour between 1 and 12.",
            )
        if fields.afternoon == 2 and hour < 12:
            hour += 12
        elif fields.afternoon != 2 and hour == 12:
            hour = 0
    return hour, minute, second


def _year_of(fields: Fields) -> int | None:
    """The astronomical year, or None when none was given."""
    year, century = fields.get("year"), fields.get("cc")
    if fields.before_christ:
        century = -century
    if year:
        if century and fields.year_digits <= 2:
            low = year % 100
            if low:
                return low + (century - 1) * 100 if century >= 0 else (century + 1) * 100 - low + 1
            return century * 100 + (0 if century >= 0 else 1)
        if fields.before_christ:
            year = -year
        return year + 1 if year < 0 else year
    if century:
        return (century - 1) * 100 + 1 if century >= 0 else century * 100 + 1
    return None


def _week_start(year: int, week: int) -> int:
    """The Monday of an ISO week."""
    fourth = days_of(year, 1, 4)
    return fourth - (weekday_of(fourth) + 6) % 7 + (week - 1) * 7


def _date(fields: Fields, text: str) -> tuple[int, int, int]:
    year = _year_of(fields) or 0
    month, day = 1, 1
    if fields.get("j"):
        year, month, day = civil_of(fields.get("j") - EPOCH_JULIAN_DAY)
    day_of_year, day_of_month = fields.get("ddd"), fields.get("dd")
    if fields.get("ww"):
        if fields.iso:
            start = _week_start(year, fields.get("ww"))
            weekday = fields.get("d")
            year, month, day = civil_of(start + ((weekday + 5) % 7 if weekday else 0))
        else:
            day_of_year = (fields.get("ww") - 1) * 7 + 1
    if fields.get("w"):
        day_of_month = (fields.get("w") - 1) * 7 + 1
    day, month = day_of_month or day, fields.get("mm") or month
    if day_of_year and (month <= 1 or day <= 1):
        if not year and not fields.before_christ:
            raise _bad("cannot calculate day of year without year information")
        if fields.iso:
            return civil_of(_week_start(year, 1) - 1 + day_of_year)
        if not 1 <= day_of_year <= 366:
            raise _overflow(text)
        found = civil_of(days_of(year, 1, 1) + day_of_year - 1)
        if found[0] != year:
            raise _overflow(text)
        return year, found[1] if month <= 1 else month, found[2] if day <= 1 else day
    return year, month, day

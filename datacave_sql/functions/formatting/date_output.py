"""to_char for timestamps and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import EPOCH_JULIAN_DAY, MICROSECONDS_PER_DAY, civil_of, days_of, weekday_of
from datacave_core.values import Interval
from datacave_sql.functions.bodies.extraction import iso_week
from datacave_sql.functions.formatting.date_template import Token, date_template
from datacave_sql.functions.formatting.names import DAYS, MONTHS, ROMAN_MONTHS


@dataclass(slots=True)
class Moment:
    """The fields a template can show. `days` is None for intervals, which have no calendar."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    microsecond: int
    day_of_year: int
    days: int | None
    offset: int = 0
    abbreviation: str = ""

    @property
    def is_interval(self) -> bool:
        """Whether there is no calendar behind the fields."""
        return self.days is None

    @property
    def shown_year(self) -> int:
        """The year without sign; 1 BC is 1."""
        return self.year if self.is_interval or self.year > 0 else 1 - self.year


def moment_of_timestamp(local: int, offset: int = 0, abbreviation: str = "") -> Moment:
    """The fields of a finite local timestamp."""
    days, time = divmod(local, MICROSECONDS_PER_DAY)
    year, month, day = civil_of(days)
    seconds, microsecond = divmod(time, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    yearday = days - days_of(year, 1, 1) + 1
    return Moment(year, month, day, hour, minute, second, microsecond, yearday, days, offset, abbreviation)


def moment_of_interval(span: Interval) -> Moment:
    """The fields of an interval; all parts of the time carry its sign."""
    year, month = _split(span.months, 12)
    seconds, microsecond = _split(span.microseconds, 1_000_000)
    minutes, second = _split(seconds, 60)
    hour, minute = _split(minutes, 60)
    yearday = (year * 12 + month) * 30 + span.days
    return Moment(year, month, span.days, hour, minute, second, microsecond, yearday, None)


def _split(value: int, unit: int) -> tuple[int, int]:
    whole = abs(value) // unit
    whole = whole if value >= 0 else -whole
    return whole, value - whole * unit


def _not_for_intervals(moment: Moment) -> None:
    if moment.is_interval:
        raise DatacaveError(
            "invalid format specification for an interval value",
            sqlstate=sqlstate.INVALID_DATETIME_FORMAT,
            hint="Intervals are not tied to specific calendar dates.",
        )


def _padded(value: int, width: int, token: Token) -> str:
    """Digits with leading zeros (a sign takes one place more), none with FM; an ordinal ending where asked for."""
    if token.fill:
        text = str(value)
    else:
        text = f"{value:0{width if value >= 0 else width + 1}d}"
    return text + _ordinal(text, token)


def _ordinal(text: str, token: Token) -> str:
    if not token.ordinal:
        return ""
    if not text[-1:].isdigit():
        raise DatacaveError(f'"{text}" is not a number', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)
    ending = "th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    return ending if token.ordinal == "th" else ending.upper()


def _name(name: str, word: str, width: int, token: Token) -> str:
    """A name in the case of its keyword, padded with blanks unless FM or TM."""
    if word.isupper():
        name = name.upper()
    elif word.islower():
        name = name.lower()
    return name if token.fill or token.translate else name.ljust(width)


def _half(moment: Moment, token: Token) -> str:
    word = token.word
    letter = "p" if moment.hour > 0 and moment.hour % 24 >= 12 else "a"
    found = f"{letter}.m." if "." in word else f"{letter}m"
    return found.upper() if word[0].isupper() else found


def _era(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    letters = "bc" if moment.year <= 0 else "ad"
    found = f"{letters[0]}.{letters[1]}." if "." in token.word else letters
    return found.upper() if token.word[0].isupper() else found


def _twelve(moment: Moment, token: Token) -> str:
    hour = moment.hour - int(moment.hour / 12) * 12
    return _padded(hour if hour else 12, 2, token)


def _fraction(moment: Moment, token: Token, digits: int) -> str:
    value = (
        moment.microsecond // 10 ** (6 - digits)
        if moment.microsecond >= 0
        else -(-moment.microsecond // 10 ** (6 - digits))
    )
    text = f"{value:0{digits}d}"
    return text + _ordinal(text, token)


def _zone(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    return moment.abbreviation.lower() if token.word == "tz" else moment.abbreviation


def _offset_hours(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    return f"{'-' if moment.offset < 0 else '+'}{abs(moment.offset) // 3600:02d}"


def _offset_minutes(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    return f"{abs(moment.offset) % 3600 // 60:02d}"


def _offset(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    hours, minutes = divmod(abs(moment.offset) // 60, 60)
    shown = f"{hours}" if token.fill else f"{hours:02d}"
    return f"{'-' if moment.offset < 0 else '+'}{shown}" + (f":{minutes:02d}" if minutes else "")


def _month_name(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    name = MONTHS[moment.month - 1]
    return _name(name if len(token.word) == 5 else name[:3], token.word, 9 if len(token.word) == 5 else 3, token)


def _day_name(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    assert moment.days is not None
    name = DAYS[weekday_of(moment.days)]
    return _name(name if len(token.word) == 3 else name[:3], token.word, 9 if len(token.word) == 3 else 3, token)


def _roman_month(moment: Moment, token: Token) -> str:
    if not moment.month and not moment.year:
        return ""
    number = moment.month
    if number == 0:
        name = ROMAN_MONTHS[11 if moment.year >= 0 else 0]
    else:
        name = ROMAN_MONTHS[number - 1] if number > 0 else ROMAN_MONTHS[12 + number]
    name = name if token.word == "RM" else name.lower()
    return name if token.fill else name.ljust(4)


def _century(moment: Moment, token: Token) -> str:
    if moment.is_interval:
        century = int(moment.year / 100)
    elif moment.year > 0:
        century = (moment.year - 1) // 100 + 1
    else:
        century = -(-moment.year // 100) - 1
    text = _padded(century, 2, token._replace(ordinal="")) if -99 <= century <= 99 else str(century)
    return text + _ordinal(text, token)


def _iso_year(moment: Moment) -> int:
    _not_for_intervals(moment)
    assert moment.days is not None
    year = iso_week(moment.days)[0]
    return year if year > 0 else 1 - year


def _year(moment: Moment, token: Token) -> str:
    year = _iso_year(moment) if token.word[0] == "I" else moment.shown_year
    digits = len(token.word)
    if digits == 4:
        return _padded(year, 4, token)
    return _padded(year - int(year / 10**digits) * 10**digits, digits, token)


def _year_with_comma(moment: Moment, token: Token) -> str:
    thousands, rest = _split(moment.shown_year, 1000)
    text = f"{thousands},{rest:03d}"
    return text + _ordinal(text, token)


def _iso_week(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    assert moment.days is not None
    return _padded(iso_week(moment.days)[1], 2, token)


def _iso_day_of_year(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    assert moment.days is not None
    week = iso_week(moment.days)[1]
    return _padded((week - 1) * 7 + (weekday_of(moment.days) or 7), 3, token)


def _weekday(moment: Moment, token: Token) -> str:
    _not_for_intervals(moment)
    assert moment.days is not None
    day = weekday_of(moment.days)
    text = str(day + 1 if token.word == "D" else day or 7)
    return text + _ordinal(text, token)


def _julian(moment: Moment, token: Token) -> str:
    if moment.days is None:
        days = days_of(moment.year, moment.month, moment.day) if 1 <= moment.month <= 12 else 0
        text = str(days + EPOCH_JULIAN_DAY)
    else:
        text = str(moment.days + EPOCH_JULIAN_DAY)
    return text + _ordinal(text, token)


def _quarter(moment: Moment, token: Token) -> str:
    if not moment.month:
        return ""
    text = str(int((moment.month - 1) / 3) + 1)
    return text + _ordinal(text, token)


def _seconds_of_day(moment: Moment, token: Token) -> str:
    text = str(moment.hour * 3600 + moment.minute * 60 + moment.second)
    return text + _ordinal(text, token)


def _week_of_month(moment: Moment, token: Token) -> str:
    text = str(int((moment.day - 1) / 7) + 1)
    return text + _ordinal(text, token)


def _day_of_month(moment: Moment, token: Token) -> str:
    text = str(moment.day) if token.fill else f"{moment.day:02d}"
    return text + _ordinal(text, token)


_WRITERS: dict[str, Callable[[Moment, Token], str]] = {
    **dict.fromkeys(("A.M.", "P.M.", "AM", "PM", "a.m.", "p.m.", "am", "pm"), _half),
    **dict.fromkeys(("A.D.", "B.C.", "AD", "BC", "a.d.", "b.c.", "ad", "bc"), _era),
    **dict.fromkeys(("MONTH", "Month", "month", "MON", "Mon", "mon"), _month_name),
    **dict.fromkeys(("DAY", "Day", "day", "DY", "Dy", "dy"), _day_name),
    **dict.fromkeys(("YYYY", "YYY", "YY", "Y", "IYYY", "IYY", "IY", "I"), _year),
    "HH": _twelve,
    "HH12": _twelve,
    "HH24": lambda moment, token: _padded(moment.hour, 2, token),
    "MI": lambda moment, token: _padded(moment.minute, 2, token),
    "SS": lambda moment, token: _padded(moment.second, 2, token),
    "MS": lambda moment, token: _fraction(moment, token, 3),
    "US": lambda moment, token: _fraction(moment, token, 6),
    "SSSS": _seconds_of_day,
    "SSSSS": _seconds_of_day,
    "TZ": _zone,
    "tz": _zone,
    "TZH": _offset_hours,
    "TZM": _offset_minutes,
    "OF": _offset,
    "MM": lambda moment, token: _padded(moment.month, 2, token),
    "DD": _day_of_month,
    "DDD": lambda moment, token: _padded(moment.day_of_year, 3, token),
    "IDDD": _iso_day_of_year,
    "D": _weekday,
    "ID": _weekday,
    "WW": lambda moment, token: _padded(int((moment.day_of_year - 1) / 7) + 1, 2, token),
    "IW": _iso_week,
    "W": _week_of_month,
    "Q": _quarter,
    "CC": _century,
    "Y,YYY": _year_with_comma,
    "RM": _roman_month,
    "rm": _roman_month,
    "J": _julian,
}


def format_moment(moment: Moment, template: str) -> str:
    """The template with every keyword replaced by its field."""
    parts: list[str] = []
    for token in date_template(template):
        if token.literal:
            parts.append(token.literal)
        elif token.word.startswith("FF"):
            parts.append(_fraction(moment, token, int(token.word[2])))
        elif token.word != "FX":
            parts.append(_WRITERS[token.word](moment, token))
    return "".join(parts)

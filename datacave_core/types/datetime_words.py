"""The words of dates and times, in lower case, cut to ten characters as PostgreSQL compares them."""

from __future__ import annotations

import enum
from typing import Final

WORD_LENGTH_MAX: Final = 10


class WordKind(enum.Enum):
    """What a word does to the value being read."""

    SPECIAL = enum.auto()  # stands for a whole value or for the present
    ERA = enum.auto()
    MERIDIAN = enum.auto()
    MONTH = enum.auto()
    WEEKDAY = enum.auto()
    UNIT = enum.auto()  # says what the next number is
    DAYLIGHT = enum.auto()  # adds an hour to the zone before it
    TIME_FOLLOWS = enum.auto()
    IGNORED = enum.auto()


MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAY_NAMES: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")

_MONTHS: Final = {
    1: "jan january",
    2: "feb february",
    3: "mar march",
    4: "apr april",
    5: "may",
    6: "jun june",
    7: "jul july",
    8: "aug august",
    9: "sep sept september",
    10: "oct october",
    11: "nov november",
    12: "dec december",
}
_WEEKDAYS: Final = {
    0: "sun sunday",
    1: "mon monday",
    2: "tue tues tuesday",
    3: "wed weds wednesday",
    4: "thu thur thurs thursday",
    5: "fri friday",
    6: "sat saturday",
}
_UNITS_OF_DATES: Final = {
    "y": "year",
    "m": "month",
    "d": "day",
    "h": "hour",
    "mm": "minute",
    "s": "second",
    "j": "julian",
    "jd": "julian",
    "julian": "julian",
    "dow": "dow",
    "doy": "doy",
    "isodow": "isodow",
    "isoyear": "isoyear",
}

DATE_WORDS: Final[dict[str, tuple[WordKind, int | str]]] = {
    **{word: (WordKind.MONTH, month) for month, words in _MONTHS.items() for word in words.split()},
    **{word: (WordKind.WEEKDAY, day) for day, words in _WEEKDAYS.items() for word in words.split()},
    **{word: (WordKind.UNIT, unit) for word, unit in _UNITS_OF_DATES.items()},
    **{
        word: (WordKind.SPECIAL, word)
        for word in ("allballs", "epoch", "infinity", "-infinity", "now", "today", "tomorrow", "yesterday")
    },
    "ad": (WordKind.ERA, "ad"),
    "bc": (WordKind.ERA, "bc"),
    "am": (WordKind.MERIDIAN, "am"),
    "pm": (WordKind.MERIDIAN, "pm"),
    "dst": (WordKind.DAYLIGHT, 3600),
    "t": (WordKind.TIME_FOLLOWS, "time"),
    "at": (WordKind.IGNORED, ""),
    "on": (WordKind.IGNORED, ""),
}
"""Words of dates and times."""

_UNITS: Final = {
    "microsecond": "microsecon us usec microsecond useconds usecs",
    "millisecond": "millisecon ms msec mseconds msecs",
    "second": "s sec second seconds secs",
    "minute": "m min mins minute minutes",
    "hour": "h hour hours hr hrs",
    "day": "d day days",
    "week": "w week weeks",
    "month": "mon mons month months",
    "quarter": "qtr quarter",
    "year": "y year years yr yrs",
    "decade": "dec decade decades decs",
    "century": "c cent centuries century",
    "millennium": "mil millennia millennium mils",
    "zone": "timezone timezone_h timezone_m",
}

INTERVAL_WORDS: Final[dict[str, str]] = {
    **{word[:WORD_LENGTH_MAX]: unit for unit, words in _UNITS.items() for word in words.split()},
    "ago": "ago",
    "@": "",
}
"""Words of intervals, by unit; `ago` turns the sign, the empty unit is skipped."""

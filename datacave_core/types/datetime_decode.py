"""Reads dates, times and timestamps as tolerantly as PostgreSQL does: fields in nearly any order, words, zones.

A field means what the fields before it leave open, so decoding is a walk that keeps a set of what is already known.
Fast paths for ISO texts live with the types; this is for everything else.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from datacave_core.types.calendar import (
    EPOCH_JULIAN_DAY,
    MICROSECONDS_PER_DAY,
    UNIX_EPOCH_SECONDS,
    civil_of,
    days_in_month,
    days_of,
    is_valid_julian,
)
from datacave_core.types.clock import parse_clock, time_overflows
from datacave_core.types.datetime_fields import (
    INT32_MAX,
    DecodeError,
    Failure,
    Field,
    FieldKind,
    bad_format,
    field_overflow,
    fraction_microseconds,
    leading_int,
    parse_fraction,
    parse_offset,
)
from datacave_core.types.datetime_words import DATE_WORDS, WORD_LENGTH_MAX, WordKind
from datacave_core.types.settings import FormatSettings
from datacave_core.types.zone_names import ABBREVIATIONS, named_zone, session_zone
from datacave_core.types.zones import Zone, find_zone


class Known(IntFlag):
    """What the fields so far have settled."""

    NOTHING = 0
    YEAR = 1 << 2
    MONTH = 1 << 1
    DAY = 1 << 3
    ZONE = 1 << 5
    MERIDIAN = 1 << 9
    HOUR = 1 << 10
    MINUTE = 1 << 11
    SECOND = 1 << 12
    FRACTION = 1 << 13
    DAY_OF_YEAR = 1 << 15
    WEEKDAY = 1 << 16
    ERA = 1 << 18
    SPECIAL = 1 << 20
    DAYLIGHT_ZONE = 1 << 6
    DYNAMIC_ZONE = 1 << 7
    DAYLIGHT = 1 << 28


DATE: Final = int(Known.YEAR | Known.MONTH | Known.DAY)
TIME: Final = int(Known.HOUR | Known.MINUTE | Known.SECOND | Known.FRACTION)
SECONDS: Final = int(Known.SECOND | Known.FRACTION)
YEAR, MONTH, DAY, ZONE = int(Known.YEAR), int(Known.MONTH), int(Known.DAY), int(Known.ZONE)
HOUR, MINUTE, SECOND = int(Known.HOUR), int(Known.MINUTE), int(Known.SECOND)
DAY_OF_YEAR, DAYLIGHT = int(Known.DAY_OF_YEAR), int(Known.DAYLIGHT)

_INTEGRAL_UNITS: Final = {
    "year": YEAR,
    "month": MONTH,
    "day": DAY,
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
}


class DateTimeDecoder:
    """The value being read. Years are astronomical once decoded; offsets are seconds east of UTC."""

    def __init__(self, settings: FormatSettings) -> None:
        self.settings = settings
        self.year = self.month = self.day = self.day_of_year = 0
        self.hour = self.minute = self.second = self.microsecond = 0
        self.offset = 0
        self.special = ""
        self.known = 0
        self._two_digits = False
        self._text_month = False
        self._julian = False
        self._before_christ = False
        self._meridian = ""
        self._prefix = ""
        self._zone: Zone | None = None
        self._word_zone: Zone | None = None
        self._word = ""

    def decode_date_time(self, fields: list[Field]) -> None:
        """A full date, perhaps with time and zone; or a special word, left in `special`."""
        for number, field in enumerate(fields):
            mask = self._date_time_field(number, field, fields)
            if mask is None:
                continue
            if mask & self.known:
                raise bad_format()
            self.known |= mask
        self._finish_date()
        self._apply_meridian()
        if self.special:
            return
        if self.known & DATE != DATE:
            raise bad_format()
        self._finish_zone()

    def decode_time_only(self, fields: list[Field], *, with_zone: bool) -> None:
        """A time of day, perhaps with a zone; a date is allowed where the zone needs one."""
        kinds = [field.kind for field in fields]
        for number, field in enumerate(fields):
            mask = self._time_only_field(number, field, fields, kinds)
            if mask is None:
                continue
            if mask & self.known:
                raise bad_format()
            self.known |= mask
        self._finish_date()
        self._apply_meridian()
        if time_overflows(self.hour, self.minute, self.second, self.microsecond):
            raise field_overflow()
        if self.known & TIME != TIME:
            raise bad_format()
        self._finish_time_zone(with_zone)

    def _date_time_field(self, number: int, field: Field, fields: list[Field]) -> int | None:
        kind, text = field
        if kind is FieldKind.DATE:
            return self._date_or_zone(text)
        if kind is FieldKind.TIME:
            if self._prefix:
                if self._prefix != "time":
                    raise bad_format()
                self._prefix = ""
            mask = self._time(text)
            if time_overflows(self.hour, self.minute, self.second, self.microsecond):
                raise field_overflow()
            return mask
        if kind is FieldKind.ZONE:
            self.offset = parse_offset(text)
            return ZONE
        if kind is FieldKind.NUMBER:
            if self._prefix:
                return self._labelled(text)
            return self._plain_number(text)
        return self._word_field(text, number, fields, time_only=False)

    def _date_or_zone(self, text: str) -> int:
        """A separated date; after one, the name of a zone or a run-together time with an offset."""
        if self._prefix == "julian":
            value, rest = leading_int(text)
            self._set_julian(value)
            self.offset = parse_offset(rest)
            self._prefix = ""
            return DATE | TIME | ZONE
        if self._prefix or self.known & (MONTH | DAY) == MONTH | DAY:
            if "0" <= text[0] <= "9" or self._prefix:
                if self._prefix:
                    if self._prefix != "time":
                        raise bad_format()
                    self._prefix = ""
                if self.known & TIME == TIME:
                    raise bad_format()
                return self._time_with_offset(text, self.known) | ZONE
            self._zone = named_zone(text)
            return ZONE
        return self._date(text)

    def _time_with_offset(self, text: str, known: int) -> int:
        at = text.find("-")
        if at < 0:
            raise bad_format()
        self.offset = parse_offset(text[at:])
        return self._run_together(text[:at], known)

    def _plain_number(self, text: str) -> int:
        point = text.find(".")
        if point >= 0 and not self.known & DATE:
            return self._date(text)
        if point > 2:
            return self._run_together(text, self.known)
        if len(text) >= 6 and (not self.known & DATE or not self.known & TIME):
            return self._run_together(text, self.known)
        return self._number(text, self._text_month, self.known)

    def _labelled(self, text: str) -> int:
        """A number after a word that says what it is: y2001m02d04, J2451187."""
        prefix, self._prefix = self._prefix, ""
        value, rest = leading_int(text)
        if rest and (not rest.startswith(".") or prefix not in ("julian", "time", "second")):
            raise bad_format()
        self.special = ""
        if prefix == "month" and self.known & MONTH and self.known & HOUR:
            prefix = "minute"
        if prefix == "julian":
            self._set_julian(value)
            if not rest:
                return DATE
            microseconds = int(parse_fraction(rest) * MICROSECONDS_PER_DAY)
            seconds, self.microsecond = divmod(microseconds, 1000000)
            minutes, self.second = divmod(seconds, 60)
            self.hour, self.minute = divmod(minutes, 60)
            return DATE | TIME
        if prefix == "time":
            mask = self._run_together(text, self.known | DATE)
            if mask != TIME:
                raise bad_format()
            return mask
        mask = _INTEGRAL_UNITS.get(prefix, 0)
        if not mask:
            raise bad_format()
        setattr(self, prefix, value)
        if prefix == "second" and rest:
            self.microsecond = fraction_microseconds(rest)
            return SECONDS
        return mask

    def _set_julian(self, value: int) -> None:
        self.year, self.month, self.day = civil_of(value - EPOCH_JULIAN_DAY)
        self._julian = True

    def _word_field(self, text: str, number: int, fields: list[Field], *, time_only: bool) -> int | None:
        word = text[:WORD_LENGTH_MAX]
        abbreviation = ABBREVIATIONS.get(word)
        if abbreviation is not None:
            if abbreviation.zone_name is not None:
                self._word_zone, self._word = named_zone(abbreviation.zone_name), text.upper()
                return ZONE | int(Known.DYNAMIC_ZONE)
            self.offset = abbreviation.offset
            return ZONE | int(Known.DAYLIGHT_ZONE) if abbreviation.is_dst else ZONE
        found = DATE_WORDS.get(word)
        if found is None:
            self._zone = find_zone(text)
            if self._zone is None:
                raise bad_format()
            return ZONE
        kind, meaning = found
        if kind is WordKind.IGNORED:
            return None
        if kind is WordKind.SPECIAL:
            return self._special_word(str(meaning), time_only=time_only)
        if kind is WordKind.MERIDIAN:
            self._meridian = str(meaning)
            return int(Known.MERIDIAN)
        if kind is WordKind.ERA:
            self._before_christ = meaning == "bc"
            return int(Known.ERA)
        if kind is WordKind.UNIT:
            self._prefix = str(meaning)
            return 0
        if kind is WordKind.DAYLIGHT:
            self.offset += 3600
            return DAYLIGHT | int(Known.DAYLIGHT_ZONE)
        if kind is WordKind.TIME_FOLLOWS:
            if not time_only and self.known & DATE != DATE:
                raise bad_format()
            following = fields[number + 1].kind if number + 1 < len(fields) else None
            if following not in (FieldKind.NUMBER, FieldKind.TIME, FieldKind.DATE):
                raise bad_format()
            self._prefix = "time"
            return 0
        if time_only:
            raise bad_format()
        if kind is WordKind.WEEKDAY:
            return int(Known.WEEKDAY)
        return self._month_word(int(meaning))

    def _month_word(self, month: int) -> int:
        mask = MONTH
        if self.known & MONTH and not self._text_month and not self.known & DAY and 1 <= self.month <= 31:
            self.day = self.month
            mask = DAY
        self._text_month = True
        self.month = month
        return mask

    def _special_word(self, word: str, *, time_only: bool) -> int:
        if word == "now":
            self._set_now(with_date=not time_only)
            return TIME if time_only else DATE | TIME | ZONE
        if word == "allballs":
            self.hour = self.minute = self.second = 0
            self.offset = 0
            if not time_only:
                self.special = ""
            return TIME | ZONE
        if time_only:
            raise bad_format()
        if word in ("today", "tomorrow", "yesterday"):
            days = self._local_now()[0] + {"today": 0, "tomorrow": 1, "yesterday": -1}[word]
            self.year, self.month, self.day = civil_of(days)
            self._julian = True
            self.special = ""
            return DATE
        self.special = word
        return int(Known.SPECIAL)

    def _local_now(self) -> tuple[int, int, int]:
        """The present in the session's zone: day, microseconds of the day, offset."""
        microseconds = self.settings.transaction_time()
        offset = session_zone(self.settings.time_zone).at(microseconds // 1000000).offset
        days, rest = divmod(microseconds + offset * 1000000, MICROSECONDS_PER_DAY)
        return days, rest, offset

    def _set_now(self, *, with_date: bool) -> None:
        days, rest, offset = self._local_now()
        seconds, self.microsecond = divmod(rest, 1000000)
        minutes, self.second = divmod(seconds, 60)
        self.hour, self.minute = divmod(minutes, 60)
        if with_date:
            self.year, self.month, self.day = civil_of(days)
            self.offset = offset
            self._julian = True
            self.special = ""

    def _time_only_field(self, number: int, field: Field, fields: list[Field], kinds: list[FieldKind]) -> int | None:
        kind, text = field
        if kind is FieldKind.DATE:
            if number == 0 and len(fields) >= 2 and (kinds[-1] is FieldKind.DATE or kinds[1] is FieldKind.TIME):
                return self._date(text)
            if "0" <= text[0] <= "9":
                if self.known & TIME == TIME:
                    raise bad_format()
                kinds[number] = FieldKind.TIME
                return self._time_with_offset(text, self.known | DATE) | ZONE
            self._zone = named_zone(text)
            kinds[number] = FieldKind.ZONE
            return ZONE
        if kind is FieldKind.TIME:
            return self._time(text)
        if kind is FieldKind.ZONE:
            self.offset = parse_offset(text)
            return ZONE
        if kind is not FieldKind.NUMBER:
            return self._word_field(text, number, fields, time_only=True)
        if self._prefix:
            return self._labelled(text)
        point = text.find(".")
        if point >= 0:
            if number == 0 and len(fields) >= 2 and kinds[-1] is FieldKind.DATE:
                return self._date(text)
            if point <= 2:
                raise bad_format()
            return self._run_together(text, self.known | DATE)
        if len(text) > 4:
            return self._run_together(text, self.known | DATE)
        return self._number(text, False, self.known | DATE)

    def _date(self, text: str) -> int:
        """A date with separators; the month may be a word."""
        parts: list[str] = []
        rest = text
        while rest and len(parts) < 25:
            start = 0
            while start < len(rest) and not rest[start].isalnum():
                start += 1
            if start == len(rest):
                raise bad_format()
            end = start + 1
            is_digit = rest[start].isdigit()
            while end < len(rest) and (rest[end].isdigit() if is_digit else rest[end].isalpha()):
                end += 1
            parts.append(rest[start:end])
            rest = rest[end + 1 :]
        mask = 0
        text_month = False
        for number, part in enumerate(parts):
            if part[0].isalpha():
                kind, meaning = DATE_WORDS.get(part[:WORD_LENGTH_MAX], (None, 0))
                if kind is WordKind.IGNORED:
                    continue
                if kind is not WordKind.MONTH or (self.known | mask) & MONTH:
                    raise bad_format()
                self.month = int(meaning)
                text_month = True
                mask |= MONTH
                parts[number] = ""
        for part in parts:
            if not part:
                continue
            found = self._number(part, text_month, self.known | mask)
            if (self.known | mask) & found:
                raise bad_format()
            mask |= found
        if (self.known | mask) & ~(DAY_OF_YEAR | ZONE) != DATE:
            raise bad_format()
        return mask

    def _number(self, text: str, text_month: bool, known: int) -> int:
        """A number alone: which part of the date it is follows from what is known and from the date order."""
        value, rest = leading_int(text)
        if len(rest) == len(text):
            raise bad_format()
        if rest.startswith("."):
            if len(text) - len(rest) > 2:
                return self._run_together(text, known | DATE)
            self.microsecond = fraction_microseconds(rest)
        elif rest:
            raise bad_format()
        length = len(text)
        date_known = known & DATE
        if length == 3 and date_known == YEAR and 1 <= value <= 366:
            self.day_of_year = value
            return DAY_OF_YEAR | MONTH | DAY
        order = self.settings.date_order
        if date_known == 0:
            part = "year" if length >= 3 or order == "YMD" else "day" if order == "DMY" else "month"
        elif date_known in (YEAR, DAY):
            part = "month"
        elif date_known == MONTH:
            part = "year" if text_month and (length >= 3 or order == "YMD") else "day"
        elif date_known == YEAR | MONTH:
            if text_month and length >= 3 and self._two_digits:
                self.day, self.year = self.year, value
                self._two_digits = False
                return DAY
            part = "day"
        elif date_known == MONTH | DAY:
            part = "year"
        elif date_known == DATE:
            return self._run_together(text, known)
        else:
            raise bad_format()
        setattr(self, part, value)
        if part == "year":
            self._two_digits = length <= 2
        return _INTEGRAL_UNITS[part]

    def _run_together(self, text: str, known: int) -> int:
        """Digits without separators: yyyymmdd, hhmmss or hhmm."""
        whole, point, fraction = text.partition(".")
        if point:
            digits = ""
            for character in fraction:
                if not character.isdigit():
                    break
                digits += character
            self.microsecond = round(float("." + digits) * 1000000) if digits else 0
        elif known & DATE != DATE and len(text) >= 6:
            self.day = _to_int(text[-2:])
            self.month = _to_int(text[-4:-2])
            self.year = _to_int(text[:-4])
            if len(text) == 6:
                self._two_digits = True
            return DATE
        if known & TIME != TIME:
            if len(whole) == 6:
                self.second = _to_int(whole[4:])
            elif len(whole) == 4:
                self.second = 0
            else:
                raise bad_format()
            self.hour, self.minute = _to_int(whole[:2]), _to_int(whole[2:4])
            return TIME
        raise bad_format()

    def _time(self, text: str) -> int:
        self.hour, self.minute, self.second, self.microsecond = parse_clock(text)
        if self.hour > INT32_MAX:
            raise field_overflow()
        return TIME

    def _finish_date(self) -> None:
        """Checks and completes year, month and day once all fields are in."""
        if self.known & YEAR and not self._julian:
            if self._before_christ:
                if self.year <= 0:
                    raise field_overflow()
                self.year = 1 - self.year
            elif self._two_digits:
                if self.year < 70:
                    self.year += 2000
                elif self.year < 100:
                    self.year += 1900
            elif self.year <= 0:
                raise field_overflow()
        if self.known & DAY_OF_YEAR:
            self.year, self.month, self.day = civil_of(days_of(self.year, 1, 1) + self.day_of_year - 1)
        if self.known & MONTH and not 1 <= self.month <= 12:
            raise DecodeError(Failure.MONTH_DAY_OVERFLOW)
        if self.known & DAY and not 1 <= self.day <= 31:
            raise DecodeError(Failure.MONTH_DAY_OVERFLOW)
        if self.known & DATE == DATE and self.day > days_in_month(self.year, self.month):
            raise field_overflow()

    def _apply_meridian(self) -> None:
        if self._meridian:
            if self.hour > 12:
                raise field_overflow()
            if self._meridian == "am" and self.hour == 12:
                self.hour = 0
            elif self._meridian == "pm" and self.hour != 12:
                self.hour += 12

    def _finish_zone(self) -> None:
        if self._zone is not None:
            if self.known & DAYLIGHT:
                raise bad_format()
            self.offset = self._offset_in(self._zone, self.year, self.month, self.day)
        if self._word_zone is not None:
            if self.known & DAYLIGHT:
                raise bad_format()
            self.offset = self._word_offset(self._word_zone, self.year, self.month, self.day)
        if not self.known & ZONE:
            if self.known & DAYLIGHT:
                raise bad_format()
            zone = session_zone(self.settings.time_zone)
            self.offset = self._offset_in(zone, self.year, self.month, self.day)

    def _finish_time_zone(self, with_zone: bool) -> None:
        """The zone of a time without a date is the one in force today; a type without zone need not know it."""
        if self._zone is not None:
            if self.known & DAYLIGHT:
                raise bad_format()
            fixed = self._zone.fixed_offset
            if fixed is not None:
                self.offset = fixed
            elif self.known & DATE != DATE:
                raise bad_format()
            else:
                self.offset = self._offset_in(self._zone, self.year, self.month, self.day)
        if self._word_zone is None and self.known & ZONE:
            return
        if self.known & DAYLIGHT:
            raise bad_format()
        if self.known & DATE and self.known & DATE != DATE:
            raise bad_format()
        if not with_zone:
            return
        session = session_zone(self.settings.time_zone)
        if self._word_zone is None and session.fixed_offset is not None:
            self.offset = session.fixed_offset
            return
        if self.known & DATE:
            year, month, day = self.year, self.month, self.day
        else:
            year, month, day = civil_of(self._local_now()[0])
        if self._word_zone is not None:
            self.offset = self._word_offset(self._word_zone, year, month, day)
        else:
            self.offset = self._offset_in(session, year, month, day)

    def _offset_in(self, zone: Zone, year: int, month: int, day: int) -> int:
        if not is_valid_julian(year, month):
            return 0
        return zone.of_local(self._local_seconds(year, month, day)).offset

    def _word_offset(self, zone: Zone, year: int, month: int, day: int) -> int:
        if is_valid_julian(year, month):
            local = self._local_seconds(year, month, day)
            offset = zone.of_local(local).offset
            moment = local - offset
        else:
            offset, moment = 0, UNIX_EPOCH_SECONDS
        meaning = zone.meaning(self._word, moment)
        return offset if meaning is None else meaning.offset

    def _local_seconds(self, year: int, month: int, day: int) -> int:
        return days_of(year, month, day) * 86400 + self.hour * 3600 + self.minute * 60 + self.second


def _to_int(text: str) -> int:
    """As C's atoi on digits, wrapped to 32 bits."""
    value = int(text) if len(text) < 19 else 2**63 - 1
    return (value + 2**31) % 2**32 - 2**31

"""Splits the text of a date, time or interval into fields, by characters alone; meaning comes later.

Also the failures that the decoding of fields can end in, which become errors with the type's name at the outside.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.datetime_words import DATE_WORDS, WORD_LENGTH_MAX

FIELDS_MAX: Final = 25
INT32_MAX: Final = 2**31 - 1


class FieldKind(enum.Enum):
    """What a field looks like."""

    NUMBER = enum.auto()  # digits, perhaps with one decimal point
    STRING = enum.auto()  # letters
    DATE = enum.auto()  # digits and letters with separators, or the name of a zone
    TIME = enum.auto()  # digits with colons
    ZONE = enum.auto()  # a sign and digits
    SPECIAL = enum.auto()  # a sign and letters


class Field(NamedTuple):
    """One field, letters in lower case."""

    kind: FieldKind
    text: str


class Failure(enum.Enum):
    """Why fields make no value."""

    BAD_FORMAT = enum.auto()
    FIELD_OVERFLOW = enum.auto()
    MONTH_DAY_OVERFLOW = enum.auto()
    INTERVAL_OVERFLOW = enum.auto()
    ZONE_OVERFLOW = enum.auto()


class DecodeError(Exception):
    """Leaves the decoders; never leaves this family of modules."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.name)
        self.failure = failure


def bad_format() -> DecodeError:
    """The text is no value of the type."""
    return DecodeError(Failure.BAD_FORMAT)


def field_overflow() -> DecodeError:
    """A field holds a number it cannot."""
    return DecodeError(Failure.FIELD_OVERFLOW)


def client_error(failure: Failure, text: str, type_name: str) -> DatacaveError:
    """The failure in PostgreSQL's words: 22007, 22008, 22009 or 22015."""
    if failure is Failure.BAD_FORMAT:
        return DatacaveError(
            f'invalid input syntax for type {type_name}: "{text}"', sqlstate=sqlstate.INVALID_DATETIME_FORMAT
        )
    if failure is Failure.INTERVAL_OVERFLOW:
        return DatacaveError(f'interval field value out of range: "{text}"', sqlstate=sqlstate.INTERVAL_FIELD_OVERFLOW)
    if failure is Failure.ZONE_OVERFLOW:
        return DatacaveError(
            f'time zone displacement out of range: "{text}"',
            sqlstate=sqlstate.INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
        )
    hint = 'Perhaps you need a different "datestyle" setting.' if failure is Failure.MONTH_DAY_OVERFLOW else None
    return DatacaveError(
        f'date/time field value out of range: "{text}"', sqlstate=sqlstate.DATETIME_FIELD_OVERFLOW, hint=hint
    )


_SKIPPED: Final = re.compile(r"[ \t\n\v\f\r]+|[!\"#$%&'()*,/:;<=>?@\[\\\]^_`{|}~]+")
_TIME: Final = re.compile(r"[0-9]+:[0-9:.]*")
_DATE_OF_NUMBERS: Final = re.compile(r"[0-9]+(?:-[0-9]+(-[0-9-]*)?|/[0-9]+(/[0-9/]*)?|(\.)[0-9]+(\.[0-9.]*)?)")
_DATE_OF_WORDS: Final = re.compile(r"[0-9]+(?:-[0-9A-Za-z-]*|/[0-9A-Za-z/]*|\.[0-9A-Za-z.]*)")
_NUMBER: Final = re.compile(r"[0-9]+|\.[0-9]*")
_LETTERS: Final = re.compile(r"[A-Za-z]+")
_ZONE_TAIL: Final = re.compile(r"[0-9A-Za-z+\-/_.:]+")
_SIGNED: Final = re.compile(r"([+-])[ \t\n\v\f\r]*(?:([0-9][0-9:.\-]*)|([A-Za-z]+))")


def split_fields(text: str, length_max: int) -> list[Field]:
    """Raises bad_format for characters that fit nowhere, too many fields, or fields longer in all than length_max."""
    fields: list[Field] = []
    at, end, used = 0, len(text), 0
    while at < end:
        skipped = _SKIPPED.match(text, at)
        if skipped is not None:
            at = skipped.end()
            continue
        if len(fields) >= FIELDS_MAX:
            raise bad_format()
        first = text[at]
        if "0" <= first <= "9":
            field, at = _from_digit(text, at)
        elif first == ".":
            number = _NUMBER.match(text, at)
            assert number is not None
            field, at = Field(FieldKind.NUMBER, number[0]), number.end()
        elif first in "+-":
            signed = _SIGNED.match(text, at)
            if signed is None:
                raise bad_format()
            if signed[2] is not None:
                field = Field(FieldKind.ZONE, signed[1] + signed[2])
            else:
                field = Field(FieldKind.SPECIAL, signed[1] + signed[3].lower())
            at = signed.end()
        else:
            letters = _LETTERS.match(text, at)
            if letters is None:
                raise bad_format()
            field, at = _from_letters(text, letters)
        used += len(field.text) + 1
        if used > length_max:
            raise bad_format()
        fields.append(field)
    return fields


def _from_digit(text: str, at: int) -> tuple[Field, int]:
    found = _TIME.match(text, at)
    if found is not None:
        return Field(FieldKind.TIME, found[0]), found.end()
    found = _DATE_OF_NUMBERS.match(text, at)
    if found is not None:
        is_number = found[3] is not None and found[4] is None
        return Field(FieldKind.NUMBER if is_number else FieldKind.DATE, found[0]), found.end()
    found = _DATE_OF_WORDS.match(text, at)
    if found is not None:
        return Field(FieldKind.DATE, found[0].lower()), found.end()
    found = _NUMBER.match(text, at)
    assert found is not None
    return Field(FieldKind.NUMBER, found[0]), found.end()


def _from_letters(text: str, letters: re.Match[str]) -> tuple[Field, int]:
    """Letters alone, or, with a separator or digits after them, a date or the name of a zone."""
    word, end = letters[0].lower(), letters.end()
    following = text[end : end + 1]
    if following in ("-", "/", ".") or (
        following and following in "+0123456789" and word[:WORD_LENGTH_MAX] not in DATE_WORDS
    ):
        tail = _ZONE_TAIL.match(text, end)
        assert tail is not None
        return Field(FieldKind.DATE, word + tail[0].lower()), tail.end()
    return Field(FieldKind.STRING, word), end


def leading_int(text: str) -> tuple[int, str]:
    """The digits at the start as a number, and the rest; raises field_overflow beyond 32 bits."""
    end = 0
    while end < len(text) and "0" <= text[end] <= "9":
        end += 1
    if end > 30 and text[:end].lstrip("0")[10:]:
        raise field_overflow()
    value = int(text[:end] or 0)
    if value > INT32_MAX:
        raise field_overflow()
    return value, text[end:]


def parse_fraction(text: str) -> float:
    """`.123` as a double; the point alone is 0."""
    if text == ".":
        return 0.0
    if not text[1:].isdigit():
        raise bad_format()
    return float(text)


def fraction_microseconds(text: str) -> int:
    """The fraction of a second, rounded half to even; 1000000 is possible."""
    return round(parse_fraction(text) * 1000000)


def parse_offset(text: str) -> int:
    """`+hh`, `-hhmm`, `+hh:mm:ss` as seconds east of UTC."""
    sign = text[:1]
    if sign not in ("+", "-") or not sign:
        raise bad_format()
    hours, rest = _zone_int(text[1:])
    minutes = seconds = 0
    if rest.startswith(":"):
        minutes, rest = _zone_int(rest[1:])
        if rest.startswith(":"):
            seconds, rest = _zone_int(rest[1:])
    elif not rest and len(text) > 3:
        hours, minutes = divmod(hours, 100)
    if hours > 15 or minutes > 59 or seconds > 59:
        raise DecodeError(Failure.ZONE_OVERFLOW)
    if rest:
        raise bad_format()
    total = hours * 3600 + minutes * 60 + seconds
    return -total if sign == "-" else total


def _zone_int(text: str) -> tuple[int, str]:
    try:
        if text[:1] == "-" and text[1:2].isdigit() and leading_int(text[1:])[0]:
            raise field_overflow()
        return leading_int(text)
    except DecodeError:
        raise DecodeError(Failure.ZONE_OVERFLOW) from None

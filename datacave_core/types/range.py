"""Ranges and multiranges: a Range of two bounds, a MultiRange of disjoint ranges in order.

Every value made here is canonical: ranges of whole numbers and days are `[lower,upper)`, a range without members is
EMPTY, a multirange neither overlaps nor touches itself. Not here: set operations (the SQL layer's functions).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import Any, Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import DATE_END, DATE_MIN
from datacave_core.types.codec import KeyFunction, TypeIO, bad_length, check_no_more
from datacave_core.types.settings import FormatSettings
from datacave_core.values import DATE_INFINITY, DATE_NEGATIVE_INFINITY, Value

_LENGTH: Final = Struct("!I")
_RANGES_MAX: Final = 134217727
"""Ranges that a multirange may say to have, before any of them is read."""
_SPACES: Final = " \t\n\r\v\f"
_NEEDS_QUOTES: Final = re.compile(r'["\\()\[\], \t\n\r\v\f]|\A\Z')
_IS_EMPTY, _LOWER_INCLUSIVE, _UPPER_INCLUSIVE, _LOWER_INFINITE, _UPPER_INFINITE = 1, 2, 4, 8, 16


class Range(NamedTuple):
    """A bound of None is infinite."""

    lower: Any
    upper: Any
    lower_inclusive: bool = True
    upper_inclusive: bool = False
    is_empty: bool = False


class MultiRange(NamedTuple):
    """Disjoint, not touching, ascending."""

    ranges: tuple[Range, ...]


EMPTY: Final = Range(None, None, False, False, True)


class RangeKind(NamedTuple):
    """What distinguishes one range type from another."""

    element: TypeIO
    step: Callable[[Value], Value] | None = None
    """For discrete subtypes the next value; raises when there is none."""

    def key(self, value: Value) -> Any:
        """The comparison key of a bound."""
        return value if self.element.comparison_key is None else self.element.comparison_key(value)


def _next_integer(limit: int, name: str) -> Callable[[Value], Value]:
    def step(value: Value) -> Value:
        if value >= limit:
            raise DatacaveError(f"{name} out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
        return value + 1

    return step


def _next_day(value: Value) -> Value:
    if value in (DATE_INFINITY, DATE_NEGATIVE_INFINITY):
        return None
    if not DATE_MIN <= value + 1 < DATE_END:
        raise DatacaveError("date out of range", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    return value + 1


STEP_INT4: Final = _next_integer(2**31 - 1, "integer")
STEP_INT8: Final = _next_integer(2**63 - 1, "bigint")
STEP_DATE: Final = _next_day


def make_range(kind: RangeKind, lower: Value, upper: Value, lower_inclusive: bool, upper_inclusive: bool) -> Range:
    """The canonical range; raises 22000 when the bounds are in the wrong order."""
    lower_inclusive = lower_inclusive and lower is not None
    upper_inclusive = upper_inclusive and upper is not None
    if _is_empty(kind, lower, upper, lower_inclusive, upper_inclusive):
        return EMPTY
    if kind.step is not None:
        if lower is not None and not lower_inclusive:
            following = kind.step(lower)
            if following is not None:
                lower, lower_inclusive = following, True
        if upper is not None and upper_inclusive:
            following = kind.step(upper)
            if following is not None:
                upper, upper_inclusive = following, False
        if _is_empty(kind, lower, upper, lower_inclusive, upper_inclusive):
            return EMPTY
    return Range(lower, upper, lower_inclusive, upper_inclusive)


def _is_empty(kind: RangeKind, lower: Value, upper: Value, lower_inclusive: bool, upper_inclusive: bool) -> bool:
    if lower is None or upper is None:
        return False
    low, high = kind.key(lower), kind.key(upper)
    if high < low:
        raise DatacaveError(
            "range lower bound must be less than or equal to range upper bound", sqlstate=sqlstate.DATA_EXCEPTION
        )
    return bool(low == high) and not (lower_inclusive and upper_inclusive)


def lower_key(kind: RangeKind, value: Range) -> tuple[Any, ...]:
    """Orders lower bounds: infinite first, then by value, inclusive first."""
    return (0,) if value.lower is None else (1, kind.key(value.lower), not value.lower_inclusive)


def upper_key(kind: RangeKind, value: Range) -> tuple[Any, ...]:
    """Orders upper bounds: by value, exclusive first, then infinite."""
    return (2,) if value.upper is None else (1, kind.key(value.upper), value.upper_inclusive)


def range_key(kind: RangeKind) -> KeyFunction:
    """The empty range first, then by lower and upper bound."""

    def key(value: Range) -> Any:
        return (0,) if value.is_empty else (1, lower_key(kind, value), upper_key(kind, value))

    return key


def make_multirange(kind: RangeKind, ranges: Iterable[Range]) -> MultiRange:
    """Sorts, drops empty ranges and unites those that overlap or touch."""
    merged: list[Range] = []
    for value in sorted((found for found in ranges if not found.is_empty), key=range_key(kind)):
        if merged and _reaches(kind, merged[-1], value):
            last = merged[-1]
            further = value if upper_key(kind, last) < upper_key(kind, value) else last
            merged[-1] = last._replace(upper=further.upper, upper_inclusive=further.upper_inclusive)
        else:
            merged.append(value)
    return MultiRange(tuple(merged))


def _reaches(kind: RangeKind, first: Range, second: Range) -> bool:
    """Whether nothing lies between two ranges in order."""
    if first.upper is None or second.lower is None:
        return True
    high, low = kind.key(first.upper), kind.key(second.lower)
    if high == low:
        return first.upper_inclusive or second.lower_inclusive
    return bool(low < high)


def _malformed(what: str, text: str, detail: str) -> DatacaveError:
    return DatacaveError(
        f'malformed {what} literal: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION, detail=detail
    )


def parse_range(kind: RangeKind, text: str, typmod: int, settings: FormatSettings) -> Range:
    """Raises 22P02, 22000 and what the subtype's input raises."""
    body = text.lstrip(_SPACES)
    if body[:5].lower() == "empty":
        if body[5:].strip(_SPACES):
            raise _malformed("range", text, 'Junk after "empty" key word.')
        return EMPTY
    if body[:1] not in ("[", "("):
        raise _malformed("range", text, "Missing left parenthesis or bracket.")
    lower_text, at = _bound(text, body, 1)
    if body[at] != ",":
        raise _malformed("range", text, "Missing comma after lower bound.")
    upper_text, at = _bound(text, body, at + 1)
    if body[at] == ",":
        raise _malformed("range", text, "Too many commas.")
    if body[at + 1 :].strip(_SPACES):
        raise _malformed("range", text, "Junk after right parenthesis or bracket.")
    read = kind.element.input
    lower = None if lower_text is None else read(lower_text, typmod, settings)
    upper = None if upper_text is None else read(upper_text, typmod, settings)
    return make_range(kind, lower, upper, body[0] == "[", body[at] == "]")


def _bound(text: str, body: str, at: int) -> tuple[str | None, int]:
    """The text of a bound without its quoting, None for an infinite one, and where it ends."""
    if body[at : at + 1] in (",", ")", "]"):
        return None, at
    parts: list[str] = []
    in_quotes = False
    while in_quotes or body[at : at + 1] not in (",", ")", "]"):
        character = body[at : at + 1]
        at += 1
        if not character:
            raise _malformed("range", text, "Unexpected end of input.")
        if character == "\\":
            if at >= len(body):
                raise _malformed("range", text, "Unexpected end of input.")
            parts.append(body[at])
            at += 1
        elif character != '"':
            parts.append(character)
        elif not in_quotes:
            in_quotes = True
        elif body[at : at + 1] == '"':
            parts.append('"')
            at += 1
        else:
            in_quotes = False
    return "".join(parts), at


def format_range(kind: RangeKind, value: Range, settings: FormatSettings) -> str:
    """`[lower,upper)`, bounds quoted where they need it."""
    if value.is_empty:
        return "empty"
    write = kind.element.output
    lower = "" if value.lower is None else _quoted(write(value.lower, settings))
    upper = "" if value.upper is None else _quoted(write(value.upper, settings))
    return f"{'[' if value.lower_inclusive else '('}{lower},{upper}{']' if value.upper_inclusive else ')'}"


def _quoted(text: str) -> str:
    if _NEEDS_QUOTES.search(text) is None:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


def split_multirange(text: str) -> Iterator[str]:
    """The literals of the ranges between the braces, one by one; raises 22P02."""
    body = text.lstrip(_SPACES)
    if body[:1] != "{":
        raise _malformed("multirange", text, "Missing left brace.")
    at, start, after_range = 1, -1, False
    is_first, quoted = True, False
    while True:
        character = body[at : at + 1]
        if not character:
            raise _malformed("multirange", text, "Unexpected end of input.")
        at += 1
        if start >= 0:
            if character == "\\":
                at += 1
            elif character == '"':
                quoted = not quoted
            elif character in "])" and not quoted:
                yield body[start:at]
                start, after_range, is_first = -1, True, False
        elif character in _SPACES:
            continue
        elif after_range:
            if character == "}":
                break
            if character != ",":
                raise _malformed("multirange", text, "Expected comma or end of multirange.")
            after_range = False
        elif character in "[(":
            start = at - 1
        elif character == "}" and is_first:
            break
        elif body[at - 1 : at + 4].lower() == "empty":
            at += 4
            after_range, is_first = True, False
        else:
            raise _malformed("multirange", text, "Expected range start.")
    if body[at:].strip(_SPACES):
        raise _malformed("multirange", text, "Junk after closing right brace.")


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    if len(data) < at + 4:
        raise bad_length(data, at + 4)
    (length,) = _LENGTH.unpack_from(data, at)
    at += 4
    if len(data) < at + length:
        raise bad_length(data, at + length)
    return data[at : at + length], at + length


def range_io(element: TypeIO, step: Callable[[Value], Value] | None = None) -> TypeIO:
    """The input and output of ranges over a subtype; `step` for subtypes whose values have neighbours."""
    kind = RangeKind(element, step)

    def read(text: str, typmod: int, settings: FormatSettings) -> Range:
        return parse_range(kind, text, typmod, settings)

    def write(value: Range, settings: FormatSettings) -> str:
        return format_range(kind, value, settings)

    def receive(data: bytes) -> Range:
        if not data:
            raise bad_length(data, 1)
        flags, at = data[0], 1
        if flags & _IS_EMPTY:
            check_no_more(data, at)
            return EMPTY
        lower = upper = None
        if not flags & _LOWER_INFINITE:
            chunk, at = _chunk(data, at)
            lower = element.receive(chunk)
        if not flags & _UPPER_INFINITE:
            chunk, at = _chunk(data, at)
            upper = element.receive(chunk)
        check_no_more(data, at)
        return make_range(kind, lower, upper, bool(flags & _LOWER_INCLUSIVE), bool(flags & _UPPER_INCLUSIVE))

    def send(value: Range) -> bytes:
        if value.is_empty:
            return bytes((_IS_EMPTY,))
        flags = (
            (_LOWER_INCLUSIVE if value.lower_inclusive else 0)
            | (_UPPER_INCLUSIVE if value.upper_inclusive else 0)
            | (_LOWER_INFINITE if value.lower is None else 0)
            | (_UPPER_INFINITE if value.upper is None else 0)
        )
        parts = [bytes((flags,))]
        for bound in (value.lower, value.upper):
            if bound is not None:
                data = element.send(bound)
                parts += [_LENGTH.pack(len(data)), data]
        return b"".join(parts)

    return TypeIO(read, write, receive, send, comparison_key=range_key(kind))


def multirange_io(element: TypeIO, step: Callable[[Value], Value] | None = None) -> TypeIO:
    """The input and output of multiranges over a subtype."""
    kind = RangeKind(element, step)
    single = range_io(element, step)
    key_of_range = range_key(kind)

    def read(text: str, typmod: int, settings: FormatSettings) -> MultiRange:
        return make_multirange(kind, [single.input(part, typmod, settings) for part in split_multirange(text)])

    def write(value: MultiRange, settings: FormatSettings) -> str:
        return "{" + ",".join([format_range(kind, found, settings) for found in value.ranges]) + "}"

    def receive(data: bytes) -> MultiRange:
        if len(data) < 4:
            raise bad_length(data, 4)
        (count,) = _LENGTH.unpack_from(data)
        if count > _RANGES_MAX:
            raise DatacaveError(
                f"array size exceeds the maximum allowed ({_RANGES_MAX})", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED
            )
        at = 4
        found = []
        for _ in range(count):
            chunk, at = _chunk(data, at)
            found.append(single.receive(chunk))
        check_no_more(data, at)
        return make_multirange(kind, found)

    def send(value: MultiRange) -> bytes:
        parts = [_LENGTH.pack(len(value.ranges))]
        for found in value.ranges:
            data = single.send(found)
            parts += [_LENGTH.pack(len(data)), data]
        return b"".join(parts)

    def key(value: MultiRange) -> Any:
        return tuple([key_of_range(found) for found in value.ranges])

    return TypeIO(read, write, receive, send, comparison_key=key)

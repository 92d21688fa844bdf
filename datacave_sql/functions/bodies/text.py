"""text: length, search, cutting, padding, case, splitting and joining.

Positions count characters from 1. Not here: patterns (like.py, regex.py), encodings and hashes (encoding.py),
format and quoting (quoting.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.text import (
    apply_bpchar_typmod,
    apply_varchar_typmod,
    escaped_byte,
    read_byte,
    truncate_name,
)
from datacave_core.values import Array
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter, out_of_range

BODIES = Bodies()

S = TypeVar("S", str, bytes)

TEXT_BYTES_MAX = 1_073_741_819


def too_long() -> DatacaveError:
    """54000: the result would not fit a value."""
    return DatacaveError("requested length too large", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED)


BODIES.add("textlen", len, "len({0})")
BODIES.add("bpcharlen", lambda a: len(a.rstrip(" ")), "len({0}.rstrip(' '))")
BODIES.add("textoctetlen bpcharoctetlen", lambda a: len(a.encode()), "len({0}.encode())")
BODIES.add("bit_length(25)", lambda a: 8 * len(a.encode()))
BODIES.add("textcat", lambda a, b: a + b, "{0} + {1}")
BODIES.add("lower", str.lower, "{0}.lower()")


@BODIES("upper")
def upper(value: str) -> str:
    """Upper case, one character for one: a letter whose upper case is longer stays."""
    if value.isascii():
        return value.upper()
    return "".join([up if len(up := character.upper()) == 1 else character for character in value])


@BODIES("initcap")
def capitalise_words(value: str) -> str:
    """Words are runs of letters and digits; their first letter is made a capital and the rest small."""
    parts = []
    inside = False
    for character in value:
        parts.append(character.lower() if inside else upper(character))
        inside = character.isalnum()
    return "".join(parts)


def _substring_bounds(start: int, length: int) -> tuple[int, int]:
    """Python bounds of the part that lies inside the string; 22011 for a negative length."""
    if length < 0:
        raise DatacaveError("negative substring length not allowed", sqlstate=sqlstate.SUBSTRING_ERROR)
    end = start + length
    return max(start, 1) - 1, max(end, 1) - 1


@BODIES("text_substr", "bytea_substr")
def substring(value: S, start: int, length: int) -> S:
    """The part from position `start` of that length; parts before the first character are nothing."""
    low, high = _substring_bounds(start, length)
    return value[low:high]


BODIES.add(
    "text_substr_no_len bytea_substr_no_len", lambda a, n: a[max(n, 1) - 1 :], "{0}[({1} if {1} > 1 else 1) - 1:]"
)
BODIES.add("text_left", lambda a, n: a[:n], "{0}[:{1}]")
BODIES.add("textpos", lambda a, b: a.find(b) + 1, "{0}.find({1}) + 1")
BODIES.add("text_reverse", lambda a: a[::-1], "{0}[::-1]")
BODIES.add("text_starts_with", str.startswith, "{0}.startswith({1})")


@BODIES("text_right")
def right(value: str, count: int) -> str:
    """The last `count` characters; all but the first -count when negative."""
    if count >= 0:
        return value[max(len(value) - count, 0) :]
    return value[-count:] if count > -(2**31) else value


@BODIES("textoverlay", "byteaoverlay")
def overlay(value: S, replacement: S, start: int, length: int) -> S:
    """Replaces `length` characters from position `start`."""
    if start <= 0:
        raise DatacaveError("negative substring length not allowed", sqlstate=sqlstate.SUBSTRING_ERROR)
    after = start + length
    if after > 2**31 - 1:
        raise out_of_range("integer out of range")
    return value[: start - 1] + replacement + value[max(after - 1, 0) :]


@BODIES("textoverlay_no_len", "byteaoverlay_no_len")
def overlay_whole(value: S, replacement: S, start: int) -> S:
    """Replaces as many characters as the replacement has."""
    return overlay(value, replacement, start, len(replacement))


@BODIES("replace_text")
def replace(value: str, old: str, new: str) -> str:
    """Every occurrence; an empty search text changes nothing."""
    return value.replace(old, new) if old else value


@BODIES("translate")
def translate(value: str, old: str, new: str) -> str:
    """Characters of `old` become the ones of `new` at the same place, or nothing."""
    table: dict[int, str | None] = {}
    for place, character in enumerate(old):
        table.setdefault(ord(character), new[place] if place < len(new) else None)
    return value.translate(table)


@BODIES("repeat")
def repeat(value: str, count: int) -> str:
    """The text `count` times."""
    if count <= 0 or not value:
        return ""
    if len(value.encode()) * count > TEXT_BYTES_MAX:
        raise too_long()
    return value * count


def _padding(fill: str, count: int) -> str:
    if count * 4 > TEXT_BYTES_MAX:
        raise too_long()
    return (fill * (count // len(fill) + 1))[:count]


@BODIES("lpad", "lpad(25 23)")
def pad_left(value: str, length: int, fill: str = " ") -> str:
    """Fills up or cuts to `length`; an empty fill cannot fill."""
    length = max(length, 0)
    if len(value) >= length or not fill:
        return value[:length]
    return _padding(fill, length - len(value)) + value


@BODIES("rpad", "rpad(25 23)")
def pad_right(value: str, length: int, fill: str = " ") -> str:
    """Fills up at the end or cuts to `length`."""
    length = max(length, 0)
    if len(value) >= length or not fill:
        return value[:length]
    return value + _padding(fill, length - len(value))


BODIES.add("btrim", lambda a, s: a.strip(s) if s else a)
BODIES.add("ltrim", lambda a, s: a.lstrip(s) if s else a)
BODIES.add("rtrim", lambda a, s: a.rstrip(s) if s else a)
BODIES.add("btrim1", lambda a: a.strip(" "), "{0}.strip(' ')")
BODIES.add("ltrim1", lambda a: a.lstrip(" "), "{0}.lstrip(' ')")
BODIES.add("rtrim1", lambda a: a.rstrip(" "), "{0}.rstrip(' ')")
BODIES.add("byteatrim", lambda a, s: a.strip(s) if s else a)
BODIES.add("bytealtrim", lambda a, s: a.lstrip(s) if s else a)
BODIES.add("byteartrim", lambda a, s: a.rstrip(s) if s else a)


@BODIES("split_part")
def split_part(value: str, delimiter: str, field: int) -> str:
    """The field counted from 1, or from the end when negative; empty when there is none."""
    if field == 0:
        raise bad_parameter("field position must not be zero")
    parts = value.split(delimiter) if delimiter else [value]
    if not value:
        return ""
    place = field - 1 if field > 0 else len(parts) + field
    return parts[place] if 0 <= place < len(parts) else ""


def split(value: str, delimiter: str | None, null: str | None) -> list[str | None]:
    """Fields between delimiters; single characters when it is NULL; fields equal to `null` become NULL."""
    if not value:
        return []
    if delimiter is None:
        parts: list[str] = list(value)
    else:
        parts = value.split(delimiter) if delimiter else [value]
    return [None if null is not None and part == null else part for part in parts]


@BODIES("text_to_array", "text_to_array_null")
def split_to_array(value: str | None, delimiter: str | None, null: str | None = None) -> Array | None:
    """string_to_array."""
    return None if value is None else Array.of(split(value, delimiter, null))


@BODIES("text_to_table", "text_to_table_null")
def split_to_table(value: str | None, delimiter: str | None, null: str | None = None) -> Iterator[str | None]:
    """string_to_table."""
    return iter(() if value is None else split(value, delimiter, null))


@BODIES("ascii")
def code_point(value: str) -> int:
    """The code point of the first character; 0 for the empty text."""
    return ord(value[0]) if value else 0


@BODIES("chr")
def character(code: int) -> str:
    """The character with this code point."""
    if code == 0:
        raise DatacaveError("null character not permitted", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED)
    if code < 0:
        raise bad_parameter("character number must be positive")
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        word = "too large" if code > 0x10FFFF else "not valid"
        message = f"requested character {word} for encoding: {code}"
        raise DatacaveError(message, sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED)
    return chr(code)


# Conversions among the text types.
BODIES.add("name_text", lambda a: a, "{0}")
BODIES.add("char_text", escaped_byte)
BODIES.add("text_name", truncate_name)
BODIES.add("bpchar_name", lambda a: truncate_name(a.rstrip(" ")))
BODIES.add("name_bpchar char_bpchar", lambda a: a, "{0}")
BODIES.add("bpchar", apply_bpchar_typmod)
BODIES.add("varchar", apply_varchar_typmod)


BODIES.add("text_char", read_byte)


BODIES.add("nameconcatoid", lambda name, oid: truncate_name(f"{name}_{oid}"))

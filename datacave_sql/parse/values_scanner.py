"""scan_values: INSERT .. VALUES with many rows of plain literals, read by regular expressions instead of the parser.

The first row tells how many columns there are; then one expression checks all rows and another takes them apart, so
that the work per value is done in C. Anything but a plain literal anywhere (an expression, a typed constant, a
comment, E'' or $$ strings, a bracket more) gives None, and the parser reads the statement.

`template` is the same statement with one row of parameters, `INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT ..`:
bound once, it gives the plan for all rows. A value follows PostgreSQL's rules for the literal it was: an int is an
int4, int8 or numeric constant by its size, DecimalText a numeric constant, str a constant of type unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

ROWS_MIN = 2
"""Below this many rows the parser, or a fingerprint, is as good."""

COLUMNS_MAX = 1600
PATTERNS_MAX = 64


class DecimalText(str):
    """A number with a point or an exponent, as written."""

    __slots__ = ()


class RowDefault(Enum):
    """The word DEFAULT in a row."""

    DEFAULT = "DEFAULT"


DEFAULT: Final = RowDefault.DEFAULT

Literal = int | str | bool | None | RowDefault
"""A raw literal; DecimalText is a str."""


@dataclass(frozen=True, slots=True)
class ScannedValues:
    """The rows and what stands round them.

    `kinds` has one word for each column: "int", "decimal", "string" when every row has such a literal there, else
    "mixed" (NULL, DEFAULT, booleans, or several kinds).
    """

    template: str
    rows: list[tuple[Literal, ...]]
    kinds: tuple[str, ...]


_IDENTIFIER = r'(?:[A-Za-z_][\w$]*+|"[^"]++")'
_S = r"[ \t\n\r\f]*+"
_B = r"[ \t\n\r\f]++"
_HEAD = re.compile(
    rf"{_S}INSERT{_B}INTO{_B}{_IDENTIFIER}(?:\.{_IDENTIFIER})?+{_S}"
    rf"(?:\({_S}{_IDENTIFIER}{_S}(?:,{_S}{_IDENTIFIER}{_S})*+\){_S})?+VALUES{_S}(?=\()",
    re.IGNORECASE,
)
_STRING = r"'[^']*+(?:''[^']*+)*+'"
_NUMBER = r"[-+]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+"
_WORD = (
    "(?:"
    + "|".join(
        ["".join([f"[{letter}{letter.upper()}]" for letter in word]) for word in ("null", "default", "true", "false")]
    )
    + ")"
)
_VALUE = f"(?:{_STRING}|{_NUMBER}|{_WORD})"
_FIRST_ROW = re.compile(rf"\({_S}{_VALUE}{_S}(?:,{_S}{_VALUE}{_S})*+\)")
_TAIL = re.compile(rf"{_S}(?:;{_S})?\Z|{_S}(?=(?:ON{_B}CONFLICT|RETURNING)\b)", re.IGNORECASE)
_VALUE_TOKEN = re.compile(_VALUE)
_INTEGERS = re.compile(r"(?:[-+]?+[0-9]++,)*+")
_WORDS: dict[str, Literal] = {"null": None, "default": DEFAULT, "true": True, "false": False}
# What the first row has in a column is tried first in every other row.
_ORDERED = {
    "'": f"(?:{_STRING}|{_NUMBER}|{_WORD})",
    "0": f"(?:{_NUMBER}|{_STRING}|{_WORD})",
    "a": f"(?:{_WORD}|{_NUMBER}|{_STRING})",
}
_by_shape: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {}


def scan_values(text: str) -> ScannedValues | None:
    """The rows of an INSERT of plain literals, or None where the parser has to read it."""
    head = _HEAD.match(text)
    if head is None:
        return None
    first = _FIRST_ROW.match(text, head.end())
    if first is None:
        return None
    shape = "".join([_shape_of(value) for value in _VALUE_TOKEN.findall(first[0])])
    columns = len(shape)
    if columns > COLUMNS_MAX:
        return None
    all_rows, one_row = _patterns(shape)
    body = all_rows.match(text, head.end())
    if body is None:
        return None
    tail = _TAIL.match(text, body.end())
    if tail is None:
        return None
    rest = text[tail.end() :].rstrip(" \t\n\r\f;")
    if ";" in rest or "$" in rest:
        return None
    found = one_row.findall(text, head.end(), body.end())
    if len(found) < ROWS_MIN:
        return None
    raw_columns = zip(*found, strict=True) if columns > 1 else [found]
    kinds: list[str] = []
    converted: list[list[Literal]] = []
    for raw in raw_columns:
        kind, values = _convert(raw)
        kinds.append(kind)
        converted.append(values)
    marks = ", ".join([f"${number}" for number in range(1, columns + 1)])
    template = f"{text[: head.end()]}({marks}) {rest}".rstrip()
    return ScannedValues(template, list(zip(*converted, strict=True)), tuple(kinds))


def _shape_of(value: str) -> str:
    first = value[0]
    return "'" if first == "'" else "a" if first.isalpha() else "0"


def _patterns(shape: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns for rows like the first: the whole list without backtracking, and one row with a group per value."""
    found = _by_shape.get(shape)
    if found is None:
        values = [_ORDERED[kind] for kind in shape]
        row = rf"\({_S}" + rf"{_S},{_S}".join(values) + rf"{_S}\)"
        groups = rf"\({_S}" + rf"{_S},{_S}".join([f"({value})" for value in values]) + rf"{_S}\)"
        found = (re.compile(rf"{row}{_S}(?:,{_S}{row}{_S})*+"), re.compile(groups))
        if len(_by_shape) < PATTERNS_MAX:
            _by_shape[shape] = found
    return found


def _convert(raw: tuple[str, ...] | list[str]) -> tuple[str, list[Literal]]:
    """One column of raw texts to values, in one pass where all are of one kind."""
    first = raw[0][0]
    joined = ",".join(raw)
    if first == "'" and all(text[0] == "'" for text in raw):
        if "''" in joined:
            return "string", [text[1:-1].replace("''", "'") for text in raw]
        return "string", [text[1:-1] for text in raw]
    if first in "+-.0123456789":
        if _INTEGERS.fullmatch(joined + ","):
            return "int", list(map(int, raw))
        if "'" not in joined and not any(text[0].isalpha() for text in raw):
            values: list[Literal] = [_number(text) for text in raw]
            return ("mixed" if any(isinstance(value, int) for value in values) else "decimal"), values
    return "mixed", [_single(text) for text in raw]


def _number(text: str) -> int | DecimalText:
    digits = text[1:] if text[0] in "+-" else text
    return int(text) if digits.isdigit() else DecimalText(text)


def _single(text: str) -> Literal:
    first = text[0]
    if first == "'":
        return text[1:-1].replace("''", "'")
    if first.isalpha():
        return _WORDS[text.lower()]
    return _number(text)

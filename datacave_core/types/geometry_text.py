"""Geometric values as text: the reader goes from left to right through numbers, commas and brackets.

Every spelling that PostgreSQL takes is taken: `(x,y)` and `x,y`; boxes, segments, paths and polygons with brackets
around all points, around each or around none; circles as `<(x,y),r>`, `((x,y),r)` and `x,y,r`.
"""

from __future__ import annotations

import re
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import invalid_input
from datacave_core.types.floating import output_float8, scan_float8
from datacave_core.types.geometry import Point
from datacave_core.types.settings import FormatSettings

_SPACES: Final = " \t\n\v\f\r"
_PLAIN_POINT: Final = re.compile(
    r"\((-?[0-9]{1,20}(?:\.[0-9]{1,20})?),(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)\)[ \t\n\v\f\r]*", re.ASCII
)
"""As points are written: what Python reads at once."""
_POINTS_END: Final = 2**27
"""PostgreSQL cannot count the bytes of more points."""


class GeometryReader:
    """A place in a text; every method reads what its name says and moves behind it, or raises 22P02."""

    __slots__ = ("_at", "_name", "_text")

    def __init__(self, text: str, type_name: str) -> None:
        self._text = text
        self._name = type_name
        self._at = 0

    def invalid(self) -> DatacaveError:
        """22P02 for the whole text."""
        return invalid_input(self._name, self._text)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def spaces(self) -> None:
        """Any number of blanks."""
        while (character := self._next()) and character in _SPACES:
            self._at += 1

    def take(self, character: str) -> bool:
        """Whether a character stands here; it is passed."""
        if self._next() != character:
            return False
        self._at += 1
        return True

    def expect(self, character: str) -> None:
        """A character that has to stand here."""
        if not self.take(character):
            raise self.invalid()

    def end(self) -> None:
        """Nothing more."""
        if self._at != len(self._text):
            raise self.invalid()

    def number(self) -> float:
        """A double and the blanks around it; raises 22003 too."""
        value, self._at = scan_float8(self._text, self._at, self._name)
        return value

    def point(self) -> Point:
        """`x,y` with or without brackets around it."""
        plain = _PLAIN_POINT.match(self._text, self._at)
        if plain is not None:
            self._at = plain.end()
            return Point(float(plain[1]), float(plain[2]))
        self.spaces()
        bracketed = self.take("(")
        x = self.number()
        self.expect(",")
        y = self.number()
        if bracketed:
            self.expect(")")
            self.spaces()
        return Point(x, y)

    def outer_bracket(self) -> bool:
        """Whether one bracket surrounds everything that follows, told by a second one behind it; it is passed."""
        if self._next() != "(":
            return False
        at = self._at + 1
        while self._text[at : at + 1] and self._text[at] in _SPACES:
            at += 1
        if self._text[at : at + 1] != "(":
            return False
        self._at = at
        return True

    def only_bracket(self) -> bool:
        """Whether a bracket stands here and no other one opens behind it; it and blanks are passed."""
        if self._next() != "(" or self._text.rfind("(") != self._at:
            return False
        self._at += 1
        self.spaces()
        return True

    def points(self, count: int, may_be_open: bool) -> tuple[tuple[Point, ...], bool]:
        """Points with or without brackets around them all, and whether those were the square ones of an open path."""
        self.spaces()
        is_open = self.take("[")
        if is_open and not may_be_open:
            raise self.invalid()
        enclosed = is_open or self.outer_bracket() or self.only_bracket()
        found = []
        for _ in range(count):
            found.append(self.point())
            self.take(",")
        if enclosed:
            if not self.take(")") and not (is_open and self.take("]")):
                raise self.invalid()
            self.spaces()
        return tuple(found), is_open

    def point_count(self) -> int:
        """How many points the commas of the whole text separate; raises 54000."""
        commas = self._text.count(",")
        if commas % 2 == 0:
            raise self.invalid()
        if (count := (commas + 1) // 2) >= _POINTS_END:
            raise DatacaveError("too many points requested", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED)
        return count


def format_numbers(numbers: tuple[float, ...], settings: FormatSettings) -> str:
    """Numbers with commas between them."""
    return ",".join([output_float8(number, settings) for number in numbers])


def format_point(value: Point, settings: FormatSettings) -> str:
    """`(x,y)`."""
    return f"({output_float8(value[0], settings)},{output_float8(value[1], settings)})"


def format_points(points: tuple[Point, ...], settings: FormatSettings) -> str:
    """`(x,y),(x,y)`, without brackets around them."""
    return ",".join([format_point(point, settings) for point in points])

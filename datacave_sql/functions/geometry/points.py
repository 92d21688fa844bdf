"""Points: as vectors (+ -), as complex numbers (* /), and where they lie."""

from __future__ import annotations

import math

from datacave_core.types.float_arithmetic import add, divide, multiply, subtract
from datacave_core.types.geometry import Point
from datacave_sql.functions.geometry.nearness import near


def plus(a: Point, b: Point) -> Point:
    """a + b."""
    return Point(add(a.x, b.x), add(a.y, b.y))


def minus(a: Point, b: Point) -> Point:
    """a - b."""
    return Point(subtract(a.x, b.x), subtract(a.y, b.y))


def times(a: Point, b: Point) -> Point:
    """a * b: turned and stretched."""
    return Point(
        subtract(multiply(a.x, b.x), multiply(a.y, b.y)),
        add(multiply(a.x, b.y), multiply(a.y, b.x)),
    )


def over(a: Point, b: Point) -> Point:
    """a / b; raises 22012."""
    square = add(multiply(b.x, b.x), multiply(b.y, b.y))
    return Point(
        divide(add(multiply(a.x, b.x), multiply(a.y, b.y)), square),
        divide(subtract(multiply(a.y, b.x), multiply(a.x, b.y)), square),
    )


def middle(a: Point, b: Point) -> Point:
    """Halfway between two points."""
    return Point(divide(add(a.x, b.x), 2.0), divide(add(a.y, b.y), 2.0))


def inverse_slope(a: Point, b: Point) -> float:
    """The slope of what stands upright on the line through two points."""
    if near(a.x, b.x):
        return 0.0
    if near(a.y, b.y):
        return math.inf
    return divide(subtract(a.x, b.x), subtract(b.y, a.y))

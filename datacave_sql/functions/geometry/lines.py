"""Lines: how two of them lie to each other, and the point on one that is closest to a point."""

from __future__ import annotations

import math

from datacave_core.types.float_arithmetic import add, divide, hypotenuse, multiply, subtract
from datacave_core.types.geometry import Line, Point, distance, line_through, same_point, slope
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.geometry.nearness import near, zero


def through(a: Point, b: Point) -> Line:
    """The line through two points; raises 22023 when they are the same."""
    if same_point(a, b):
        raise bad_parameter("invalid line specification: must be two distinct points")
    return line_through(a, slope(a, b))


def steepness(line: Line) -> float:
    """The slope; infinite when it stands upright."""
    if zero(line.a):
        return 0.0
    if zero(line.b):
        return math.inf
    return divide(line.a, -line.b)


def inverse_slope(line: Line) -> float:
    """The slope of what stands upright on it."""
    if zero(line.a):
        return math.inf
    if zero(line.b):
        return 0.0
    return divide(line.b, line.a)


def crossing(one: Line, other: Line) -> Point | None:
    """Where two lines meet; None for parallel ones, the same line among them."""
    if zero(one.b):
        if zero(other.b):
            return None
        one, other = other, one
    if near(other.a, multiply(one.a, divide(other.b, one.b))):
        return None
    x = divide(
        subtract(multiply(one.b, other.c), multiply(other.b, one.c)),
        subtract(multiply(one.a, other.b), multiply(other.a, one.b)),
    )
    y = divide(-add(multiply(one.a, x), one.c), one.b)
    # Adding zero turns -0 into 0.
    return Point(x + 0.0, y + 0.0)


def are_parallel(one: Line, other: Line) -> bool:
    """Whether they never meet."""
    return crossing(one, other) is None


def are_perpendicular(one: Line, other: Line) -> bool:
    """Whether they meet in a right angle."""
    if zero(one.a):
        return zero(other.b)
    if zero(other.a):
        return zero(one.b)
    if zero(one.b):
        return zero(other.a)
    if zero(other.b):
        return zero(one.a)
    return near(divide(multiply(one.a, other.a), multiply(one.b, other.b)), -1.0)


def are_same(one: Line, other: Line) -> bool:
    """Whether the numbers of one are a multiple of the other's; with NaN among them, exactly the same numbers."""
    if any(number != number for number in (*one, *other)):
        return all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))
    ratio = next((divide(a, b) for a, b in zip(one, other, strict=True) if not zero(b)), 1.0)
    return all(near(a, multiply(ratio, b)) for a, b in zip(one, other, strict=True))


def _usable(a: float, b: float) -> bool:
    return not zero(a) and a == a and not zero(b) and b == b


def gap(one: Line, other: Line) -> float:
    """The distance of parallel lines; 0 for others."""
    if crossing(one, other) is not None:
        return 0.0
    if _usable(one.a, other.a):
        ratio = divide(one.a, other.a)
    elif _usable(one.b, other.b):
        ratio = divide(one.b, other.b)
    else:
        ratio = 1.0
    return divide(abs(subtract(one.c, multiply(ratio, other.c))), hypotenuse(one.a, one.b))


def holds(line: Line, point: Point) -> bool:
    """Whether a point lies on a line."""
    return zero(add(add(multiply(line.a, point.x), multiply(line.b, point.y)), line.c))


def nearest(line: Line, point: Point) -> tuple[float, Point]:
    """How far a point is from a line, and from which point of it; NaN where no perpendicular meets the line."""
    foot = crossing(line_through(point, inverse_slope(line)), line)
    if foot is None:
        return math.nan, point
    return distance(foot, point), foot

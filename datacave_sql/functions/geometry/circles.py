"""Circles: their measures, how two of them lie to each other, and what they turn into."""

from __future__ import annotations

import math

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.float_arithmetic import add, divide, hypotenuse, multiply, subtract
from datacave_core.types.geometry import Box, Circle, Point, Polygon, distance, same_point
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.geometry import points, polygons
from datacave_sql.functions.geometry.nearness import at_most, near, zero

_POINTS_MAX = 2**18
"""More points of one circle are refused, before they fill the memory."""


def area(circle: Circle) -> float:
    """What circles are ordered by."""
    return multiply(multiply(circle.radius, circle.radius), math.pi)


def right(circle: Circle) -> float:
    """Its greatest x."""
    return add(circle.center.x, circle.radius)


def left(circle: Circle) -> float:
    """Its least x."""
    return subtract(circle.center.x, circle.radius)


def top(circle: Circle) -> float:
    """Its greatest y."""
    return add(circle.center.y, circle.radius)


def bottom(circle: Circle) -> float:
    """Its least y."""
    return subtract(circle.center.y, circle.radius)


def are_same(one: Circle, other: Circle) -> bool:
    """Whether they have the same center and radius; NaN is the same as NaN."""
    same_radius = (one.radius != one.radius and other.radius != other.radius) or near(one.radius, other.radius)
    return same_radius and same_point(one.center, other.center)


def overlap(one: Circle, other: Circle) -> bool:
    """Whether they have a point in common."""
    return at_most(distance(one.center, other.center), add(one.radius, other.radius))


def contains(outer: Circle, inner: Circle) -> bool:
    """Whether the second circle is inside the first."""
    return at_most(distance(outer.center, inner.center), subtract(outer.radius, inner.radius))


def holds(circle: Circle, point: Point) -> bool:
    """Whether a point is, exactly, inside."""
    return distance(circle.center, point) <= circle.radius


def _not_negative(value: float) -> float:
    return 0.0 if value < 0.0 else value


def gap(one: Circle, other: Circle) -> float:
    """The distance; 0 when they overlap."""
    return _not_negative(subtract(distance(one.center, other.center), add(one.radius, other.radius)))


def distance_from(circle: Circle, point: Point) -> float:
    """The distance of a point; 0 inside."""
    return _not_negative(subtract(distance(point, circle.center), circle.radius))


def distance_from_polygon(circle: Circle, polygon: Polygon) -> float:
    """The distance; 0 when they overlap."""
    return _not_negative(subtract(polygons.distance_from(polygon, circle.center), circle.radius))


def times(circle: Circle, by: Point) -> Circle:
    """Turned and stretched around the origin."""
    return Circle(points.times(circle.center, by), multiply(circle.radius, hypotenuse(*by)))


def over(circle: Circle, by: Point) -> Circle:
    """The opposite of `times`; raises 22012."""
    return Circle(points.over(circle.center, by), divide(circle.radius, hypotenuse(*by)))


def box(circle: Circle) -> Box:
    """The largest box inside a circle."""
    reach = divide(circle.radius, math.sqrt(2.0))
    x, y = circle.center
    return Box(Point(add(x, reach), add(y, reach)), Point(subtract(x, reach), subtract(y, reach)))


def polygon(count: int, circle: Circle) -> Polygon:
    """Points on the edge of a circle, in equal steps from the leftmost one; raises 0A000, 22023 and 54000."""
    if zero(circle.radius):
        raise DatacaveError(
            "cannot convert circle with radius zero to polygon", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
        )
    if count < 2:
        raise bad_parameter("must request at least 2 points")
    if count > _POINTS_MAX:
        raise DatacaveError(
            "too many points requested",
            sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED,
            hint=f"A circle turns into at most {_POINTS_MAX} points.",
        )
    step = divide(2.0 * math.pi, float(count))
    x, y = circle.center
    corners = []
    for at in range(count):
        angle = multiply(step, float(at))
        corners.append(
            Point(
                subtract(x, multiply(circle.radius, math.cos(angle))),
                add(y, multiply(circle.radius, math.sin(angle))),
            )
        )
    return Polygon(tuple(corners))

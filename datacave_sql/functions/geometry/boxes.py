"""Boxes: their measures, how two of them lie to each other, and where segments and lines meet them."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.types.float_arithmetic import multiply, subtract
from datacave_core.types.geometry import (
    Box,
    Circle,
    Line,
    Point,
    Polygon,
    Segment,
    below,
    distance,
    make_box,
    same_point,
)
from datacave_sql.functions.geometry import points, segments
from datacave_sql.functions.geometry.nearness import at_least, at_most, larger, smaller
from datacave_sql.functions.geometry.segments import Nearest


def width(box: Box) -> float:
    """From left to right."""
    return subtract(box.high.x, box.low.x)


def height(box: Box) -> float:
    """From bottom to top."""
    return subtract(box.high.y, box.low.y)


def area(box: Box) -> float:
    """Width times height: what boxes are ordered by."""
    return multiply(width(box), height(box))


def center(box: Box) -> Point:
    """The point in the middle."""
    return points.middle(box.high, box.low)


def are_same(one: Box, other: Box) -> bool:
    """Whether they have the same corners."""
    return same_point(one.high, other.high) and same_point(one.low, other.low)


def overlap(one: Box, other: Box) -> bool:
    """Whether they have a point in common."""
    return (
        at_most(one.low.x, other.high.x)
        and at_most(other.low.x, one.high.x)
        and at_most(one.low.y, other.high.y)
        and at_most(other.low.y, one.high.y)
    )


def contains(outer: Box, inner: Box) -> bool:
    """Whether the second box is inside the first or on its border."""
    return (
        at_least(outer.high.x, inner.high.x)
        and at_most(outer.low.x, inner.low.x)
        and at_least(outer.high.y, inner.high.y)
        and at_most(outer.low.y, inner.low.y)
    )


def holds(box: Box, point: Point) -> bool:
    """Whether a point is, exactly, inside a box or on its border."""
    return box.low.x <= point.x <= box.high.x and box.low.y <= point.y <= box.high.y


def shared(one: Box, other: Box) -> Box | None:
    """The part that two boxes have in common."""
    if not overlap(one, other):
        return None
    return Box(
        Point(smaller(one.high.x, other.high.x), smaller(one.high.y, other.high.y)),
        Point(larger(one.low.x, other.low.x), larger(one.low.y, other.low.y)),
    )


def around(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    return Box(
        Point(larger(one.high.x, other.high.x), larger(one.high.y, other.high.y)),
        Point(smaller(one.low.x, other.low.x), smaller(one.low.y, other.low.y)),
    )


def turned(operation: Callable[[Point, Point], Point]) -> Callable[[Box, Point], Box]:
    """A box whose corners are multiplied or divided: the box along the axes with the new corners."""
    return lambda box, point: make_box(operation(box.high, point), operation(box.low, point))


def moved(operation: Callable[[Point, Point], Point]) -> Callable[[Box, Point], Box]:
    """A box whose corners are moved."""
    return lambda box, point: Box(operation(box.high, point), operation(box.low, point))


def edges(box: Box) -> tuple[Segment, ...]:
    """Left, top, bottom, right, each from the high or the low corner."""
    high, low = box
    upper_left, lower_right = Point(low.x, high.y), Point(high.x, low.y)
    return (
        Segment(low, upper_left),
        Segment(high, upper_left),
        Segment(low, lower_right),
        Segment(high, lower_right),
    )


def polygon(box: Box) -> Polygon:
    """The four corners, from the lower left one upwards."""
    high, low = box
    return Polygon((low, Point(low.x, high.y), high, Point(high.x, low.y)))


def circle(box: Box) -> Circle:
    """The circle around a box."""
    middle = center(box)
    return Circle(middle, distance(middle, box.high))


def meets_segment(box: Box, segment: Segment) -> bool:
    """Whether a segment has a point in a box."""
    start, end = segment
    reach = Box(
        Point(larger(start.x, end.x), larger(start.y, end.y)), Point(smaller(start.x, end.x), smaller(start.y, end.y))
    )
    if not overlap(reach, box):
        return False
    if holds(box, start) or holds(box, end):
        return True
    return any(segments.crossing(edge, segment) is not None for edge in edges(box))


def meets_line(box: Box, line: Line) -> bool:
    """Whether a line meets an edge of a box."""
    high, low = box
    upper_left, lower_right = Point(low.x, high.y), Point(high.x, low.y)
    around_it = (
        Segment(low, upper_left), Segment(high, upper_left), Segment(high, lower_right), Segment(low, lower_right),
    )  # fmt: skip
    return any(segments.crossing_line(edge, line) is not None for edge in around_it)


def _best(found: list[Nearest]) -> Nearest:
    best = found[0]
    for candidate in found[1:]:
        if below(candidate[0], best[0]):
            best = candidate
    return best


def nearest_to_point(box: Box, point: Point) -> Nearest:
    """The distance of a point from a box, and the point of the box that is closest to it."""
    if holds(box, point):
        return 0.0, point
    return _best([segments.nearest_to_point(edge, point) for edge in edges(box)])


def nearest_to_segment(box: Box, segment: Segment) -> Nearest:
    """The same of a segment; where they meet, the point of the segment that is closest to the middle of the box."""
    if meets_segment(box, segment):
        return 0.0, segments.nearest_to_point(segment, center(box))[1]
    return _best([segments.nearest_to_segment(edge, segment) for edge in edges(box)])

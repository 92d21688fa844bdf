"""Polygons: what they hold, whether they overlap, and how far they are from something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from datacave_core.types.float_arithmetic import add, divide, multiply, subtract
from datacave_core.types.geometry import Circle, Point, Polygon, Segment, below, distance, hull, same_point
from datacave_sql.functions.geometry import boxes, neighbours, points, segments
from datacave_sql.functions.geometry.nearness import NEARNESS, at_least, at_most, greater, less, zero


def sides(polygon: Polygon) -> list[Segment]:
    """Its edges, the one from the last to the first point first."""
    return segments.sides(polygon.points, is_closed=True)


def holds(corners: tuple[Point, ...], point: Point) -> bool:
    """Whether a point is inside a polygon or on its edge, by how often a ray to the right crosses edges."""
    around = [(subtract(x, point.x), subtract(y, point.y)) for x, y in corners]
    turns = 0
    previous = around[0]
    for here in (*around[1:], around[0]):
        found = _crossed(*here, *previous)
        if found is None:
            return True
        turns += found
        previous = here
    return turns != 0


def _crossed(x: float, y: float, x_before: float, y_before: float) -> int | None:
    """How an edge crosses the positive x axis: 2 or -2 through it, 1 or -1 onto it or from it, 0 not.

    None if the edge goes through the origin.
    """
    if zero(y):
        if zero(x):
            return None
        if zero(y_before):
            return 0 if (greater(x_before, 0.0) if greater(x, 0.0) else less(x_before, 0.0)) else None
        if greater(x, 0.0):
            return 1 if less(y_before, 0.0) else -1
        return 0
    sign = 1 if greater(y, 0.0) else -1
    if zero(y_before):
        return 0 if less(x_before, 0.0) else sign
    if less(y_before, 0.0) if sign < 0 else greater(y_before, 0.0):
        return 0
    if at_least(x, 0.0) and greater(x_before, 0.0):
        return 2 * sign
    if less(x, 0.0) and at_most(x_before, 0.0):
        return 0
    side = subtract(multiply(subtract(x, x_before), y), multiply(subtract(y, y_before), x))
    if zero(side):
        return None
    return 0 if (less(side, 0.0) if sign < 0 else greater(side, 0.0)) else 2 * sign


def are_same(one: Polygon, other: Polygon) -> bool:
    """Whether they have the same points in the same order, from any of them on and in either direction."""
    count = len(one.points)
    if count != len(other.points):
        return False
    for start in range(count):
        if not same_point(other.points[start], one.points[0]):
            continue
        for step in (1, -1):
            if all(same_point(other.points[(start + step * at) % count], one.points[at]) for at in range(1, count)):
                return True
    return False


def overlap(one: Polygon, other: Polygon) -> bool:
    """Whether edges cross, or one is inside the other."""
    if not boxes.overlap(hull(one.points), hull(other.points)):
        return False
    if neighbours.meet(sides(one), sides(other)):
        return True
    return holds(other.points, one.points[0]) or holds(one.points, other.points[0])


def contains(outer: Polygon, inner: Polygon) -> bool:
    """Whether all edges of the second polygon are inside the first or on its edges."""
    if not boxes.contains(hull(outer.points), hull(inner.points)):
        return False
    outline = Outline(outer, len(inner.points))
    return all(_is_inside(side.start, side.end, outline, 0) for side in sides(inner))


class Outline:
    """The edges of a polygon that many segments are compared with."""

    __slots__ = ("_surroundings", "_y", "corners")

    def __init__(self, polygon: Polygon, count: int) -> None:
        self.corners = polygon.points
        self._surroundings: neighbours.Surroundings | None = None
        self._y: Any = None
        if neighbours.are_many(len(self.corners), count) and neighbours.are_plain(self.corners):
            # The edge with number i ends in the corner with number i.
            self._surroundings = neighbours.Surroundings(sides(polygon))
            self._y = np.array([point.y for point in self.corners])

    def edges_near(self, segment: Segment, first: int) -> Iterable[int]:
        """Numbers of the edges, from one on, that may touch a segment."""
        if self._surroundings is None or not neighbours.are_plain(segment):
            return range(first, len(self.corners))
        around = neighbours.Surroundings([segment])
        found = np.flatnonzero(self._surroundings.meeting(around.low[0], around.high[0]))
        return [at for at in found.tolist() if at >= first]

    def holds(self, point: Point) -> bool:
        """Whether a point is inside or on an edge."""
        if self._y is None:
            return holds(self.corners, point)
        # Edges that are all above or all below the ray to the right do not count.
        above = self._y - point.y
        side = (above > NEARNESS).astype(int) - (above < -NEARNESS)
        turns = 0
        for at in np.flatnonzero((side == 0) | (side != np.roll(side, 1))).tolist():
            here, before = self.corners[at], self.corners[at - 1]
            found = _crossed(*points.minus(here, point), *points.minus(before, point))
            if found is None:
                return True
            turns += found
        return turns != 0


def _is_inside(start: Point, end: Point, outline: Outline, first: int) -> bool:
    """Whether a segment is inside, as far as the edges from number `first` on tell.

    Where an edge touches it or crosses it, its parts are looked at with the edges that follow.
    """
    corners = outline.corners
    segment = Segment(start, end)
    is_cut = False
    for at in outline.edges_near(segment, first):
        edge = Segment(corners[at - 1], corners[at])
        if segments.holds(edge, start):
            if segments.holds(edge, end):
                return True
            if not _goes_on_inside(start, end, edge, outline, at + 1):
                return False
        elif segments.holds(edge, end):
            if not _goes_on_inside(end, start, edge, outline, at + 1):
                return False
        elif (cut := segments.crossing(segment, edge)) is not None:
            is_cut = True
            if not _is_inside(start, cut, outline, at + 1) or not _is_inside(end, cut, outline, at + 1):
                return False
    return is_cut or outline.holds(points.middle(start, end))


def _goes_on_inside(touching: Point, other: Point, edge: Segment, outline: Outline, first: int) -> bool:
    """Of a segment with one end on an edge: whether what lies beyond the edge, if they are in line, is inside."""
    segment = Segment(touching, other)
    for near_end, far_end in (edge, (edge.end, edge.start)):
        if same_point(touching, near_end):
            return not segments.holds(segment, far_end) or _is_inside(other, far_end, outline, first)
    for corner in edge:
        if segments.holds(segment, corner):
            return _is_inside(other, corner, outline, first)
    return True


def gap(one: Polygon, other: Polygon) -> float | None:
    """The distance; 0 when they overlap."""
    return 0.0 if overlap(one, other) else neighbours.least_gap(sides(one), sides(other))


def distance_from(polygon: Polygon, point: Point) -> float:
    """The distance of a point; 0 inside."""
    corners = polygon.points
    if holds(corners, point):
        return 0.0
    best, _ = segments.nearest_to_point(Segment(corners[0], corners[-1]), point)
    for side in segments.sides(corners, is_closed=False):
        found, _ = segments.nearest_to_point(side, point)
        if below(found, best):
            best = found
    return best


def circle(polygon: Polygon) -> Circle:
    """Around the mean of its points, with their mean distance from it."""
    count = float(len(polygon.points))
    total = Point(0.0, 0.0)
    for point in polygon.points:
        total = points.plus(total, point)
    center = Point(divide(total.x, count), divide(total.y, count))
    radius = 0.0
    for point in polygon.points:
        radius = add(radius, distance(point, center))
    return Circle(center, divide(radius, count))

"""Paths: their measures, whether two of them meet, and how far they are from something."""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.types.float_arithmetic import add, divide, multiply, subtract
from datacave_core.types.geometry import Path, Point, Polygon, Segment, below, distance, hull
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.geometry import boxes, neighbours, polygons, segments
from datacave_sql.functions.geometry.nearness import near


def sides(path: Path) -> list[Segment]:
    """Its segments."""
    return segments.sides(path.points, path.is_closed)


def area(path: Path) -> float | None:
    """What a closed path surrounds; NULL for an open one."""
    if not path.is_closed:
        return None
    total = 0.0
    for here, there in zip(path.points, (*path.points[1:], path.points[0]), strict=True):
        total = subtract(add(total, multiply(here.x, there.y)), multiply(here.y, there.x))
    return divide(abs(total), 2.0)


def length(path: Path) -> float:
    """Of all its segments."""
    return segments.total_length(sides(path))


def meet(one: Path, other: Path) -> bool:
    """Whether segments of two paths cross."""
    if not boxes.overlap(hull(one.points), hull(other.points)):
        return False
    return neighbours.meet(sides(one), sides(other))


def gap(one: Path, other: Path) -> float | None:
    """The distance of two paths; NULL if one of them is a single open point."""
    return neighbours.least_gap(sides(one), sides(other))


def distance_from(path: Path, point: Point) -> float:
    """The distance of a point; 0 of a path without segments."""
    best: float | None = None
    for side in sides(path):
        found, _ = segments.nearest_to_point(side, point)
        if best is None or below(found, best):
            best = found
    return 0.0 if best is None else best


def holds(path: Path, point: Point) -> bool:
    """Whether a point lies on an open path, or inside or on a closed one."""
    if path.is_closed:
        return polygons.holds(path.points, point)
    before = distance(point, path.points[0])
    for start, end in zip(path.points, path.points[1:], strict=False):
        after = distance(point, end)
        if near(add(before, after), distance(start, end)):
            return True
        before = after
    return False


def joined(one: Path, other: Path) -> Path | None:
    """Two open paths, one after the other; NULL if one is closed."""
    return None if one.is_closed or other.is_closed else Path(False, one.points + other.points)


def moved(operation: Callable[[Point, Point], Point]) -> Callable[[Path, Point], Path]:
    """A path each point of which is moved or turned."""
    return lambda path, by: path._replace(points=tuple([operation(point, by) for point in path.points]))


def polygon(path: Path) -> Polygon:
    """What a closed path surrounds; raises 22023 for an open one."""
    if not path.is_closed:
        raise bad_parameter("open path cannot be converted to polygon")
    return Polygon(path.points)

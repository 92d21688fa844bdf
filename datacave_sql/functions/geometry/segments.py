"""Segments: where they meet lines and each other, and which of their points is closest to something.

`nearest_*` give the distance and the point; the distance is NaN where there is no such point.
"""

from __future__ import annotations

from datacave_core.types.float_arithmetic import add
from datacave_core.types.geometry import Line, Point, Segment, below, distance, line_through, same_point, slope
from datacave_sql.functions.geometry import lines, points
from datacave_sql.functions.geometry.nearness import near

Nearest = tuple[float, Point]


def length(segment: Segment) -> float:
    """From end to end."""
    return distance(segment.start, segment.end)


def steepness(segment: Segment) -> float:
    """The slope; infinite when it stands upright."""
    return slope(segment.start, segment.end)


def holds(segment: Segment, point: Point) -> bool:
    """Whether the way over a point is no detour."""
    start, end = segment
    return near(distance(point, start) + distance(point, end), distance(start, end))


def crossing_line(segment: Segment, line: Line) -> Point | None:
    """Where a segment meets a line."""
    start, end = segment
    found = lines.crossing(line_through(start, slope(start, end)), line)
    if found is None or not holds(segment, found):
        return None
    return start if same_point(start, found) else end if same_point(end, found) else found


def crossing(one: Segment, other: Segment) -> Point | None:
    """Where two segments meet; None for parallel ones, whether or not they overlap."""
    found = crossing_line(one, line_through(other.start, steepness(other)))
    return found if found is not None and holds(other, found) else None


def are_parallel(one: Segment, other: Segment) -> bool:
    """Whether they have the same slope."""
    return near(steepness(one), steepness(other))


def are_perpendicular(one: Segment, other: Segment) -> bool:
    """Whether one stands upright on the other."""
    return near(steepness(one), points.inverse_slope(other.start, other.end))


def are_same(one: Segment, other: Segment) -> bool:
    """Whether they begin and end at the same points."""
    return same_point(one.start, other.start) and same_point(one.end, other.end)


def nearest_to_line(segment: Segment, line: Line) -> Nearest:
    """The point of a segment that is closest to a line; of equally close ends the second."""
    found = crossing_line(segment, line)
    if found is not None:
        return 0.0, found
    from_start, _ = lines.nearest(line, segment.start)
    from_end, _ = lines.nearest(line, segment.end)
    return (from_start, segment.start) if from_start < from_end else (from_end, segment.end)


def nearest_to_point(segment: Segment, point: Point) -> Nearest:
    """The point of a segment that is closest to a point."""
    upright = line_through(point, points.inverse_slope(segment.start, segment.end))
    _, found = nearest_to_line(segment, upright)
    return distance(found, point), found


def nearest_to_segment(segment: Segment, other: Segment) -> Nearest:
    """The point of a segment that is closest to another segment."""
    found = crossing(segment, other)
    if found is not None:
        return 0.0, found
    best = nearest_to_point(segment, other.start)
    candidates = (
        nearest_to_point(segment, other.end),
        (nearest_to_point(other, segment.start)[0], segment.start),
        (nearest_to_point(other, segment.end)[0], segment.end),
    )
    for candidate in candidates:
        if below(candidate[0], best[0]):
            best = candidate
    return best


def sides(corners: tuple[Point, ...], is_closed: bool) -> list[Segment]:
    """The segments of a way along points; a closed one begins with the segment from the last to the first."""
    found = [Segment(corners[at - 1], corners[at]) for at in range(1, len(corners))]
    return [Segment(corners[-1], corners[0]), *found] if is_closed else found


def total_length(found: list[Segment]) -> float:
    """Of all of them."""
    total = 0.0
    for segment in found:
        total = add(total, length(segment))
    return total

"""The geometric values: points of the plane and what is made of them, all in double precision.

    point    Point               path     Path, open or closed, of at least one point
    line     Line, Ax + By + C   polygon  Polygon of at least one point
    lseg     Segment             circle   Circle
    box      Box, high corner first

Two coordinates within NEARNESS of each other count as equal, as in PostgreSQL; the Python equality of the values is
exact. Not here: text and binary form (`geometry_io.py`), what operators and functions compute (the SQL layer).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from struct import Struct, pack, unpack
from typing import Final, NamedTuple, TypeAlias

from datacave_core.types.float_arithmetic import divide, hypotenuse, multiply, subtract

NEARNESS: Final = 1.0e-06
"""How far apart two numbers may be and still count as equal."""


class Point(NamedTuple):
    """A place in the plane."""

    x: float
    y: float


class Line(NamedTuple):
    """All points with a * x + b * y + c = 0."""

    a: float
    b: float
    c: float


class Segment(NamedTuple):
    """The straight way between two points (lseg)."""

    start: Point
    end: Point


class Box(NamedTuple):
    """A rectangle along the axes: its upper right and its lower left corner."""

    high: Point
    low: Point


class Path(NamedTuple):
    """A way along points; a closed one goes back to where it began."""

    is_closed: bool
    points: tuple[Point, ...]


class Polygon(NamedTuple):
    """The plane inside a closed way along points."""

    points: tuple[Point, ...]


class Circle(NamedTuple):
    """A disc."""

    center: Point
    radius: float


Geometry: TypeAlias = Point | Line | Segment | Box | Path | Polygon | Circle

_TWO: Final = Struct("!dd")
_THREE: Final = Struct("!ddd")
_FOUR: Final = Struct("!dddd")


def below(a: float, b: float) -> bool:
    """a < b where NaN is above everything, as double precision sorts."""
    return a < b or (b != b and a == a)


def make_box(one: Point, other: Point) -> Box:
    """The box with two opposite corners."""
    right, left = (one.x, other.x) if below(other.x, one.x) else (other.x, one.x)
    top, bottom = (one.y, other.y) if below(other.y, one.y) else (other.y, one.y)
    return Box(Point(right, top), Point(left, bottom))


def sorted_box(high: Point, low: Point) -> Box:
    """The box that a client spells: the corners in either order."""
    right, left = (low.x, high.x) if below(high.x, low.x) else (high.x, low.x)
    top, bottom = (low.y, high.y) if below(high.y, low.y) else (high.y, low.y)
    return Box(Point(right, top), Point(left, bottom))


def hull(points: Sequence[Point]) -> Box:
    """The smallest box around points, of which there is at least one."""
    left, bottom = right, top = points[0]
    for x, y in points[1:]:
        if below(x, left):
            left = x
        if below(right, x):
            right = x
        if below(y, bottom):
            bottom = y
        if below(top, y):
            top = y
    return Box(Point(right, top), Point(left, bottom))


def same_number(a: float, b: float) -> bool:
    """Whether two numbers are within NEARNESS; never true of NaN."""
    return a == b or abs(a - b) <= NEARNESS


def same_point(one: Point, other: Point) -> bool:
    """Whether two points are the same to a given accuracy; with NaN among the coordinates, exactly the same."""
    ax, ay = one
    bx, by = other
    if ax != ax or ay != ay or bx != bx or by != by:
        return (ax == bx or (ax != ax and bx != bx)) and (ay == by or (ay != ay and by != by))
    return (ax == bx or abs(ax - bx) <= NEARNESS) and (ay == by or abs(ay - by) <= NEARNESS)


def distance(one: Point, other: Point) -> float:
    """How far apart two points are; raises 22003."""
    return hypotenuse(subtract(one.x, other.x), subtract(one.y, other.y))


def slope(one: Point, other: Point) -> float:
    """That of the line through two points; infinite when one is above the other, or the same."""
    if same_number(one.x, other.x):
        return math.inf
    if same_number(one.y, other.y):
        return 0.0
    return divide(subtract(one.y, other.y), subtract(one.x, other.x))


def line_through(point: Point, steepness: float) -> Line:
    """The line of a slope through a point."""
    if math.isinf(steepness):
        return Line(-1.0, 0.0, point.x)
    if steepness == 0:
        return Line(0.0, -1.0, point.y)
    # Adding zero turns -0 into 0.
    return Line(steepness, -1.0, subtract(point.y, multiply(steepness, point.x)) + 0.0)


def numbers_of(points: Iterable[Point]) -> tuple[float, ...]:
    """The coordinates one after the other."""
    return tuple([number for point in points for number in point])


def points_of(numbers: Sequence[float]) -> tuple[Point, ...]:
    """The opposite of `numbers_of`."""
    return tuple([Point(numbers[at], numbers[at + 1]) for at in range(0, len(numbers), 2)])


def pack_point(value: Point) -> bytes:
    """Its two coordinates, eight bytes each, most significant first; so the others, number by number."""
    return _TWO.pack(*value)


def pack_line(value: Line) -> bytes:
    return _THREE.pack(*value)


def pack_corners(value: Segment | Box) -> bytes:
    return _FOUR.pack(*value[0], *value[1])


def pack_circle(value: Circle) -> bytes:
    return _THREE.pack(*value.center, value.radius)


def pack_points(points: Sequence[Point]) -> bytes:
    return pack(f"!{2 * len(points)}d", *numbers_of(points))


def pack_path(value: Path) -> bytes:
    return (b"\1" if value.is_closed else b"\0") + pack_points(value.points)


def pack_polygon(value: Polygon) -> bytes:
    return pack_points(value.points)


def unpack_point(data: bytes) -> Point:
    """The exact value that was packed; so the others. Nothing is checked or put in order."""
    return Point(*_TWO.unpack(data))


def unpack_line(data: bytes) -> Line:
    return Line(*_THREE.unpack(data))


def unpack_segment(data: bytes) -> Segment:
    x1, y1, x2, y2 = _FOUR.unpack(data)
    return Segment(Point(x1, y1), Point(x2, y2))


def unpack_box(data: bytes) -> Box:
    x1, y1, x2, y2 = _FOUR.unpack(data)
    return Box(Point(x1, y1), Point(x2, y2))


def unpack_circle(data: bytes) -> Circle:
    x, y, radius = _THREE.unpack(data)
    return Circle(Point(x, y), radius)


def unpack_points(data: bytes) -> tuple[Point, ...]:
    return points_of(unpack(f"!{len(data) // 8}d", data))


def unpack_path(data: bytes) -> Path:
    return Path(data[0] != 0, unpack_points(data[1:]))


def unpack_polygon(data: bytes) -> Polygon:
    return Polygon(unpack_points(data))


def bounds(value: Point | Box | Polygon) -> Box:
    """The smallest box around a shape."""
    if isinstance(value, Point):
        return Box(value, value)
    return value if isinstance(value, Box) else hull(value.points)

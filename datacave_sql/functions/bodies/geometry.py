"""point, line, lseg, box, path, polygon and circle: which of `functions/geometry/` each operator and function is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.types.float_arithmetic import multiply
from datacave_core.types.geometry import (
    Box,
    Circle,
    Path,
    Point,
    Segment,
    distance,
    hull,
    make_box,
    same_point,
    slope,
)
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.geometry import boxes, circles, lines, nearness, paths, points, polygons, segments
from datacave_sql.functions.geometry.nearness import at_least, at_most, greater, less, near, zero

BODIES = Bodies()

_Relation = Callable[[Any, Any], bool]
_Measure = Callable[[Any], Any]


def _by(measure: _Measure, relation: _Relation) -> _Relation:
    """A relation between a number of each."""
    return lambda a, b: relation(measure(a), measure(b))


def _between(relation: _Relation, of_first: _Measure, of_second: _Measure) -> _Relation:
    """A relation between one number of the first and another one of the second."""
    return lambda a, b: relation(of_first(a), of_second(b))


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: function(b, a)


def _length(nearest: Callable[[Any, Any], tuple[float, Point]]) -> Callable[[Any, Any], float]:
    return lambda a, b: nearest(a, b)[0]


def _place(nearest: Callable[[Any, Any], tuple[float, Point]]) -> Callable[[Any, Any], Point | None]:
    """The nearest point; NULL where there is none."""

    def place(a: Any, b: Any) -> Point | None:
        length, point = nearest(a, b)
        return point if length == length else None

    return place


_ORDER: dict[str, _Relation] = {"lt": less, "le": at_most, "gt": greater, "ge": at_least}
for _word, _relation in _ORDER.items():
    BODIES.add(f"box_{_word}", _by(boxes.area, _relation))
    BODIES.add(f"circle_{_word}", _by(circles.area, _relation))
    BODIES.add(f"lseg_{_word}", _by(segments.length, _relation))
BODIES.add("box_eq", _by(boxes.area, near))
BODIES.add("circle_eq", _by(circles.area, near))
BODIES.add("circle_ne", _by(circles.area, nearness.apart))
BODIES.add("lseg_eq", segments.are_same)
BODIES.add("lseg_ne", lambda a, b: not segments.are_same(a, b))
BODIES.add("path_n_lt", lambda a, b: len(a.points) < len(b.points))
BODIES.add("path_n_le", lambda a, b: len(a.points) <= len(b.points))
BODIES.add("path_n_gt", lambda a, b: len(a.points) > len(b.points))
BODIES.add("path_n_ge", lambda a, b: len(a.points) >= len(b.points))
BODIES.add("path_n_eq", lambda a, b: len(a.points) == len(b.points))
BODIES.add("point_eq", same_point)
BODIES.add("point_ne", lambda a, b: not same_point(a, b))
BODIES.add("line_eq", lines.are_same)
BODIES.add("box_same", boxes.are_same)
BODIES.add("poly_same", polygons.are_same)
BODIES.add("circle_same", circles.are_same)

# Left and right, below and above: edges of a shape, compared to a given accuracy except those of polygons.
_EDGES: dict[str, tuple[_Measure, _Measure, _Measure, _Measure]] = {
    "box": (lambda a: a.low.x, lambda a: a.high.x, lambda a: a.low.y, lambda a: a.high.y),
    "circle": (circles.left, circles.right, circles.bottom, circles.top),
    "poly": (
        lambda a: hull(a.points).low.x,
        lambda a: hull(a.points).high.x,
        lambda a: hull(a.points).low.y,
        lambda a: hull(a.points).high.y,
    ),
}
_EXACT: dict[str, _Relation] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
for _shape, (_left, _right, _bottom, _top) in _EDGES.items():
    _compare = _EXACT if _shape == "poly" else _ORDER
    BODIES.add(f"{_shape}_left", _between(_compare["lt"], _right, _left))
    BODIES.add(f"{_shape}_overleft", _by(_right, _compare["le"]))
    BODIES.add(f"{_shape}_right", _between(_compare["gt"], _left, _right))
    BODIES.add(f"{_shape}_overright", _by(_left, _compare["ge"]))
    BODIES.add(f"{_shape}_below", _between(_compare["lt"], _top, _bottom))
    BODIES.add(f"{_shape}_overbelow", _by(_top, _compare["le"]))
    BODIES.add(f"{_shape}_above", _between(_compare["gt"], _bottom, _top))
    BODIES.add(f"{_shape}_overabove", _by(_bottom, _compare["ge"]))
BODIES.add("box_below_eq", _between(at_most, _EDGES["box"][3], _EDGES["box"][2]))
BODIES.add("box_above_eq", _between(at_least, _EDGES["box"][2], _EDGES["box"][3]))
BODIES.add("point_left", lambda a, b: less(a.x, b.x))
BODIES.add("point_right", lambda a, b: greater(a.x, b.x))
BODIES.add("point_below", lambda a, b: less(a.y, b.y))
BODIES.add("point_above", lambda a, b: greater(a.y, b.y))
BODIES.add("point_vert", lambda a, b: near(a.x, b.x))
BODIES.add("point_horiz", lambda a, b: near(a.y, b.y))
BODIES.add("line_vertical", lambda line: zero(line.b))
BODIES.add("line_horizontal", lambda line: zero(line.a))
BODIES.add("lseg_vertical", lambda segment: near(segment.start.x, segment.end.x))
BODIES.add("lseg_horizontal", lambda segment: near(segment.start.y, segment.end.y))
BODIES.add("line_parallel", lines.are_parallel)
BODIES.add("line_perp", lines.are_perpendicular)
BODIES.add("lseg_parallel", segments.are_parallel)
BODIES.add("lseg_perp", segments.are_perpendicular)

# Overlapping and containing.
BODIES.add("box_overlap", boxes.overlap)
BODIES.add("box_contain", boxes.contains)
BODIES.add("box_contained", _swapped(boxes.contains))
BODIES.add("box_contain_pt", boxes.holds)
BODIES.add("on_pb", _swapped(boxes.holds))
BODIES.add("on_pl", _swapped(lines.holds))
BODIES.add("on_ps", _swapped(segments.holds))
BODIES.add("on_ppath", _swapped(paths.holds))
BODIES("path_contain_pt(602 600)")(paths.holds)
BODIES.add("on_sb", lambda segment, box: boxes.holds(box, segment.start) and boxes.holds(box, segment.end))
BODIES.add("on_sl", lambda segment, line: lines.holds(line, segment.start) and lines.holds(line, segment.end))
BODIES.add("poly_overlap", polygons.overlap)
BODIES.add("poly_contain", polygons.contains)
BODIES.add("poly_contained", _swapped(polygons.contains))
BODIES.add("poly_contain_pt", lambda polygon, point: polygons.holds(polygon.points, point))
BODIES.add("pt_contained_poly", lambda point, polygon: polygons.holds(polygon.points, point))
BODIES.add("circle_overlap", circles.overlap)
BODIES.add("circle_contain", circles.contains)
BODIES.add("circle_contained", _swapped(circles.contains))
BODIES.add("circle_contain_pt", circles.holds)
BODIES.add("pt_contained_circle", _swapped(circles.holds))

# Meeting, and where.
BODIES.add("line_intersect", lambda a, b: lines.crossing(a, b) is not None)
BODIES.add("line_interpt", lines.crossing)
BODIES.add("lseg_intersect", lambda a, b: segments.crossing(a, b) is not None)
BODIES.add("lseg_interpt", segments.crossing)
BODIES.add("inter_sl", lambda segment, line: segments.crossing_line(segment, line) is not None)
BODIES.add("inter_sb", _swapped(boxes.meets_segment))
BODIES.add("inter_lb", _swapped(boxes.meets_line))
BODIES.add("path_inter", paths.meet)
BODIES.add("box_intersect", boxes.shared)

# Distances, and the nearest point of the second.
BODIES.add("point_distance", distance)
BODIES.add("line_distance", lines.gap)
BODIES.add("box_distance", lambda a, b: distance(boxes.center(a), boxes.center(b)))
BODIES.add("path_distance", paths.gap)
BODIES.add("poly_distance", polygons.gap)
BODIES.add("circle_distance", circles.gap)
BODIES.add("lseg_distance", _length(segments.nearest_to_segment))
BODIES.add("dist_lp", _length(lines.nearest))
BODIES.add("dist_pl", _swapped(_length(lines.nearest)))
BODIES.add("dist_sp", _length(segments.nearest_to_point))
BODIES.add("dist_ps", _swapped(_length(segments.nearest_to_point)))
BODIES.add("dist_sl", _length(segments.nearest_to_line))
BODIES.add("dist_ls", _swapped(_length(segments.nearest_to_line)))
BODIES.add("dist_bp", _length(boxes.nearest_to_point))
BODIES.add("dist_pb", _swapped(_length(boxes.nearest_to_point)))
BODIES.add("dist_bs", _length(boxes.nearest_to_segment))
BODIES.add("dist_sb", _swapped(_length(boxes.nearest_to_segment)))
BODIES.add("dist_pathp", paths.distance_from)
BODIES.add("dist_ppath", _swapped(paths.distance_from))
BODIES.add("dist_polyp", polygons.distance_from)
BODIES.add("dist_ppoly", _swapped(polygons.distance_from))
BODIES.add("dist_cpoint", circles.distance_from)
BODIES.add("dist_pc", _swapped(circles.distance_from))
BODIES.add("dist_cpoly", circles.distance_from_polygon)
BODIES.add("dist_polyc", _swapped(circles.distance_from_polygon))
BODIES.add("close_pl", _swapped(_place(lines.nearest)))
BODIES.add("close_ps", _swapped(_place(segments.nearest_to_point)))
BODIES.add("close_pb", _swapped(_place(boxes.nearest_to_point)))
BODIES.add("close_sb", _swapped(_place(boxes.nearest_to_segment)))


@BODIES("close_ls")
def nearest_to_line(line: Any, segment: Segment) -> Point | None:
    """The point of the segment that is closest to the line; NULL when they have the same slope."""
    if segments.steepness(segment) == lines.steepness(line):
        return None
    return _place(segments.nearest_to_line)(segment, line)


@BODIES("close_lseg")
def nearest_to_segment(one: Segment, other: Segment) -> Point | None:
    """The point of the second that is closest to the first; NULL when they have the same slope."""
    if segments.steepness(one) == segments.steepness(other):
        return None
    return _place(segments.nearest_to_segment)(other, one)


# Arithmetic with points.
for _word, _operation in (("add", points.plus), ("sub", points.minus)):
    BODIES.add(f"point_{_word}", _operation)
    BODIES.add(f"box_{_word}", boxes.moved(_operation))
    BODIES.add(f"path_{_word}_pt", paths.moved(_operation))
BODIES.add("circle_add_pt", lambda circle, by: Circle(points.plus(circle.center, by), circle.radius))
BODIES.add("circle_sub_pt", lambda circle, by: Circle(points.minus(circle.center, by), circle.radius))
for _word, _operation in (("mul", points.times), ("div", points.over)):
    BODIES.add(f"point_{_word}", _operation)
    BODIES.add(f"box_{_word}", boxes.turned(_operation))
    BODIES.add(f"path_{_word}_pt", paths.moved(_operation))
BODIES.add("circle_mul_pt", circles.times)
BODIES.add("circle_div_pt", circles.over)
BODIES.add("path_add", paths.joined)

# Measures and parts.
BODIES.add("box_area", boxes.area)
BODIES.add("box_width", boxes.width)
BODIES.add("box_height", boxes.height)
BODIES.add("box_center", boxes.center)
BODIES.add("box_diagonal", lambda box: Segment(box.high, box.low))
BODIES.add("boxes_bound_box", boxes.around)
BODIES.add("circle_area", circles.area)
BODIES.add("circle_center", lambda circle: circle.center)
BODIES.add("circle_radius", lambda circle: circle.radius)
BODIES.add("circle_diameter", lambda circle: multiply(circle.radius, 2.0))
BODIES.add("lseg_length", segments.length)
BODIES.add("lseg_center", lambda segment: points.middle(*segment))
BODIES.add("path_area", paths.area)
BODIES.add("path_length", paths.length)
BODIES.add("path_isclosed", lambda path: path.is_closed)
BODIES.add("path_isopen", lambda path: not path.is_closed)
BODIES.add("path_npoints poly_npoints", lambda shape: len(shape.points))
BODIES.add("path_close", lambda path: Path(True, path.points))
BODIES.add("path_open", lambda path: Path(False, path.points))
BODIES.add("point_slope", slope)
BODIES.add("poly_center", lambda polygon: polygons.circle(polygon).center)

# One shape made of another.
BODIES.add("construct_point", Point)
BODIES.add("line_construct_pp", lines.through)
BODIES.add("lseg_construct", Segment)
BODIES.add("points_box", make_box)
BODIES.add("point_box", lambda point: Box(point, point))
BODIES.add("cr_circle", Circle)
BODIES.add("box_circle", boxes.circle)
BODIES.add("box_poly", boxes.polygon)
BODIES.add("circle_box", circles.box)
BODIES.add("circle_poly", circles.polygon)
BODIES.add("polygon(718)", lambda circle: circles.polygon(12, circle))
BODIES.add("path_poly", paths.polygon)
BODIES.add("poly_path", lambda polygon: Path(True, polygon.points))
BODIES.add("poly_box", lambda polygon: hull(polygon.points))
BODIES.add("poly_circle", polygons.circle)

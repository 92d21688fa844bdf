"""point, line, lseg, box, path, polygon and circle: their text and binary forms.

Not here: the values (`geometry.py`) and how their text is read (`geometry_text.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final, TypeVar

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8
from datacave_core.types.geometry import (
    NEARNESS,
    Box,
    Circle,
    Line,
    Path,
    Point,
    Polygon,
    Segment,
    line_through,
    pack_circle,
    pack_corners,
    pack_line,
    pack_point,
    pack_points,
    same_point,
    slope,
    sorted_box,
    unpack_circle,
    unpack_line,
    unpack_point,
    unpack_points,
    unpack_segment,
)
from datacave_core.types.geometry_text import GeometryReader, format_numbers, format_point, format_points
from datacave_core.types.settings import FormatSettings

T = TypeVar("T")

_COUNT: Final = Struct("!i")
_POINTS_MAX: Final = (2**31 - 1 - 16) // 16
"""Points that PostgreSQL's binary form may say to have, before any of them is read."""


def _geometry_io(
    parse: Callable[[str], Any],
    write: Callable[[Any, FormatSettings], str],
    receive: Callable[[bytes], Any],
    send: Callable[[Any], bytes],
) -> TypeIO:
    """None of the types has a default order or equality."""

    def read(text: str, typmod: int, settings: FormatSettings) -> Any:
        return parse(text)

    def encoder(settings: FormatSettings) -> Encoder:
        return lambda value: write(value, settings).encode()

    def decoder(settings: FormatSettings, typmod: int) -> Decoder:
        return lambda data: parse(decode_utf8(data))

    return TypeIO(read, write, receive, send, comparable=False, text_encoder=encoder, text_decoder=decoder)


def _sized(unpack: Callable[[bytes], T], length: int) -> Callable[[bytes], T]:
    def receive(data: bytes) -> T:
        if len(data) != length:
            raise bad_length(data, length)
        return unpack(data)

    return receive


def _bad_binary(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)


def parse_point(text: str) -> Point:
    """Raises 22P02 and 22003, as the others do."""
    reader = GeometryReader(text, "point")
    value = reader.point()
    reader.end()
    return value


def parse_segment(text: str) -> Segment:
    reader = GeometryReader(text, "lseg")
    (start, end), _ = reader.points(2, may_be_open=True)
    reader.end()
    return Segment(start, end)


def parse_box(text: str) -> Box:
    reader = GeometryReader(text, "box")
    (high, low), _ = reader.points(2, may_be_open=False)
    reader.end()
    return sorted_box(high, low)


def parse_line(text: str) -> Line:
    """`{a,b,c}`, or two points on it in every spelling of a segment."""
    reader = GeometryReader(text, "line")
    reader.spaces()
    if reader.take("{"):
        a = reader.number()
        reader.expect(",")
        b = reader.number()
        reader.expect(",")
        c = reader.number()
        reader.expect("}")
        reader.spaces()
        reader.end()
        if abs(a) <= NEARNESS and abs(b) <= NEARNESS:
            raise DatacaveError(
                "invalid line specification: A and B cannot both be zero",
                sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
            )
        return Line(a, b, c)
    (start, end), _ = reader.points(2, may_be_open=True)
    reader.end()
    if same_point(start, end):
        raise DatacaveError(
            "invalid line specification: must be two distinct points", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION
        )
    return line_through(start, slope(start, end))


def parse_path(text: str) -> Path:
    reader = GeometryReader(text, "path")
    count = reader.point_count()
    reader.spaces()
    enclosed = reader.only_bracket()
    points, is_open = reader.points(count, may_be_open=True)
    if enclosed:
        reader.expect(")")
        reader.spaces()
    reader.end()
    return Path(not is_open, points)


def parse_polygon(text: str) -> Polygon:
    reader = GeometryReader(text, "polygon")
    points, _ = reader.points(reader.point_count(), may_be_open=False)
    reader.end()
    return Polygon(points)


def parse_circle(text: str) -> Circle:
    reader = GeometryReader(text, "circle")
    reader.spaces()
    pointed = reader.take("<")
    enclosed = pointed or reader.outer_bracket()
    center = reader.point()
    reader.take(",")
    radius = reader.number()
    if radius < 0:
        raise reader.invalid()
    if enclosed:
        if not reader.take(")") and not reader.take(">"):
            raise reader.invalid()
        reader.spaces()
    reader.end()
    return Circle(center, radius)


def _receive_box(data: bytes) -> Box:
    return sorted_box(*unpack_segment(data))


def _receive_line(data: bytes) -> Line:
    value = unpack_line(data)
    if abs(value.a) <= NEARNESS and abs(value.b) <= NEARNESS:
        raise _bad_binary("invalid line specification: A and B cannot both be zero")
    return value


def _receive_circle(data: bytes) -> Circle:
    value = unpack_circle(data)
    if value.radius < 0:
        raise _bad_binary('invalid radius in external "circle" value')
    return value


def _receive_points(data: bytes, at: int, type_name: str) -> tuple[Point, ...]:
    """Points behind their number."""
    if len(data) < at + 4:
        raise bad_length(data, at + 4)
    (count,) = _COUNT.unpack_from(data, at)
    if not 0 < count < _POINTS_MAX:
        raise _bad_binary(f'invalid number of points in external "{type_name}" value')
    if len(data) != (length := at + 4 + 16 * count):
        raise bad_length(data, length)
    return unpack_points(data[at + 4 :])


def _send_points(points: tuple[Point, ...]) -> bytes:
    return _COUNT.pack(len(points)) + pack_points(points)


def _receive_path(data: bytes) -> Path:
    if not data:
        raise bad_length(data, 1)
    return Path(data[0] != 0, _receive_points(data, 1, "path"))


def _write_path(value: Path, settings: FormatSettings) -> str:
    shown = format_points(value.points, settings)
    return f"({shown})" if value.is_closed else f"[{shown}]"


POINT_IO: Final = _geometry_io(parse_point, format_point, _sized(unpack_point, 16), pack_point)
LINE_IO: Final = _geometry_io(
    parse_line, lambda value, settings: f"{{{format_numbers(value, settings)}}}", _sized(_receive_line, 24), pack_line
)
SEGMENT_IO: Final = _geometry_io(
    parse_segment,
    lambda value, settings: f"[{format_points(value, settings)}]",
    _sized(unpack_segment, 32),
    pack_corners,
)
BOX_IO: Final = _geometry_io(parse_box, format_points, _sized(_receive_box, 32), pack_corners)
PATH_IO: Final = _geometry_io(
    parse_path,
    _write_path,
    _receive_path,
    lambda value: (b"\1" if value.is_closed else b"\0") + _send_points(value.points),
)
POLYGON_IO: Final = _geometry_io(
    parse_polygon,
    lambda value, settings: f"({format_points(value.points, settings)})",
    lambda data: Polygon(_receive_points(data, 0, "polygon")),
    lambda value: _send_points(value.points),
)
CIRCLE_IO: Final = _geometry_io(
    parse_circle,
    lambda value, settings: f"<{format_point(value[0], settings)},{format_numbers(value[1:], settings)}>",
    _sized(_receive_circle, 24),
    pack_circle,
)

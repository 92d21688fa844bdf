"""Packing: any SQL value as compact bytes and back, without knowing its type.

msgpack carries None, bool, int, float, str and bytes; extension types carry the rest:

    1 Decimal   its text        4 Array   [elements, lengths, lower bounds]
    2 Interval  three integers  5 tuple   (composite) its fields
    3 TimeTz    two integers    6 int     beyond 64 bits, its text
    7 Inet      three integers  9 MultiRange  its ranges
    8 Range     its five parts  10 Tid    two integers

    11 Point, 12 Line, 13 Segment, 14 Box, 15 Path, 16 Polygon, 17 Circle: their numbers, eight bytes each, as
    types/geometry.py packs them

The numbers are stored in files and never change meaning. The bytes have no useful order; keycode/ is for keys.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgpack

from datacave_core.types import geometry as g
from datacave_core.types.location import Tid
from datacave_core.types.network import Inet
from datacave_core.types.range import MultiRange, Range
from datacave_core.values import Array, Interval, TimeTz

_DECIMAL = 1
_TUPLE = 5
_BIG_INT = 6

_CODES: dict[type, int] = {
    Interval: 2, TimeTz: 3, Array: 4, tuple: _TUPLE, Inet: 7, Range: 8, MultiRange: 9, Tid: 10,
}  # fmt: skip
_MAKERS: dict[int, Callable[..., Any]] = {code: kind for kind, code in _CODES.items() if code != _TUPLE}
_GEOMETRIES: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    g.Point: (11, g.pack_point), g.Line: (12, g.pack_line), g.Segment: (13, g.pack_corners),
    g.Box: (14, g.pack_corners), g.Path: (15, g.pack_path), g.Polygon: (16, g.pack_polygon),
    g.Circle: (17, g.pack_circle),
}  # fmt: skip
_GEOMETRY_MAKERS: dict[int, Callable[[bytes], Any]] = {
    11: g.unpack_point, 12: g.unpack_line, 13: g.unpack_segment, 14: g.unpack_box, 15: g.unpack_path,
    16: g.unpack_polygon, 17: g.unpack_circle,
}  # fmt: skip


def pack_value(value: Any) -> bytes:
    """The bytes of one value. Raises TypeError for an object that is no SQL value."""
    packed: bytes = msgpack.packb(value, default=_extend, strict_types=True)
    return packed


def unpack_value(packed: bytes) -> Any:
    """The value of pack_value."""
    return msgpack.unpackb(packed, ext_hook=_restore, use_list=False, strict_map_key=False)


def _extend(value: Any) -> msgpack.ExtType:
    kind = type(value)
    if kind is Decimal:
        return msgpack.ExtType(_DECIMAL, str(value).encode())
    if kind is int:
        return msgpack.ExtType(_BIG_INT, str(value).encode())
    code = _CODES.get(kind)
    if code is None:
        if (geometry := _GEOMETRIES.get(kind)) is not None:
            return msgpack.ExtType(geometry[0], geometry[1](value))
        raise TypeError(f"a {kind.__name__} is no SQL value")
    # One level as a plain list; what lies inside comes back here by itself. An array's three parts are lists too.
    parts = [list(part) for part in value] if kind is Array else list(value)
    return msgpack.ExtType(code, msgpack.packb(parts, default=_extend, strict_types=True))


def _restore(code: int, data: bytes) -> Any:
    if code == _DECIMAL:
        return Decimal(data.decode())
    if code == _BIG_INT:
        return int(data)
    if (unpack := _GEOMETRY_MAKERS.get(code)) is not None:
        return unpack(data)
    parts = unpack_value(data)
    if code == _TUPLE:
        return parts
    make = _MAKERS.get(code)
    if make is None:
        raise ValueError(f"unknown extension type {code}")
    return make(*parts)

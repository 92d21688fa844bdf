"""int2vector and oidvector, the catalog's own arrays: numbers between blanks, subscripts from 0, no NULL."""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.array import array_key, receive_array, send_array
from datacave_core.types.codec import TypeIO, invalid_input, out_of_range
from datacave_core.types.integer import INT2_IO, OID_IO
from datacave_core.types.settings import FormatSettings
from datacave_core.values import Array, Value

_NUMBER: Final = re.compile("[+-]?[0-9]+")
_SPACES: Final = " \t\n\r\v\f"
_ONE_DIMENSION: Final = b"\0\0\0\1"
_EMPTY: Final = Struct("!iiIii")


def _parse(text: str, type_name: str, low: int, high: int, delimiters: str) -> tuple[int, ...]:
    """`delimiters` may stand right behind a number; the rest of the text is what errors show."""
    numbers = []
    rest = text.lstrip(_SPACES)
    while rest:
        found = _NUMBER.match(rest)
        if found is None:
            raise invalid_input(type_name, rest)
        value = int(found[0]) if found.end() < 30 else high + 1
        if not low <= value <= high:
            raise out_of_range(type_name, rest)
        following = rest[found.end() :]
        if following and delimiters and following[0] not in delimiters:
            raise invalid_input(type_name, rest)
        numbers.append(value & 0xFFFFFFFF if high > 2**31 else value)
        rest = following.lstrip(_SPACES)
    return tuple(numbers)


def _output(value: Array, settings: FormatSettings) -> str:
    return " ".join(map(str, value.elements))


def _vector_io(element: TypeIO, element_oid: int, type_name: str, low: int, high: int, delimiters: str) -> TypeIO:
    vector_name = f"{'oid' if element_oid == oids.OID else 'int2'}vector"

    def read(text: str, typmod: int, settings: FormatSettings) -> Array:
        numbers = _parse(text, type_name, low, high, delimiters)
        return Array(numbers, (len(numbers),), (0,)) if numbers else Array(())

    def receive(data: bytes) -> Array:
        found = receive_array(data, element_oid, element.receive)
        if data[:4] != _ONE_DIMENSION:
            raise DatacaveError(f"invalid {vector_name} data", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)
        return found

    def send(value: Value) -> bytes:
        if not value.elements:
            return _EMPTY.pack(1, 0, element_oid, 0, 0)
        return send_array(value, element_oid, element.send)

    return TypeIO(read, _output, receive, send, comparison_key=array_key(None))


INT2VECTOR_IO: Final = _vector_io(INT2_IO, oids.INT2, "smallint", -(2**15), 2**15 - 1, " ")
OIDVECTOR_IO: Final = _vector_io(OID_IO, oids.OID, "oid", -(2**31), 2**32 - 1, "")

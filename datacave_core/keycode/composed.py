"""Composed values as bytes whose order is PostgreSQL's: arrays, ranges, rows, jsonb and the network types.

    ARRAY       per element 01 and its bytes, or 02 for NULL; 00; number of dimensions, their lengths and lower bounds
    RANGE       00 for empty, else 01, lower bound, upper bound. Bound: 00 and 02 are the infinities below and above,
                01, the value's bytes, then the side on which the value itself lies
    MULTIRANGE  its ranges, 00
    ROW         per column 01 and its bytes, or 02 for NULL; 03. NULLs at the end are left out, so that a column added
                to the type changes no key
    CITEXT      as TEXT, in lower case
    HSTORE      per pair 01, its key and 01 and its value, or 02 for NULL; 00. In no order that PostgreSQL has
    JSONB       rank of the kind; number of members; members. A scalar at the top counts as an array of one
    INET        family, network, bits of the network, address

Invariants are those of scalars.py: no encoding is a proper prefix of another, equal values have equal bytes.
Not here: what a type is composed of (the SQL layer says it, an encoder at a time).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from datacave_core.keycode.scalars import (
    INT_BIAS,
    KeyKind,
    encode_bpchar,
    encode_bytes,
    encode_float_bits,
    encode_interval,
    encode_numeric,
    encode_text,
    encode_timetz,
)
from datacave_core.types.hstore import hstore_pairs
from datacave_core.types.jsonb import JsonTree, jsonb_tree
from datacave_core.types.location import Tid
from datacave_core.types.network import Inet
from datacave_core.types.range import MultiRange, Range
from datacave_core.values import Array

ValueEncoder: TypeAlias = Callable[[Any], bytes]

_UINT64 = struct.Struct(">Q")
_TID = struct.Struct(">IH")
_DIMENSION_BIAS = 1 << 31
_END, _PRESENT, _NULL, _ROW_END = b"\0", b"\1", b"\2", b"\3"


def encode_citext(value: str) -> bytes:
    """The text in lower case."""
    return encode_text(value.lower())


def encode_hstore(value: str) -> bytes:
    """By its pairs, each with its key; equality is all that counts."""
    parts: list[bytes] = []
    for key, one in hstore_pairs(value).items():
        parts += (_PRESENT, encode_text(key), _NULL if one is None else _PRESENT + encode_text(one))
    return b"".join(parts) + _END


def encode_unsigned(value: int) -> bytes:
    """Integers up to 2**64 - 1: pg_lsn and xid8."""
    return _UINT64.pack(value)


def _encode_int(value: int) -> bytes:
    return _UINT64.pack(value + INT_BIAS)


def _encode_float(value: float) -> bytes:
    return _UINT64.pack(encode_float_bits(value))


def _encode_bool(value: bool) -> bytes:
    return b"\1" if value else b"\0"


SCALAR_ENCODERS: Final[dict[KeyKind, ValueEncoder]] = {
    KeyKind.INT: _encode_int,
    KeyKind.FLOAT: _encode_float,
    KeyKind.NUMERIC: encode_numeric,
    KeyKind.BOOL: _encode_bool,
    KeyKind.TEXT: encode_text,
    KeyKind.BPCHAR: encode_bpchar,
    KeyKind.BYTES: encode_bytes,
    KeyKind.UUID: bytes,
    KeyKind.INTERVAL: encode_interval,
    KeyKind.TIMETZ: encode_timetz,
}
"""The bytes of one value, as the generated encoders of whole keys write them."""


def array_encoder(element: ValueEncoder) -> ValueEncoder:
    """Element by element, NULL after everything; then the shorter one, then the shape."""

    def encode(value: Array) -> bytes:
        parts = [_NULL if one is None else _PRESENT + element(one) for one in value.elements]
        parts.append(bytes((0, len(value.lengths))))
        shape = (*value.lengths, *(bound + _DIMENSION_BIAS for bound in value.lower_bounds))
        parts.append(struct.pack(f">{len(shape)}I", *shape))
        return b"".join(parts)

    return encode


def _bounds_encoder(bound: ValueEncoder) -> Callable[[Range], bytes]:
    def encode(value: Range) -> bytes:
        lower = b"\0" if value.lower is None else b"\1" + bound(value.lower) + bytes((not value.lower_inclusive,))
        upper = b"\2" if value.upper is None else b"\1" + bound(value.upper) + bytes((value.upper_inclusive,))
        return _PRESENT + lower + upper

    return encode


def range_encoder(bound: ValueEncoder) -> ValueEncoder:
    """The empty range first, then by lower and upper bound."""
    bounds = _bounds_encoder(bound)

    def encode(value: Range) -> bytes:
        return _END if value.is_empty else bounds(value)

    return encode


def multirange_encoder(bound: ValueEncoder) -> ValueEncoder:
    """Range by range; of two with a common beginning the shorter one first."""
    bounds = _bounds_encoder(bound)

    def encode(value: MultiRange) -> bytes:
        return b"".join(map(bounds, value.ranges)) + _END

    return encode


def row_encoder(columns: Sequence[ValueEncoder]) -> ValueEncoder:
    """Column by column, NULL after everything."""

    def encode(value: Sequence[Any]) -> bytes:
        parts = [
            _NULL if member is None else _PRESENT + column(member)
            for member, column in zip(value, columns, strict=False)
        ]
        while parts and parts[-1] is _NULL:
            parts.pop()
        parts.append(_ROW_END)
        return b"".join(parts)

    return encode


def encode_jsonb(value: str) -> bytes:
    """The canonical text of a jsonb, in the order of its tree."""
    tree = jsonb_tree(value)
    parts: list[bytes] = []
    if not isinstance(tree, dict | list):
        parts.append(b"\4\0\0\0\1\0")
    _encode_tree(tree, parts)
    return b"".join(parts)


def _encode_tree(tree: JsonTree, parts: list[bytes]) -> None:
    if tree is None:
        parts.append(b"\0")
    elif isinstance(tree, str):
        parts.append(b"\1" + encode_text(tree))
    elif isinstance(tree, bool):
        parts.append(b"\3\1" if tree else b"\3\0")
    elif isinstance(tree, list):
        parts.append(b"\4" + len(tree).to_bytes(4, "big") + b"\1")
        for element in tree:
            _encode_tree(element, parts)
    elif isinstance(tree, dict):
        parts.append(b"\5" + len(tree).to_bytes(4, "big"))
        for key, member in tree.items():
            parts.append(encode_text(key))
            _encode_tree(member, parts)
    else:
        parts.append(b"\2" + encode_numeric(Decimal(tree)))


def encode_inet(value: Inet) -> bytes:
    """By network; a network stands before its parts and its addresses."""
    width = value.bits_max
    length = width // 8
    hosts = (1 << (width - value.bits)) - 1
    network = (value.address & ~hosts).to_bytes(length, "big")
    return bytes((value.family,)) + network + bytes((value.bits,)) + value.address.to_bytes(length, "big")


def encode_tid(value: Tid) -> bytes:
    """By block, then by line."""
    return _TID.pack(value.block, value.offset)

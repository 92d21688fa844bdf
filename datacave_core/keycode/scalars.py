"""Scalars: each kind of value as bytes whose order is PostgreSQL's order (collation C).

    INT       8 bytes big-endian, sign flipped (also date, time, timestamp)
    FLOAT     8 bytes IEEE 754, negative ones inverted; -0 is 0, NaN is the greatest
    NUMERIC   class byte; exponent; pairs of decimal digits plus one; 00. Negative: all after the class inverted.
    BOOL      1 byte
    TEXT      UTF-8, 00. Text holds no NUL, so nothing is escaped
    BPCHAR    as TEXT without its trailing blanks
    BYTES     00 escaped as 00 FF; 00 00
    UUID      16 bytes
    INTERVAL  12 bytes: microseconds with months of 30 days and days of 24 hours, biased
    TIMETZ    8 bytes of UTC time of day, 4 bytes of zone, both biased

Invariants: no encoding is a proper prefix of another of its kind, so that columns may follow each other and a
descending column is simply inverted; equal values have equal bytes (numeric 1.0 and 1.00, interval 1 day and 24 h).
Not here: NULLs, directions and several columns (codec.py).
"""

from __future__ import annotations

import struct
from decimal import Decimal
from enum import Enum
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Interval, TimeTz


class KeyKind(Enum):
    """How a column lies in a key."""

    INT = "int"
    FLOAT = "float"
    NUMERIC = "numeric"
    BOOL = "bool"
    TEXT = "text"
    BPCHAR = "bpchar"
    BYTES = "bytes"
    UUID = "uuid"
    INTERVAL = "interval"
    TIMETZ = "timetz"
    COMPOSED = "composed"
    """Any other type: the column brings its own encoder (composed.py)."""


INT_BIAS: Final = 1 << 63
UINT64_MAX: Final = (1 << 64) - 1
INVERTED: Final = bytes(255 - i for i in range(256))
"""A translation table: `encoded.translate(INVERTED)` sorts the other way round."""

_INTERVAL_BIAS = 1 << 95
_DAY_MICROSECONDS = 86_400_000_000
_UINT64 = struct.Struct(">Q")
_DOUBLE = struct.Struct(">d")
_TIMETZ = struct.Struct(">QI")


def encode_float_bits(value: float) -> int:
    """The unsigned integer whose order is the order of floats."""
    if value != value:
        return 0xFFF8_0000_0000_0000
    # Adding zero turns -0 into 0.
    bits: int = _UINT64.unpack(_DOUBLE.pack(value + 0.0))[0]
    return UINT64_MAX - bits if bits & INT_BIAS else bits | INT_BIAS


def decode_float_bits(bits: int) -> float:
    """The float of encode_float_bits."""
    raw = bits & (INT_BIAS - 1) if bits & INT_BIAS else UINT64_MAX - bits
    value: float = _DOUBLE.unpack(_UINT64.pack(raw))[0]
    return value


def encode_text(value: str) -> bytes:
    """Raises 22021 for text that holds a NUL."""
    if "\0" in value:
        raise DatacaveError(
            'invalid byte sequence for encoding "UTF8": 0x00', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
        )
    return value.encode() + b"\0"


def encode_bpchar(value: str) -> bytes:
    """Trailing blanks do not count in char(n)."""
    return encode_text(value.rstrip(" "))


def encode_bytes(value: bytes) -> bytes:
    """Escaped and terminated."""
    if b"\0" in value:
        value = value.replace(b"\0", b"\0\xff")
    return value + b"\0\0"


_NEGATIVE_INFINITY = b"\x10"
_NEGATIVE = b"\x20"
_ZERO = b"\x30"
_POSITIVE = b"\x40"
_INFINITY = b"\x50"
_NAN = b"\x60"
_SHORT_EXPONENT_MAX = 100
_LONG_EXPONENT = struct.Struct(">BI")
_PAIRS: Final = {f"{i:02d}": i + 1 for i in range(100)}


def encode_numeric(value: Decimal) -> bytes:
    """Equal values of different scale encode equal."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        if exponent == "F":
            return _NEGATIVE_INFINITY if sign else _INFINITY
        return _NAN
    if not value:
        return _ZERO
    text = "".join(map(str, digits)).lstrip("0")
    # The value is 0.text * 10**power.
    power = len(text) + exponent
    text = text.rstrip("0")
    if len(text) & 1:
        text += "0"
    if -_SHORT_EXPONENT_MAX <= power <= _SHORT_EXPONENT_MAX:
        head = bytes((power + 128,))
    else:
        head = _LONG_EXPONENT.pack(0xF0 if power > 0 else 0x08, power + (1 << 31))
    pairs = _PAIRS
    encoded = head + bytes([pairs[text[i : i + 2]] for i in range(0, len(text), 2)]) + b"\0"
    return _NEGATIVE + encoded.translate(INVERTED) if sign else _POSITIVE + encoded


def decode_numeric(key: bytes, at: int) -> tuple[Decimal, int]:
    """The value without trailing zeros in its fraction, and where the next column begins."""
    kind = key[at : at + 1]
    at += 1
    if kind == _ZERO:
        return Decimal(0), at
    if kind == _INFINITY:
        return Decimal("Infinity"), at
    if kind == _NEGATIVE_INFINITY:
        return Decimal("-Infinity"), at
    if kind == _NAN:
        return Decimal("NaN"), at
    negative = kind == _NEGATIVE
    end_of_digits = b"\xff" if negative else b"\0"
    head_length = 5 if key[at] in ((0xF7, 0x0F) if negative else (0x08, 0xF0)) else 1
    end = key.index(end_of_digits, at + head_length)
    encoded = key[at:end].translate(INVERTED) if negative else key[at:end]
    if head_length == 5:
        power = _LONG_EXPONENT.unpack_from(encoded)[1] - (1 << 31)
    else:
        power = encoded[0] - 128
    text = "".join(f"{pair - 1:02d}" for pair in encoded[head_length:]).rstrip("0")
    exponent = power - len(text)
    if exponent > 0:
        text += "0" * exponent
        exponent = 0
    return Decimal((1 if negative else 0, tuple(map(int, text)), exponent)), end + 1


def encode_interval(value: Interval) -> bytes:
    """The comparison value of PostgreSQL: months count 30 days, days 24 hours."""
    span = value.microseconds + (value.days + value.months * 30) * _DAY_MICROSECONDS
    return (span + _INTERVAL_BIAS).to_bytes(12, "big")


def encode_timetz(value: TimeTz) -> bytes:
    """Ordered by the moment in UTC, then by zone."""
    return _TIMETZ.pack(value.microseconds + value.zone_seconds * 1_000_000 + INT_BIAS, value.zone_seconds + (1 << 31))


def decode_timetz(encoded: bytes) -> TimeTz:
    """The value of encode_timetz."""
    utc, zone = _TIMETZ.unpack(encoded)
    zone -= 1 << 31
    return TimeTz(utc - INT_BIAS - zone * 1_000_000, zone)

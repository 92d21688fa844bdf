"""PostgreSQL's hash functions: hashtext, hashint4 and their relatives, which applications use for keys of their own.

Bob Jenkins' lookup3 with PostgreSQL's start value (http://burtleburtle.net/bob/hash/doobs.html), in its 32-bit form
and the 64-bit form with a seed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from datacave_core.types.hstore import hstore_bytes
from datacave_sql.functions.body import Bodies

BODIES = Bodies()

_MASK = 0xFFFFFFFF
_START = 0x9E3779B9 + 3923095
_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000))[0]


def _rotate(value: int, count: int) -> int:
    return ((value << count) | (value >> (32 - count))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for count in (4, 6, 8, 16, 19, 4):
        # One round; the roles move on by one place each time.
        a = ((a - c) & _MASK) ^ _rotate(c, count)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int]:
    c = ((c ^ b) - _rotate(b, 14)) & _MASK
    a = ((a ^ c) - _rotate(c, 11)) & _MASK
    b = ((b ^ a) - _rotate(a, 25)) & _MASK
    c = ((c ^ b) - _rotate(b, 16)) & _MASK
    a = ((a ^ c) - _rotate(c, 4)) & _MASK
    b = ((b ^ a) - _rotate(a, 14)) & _MASK
    c = ((c ^ b) - _rotate(b, 24)) & _MASK
    return b, c


def _hash(data: bytes, seed: int) -> tuple[int, int]:
    a = b = c = (_START + len(data)) & _MASK
    if seed:
        a, b, c = _mix((a + (seed >> 32)) & _MASK, (b + (seed & _MASK)) & _MASK, c)
    at = 0
    while len(data) - at >= 12:
        x, y, z = struct.unpack_from("<III", data, at)
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
        at += 12
    rest = data[at:]
    # The lowest byte of c is kept for the length.
    words = rest[:8].ljust(8, b"\0") + (b"\0" + rest[8:]).ljust(4, b"\0")
    x, y, z = struct.unpack("<III", words)
    return _final((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


def _hash_word(word: int, seed: int) -> tuple[int, int]:
    a = b = c = (_START + 4) & _MASK
    if seed:
        a, b, c = _mix((a + (seed >> 32)) & _MASK, (b + (seed & _MASK)) & _MASK, c)
    return _final((a + word) & _MASK, b, c)


def _signed32(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value


def _signed64(high: int, low: int) -> int:
    value = high << 32 | low
    return value - 2**64 if value >= 2**63 else value


def _bytes_functions(symbol: str, extended: str, convert: Callable[..., bytes]) -> None:
    BODIES.add(symbol, lambda value: _signed32(_hash(convert(value), 0)[1]))
    BODIES.add(extended, lambda value, seed: _signed64(*_hash(convert(value), seed & 2**64 - 1)))


def _word_functions(symbol: str, extended: str, convert: Callable[..., int]) -> None:
    BODIES.add(symbol, lambda value: _signed32(_hash_word(convert(value), 0)[1]))
    BODIES.add(extended, lambda value, seed: _signed64(*_hash_word(convert(value), seed & 2**64 - 1)))


def _fold(value: int) -> int:
    """64 bits in 32, so that equal numbers of all integer types hash alike."""
    low, high = value & _MASK, value >> 32 & _MASK
    return low ^ (high if value >= 0 else high ^ _MASK)


_bytes_functions("hashtext", "hashtextextended", str.encode)
_bytes_functions("hashname", "hashnameextended", str.encode)
_bytes_functions("hashbpchar", "hashbpcharextended", lambda value: value.rstrip(" ").encode())
_bytes_functions("citext_hash", "citext_hash_extended", lambda value: value.lower().encode())
_bytes_functions("hstore_hash", "hstore_hash_extended", hstore_bytes)
_bytes_functions("hashvarlena", "hashvarlenaextended", bytes)
_bytes_functions("uuid_hash", "uuid_hash_extended", bytes)
_word_functions("hashint2", "hashint2extended", lambda value: value & _MASK)
_word_functions("hashint4", "hashint4extended", lambda value: value & _MASK)
_word_functions("hashint8", "hashint8extended", _fold)
_word_functions("hashoid", "hashoidextended", lambda value: value)
_word_functions("hashchar", "hashcharextended", lambda value: _byte(value) & _MASK)
_word_functions("time_hash", "time_hash_extended", _fold)
_word_functions("timestamp_hash", "timestamp_hash_extended", _fold)


def _byte(value: str) -> int:
    code = ord(value) if value else 0
    return code - 256 if code >= 128 else code


def _double(value: float) -> bytes:
    return struct.pack("<d", value if value == value else _NAN)


@BODIES("hashfloat4", "hashfloat8")
def hash_double(value: float) -> int:
    """Zero hashes to 0 whatever its sign; NaNs all alike."""
    return 0 if value == 0 else _signed32(_hash(_double(value), 0)[1])


@BODIES("hashfloat4extended", "hashfloat8extended")
def hash_double_extended(value: float, seed: int) -> int:
    """The 64-bit form."""
    return seed if value == 0 else _signed64(*_hash(_double(value), seed & 2**64 - 1))

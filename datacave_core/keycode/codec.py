"""KeyCodec: the values of several columns as one key, and back.

A key is a prefix (table id and index number), then each column in turn. A nullable column begins with a marker:

    00 NULL, where NULLs come first     01 a value follows     02 NULL, where NULLs come last

and the value of a descending column is inverted. A column that is not nullable has no marker, so that a bigint costs
8 bytes.
Not here: which columns a key has, and what makes the key of a secondary index unique (the SQL layer).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from datacave_core.keycode.generate import compile_encoder
from datacave_core.keycode.scalars import (
    INT_BIAS,
    INVERTED,
    UINT64_MAX,
    KeyKind,
    decode_float_bits,
    decode_numeric,
    decode_timetz,
    encode_text,
)

_UINT64 = struct.Struct(">Q")
_PREFIX = struct.Struct(">IH")
_NOT_NULL = 1
_NOT_INVERTIBLE = frozenset({KeyKind.NUMERIC, KeyKind.BPCHAR, KeyKind.INTERVAL, KeyKind.COMPOSED})


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of a key. PostgreSQL's default is `nulls_first` exactly for descending columns.

    A column of kind COMPOSED has an `encoder`, the others have none.
    """

    kind: KeyKind
    descending: bool = False
    nulls_first: bool = False
    nullable: bool = False
    encoder: Callable[[Any], bytes] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range of values."""

    value: Any
    inclusive: bool = True


def table_prefix(table_id: int, index_number: int = 0) -> bytes:
    """The first PREFIX_LENGTH bytes of every key of an index; index 0 is the table itself."""
    return _PREFIX.pack(table_id, index_number)


def split_prefix(key: bytes) -> tuple[int, int]:
    """Table id and index number of a key."""
    table_id, index_number = _PREFIX.unpack_from(key)
    return table_id, index_number


def key_successor(key: bytes) -> bytes:
    """The least key above a key."""
    return key + b"\0"


def prefix_end(prefix: bytes) -> bytes | None:
    """The least key above all keys that begin with the prefix; None if there is no such key."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))


class KeyCodec:
    """Keys of one index. `encode(values)` is a function generated for the columns."""

    __slots__ = ("_encoders", "columns", "encode", "invertible", "prefix")

    encode: Callable[[Sequence[Any]], bytes]

    def __init__(self, prefix: bytes, columns: Sequence[KeyColumn]) -> None:
        self.prefix: Final = prefix
        self.columns: Final = tuple(columns)
        self.invertible: Final = not any(column.kind in _NOT_INVERTIBLE for column in self.columns)
        self._encoders: dict[int, Callable[[Sequence[Any]], bytes]] = {}
        self.encode = compile_encoder(prefix, self.columns, "values", None)

    def encode_prefix(self, values: Sequence[Any]) -> bytes:
        """What every key begins with whose leading columns have these values."""
        count = len(values)
        encoder = self._encoders.get(count)
        if encoder is None:
            encoder = self._encoders[count] = compile_encoder(self.prefix, self.columns[:count], "values", None)
        return encoder(values)

    def key_range(
        self,
        equal: Sequence[Any] = (),
        lower: Bound | None = None,
        upper: Bound | None = None,
        *,
        not_null: bool = False,
    ) -> tuple[bytes, bytes | None]:
        """The keys whose leading columns equal values, and whose next column lies between bounds: (low, high).

        With any bound NULLs of that next column are left out, as comparisons do, and with `not_null`; else they are
        in. `low` is inclusive, `high` exclusive. The range is empty when low >= high.
        """
        start = self.encode_prefix(equal)
        if lower is None and upper is None and not not_null:
            return start, prefix_end(start)
        column = self.columns[len(equal)]
        low: bytes
        high: bytes | None
        low, high = start, prefix_end(start)
        if column.nullable:
            low = start + bytes((_NOT_NULL,))
            high = start + bytes((_NOT_NULL + 1,))
        first, last = (upper, lower) if column.descending else (lower, upper)
        if first is not None:
            key = self.encode_prefix((*equal, first.value))
            # Above every key means an empty range.
            low = key if first.inclusive else prefix_end(key) or key_successor(key)
        if last is not None:
            key = self.encode_prefix((*equal, last.value))
            high = prefix_end(key) if last.inclusive else key
        return low, high

    def text_prefix_range(self, equal: Sequence[Any], text: str) -> tuple[bytes, bytes | None]:
        """The keys whose leading columns equal values, and whose next column, a TEXT, begins with `text`."""
        column = self.columns[len(equal)]
        if column.kind is not KeyKind.TEXT:
            raise ValueError(f"a {column.kind.value} column has no text prefix")
        encoded = encode_text(text)[:-1]
        if column.descending:
            encoded = encoded.translate(INVERTED)
        low = self.encode_prefix(equal) + (bytes((_NOT_NULL,)) if column.nullable else b"") + encoded
        return low, prefix_end(low)

    def decode(self, key: bytes) -> tuple[Any, ...]:
        """The values of a key; bytes after the last column are left alone.

        Where the codec is not `invertible` a numeric comes back without its trailing zeros and a char(n) without its
        blanks; an interval and a composed value raise ValueError.
        """
        return self.decode_columns(key, len(self.columns))[0]

    def decode_columns(self, key: bytes, count: int) -> tuple[tuple[Any, ...], int]:
        """The values of the first `count` columns, and the offset of what follows them."""
        at = len(self.prefix)
        values: list[Any] = []
        for column in self.columns[:count]:
            if column.nullable:
                marker = key[at]
                at += 1
                if marker != _NOT_NULL:
                    values.append(None)
                    continue
            value, at = decode_value(column, key, at)
            values.append(value)
        return tuple(values), at


def decode_value(column: KeyColumn, key: bytes, at: int) -> tuple[Any, int]:
    """The value, not NULL, of a column whose bytes begin `at` in the key, and the offset of what follows it.

    See KeyCodec.decode for what cannot be read back.
    """
    kind = column.kind
    descending = column.descending
    if kind is KeyKind.INT or kind is KeyKind.FLOAT:
        (bits,) = _UINT64.unpack_from(key, at)
        if descending:
            bits = UINT64_MAX - bits
        return (bits - INT_BIAS if kind is KeyKind.INT else decode_float_bits(bits)), at + 8
    if kind is KeyKind.BOOL:
        return key[at] in (1, 254), at + 1
    if kind is KeyKind.TEXT or kind is KeyKind.BPCHAR:
        end = key.index(b"\xff" if descending else b"\0", at)
        return _upright(key[at:end], descending).decode(), end + 1
    if kind is KeyKind.BYTES:
        end = at
        mark, escaped = (0xFF, 0) if descending else (0, 0xFF)
        while True:
            end = key.index(mark, end)
            if key[end + 1] != escaped:
                break
            end += 2
        return _upright(key[at:end], descending).replace(b"\0\xff", b"\0"), end + 2
    if kind is KeyKind.UUID:
        return _upright(key[at : at + 16], descending), at + 16
    if kind is KeyKind.TIMETZ:
        return decode_timetz(_upright(key[at : at + 12], descending)), at + 12
    if kind is KeyKind.NUMERIC:
        value, next_at = decode_numeric(_upright(key[at:], descending), 0)
        return value, at + next_at
    raise ValueError(f"{kind.value} cannot be read back from a key")


def _upright(encoded: bytes, descending: bool) -> bytes:
    return encoded.translate(INVERTED) if descending else encoded

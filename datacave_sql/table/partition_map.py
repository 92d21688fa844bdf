"""PartitionMap: which partition of a table a key belongs to, and which ones a condition on the key leaves.

A range or list key is compared by the order of its types; a hash key as PostgreSQL hashes it, so that rows lie in the
partitions of the same remainder. NULL in a range key belongs to the default partition.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xxhash

from datacave_core.catalog import PartitionBound
from datacave_core.packing import pack_value
from datacave_core.types import DEFAULT_SETTINGS, oids
from datacave_sql.functions.bodies.hashing import BODIES as HASH_BODIES
from datacave_sql.functions.typelookup import TypeLookup

HASH_SEED = 0x7A5B22367996DCFD
_COMBINE = 0x49A0F4DD15E5A8E3
_BITS64 = 2**64 - 1

_HASHED_BY = {
    oids.BOOL: "hashcharextended",
    oids.INT2: "hashint2extended",
    oids.INT4: "hashint4extended",
    oids.INT8: "hashint8extended",
    oids.OID: "hashoidextended",
    oids.TEXT: "hashtextextended",
    oids.VARCHAR: "hashtextextended",
    oids.BPCHAR: "hashbpcharextended",
    oids.NAME: "hashnameextended",
    oids.BYTEA: "hashvarlenaextended",
    oids.UUID: "uuid_hash_extended",
    oids.DATE: "hashint4extended",
    oids.TIME: "time_hash_extended",
    oids.TIMESTAMP: "timestamp_hash_extended",
    oids.TIMESTAMPTZ: "timestamp_hash_extended",
    oids.FLOAT4: "hashfloat8extended",
    oids.FLOAT8: "hashfloat8extended",
}

Limit = tuple[Any, ...]
"""A side of a range in an order that Python compares: (-1,) MINVALUE, (0, key) a value, (1,) MAXVALUE, per column."""


def hash_function(types: TypeLookup, type_oid: int) -> Callable[[Any], int]:
    """The 64-bit hash of values of a type; types that PostgreSQL's are not known of have one of their own."""
    symbol = _HASHED_BY.get(types.base(type_oid))
    body = HASH_BODIES.entries.get(symbol) if symbol is not None else None
    if body is None or body.call is None:
        return lambda value: xxhash.xxh64_intdigest(pack_value(value))
    call = body.call
    if symbol == "hashcharextended":
        return lambda value: int(call(chr(int(value)), HASH_SEED)) & _BITS64
    return lambda value: int(call(value, HASH_SEED)) & _BITS64


def combined(hashes: Iterable[int]) -> int:
    """The hashes of the columns of a key in one."""
    result = 0
    for one in hashes:
        result ^= (one + _COMBINE + (result << 54 & _BITS64) + (result >> 7)) & _BITS64
    return result


class PartitionMap:
    """The partitions of one table by their bounds; partitions are named by their place in `bounds`."""

    def __init__(
        self, strategy: str, key_types: Sequence[int], bounds: Sequence[PartitionBound], types: TypeLookup
    ) -> None:
        self.strategy = strategy
        self._keys = [types.comparison_key(oid) for oid in key_types]
        ios = [types.io(oid) for oid in key_types]
        self._read = [lambda text, io=io: io.input(text, -1, DEFAULT_SETTINGS) for io in ios]
        self.default = next((place for place, bound in enumerate(bounds) if bound.kind == "d"), None)
        self.ranges: list[tuple[Limit, Limit, int]] = []
        self.values: dict[Any, int] = {}
        self.null: int | None = None
        self.remainders: list[tuple[int, int, int]] = []
        if strategy == "h":
            self._hashes = [hash_function(types, oid) for oid in key_types]
        for place, bound in enumerate(bounds):
            if bound.kind == "h":
                self.remainders.append((bound.modulus, bound.remainder, place))
            elif bound.kind == "r":
                self.ranges.append((self.limit(bound.lower), self.limit(bound.upper), place))
            elif bound.kind == "l":
                for text in bound.values:
                    if text is None:
                        self.null = place
                    else:
                        self.values[self.key(0, self._read[0](text))] = place
        self.ranges.sort(key=lambda one: one[0])
        self._lowers = [one[0] for one in self.ranges]

    def key(self, column: int, value: Any) -> Any:
        """A value of a key column in the form that compares as its type does."""
        make = self._keys[column]
        return value if make is None else make(value)

    def limit(self, side: Sequence[tuple[str, str]]) -> Limit:
        """One side of a range."""
        parts: list[Any] = []
        for column, (kind, text) in enumerate(side):
            if kind == "v":
                parts.append((0, self.key(column, self._read[column](text))))
            else:
                # What follows an open end says nothing.
                parts += [(-1,) if kind == "-" else (1,)] * (len(side) - column)
                break
        return tuple(parts)

    def find(self, values: Sequence[Any]) -> int | None:
        """The partition of a row with this key, or None."""
        if self.strategy == "h":
            hashed = combined(
                make(value) for make, value in zip(self._hashes, values, strict=True) if value is not None
            )
            for modulus, remainder, place in self.remainders:
                if hashed % modulus == remainder:
                    return place
            return None
        if self.strategy == "l":
            value = values[0]
            found = self.null if value is None else self.values.get(self.key(0, value))
            return self.default if found is None else found
        if None in values:
            return self.default
        wanted = tuple((0, self.key(column, value)) for column, value in enumerate(values))
        at = bisect_right(self._lowers, wanted) - 1
        if at >= 0 and wanted < self.ranges[at][1]:
            return self.ranges[at][2]
        return self.default

    def between(
        self, lower: tuple[Any, bool] | None, upper: tuple[Any, bool] | None, fixed: Sequence[Any] = ()
    ) -> set[int]:
        """The partitions that may hold keys whose first column lies between two values (value, inclusive)."""
        found: set[int] = set()
        if self.default is not None:
            found.add(self.default)
        low = None if lower is None else self.key(0, lower[0])
        high = None if upper is None else self.key(0, upper[0])
        if self.strategy == "l":
            for value, place in self.values.items():
                above = low is None or value > low or (lower is not None and lower[1] and value == low)
                below = high is None or value < high or (upper is not None and upper[1] and value == high)
                if above and below:
                    found.add(place)
            return found
        for first, last, place in self.ranges:
            if low is not None and last[0] < (0, low):
                continue
            if low is not None and last[0] == (0, low) and len(last) == 1:
                continue
            if high is not None and (first[0] > (0, high) or (first[0] == (0, high) and not (upper and upper[1]))):
                continue
            found.add(place)
        return found

    @property
    def every(self) -> set[int]:
        """All partitions."""
        places = {place for _, _, place in (*self.ranges, *self.remainders)} | set(self.values.values())
        return places | {place for place in (self.default, self.null) if place is not None}

"""SQL values as Python objects, one representation per type, the same on every layer.

    smallint integer bigint oid          int
    real, double precision               float (a real is already rounded to single precision)
    numeric                              Decimal (NaN, Infinity, -Infinity as Decimal's own)
    text varchar char(n) name json       str (char(n) is blank-padded, as PostgreSQL stores it)
    jsonb                                str, in PostgreSQL's canonical output form
    boolean                              bool
    bytea                                bytes
    date                                 int, days since 2000-01-01
    time                                 int, microseconds since midnight
    timetz                               TimeTz
    timestamp, timestamptz               int, microseconds since 2000-01-01 00:00 (UTC for timestamptz)
    interval                             Interval
    uuid                                 bytes, 16 of them
    point line lseg box path ...         the tuples of types/geometry.py
    T[]                                  Array
    composite, record                    tuple
    NULL                                 None

Infinity of a date or timestamp is the sentinel PostgreSQL uses on disk and on the wire.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

DATE_INFINITY: Final = 2**31 - 1
DATE_NEGATIVE_INFINITY: Final = -(2**31)
TIMESTAMP_INFINITY: Final = 2**63 - 1
TIMESTAMP_NEGATIVE_INFINITY: Final = -(2**63)

Value: TypeAlias = Any
"""One SQL value in the representation above; None is NULL."""

Row: TypeAlias = tuple[Any, ...]


class Interval(NamedTuple):
    """A span of time in the three fields that do not convert into each other without a calendar."""

    months: int
    days: int
    microseconds: int


class TimeTz(NamedTuple):
    """A time of day with its zone; `zone_seconds` counts seconds west of UTC, as PostgreSQL stores it."""

    microseconds: int
    zone_seconds: int


class Array(NamedTuple):
    """An array value: elements in row-major order, the length of each dimension and its first subscript.

    The empty array has no dimensions.
    """

    elements: tuple[Any, ...]
    lengths: tuple[int, ...] = ()
    lower_bounds: tuple[int, ...] = ()

    @classmethod
    def of(cls, elements: tuple[Any, ...] | list[Any]) -> Array:
        """A one-dimensional array with subscripts from 1."""
        elements = tuple(elements)
        return cls(elements, (len(elements),), (1,)) if elements else cls(())

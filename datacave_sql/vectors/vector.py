"""Vector and Frame: columns of SQL values on their way through operators that work column by column.

A vector is a numpy array where the type has one, else a list of values with None for NULL:

    smallint integer bigint oid date timestamp timestamptz    int64
    real, double precision                                    float64
    boolean                                                   bool
    numeric                                                   int64 scaled by 10**scale, or a list of Decimal
    everything else                                           a list

Invariants: `nulls` is True where the value is NULL and None where no value is; a list holds None exactly there, an
array any value of its type. A scaled numeric is never NaN or infinite. A vector of length 1 stands for that many equal
values wherever a frame has more rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datacave_core.types import oids
from datacave_core.values import Row

INTEGERS = frozenset(
    {oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ}
)  # fmt: skip
FLOATS = frozenset({oids.FLOAT4, oids.FLOAT8})
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.int64]


@dataclass(slots=True)
class Vector:
    """One column. `scales`, where given, are the display scales of the rows of a numeric (at most `scale`)."""

    values: NDArray[Any] | list[Any]
    nulls: Mask | None = None
    scale: int = 0
    scales: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, places: Places) -> Vector:
        """The rows at these places, in that order."""
        values = self.values
        taken: NDArray[Any] | list[Any]
        if isinstance(values, list):
            wanted = places.tolist()
            taken = list(itemgetter(*wanted)(values)) if len(wanted) > 1 else [values[at] for at in wanted]
        else:
            taken = values[places]
        nulls = self.nulls[places] if self.nulls is not None else None
        return Vector(taken, nulls, self.scale, self.scales[places] if self.scales is not None else None)

    def keep(self, mask: Mask) -> Vector:
        """The rows for which the mask is true."""
        values = self.values
        kept = list(compress(values, mask.tolist())) if isinstance(values, list) else values[mask]
        nulls = self.nulls[mask] if self.nulls is not None else None
        return Vector(kept, nulls, self.scale, self.scales[mask] if self.scales is not None else None)

    def part(self, start: int, stop: int) -> Vector:
        """The rows start .. stop; arrays are views."""
        nulls = self.nulls[start:stop] if self.nulls is not None else None
        scales = self.scales[start:stop] if self.scales is not None else None
        return Vector(self.values[start:stop], nulls, self.scale, scales)

    def spread(self, count: int) -> Vector:
        """The vector with `count` rows, where one row stands for all."""
        if len(self.values) == count:
            return self
        return self.take(np.zeros(count, np.int64))


class Frame:
    """Rows as vectors by column id."""

    __slots__ = ("columns", "count")

    def __init__(self, columns: dict[int, Vector], count: int) -> None:
        self.columns = columns
        self.count = count

    def keep(self, mask: Mask, wanted: Sequence[int]) -> Frame:
        """The rows for which the mask is true, with these columns."""
        count = int(np.count_nonzero(mask))
        if count == self.count:
            return Frame({column: self.columns[column] for column in wanted}, count)
        return Frame({column: self.columns[column].keep(mask) for column in wanted}, count)

    def part(self, start: int, stop: int) -> Frame:
        """The rows start .. stop."""
        stop = min(stop, self.count)
        if not start and stop == self.count:
            return self
        columns = {
            column: vector.part(start, stop) if len(vector) == self.count else vector
            for column, vector in self.columns.items()
        }
        return Frame(columns, stop - start)

    def take(self, places: Places, wanted: Sequence[int]) -> dict[int, Vector]:
        """These columns of the rows at these places."""
        return {column: self.columns[column].take(places) for column in wanted}

    def rows(self, columns: Sequence[int], types: Mapping[int, int]) -> list[Row]:
        """The rows as tuples of SQL values."""
        if not columns:
            return [()] * self.count
        values = [sql_values(self.columns[one].spread(self.count), types[one]) for one in columns]
        return list(zip(*values, strict=True))


def vector_of(values: list[Any], type_oid: int) -> Vector:
    """A vector of SQL values, None for NULL."""
    nulls = None
    if None in values:
        nulls = np.fromiter((value is None for value in values), np.bool_, len(values))
    dtype: Any = (
        np.int64
        if type_oid in INTEGERS
        else np.float64
        if type_oid in FLOATS
        else np.bool_
        if type_oid == oids.BOOL
        else None
    )
    if dtype is None:
        return Vector(values, nulls)
    if nulls is not None:
        values = [0 if value is None else value for value in values]
    return Vector(np.array(values, dtype), nulls)


def sql_values(vector: Vector, type_oid: int) -> list[Any]:
    """The values of a vector, None for NULL."""
    values = vector.values
    if isinstance(values, list):
        return values
    found: list[Any]
    if type_oid == oids.NUMERIC:
        found = decimals(values, vector.scale, vector.scales)
    else:
        found = values.tolist()
    if vector.nulls is not None:
        for place in np.flatnonzero(vector.nulls).tolist():
            found[place] = None
    return found


def decimals(values: NDArray[Any], scale: int, scales: NDArray[np.int16] | None = None) -> list[Any]:
    """Scaled integers as Decimals of that scale."""
    integers = values.tolist()
    if scales is not None:
        return [decimal_of(value, scale, shown) for value, shown in zip(integers, scales.tolist(), strict=True)]
    if scale == 0:
        return list(map(Decimal, integers))
    return [Decimal(value).scaleb(-scale) for value in integers]


def decimal_of(value: int, scale: int, shown: int) -> Decimal:
    """value / 10**scale with `shown` digits after the point, which lose nothing."""
    return Decimal(value // 10 ** (scale - shown)).scaleb(-shown)


def joined(parts: Sequence[Vector], type_oid: int) -> Vector:
    """Vectors one after the other."""
    if len(parts) == 1:
        return parts[0]
    nulls = None
    if any(part.nulls is not None for part in parts):
        nulls = np.concatenate(
            [part.nulls if part.nulls is not None else np.zeros(len(part), np.bool_) for part in parts]
        )
    alike = len({part.scale for part in parts}) == 1 and all(part.scales is None for part in parts)
    if alike and all(not isinstance(part.values, list) for part in parts):
        return Vector(np.concatenate([part.values for part in parts]), nulls, parts[0].scale)
    values: list[Any] = []
    for part in parts:
        values += sql_values(part, type_oid)
    return Vector(values, nulls) if type_oid == oids.NUMERIC else vector_of(values, type_oid)


def joined_frames(frames: Sequence[Frame], types: Mapping[int, int]) -> Frame:
    """Frames of the same columns, one after the other."""
    if len(frames) == 1:
        return frames[0]
    columns = {
        column: joined([frame.columns[column].spread(frame.count) for frame in frames], types[column])
        for column in frames[0].columns
    }
    return Frame(columns, sum(frame.count for frame in frames))


def all_null(type_oid: int, count: int) -> Vector:
    """A vector of NULLs."""
    return vector_of([None] * count, type_oid)


def frame_of(rows: Sequence[Row], columns: Sequence[int], types: Mapping[int, int]) -> Frame:
    """Rows of SQL values as a frame."""
    if not columns:
        return Frame({}, len(rows))
    vectors = (
        vector_of(list(values), types[column]) for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    )
    return Frame(
        dict(zip(columns, map(scaled, vectors, (types[column] for column in columns)), strict=True)), len(rows)
    )


def scaled(vector: Vector, type_oid: int) -> Vector:
    """A numeric of one scale as scaled integers, if they fit; other vectors as they are."""
    values = vector.values
    if type_oid != oids.NUMERIC or not isinstance(values, list) or not values:
        return vector
    exponents = {value.as_tuple().exponent for value in values if value is not None}
    if len(exponents) != 1:
        return vector
    exponent = exponents.pop()
    if not isinstance(exponent, int) or not -18 <= exponent <= 0:
        return vector
    integers = [0 if value is None else int(value.scaleb(-exponent)) for value in values]
    if max(map(abs, integers)) >= 1 << 62:
        return vector
    return Vector(np.array(integers, np.int64), vector.nulls, -exponent)


def slices(rows: list[Row], size: int) -> Iterator[list[Row]]:
    """A list of rows in pieces."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]

"""Parts of values that have a fixed number of them: `point[0]`, `box[1]`; subscripts begin with 0."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids

FIXED_PARTS: dict[int, int] = {
    oids.POINT: oids.FLOAT8,
    oids.LINE: oids.FLOAT8,
    oids.LSEG: oids.POINT,
    oids.BOX: oids.POINT,
}
"""The type of the parts, by the type that has them."""


def no_slices() -> DatacaveError:
    """0A000, as PostgreSQL says it."""
    return DatacaveError("slices of fixed-length arrays not implemented", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


def part(value: Any, subscripts: tuple[int | None, ...]) -> Any:
    """One part; NULL where there is none."""
    if value is None or len(subscripts) != 1 or (at := subscripts[0]) is None:
        return None
    return value[at] if 0 <= at < len(value) else None


def sliced(value: Any, *bounds: Any) -> Any:
    """Refused, unless there is nothing to slice."""
    if value is None:
        return None
    raise no_slices()


def with_part(value: Any, replacement: Any, *subscripts: int | None) -> Any:
    """The value with one part replaced; nothing changes where one of both is NULL. Raises 22004 and 2202E."""
    if None in subscripts:
        raise DatacaveError("array subscript in assignment must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    if value is None or replacement is None:
        return value
    if len(subscripts) != 1:
        raise DatacaveError("wrong number of array subscripts", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    at = subscripts[0]
    if at is None or not 0 <= at < len(value):
        raise DatacaveError("array subscript out of range", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    return type(value)(*value[:at], replacement, *value[at + 1 :])

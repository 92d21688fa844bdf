"""Shape ranges: where in a gist, spgist or brin index the points, boxes, polygons and circles are that a condition is
about.

Entries stand by the cell of the plane that their shape fits into. A condition says which rectangle such a shape must
meet; since PostgreSQL's conditions hold to a given accuracy, a margin is added. A shape that has NaN or a negative
radius keeps to no such rule: it stands behind all others and belongs to every answer. What is found is compared again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from datacave_core.keycode import KeyColumn, KeyKind, ValueEncoder, prefix_end
from datacave_core.types import oids
from datacave_core.types.geometry import NEARNESS, Box, Circle, Point, Polygon, bounds
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.plane_cells import KeyRange, Rectangle, cell_key, cell_ranges

Search = Callable[[Any], list[KeyRange]]
"""From the other side of a condition (not NULL) to the keys that may satisfy it."""

_REGULAR, _IRREGULAR = b"\0", b"\1"
_ROUNDING: Final = 1e-14
"""By how much of its size a computed edge, or a distance, may be wrong; far more than it is."""


def edges(value: Any) -> Rectangle | None:
    """The rectangle around a shape; None for a shape whose edges say nothing."""
    if isinstance(value, Circle):
        (x, y), radius = value
        # The larger the numbers, the further may a distance be off.
        reach = radius + _ROUNDING * (radius + max(abs(x), abs(y)))
        if radius < 0:
            return None
        found = (x - reach, y - reach, x + reach, y + reach)
    elif isinstance(value, Point | Box | Polygon):
        (right, top), (left, bottom) = bounds(value)
        found = (left, bottom, right, top)
    else:
        return None
    if any(number != number for number in found):
        return None
    if isinstance(value, Polygon) and not all(map(math.isfinite, found)):
        return None  # what is inside of it is not told by where it ends
    # The corners of a box that two others share may be the wrong way round, by less than counts.
    left, bottom, right, top = found
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def widened(found: Rectangle) -> Rectangle:
    """The rectangle that a shape must meet to be near the given one."""
    left, bottom, right, top = found
    across = 4 * NEARNESS + _ROUNDING * (abs(left) + abs(right))
    upright = 4 * NEARNESS + _ROUNDING * (abs(bottom) + abs(top))
    # Infinity less infinity says nothing.
    low = [-math.inf if math.isinf(margin) else edge - margin for edge, margin in ((left, across), (bottom, upright))]
    high = [math.inf if math.isinf(margin) else edge + margin for edge, margin in ((right, across), (top, upright))]
    return low[0], low[1], high[0], high[1]


def _encode(value: Any) -> bytes:
    found = edges(value)
    return _IRREGULAR if found is None else _REGULAR + cell_key(found)


_ENCODERS: Final[dict[int, ValueEncoder]] = dict.fromkeys((oids.POINT, oids.BOX, oids.POLYGON, oids.CIRCLE), _encode)


def is_shape(types: TypeLookup, type_oid: int) -> bool:
    """Whether values of a type have a place in the plane that an index can keep them by."""
    return types.base(type_oid) in _ENCODERS


def shape_column(types: TypeLookup, type_oid: int, nullable: bool) -> KeyColumn | None:
    """The column of an entry's key; None for other types."""
    encoder = _ENCODERS.get(types.base(type_oid))
    return None if encoder is None else KeyColumn(KeyKind.COMPOSED, nullable=nullable, encoder=encoder)


def shape_searches(start: bytes, *, points: bool) -> dict[str, Search]:
    """How each operator searches an index; `start` is what the keys of all shapes begin with."""
    regular, irregular = start + _REGULAR, start + _IRREGULAR
    others = (irregular, prefix_end(irregular))

    def around(other: Any) -> list[KeyRange]:
        found = edges(other)
        if found is None:
            return [(start, prefix_end(start))]
        return [*cell_ranges(regular, irregular, widened(found), points=points), others]

    # What is beside, above or below something is half of the plane: reading the table finds it sooner.
    return {"&&": around, "@>": around, "<@": around, "~=": around}

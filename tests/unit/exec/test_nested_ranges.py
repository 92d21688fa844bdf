"""Does a search of an index of ranges, addresses or shapes cover every value that satisfies the condition?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.errors import DatacaveError
from datacave_core.keycode import KeyCodec, KeyColumn
from datacave_core.types import oids
from datacave_core.types.geometry import Circle, Point, Polygon, Segment, make_box
from datacave_core.types.network import Inet
from datacave_core.types.range import EMPTY, STEP_INT4, MultiRange, RangeKind, make_multirange, make_range
from datacave_sql.functions import registry
from datacave_sql.functions.resolution import resolve_operator
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP
from datacave_sql.table.key_columns import key_column
from datacave_sql.table.nested_ranges import nested_searches
from datacave_sql.table.shape_ranges import shape_column

INTEGERS = RangeKind(BUILTIN_LOOKUP.io(oids.INT4), STEP_INT4)
SMALL = st.integers(-3, 3)


@st.composite
def ranges(draw: st.DrawFn) -> Any:
    bounds = [draw(st.none() | SMALL) for _ in range(2)]
    if None not in bounds:
        bounds.sort()
    return draw(st.just(EMPTY) | st.just(make_range(INTEGERS, *bounds, draw(st.booleans()), draw(st.booleans()))))


@st.composite
def addresses(draw: st.DrawFn) -> Inet:
    return Inet(
        4, draw(st.sampled_from([0, 1, 8, 30, 31, 32])), draw(st.sampled_from([0, 1, 2, 3, 5, 1 << 31, 2**32 - 1]))
    )


def multiranges() -> st.SearchStrategy[MultiRange]:
    return st.lists(ranges(), max_size=2).map(lambda found: make_multirange(INTEGERS, found))


# Whole numbers, so that shapes touch, what is near them, and what has no order.
NUMBERS = st.sampled_from([-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 1 + 9e-7, 1e-6, 2 - 9e-7, 1e20, math.inf, math.nan])
POINTS = st.builds(Point, NUMBERS, NUMBERS)
PLACES = st.lists(POINTS, min_size=1, max_size=4).map(tuple)
SHAPES: dict[int, st.SearchStrategy[Any]] = {
    oids.POINT: POINTS,
    oids.BOX: st.builds(make_box, POINTS, POINTS),
    oids.POLYGON: st.builds(Polygon, PLACES),
    oids.CIRCLE: st.builds(Circle, POINTS, NUMBERS),
}
CASES = {oids.INT4RANGE: ranges(), oids.INT4MULTIRANGE: multiranges(), oids.INET: addresses(), **SHAPES}
COMPARED = {oids.INT4: SMALL, oids.LSEG: st.builds(Segment, POINTS, POINTS), **CASES}
OTHERS = {
    oids.POINT: [oids.POINT, oids.BOX, oids.POLYGON, oids.CIRCLE, oids.LSEG],
    oids.BOX: [oids.BOX, oids.POINT],
    oids.POLYGON: [oids.POLYGON, oids.POINT],
    oids.CIRCLE: [oids.CIRCLE, oids.POINT],
    oids.INT4RANGE: [oids.INT4RANGE, oids.INT4MULTIRANGE, oids.INT4],
    oids.INT4MULTIRANGE: [oids.INT4RANGE, oids.INT4MULTIRANGE, oids.INT4],
    oids.INET: [oids.INET],
}


def satisfied(operator: str, left: int, right: int) -> Callable[[Any, Any], bool]:
    found = resolve_operator(operator, left, right, BUILTIN_LOOKUP)
    call = registry.bind(found.function, found.argument_types, found.result_type, BUILTIN_LOOKUP).call
    assert call is not None
    return call


def key_of(type_oid: int, nullable: bool) -> KeyColumn | None:
    return key_column(BUILTIN_LOOKUP, type_oid, nullable=nullable) or shape_column(BUILTIN_LOOKUP, type_oid, nullable)


def are_compared(operator: str, left: int, right: int) -> bool:
    try:
        resolve_operator(operator, left, right, BUILTIN_LOOKUP)
    except DatacaveError:
        return False
    return right != oids.INT4 or operator == "@>"


def holds_exactly(holds: Callable[[Any, Any], bool], value: Any, other: Any) -> bool:
    """False where the numbers are too large to compare."""
    try:
        return holds(value, other)
    except DatacaveError:
        return False


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("type_oid", CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_match_lies_in_the_ranges(type_oid: int, nullable: bool, data: st.DataObject) -> None:
    column = key_of(type_oid, nullable)
    assert column is not None
    codec = KeyCodec(b"prefix", (column,))
    searches = nested_searches(BUILTIN_LOOKUP, type_oid, codec)
    pairs = [(operator, one) for operator in sorted(searches) for one in OTHERS[type_oid]]
    operator, other_type = data.draw(
        st.sampled_from([pair for pair in pairs if are_compared(pair[0], type_oid, pair[1])])
    )
    values = data.draw(st.lists(CASES[type_oid], min_size=1, max_size=5))
    other = data.draw(COMPARED[other_type])
    holds = satisfied(operator, type_oid, other_type)
    found = searches[operator](other)
    for value in values:
        key = codec.encode((value,))
        if holds_exactly(holds, value, other):
            assert sum(low <= key and (high is None or key < high) for low, high in found) == 1


def test_other_types_have_no_searches() -> None:
    column = key_column(BUILTIN_LOOKUP, oids.TEXT)
    assert column is not None
    assert not nested_searches(BUILTIN_LOOKUP, oids.TEXT, KeyCodec(b"", (column,)))

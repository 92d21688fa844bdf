"""Does every SQL value come back from its packed bytes as it was?"""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.packing import pack_value, unpack_value
from datacave_core.types.geometry import Box, Circle, Line, Path, Point, Polygon, Segment
from datacave_core.types.location import Tid
from datacave_core.types.network import Inet
from datacave_core.types.range import MultiRange, Range
from datacave_core.values import Array, Interval, TimeTz, Value

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.decimals(allow_nan=False),
    st.builds(Interval, st.integers(-9, 9), st.integers(-9, 9), st.integers(-(2**63), 2**63 - 1)),
    st.builds(TimeTz, st.integers(0, 86_400_000_000), st.integers(-50_000, 50_000)),
    st.builds(Inet, st.sampled_from((4, 6)), st.integers(0, 128), st.integers(0, 2**128 - 1)),
    st.builds(Tid, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)),
)
NUMBERS = st.floats(allow_nan=False)
POINTS = st.builds(Point, NUMBERS, NUMBERS)
CORNERS = st.lists(POINTS, min_size=1, max_size=4).map(tuple)
SCALARS |= POINTS | st.builds(Line, NUMBERS, NUMBERS, NUMBERS) | st.builds(Circle, POINTS, NUMBERS)
SCALARS |= st.builds(Segment, POINTS, POINTS) | st.builds(Box, POINTS, POINTS)
SCALARS |= st.builds(Path, st.booleans(), CORNERS) | st.builds(Polygon, CORNERS)
BOUNDS = st.none() | st.integers(-9, 9) | st.decimals(allow_nan=False)
RANGES = st.builds(Range, BOUNDS, BOUNDS, st.booleans(), st.booleans(), st.booleans())
SCALARS |= RANGES | st.lists(RANGES, max_size=3).map(lambda ranges: MultiRange(tuple(ranges)))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4).map(tuple) | st.lists(inner, max_size=4).map(Array.of)
)


def same(left: Value, right: Value) -> bool:
    """Equal, of the same type, also inside, and numerics of the same scale."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return str(left) == str(right) if isinstance(left, Decimal) else bool(left == right)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_values_come_back(value: Value) -> None:
    assert same(unpack_value(pack_value(value)), value)


def test_numbers_that_are_not_numbers() -> None:
    assert math.isnan(unpack_value(pack_value(math.nan)))
    assert unpack_value(pack_value(Decimal("NaN"))).is_nan()
    assert unpack_value(pack_value(Decimal("-Infinity"))) == Decimal("-Infinity")


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no SQL value"):
        pack_value((1, object()))
    with pytest.raises(ValueError, match="extension type 99"):
        unpack_value(b"\xd4\x63\x00")

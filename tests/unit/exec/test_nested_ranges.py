"""Does a search of an index of ranges or addresses cover every value that satisfies the condition?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.keycode import KeyCodec
from datacave_core.types import oids
from datacave_core.types.network import Inet
from datacave_core.types.range import EMPTY, STEP_INT4, MultiRange, RangeKind, make_multirange, make_range
from datacave_sql.functions import registry
from datacave_sql.functions.resolution import resolve_operator
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP
from datacave_sql.table.key_columns import key_column
from datacave_sql.table.nested_ranges import nested_searches

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


CASES = {oids.INT4RANGE: ranges(), oids.INT4MULTIRANGE: multiranges(), oids.INET: addresses()}
OTHERS = {
    oids.INT4RANGE: [oids.INT4RANGE, oids.INT4MULTIRANGE, oids.INT4],
    oids.INT4MULTIRANGE: [oids.INT4RANGE, oids.INT4MULTIRANGE, oids.INT4],
    oids.INET: [oids.INET],
}


def satisfied(operator: str, left: int, right: int) -> Callable[[Any, Any], bool]:
    found = resolve_operator(operator, left, right, BUILTIN_LOOKUP)
    call = registry.bind(found.function, found.argument_types, found.result_type, BUILTIN_LOOKUP).call
    assert call is not None
    return call


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("type_oid", CASES)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_every_match_lies_in_the_ranges(type_oid: int, nullable: bool, data: st.DataObject) -> None:
    column = key_column(BUILTIN_LOOKUP, type_oid, nullable=nullable)
    assert column is not None
    codec = KeyCodec(b"prefix", (column,))
    searches = nested_searches(BUILTIN_LOOKUP, type_oid, codec)
    operator = data.draw(st.sampled_from(sorted(searches)))
    values = data.draw(st.lists(CASES[type_oid], min_size=1, max_size=5))
    other_type = data.draw(st.sampled_from([one for one in OTHERS[type_oid] if one != oids.INT4 or operator == "@>"]))
    other = data.draw(SMALL if other_type == oids.INT4 else CASES[other_type])
    holds = satisfied(operator, type_oid, other_type)
    found = searches[operator](other)
    for value in values:
        key = codec.encode((value,))
        if holds(value, other):
            assert any(low <= key and (high is None or key < high) for low, high in found)


def test_other_types_have_no_searches() -> None:
    column = key_column(BUILTIN_LOOKUP, oids.TEXT)
    assert column is not None
    assert not nested_searches(BUILTIN_LOOKUP, oids.TEXT, KeyCodec(b"", (column,)))

"""Are keys of composed values (arrays, ranges, rows, jsonb, addresses) in the order their types compare in?"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from operator import mul
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.keycode import COMPOSED_ENCODERS, SCALAR_ENCODERS, KeyCodec, KeyColumn, KeyKind, key_kind
from datacave_core.keycode.composed import array_encoder, multirange_encoder, range_encoder, row_encoder
from datacave_core.types import oids
from datacave_core.types.array import array_io
from datacave_core.types.io import type_io
from datacave_core.types.jsonb import canonical_jsonb
from datacave_core.types.location import Tid
from datacave_core.types.network import Inet
from datacave_core.types.range import EMPTY, MultiRange, RangeKind, make_multirange, make_range
from datacave_core.types.record import record_io
from datacave_core.values import Array

INT = SCALAR_ENCODERS[KeyKind.INT]
TEXT = SCALAR_ENCODERS[KeyKind.TEXT]
NUMERIC = SCALAR_ENCODERS[KeyKind.NUMERIC]
SMALL = st.integers(-2, 2)
WORDS = st.text("ab\u00e9", max_size=3)
NUMBERS = RangeKind(type_io(oids.NUMERIC))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.sampled_from([1.5, 10.25, -0.1]) | WORDS,
    lambda members: st.lists(members, max_size=3) | st.dictionaries(WORDS, members, max_size=3),
    max_leaves=6,
)


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    lengths = tuple(draw(st.lists(st.integers(1, 2), max_size=2)))
    if not lengths:
        return Array(())
    count = reduce(mul, lengths)
    elements = draw(st.lists(SMALL | st.none(), min_size=count, max_size=count))
    bounds = draw(st.lists(st.integers(-1, 1), min_size=len(lengths), max_size=len(lengths)))
    return Array(tuple(elements), lengths, tuple(bounds))


@st.composite
def ranges(draw: st.DrawFn) -> Any:
    bounds = [draw(st.none() | SMALL.map(Decimal)) for _ in range(2)]
    if None not in bounds:
        bounds.sort()
    return draw(st.just(EMPTY) | st.just(make_range(NUMBERS, *bounds, draw(st.booleans()), draw(st.booleans()))))


@st.composite
def addresses(draw: st.DrawFn) -> Inet:
    width = draw(st.sampled_from([32, 128]))
    first = draw(st.sampled_from([0, 1, 2, 3, 1 << (width - 1), (1 << width) - 1, 1 << (width - 8)]))
    return Inet(4 if width == 32 else 6, draw(st.sampled_from([0, 1, 8, 9, 31, width - 1, width])), first)


def multiranges() -> st.SearchStrategy[MultiRange]:
    return st.lists(ranges(), max_size=3).map(lambda found: make_multirange(NUMBERS, found))


ROWS = st.tuples(SMALL | st.none(), WORDS | st.none(), SMALL | st.none())
ROW_IO = record_io([type_io(oids.INT4), type_io(oids.TEXT), type_io(oids.INT4)], [oids.INT4, oids.TEXT, oids.INT4])
CASES: dict[str, tuple[Callable[[Any], bytes], Any, st.SearchStrategy[Any]]] = {
    "array": (array_encoder(INT), array_io(type_io(oids.INT4), oids.INT4), arrays()),
    "range": (range_encoder(NUMERIC), type_io(oids.NUMRANGE), ranges()),
    "multirange": (multirange_encoder(NUMERIC), type_io(oids.NUMMULTIRANGE), multiranges()),
    "row": (row_encoder([INT, TEXT, INT]), ROW_IO, ROWS),
    "jsonb": (
        COMPOSED_ENCODERS[oids.JSONB],
        type_io(oids.JSONB),
        JSON.map(lambda tree: canonical_jsonb(json.dumps(tree))),
    ),
    "inet": (COMPOSED_ENCODERS[oids.INET], type_io(oids.INET), addresses()),
    "pg_lsn": (COMPOSED_ENCODERS[oids.PG_LSN], type_io(oids.PG_LSN), st.integers(0, 2**64 - 1)),
    "tid": (COMPOSED_ENCODERS[oids.TID], type_io(oids.TID), st.builds(Tid, st.integers(0, 3), st.integers(0, 3))),
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_keys_stand_as_values_compare(name: str, data: st.DataObject) -> None:
    encode, io, values = CASES[name]
    descending = data.draw(st.booleans())
    codec = KeyCodec(b"", (KeyColumn(KeyKind.COMPOSED, descending, encoder=encode), KeyColumn(KeyKind.INT)))
    found = data.draw(st.lists(values, min_size=2, max_size=6))
    key = io.comparison_key or (lambda value: value)
    for a in found:
        for b in found:
            left, right = (codec.encode((value, 0)) for value in ((b, a) if descending else (a, b)))
            assert (left == right) == (key(a) == key(b))
            assert (left < right) == (key(a) < key(b))
            # No encoding begins another one: whatever follows in a key, the first column decides.
            assert encode(a) == encode(b) or not encode(a).startswith(encode(b))


def test_a_column_added_to_a_row_type_changes_no_key() -> None:
    assert row_encoder([INT, TEXT])((1, "a")) == row_encoder([INT, TEXT, INT])((1, "a", None))


def test_jsonb_numbers_of_different_scale_have_one_key() -> None:
    encode = COMPOSED_ENCODERS[oids.JSONB]
    assert encode('{"a": 1.0}') == encode('{"a": 1}') == encode('{"a": 1.00}')


def test_a_composed_column_needs_its_encoder() -> None:
    assert key_kind(oids.JSONB) is KeyKind.COMPOSED
    with pytest.raises(ValueError, match="needs its encoder"):
        KeyCodec(b"", (KeyColumn(KeyKind.COMPOSED),))
    with pytest.raises(ValueError, match="cannot be read back"):
        codec = KeyCodec(b"", (KeyColumn(KeyKind.COMPOSED, encoder=INT),))
        codec.decode(codec.encode((1,)))

"""Do columns come back as they went in, in the lightest encoding that fits?"""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_lsm.format.encodings import Compression, constant_vector, encode_column, open_column, vector_of
from datacave_lsm.format.encodings.integers import DECIMAL_NAN
from datacave_lsm.format.encodings.segment import HEAD, Encoding

INT64 = PhysicalColumn(PhysicalType.INT64)
FLOAT64 = PhysicalColumn(PhysicalType.FLOAT64)
DECIMAL = PhysicalColumn(PhysicalType.DECIMAL64, scale=3)
BOOL = PhysicalColumn(PhysicalType.BOOL)
BYTES = PhysicalColumn(PhysicalType.BYTES)
TEXT = PhysicalColumn(PhysicalType.TEXT)

int64 = st.integers(-(2**63), 2**63 - 1)
decimals = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n).scaleb(-3))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COLUMNS = {
    "int64": (INT64, st.one_of(int64, st.integers(0, 300))),
    "float64": (FLOAT64, st.floats()),
    "decimal": (DECIMAL, st.one_of(decimals, st.just(Decimal("NaN")))),
    "bool": (BOOL, st.booleans()),
    "bytes": (BYTES, st.binary(max_size=20)),
    "fixed bytes": (BYTES, st.binary(min_size=4, max_size=4)),
    "text": (TEXT, texts),
    "few texts": (TEXT, st.sampled_from(["", "a", "é", "zz"])),
}


def exact(value):
    """A form in which equal means the same bits and the same digits."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, Decimal):
        return value.as_tuple()
    return value, type(value)


def opened(values, column, wish=Compression.LZ4):
    encoded = encode_column(vector_of(values, column), column, wish)
    return encoded, open_column(encoded.payload, column)


@pytest.mark.parametrize("name", COLUMNS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_values_come_back(name, data):
    column, strategy = COLUMNS[name]
    items = st.one_of(strategy, st.none()) if data.draw(st.booleans()) else strategy
    values = data.draw(st.lists(items, min_size=1, max_size=60))
    wish = data.draw(st.sampled_from(list(Compression)))
    encoded, segment = opened(values, column, wish)
    want = [exact(value) for value in values]
    assert segment.count == len(values)
    assert [exact(value) for value in segment.values()] == want
    assert [exact(segment.value_at(at)) for at in range(len(values))] == want
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))
    assert [exact(value) for value in segment.values(start, stop)] == want[start:stop]
    vector = segment.vector(start, stop)
    nulls = [False] * (stop - start) if vector.nulls is None else vector.nulls.tolist()
    assert nulls == [value is None for value in values[start:stop]]
    assert len(vector.values) == stop - start
    again = encode_column(segment.vector(), column, wish)
    assert again.payload == encoded.payload
    assert encoded.null_count == values.count(None)
    present = [value for value in values if value is not None]
    if not present:
        assert (encoded.minimum, encoded.maximum) == (None, None)
    elif column.type is PhysicalType.DECIMAL64:
        if any(value.is_nan() for value in present):
            assert (encoded.minimum, encoded.maximum) == (None, None)
        else:
            assert encoded.minimum == int(min(present).scaleb(3))
            assert encoded.maximum == int(max(present).scaleb(3))
    elif any(value != value for value in present):
        assert (encoded.minimum, encoded.maximum) == (None, None)
    else:
        assert (encoded.minimum, encoded.maximum) == (min(present), max(present))


def shape(values, column, wish=Compression.LZ4):
    encoding, compression, _, width, *_ = HEAD.unpack_from(opened(values, column, wish)[0].payload)
    return Encoding(encoding), Compression(compression), width


@pytest.mark.parametrize(
    ("values", "column", "want"),
    [
        ([5] * 9, INT64, (Encoding.CONSTANT, 0)),
        ([None] * 9, TEXT, (Encoding.CONSTANT, 0)),
        ([5, None, 5], INT64, (Encoding.CONSTANT, 0)),
        ([2**62, 2**62 + 255], INT64, (Encoding.FRAME, 1)),
        ([0, 256], INT64, (Encoding.FRAME, 2)),
        ([-1, 65535], INT64, (Encoding.FRAME, 4)),
        ([0, 2**32 - 1], INT64, (Encoding.FRAME, 4)),
        ([0, 2**32], INT64, (Encoding.PLAIN, 8)),
        ([-(2**63), 2**63 - 1], INT64, (Encoding.PLAIN, 8)),
        ([Decimal("1.000"), Decimal("1.255")], DECIMAL, (Encoding.FRAME, 1)),
        ([0.5, 0.25], FLOAT64, (Encoding.PLAIN, 8)),
        ([math.nan] * 3, FLOAT64, (Encoding.CONSTANT, 0)),
        ([0.0, -0.0], FLOAT64, (Encoding.PLAIN, 8)),
        ([True, False], BOOL, (Encoding.BITS, 0)),
        ([True, None], BOOL, (Encoding.CONSTANT, 0)),
        (["x", "y"] * 50, TEXT, (Encoding.DICTIONARY, 1)),
        ([str(n) for n in range(300)] * 8, TEXT, (Encoding.DICTIONARY, 2)),
        ([str(n) for n in range(300)], TEXT, (Encoding.OFFSETS, 2)),
        (["x" * n for n in range(600)], TEXT, (Encoding.OFFSETS, 4)),
        ([bytes([n, 0]) for n in range(100)], BYTES, (Encoding.OFFSETS, 0)),
    ],
)
def test_the_lightest_encoding_is_chosen(values, column, want):
    encoding, _, width = shape(values, column)
    assert (encoding, width) == want
    _, segment = opened(values, column)
    assert [exact(value) for value in segment.values()] == [exact(value) for value in values]


def test_compression_is_kept_only_where_it_pays():
    words = [f"the same words again and again {n % 97} {n}" for n in range(2000)]
    rng = np.random.default_rng(1)
    noise = [rng.bytes(40 + n % 3) for n in range(2000)]
    for wish in (Compression.LZ4, Compression.ZSTD):
        assert shape(words, TEXT, wish)[1] is wish
        assert shape(noise, BYTES, wish)[1] is Compression.NONE
        assert opened(words, TEXT, wish)[1].values() == words
    assert shape(words, TEXT, Compression.NONE)[1] is Compression.NONE


def test_long_bounds_are_cut_below_and_left_out_above():
    encoded, _ = opened(["b" * 40, "c" * 40], TEXT)
    assert (encoded.minimum, encoded.maximum) == ("b" * 32, None)


def test_decimals_keep_exactly_the_scale_of_the_column():
    _, segment = opened([Decimal("1.5"), Decimal("-2"), Decimal("1E+2")], DECIMAL)
    assert [str(value) for value in segment.values()] == ["1.500", "-2.000", "100.000"]
    assert [str(segment.value_at(at)) for at in range(3)] == ["1.500", "-2.000", "100.000"]


def test_a_decimal_nan_is_the_sentinel_in_vectors():
    _, segment = opened([Decimal("NaN"), Decimal("1.000")], DECIMAL)
    assert segment.vector().values.tolist() == [DECIMAL_NAN, 1000]
    assert segment.vector().scale == 3


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (["1"], INT64),
        ([2**63], INT64),
        ([1.5], INT64),
        ([b"x"], TEXT),
        (["x"], BYTES),
        ([Decimal("0.0001")], DECIMAL),
        ([Decimal(10**15)], DECIMAL),
        ([Decimal("Infinity")], DECIMAL),
        (["x"], FLOAT64),
        ([2], BOOL),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(values, column):
    for some in (values, [None, *values]):
        with pytest.raises(ValueError, match=r"fit|not in"):
            vector_of(some, column)


@pytest.mark.parametrize(("column", "value"), [(INT64, 4), (TEXT, "x"), (DECIMAL, Decimal("1.5")), (BOOL, None)])
def test_a_constant_vector_repeats_its_value(column, value):
    vector = constant_vector(value, column, 3)
    again = open_column(encode_column(vector, column, Compression.NONE).payload, column)
    assert again.values() == [value] * 3

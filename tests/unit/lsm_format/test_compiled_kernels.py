"""Do the compiled kernels give the answers of the plain bodies?"""

from __future__ import annotations

import gc
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacave_core.compiled
from datacave_core.compiled import compiled
from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.format.encodings import Compression, PointKind, encode_column, open_column, vector_of
from datacave_lsm.format.keys import encode_keys, open_keys
from datacave_lsm.table import _filter, _rowread
from datacave_lsm.table.filter import BloomFilter, build_filter, key_hash, plain_may_contain
from datacave_lsm.table.rowread import EVERY, PlainRowReader

COLUMNS = (
    PhysicalColumn(PhysicalType.INT64),
    PhysicalColumn(PhysicalType.DECIMAL64, scale=2),
    PhysicalColumn(PhysicalType.FLOAT64),
    PhysicalColumn(PhysicalType.BOOL),
    PhysicalColumn(PhysicalType.TEXT),
    PhysicalColumn(PhysicalType.BYTES),
)


def test_every_kernel_is_built_and_in_use():
    assert datacave_core.compiled.found
    assert [module for module, there in datacave_core.compiled.found.items() if not there] == []


def test_a_kernel_of_another_contract_is_left_alone():
    plain = object()
    assert compiled("datacave_lsm.table._filter", "may_contain", plain, _filter.CONTRACT + 1) is plain
    assert compiled("datacave_lsm.table._nowhere", "may_contain", plain, 1) is plain
    compiled("datacave_lsm.table._filter", "may_contain", plain, _filter.CONTRACT)
    datacave_core.compiled.found.pop("datacave_lsm.table._nowhere")


def test_the_environment_chooses_the_plain_bodies(monkeypatch):
    monkeypatch.setenv(datacave_core.compiled.PLAIN_VARIABLE, "1")
    plain = object()
    assert compiled("datacave_lsm.table._filter", "may_contain", plain, _filter.CONTRACT) is plain
    monkeypatch.undo()
    compiled("datacave_lsm.table._filter", "may_contain", plain, _filter.CONTRACT)


@pytest.mark.parametrize("bits_per_key", [0, 4, 10, 20])
def test_filters(bits_per_key):
    rng = random.Random(bits_per_key)
    keys = [rng.randbytes(12) for _ in range(500)]
    payload = build_filter(np.array([key_hash(key) for key in keys], np.uint64), bits_per_key)
    opened = BloomFilter(payload)
    parts = opened._bits, opened._bit_count, opened._probes
    hashes = [key_hash(key) for key in keys] + [rng.randrange(2**64) for _ in range(2000)] + [0, 2**64 - 1]
    answers = [_filter.may_contain(*parts, hashed) for hashed in hashes]
    assert answers == [plain_may_contain(*parts, hashed) for hashed in hashes]
    assert all(answers[:500])
    assert bits_per_key == 0 or not all(answers)


def column_values(rng, column, count, shape):
    """A column whose encoding depends on the shape: constant, few values, many; fixed or varying lengths."""
    makers = {
        PhysicalType.INT64: [lambda: 5, lambda: rng.randrange(200), lambda: rng.randrange(-(2**62), 2**62)],
        PhysicalType.DECIMAL64: [lambda: 5, lambda: rng.randrange(70000), lambda: rng.randrange(10**12)],
        PhysicalType.FLOAT64: [lambda: 0.5, rng.random, lambda: float("inf")],
        PhysicalType.BOOL: [lambda: True, lambda: rng.random() < 0.5, lambda: rng.random() < 0.1],
        PhysicalType.TEXT: [
            lambda: "same",
            lambda: rng.choice(["", "few", "välues"]),
            lambda: "".join(rng.choice("aä€") for _ in range(rng.randrange(9))),
        ],
        PhysicalType.BYTES: [lambda: b"\0\0", lambda: rng.choice([b"", b"a\0"]), lambda: rng.randbytes(7)],
    }
    values = [makers[column.type][shape]() for _ in range(count)]
    if column.type is PhysicalType.DECIMAL64:
        return ColumnVector(np.array(values, np.int64), None, column.scale)
    nulls = rng.choice([0.0, 0.2, 1.0])
    return vector_of([None if rng.random() < nulls else value for value in values], column)


def readers(keys, timestamps, operations, columns):
    """The plain body and the compiled one over the same segments."""
    both = PlainRowReader(keys, columns), _rowread.RowReader(keys, columns)
    for reader in both:
        reader.attach(timestamps, operations)
    return both


def versions_of(rng):
    """Users' keys, all versions in order, and a group of them: keys, timestamps, operations or None, columns."""
    fixed = rng.random() < 0.5
    users = sorted({b"t" + rng.randbytes(2 if fixed else rng.randrange(4)) for _ in range(rng.randrange(1, 60))})
    versions = [(user, stamp) for user in users for stamp in sorted(rng.sample(range(50), rng.randrange(1, 4)))[::-1]]
    count = len(versions)
    keys = open_keys(encode_keys([key for key, _ in versions]))
    whole = PhysicalColumn(PhysicalType.INT64, nullable=False)

    def opened(values):
        return open_column(encode_column(vector_of(values, whole), whole, Compression.NONE).payload, whole)

    timestamps = opened([stamp for _, stamp in versions])
    operations = opened([int(rng.random() < 0.2) for _ in versions]) if rng.random() < 0.5 else None
    columns = [
        open_column(
            encode_column(column_values(rng, column, count, rng.randrange(3)), column, Compression.LZ4).payload, column
        )
        for column in COLUMNS
    ]
    return users, versions, keys, timestamps, operations, columns


@pytest.mark.parametrize("seed", range(40))
def test_point_reads(seed):
    rng = random.Random(seed)
    users, _, *parts = versions_of(rng)
    plain, fast = readers(*parts)
    for key in [*users, b"", b"s", b"t", b"u", *(user + b"\0" for user in users)]:
        for moment in range(-1, 51, 3):
            expected = plain.get(key, moment)
            found = fast.get(key, moment)
            assert found == expected
            if expected is not None and expected[1] is not None:
                assert list(map(type, found[1])) == list(map(type, expected[1]))


@pytest.mark.parametrize("seed", range(40))
def test_spans(seed):
    """Rows, pairs and stretches of any span equal the plain ones, which equal what single reads find."""
    rng = random.Random(seed)
    users, versions, *parts = versions_of(rng)
    plain, fast = readers(*parts)
    count = len(versions)
    missing = rng.choice([(), (None,), (5, "more")])
    assert fast.repeats() == plain.repeats()
    for key in [*users, b"", b"t", b"u", *(user + b"\0" for user in users)]:
        assert fast.first_at_least(key) == plain.first_at_least(key)
    for _ in range(30):
        start, stop = sorted((rng.randrange(count + 1), rng.randrange(count + 1)))
        moment = rng.choice([-1, 10, 25, 49, EVERY])
        span = start, stop, moment, rng.random() < 0.2
        assert fast.pairs(*span, missing) == plain.pairs(*span, missing)
        assert fast.stretch(*span, missing) == plain.stretch(*span, missing)
        width = len(COLUMNS) + len(missing)
        for columns in (None, (), (0,), tuple(rng.randrange(width) for _ in range(rng.randrange(1, 4)))):
            for places in (False, True):
                expected = plain.rows(*span, columns, missing, places)
                found = fast.rows(*span, columns, missing, places)
                assert found == expected
                assert [None if row is None else [*map(type, row)] for row in found] == [
                    None if row is None else [*map(type, row)] for row in expected
                ]
        found = plain.pairs(0, count, moment, False, ())
        singles = [
            (user, version[1]) for user in users if (version := plain.get(user, moment)) and version[1] is not None
        ]
        assert found == singles


def test_rows_of_plain_values_are_out_of_the_collectors_sight():
    column = PhysicalColumn(PhysicalType.TEXT)
    segment = open_column(encode_column(vector_of(["a", "bc"], column), column, Compression.NONE).payload, column)
    reader = _rowread.RowReader(open_keys(encode_keys([b"k1", b"k2"])), [segment])
    pairs = reader.pairs(0, 2, EVERY, False, ())
    assert pairs == [(b"k1", ("a",)), (b"k2", ("bc",))]
    assert not any(gc.is_tracked(pair) or gc.is_tracked(pair[1]) for pair in pairs)
    holding = reader.pairs(0, 2, EVERY, False, ([],))
    assert all(gc.is_tracked(pair) and gc.is_tracked(pair[1]) for pair in holding)


def test_spans_out_of_the_group_are_refused():
    column = PhysicalColumn(PhysicalType.TEXT)
    segment = open_column(encode_column(vector_of(["a", "bc"], column), column, Compression.NONE).payload, column)
    reader = _rowread.RowReader(open_keys(encode_keys([b"k1", b"k2"])), [segment, None])
    for start, stop in ((-1, 1), (0, 3), (2, 1)):
        with pytest.raises(IndexError):
            reader.rows(start, stop, EVERY, False, (0,), (), False)
    with pytest.raises(IndexError):
        reader.rows(0, 2, EVERY, False, (2,), (), False)
    with pytest.raises(ValueError, match="not open"):
        reader.rows(0, 2, EVERY, False, None, (), False)
    with pytest.raises(ValueError, match="no timestamps"):
        reader.rows(0, 2, 7, False, (0,), (), False)


@given(st.lists(st.text(alphabet="ab\0ä", max_size=5), min_size=1, max_size=40))
def test_point_reads_of_texts_and_keys_of_all_lengths(texts):
    texts = sorted(set(texts))
    keys = open_keys(encode_keys(sorted(text.encode() for text in texts)))
    column = PhysicalColumn(PhysicalType.TEXT)
    segment = open_column(encode_column(vector_of(texts, column), column, Compression.NONE).payload, column)
    whole = PhysicalColumn(PhysicalType.INT64, nullable=False)
    stamps = open_column(encode_column(vector_of([7] * len(texts), whole), whole, Compression.NONE).payload, whole)
    plain, fast = readers(keys, stamps, None, [segment])
    for text in [*texts, "c", "ä\0"]:
        assert fast.get(text.encode(), 7) == plain.get(text.encode(), 7)
        assert fast.get(text.encode(), 6) is None


def test_the_numbers_of_the_kinds_are_those_of_the_kernel():
    assert [kind.value for kind in PointKind] == list(range(8))

"""Is the order of keys the order PostgreSQL gives to values, in every direction and with NULLs on either side?"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.errors import DatacaveError
from datacave_core.keycode import KeyCodec, KeyColumn, KeyKind, table_prefix
from datacave_core.values import Interval, TimeTz

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMERICS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).filter(lambda d: not d.is_snan()),
    st.decimals(-100, 100, places=2),
    st.builds(lambda d, e: Decimal(d).scaleb(e), st.integers(-999, 999), st.integers(-300, 300)),
)
TEXTS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
VALUES: dict[KeyKind, st.SearchStrategy[Any]] = {
    KeyKind.INT: st.one_of(INT64, st.integers(-3, 3)),
    KeyKind.FLOAT: st.one_of(st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324])),
    KeyKind.NUMERIC: NUMERICS,
    KeyKind.BOOL: st.booleans(),
    KeyKind.TEXT: TEXTS,
    KeyKind.BPCHAR: st.builds(lambda s, n: s + " " * n, TEXTS, st.integers(0, 3)),
    KeyKind.BYTES: st.one_of(st.binary(max_size=6), st.lists(st.sampled_from([0, 1, 255]), max_size=5).map(bytes)),
    KeyKind.UUID: st.binary(min_size=16, max_size=16),
    KeyKind.INTERVAL: st.builds(
        Interval,
        st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-2, 2)),
        st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-60, 60)),
        st.one_of(INT64, st.sampled_from([0, 86_400_000_000])),
    ),
    KeyKind.TIMETZ: st.builds(TimeTz, st.integers(0, 86_400_000_000), st.integers(-57599, 57599)),
}


def sort_value(kind: KeyKind, value: Any) -> Any:
    """The value PostgreSQL compares, as something Python compares the same way."""
    if kind is KeyKind.FLOAT:
        return (1, 0.0) if math.isnan(value) else (0, value)
    if kind is KeyKind.NUMERIC:
        return (1, Decimal(0)) if value.is_nan() else (0, value)
    if kind is KeyKind.TEXT:
        return value.encode()
    if kind is KeyKind.BPCHAR:
        return value.rstrip(" ").encode()
    if kind is KeyKind.INTERVAL:
        return value.microseconds + 86_400_000_000 * (value.days + 30 * value.months)
    if kind is KeyKind.TIMETZ:
        return (value.microseconds + value.zone_seconds * 1_000_000, value.zone_seconds)
    return value


def compare_values(column: KeyColumn, left: Any, right: Any) -> int:
    """How ORDER BY would compare two values of a column."""
    if left is None or right is None:
        if left is right:
            return 0
        return -1 if (left is None) == column.nulls_first else 1
    a, b = sort_value(column.kind, left), sort_value(column.kind, right)
    order = int(a > b) - int(a < b)
    return -order if column.descending else order


def compare_rows(columns: tuple[KeyColumn, ...], left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    """How ORDER BY would compare two rows."""
    for column, a, b in zip(columns, left, right, strict=True):
        if order := compare_values(column, a, b):
            return order
    return 0


COLUMNS = st.builds(KeyColumn, st.sampled_from(list(VALUES)), st.booleans(), st.booleans(), st.booleans())


@st.composite
def codec_and_rows(draw: st.DrawFn) -> tuple[KeyCodec, list[tuple[Any, ...]]]:
    columns = tuple(draw(st.lists(COLUMNS, min_size=1, max_size=4)))
    one_row = st.tuples(*(st.none() | VALUES[c.kind] if c.nullable else VALUES[c.kind] for c in columns))
    return KeyCodec(table_prefix(20000, 3), columns), draw(st.lists(one_row, min_size=2, max_size=8))


@settings(max_examples=300, deadline=None)
@given(codec_and_rows())
def test_order_of_keys_is_order_of_rows(case: tuple[KeyCodec, list[tuple[Any, ...]]]) -> None:
    codec, rows = case
    keys = [codec.encode(row) for row in rows]
    for left, left_key in zip(rows, keys, strict=True):
        for right, right_key in zip(rows, keys, strict=True):
            assert (left_key > right_key) - (left_key < right_key) == compare_rows(codec.columns, left, right)


@settings(max_examples=200, deadline=None)
@given(codec_and_rows())
def test_values_come_back(case: tuple[KeyCodec, list[tuple[Any, ...]]]) -> None:
    codec, rows = case
    if any(column.kind is KeyKind.INTERVAL for column in codec.columns):
        with pytest.raises(ValueError, match="interval"):
            codec.decode(
                codec.encode(
                    [
                        Interval(0, 0, 0) if c.kind is KeyKind.INTERVAL else r
                        for c, r in zip(codec.columns, rows[0], strict=True)
                    ]
                )
            )
        return
    for row in rows:
        decoded = codec.decode(codec.encode(row) + b"suffix")
        assert compare_rows(codec.columns, decoded, row) == 0
        if codec.invertible:
            assert [type(value) for value in decoded] == [type(value) for value in row]


@pytest.mark.parametrize("kind", list(VALUES))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_sorted_keys_are_sorted_values(kind: KeyKind, data: st.DataObject) -> None:
    column = KeyColumn(kind)
    codec = KeyCodec(b"", (column,))
    values = data.draw(st.lists(VALUES[kind], max_size=12))
    by_key = sorted(values, key=lambda value: codec.encode((value,)))
    by_value = sorted(values, key=cmp_to_key(lambda a, b: compare_values(column, a, b)))
    assert [codec.encode((v,)) for v in by_key] == [codec.encode((v,)) for v in by_value]


def test_a_bigint_primary_key_costs_eight_bytes() -> None:
    assert len(KeyCodec(table_prefix(1), (KeyColumn(KeyKind.INT),)).encode((7,))) == 6 + 8


def test_equal_numerics_of_different_scale_have_one_key() -> None:
    codec = KeyCodec(b"", (KeyColumn(KeyKind.NUMERIC),))
    assert codec.encode((Decimal("1.10"),)) == codec.encode((Decimal("1.1"),)) == codec.encode((Decimal("11E-1"),))
    assert codec.encode((Decimal("-0.00"),)) == codec.encode((Decimal(0),))
    assert codec.encode((Decimal("1E131071"),)) > codec.encode((Decimal("9E131070"),))


def test_nul_in_text_is_refused() -> None:
    with pytest.raises(DatacaveError) as caught:
        KeyCodec(b"", (KeyColumn(KeyKind.TEXT),)).encode(("a\0b",))
    assert caught.value.sqlstate == "22021"

"""Do the compiled list facts equal the plain ones?"""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacave_lsm.format import _listfacts, listfacts

ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(max_size=5))


@given(st.lists(ANY))
def test_types(values: list[object]) -> None:
    assert _listfacts.types_of(values) == listfacts.plain_types_of(values)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=5), st.text(max_size=5), st.tuples(st.none()))))
def test_lengths(values: list[object]) -> None:
    assert _listfacts.total_length(values) == listfacts.plain_total_length(values)
    present = [value for value in values if value is not None]
    assert _listfacts.lengths_of(present) == listfacts.plain_lengths_of(present)


@given(st.lists(st.binary(max_size=4)))
def test_order_and_extremes(values: list[bytes]) -> None:
    for keys in (values, sorted(values), sorted(set(values))):
        assert _listfacts.ascends(keys) == listfacts.plain_ascends(keys)
        if keys:
            assert _listfacts.extremes(keys) == listfacts.plain_extremes(keys)


def test_extremes_of_other_types() -> None:
    for values in (["b", "a", "ä"], [3, 1, 2], [Decimal("1.5"), Decimal("-1")]):
        assert _listfacts.extremes(values) == listfacts.plain_extremes(values)
    with pytest.raises(TypeError):
        _listfacts.extremes([b"a", "a"])


def test_what_has_no_length_or_order_is_refused() -> None:
    with pytest.raises(TypeError):
        _listfacts.lengths_of([b"a", 5])
    with pytest.raises(TypeError):
        _listfacts.total_length([b"a", 5])
    with pytest.raises(TypeError):
        _listfacts.ascends([b"a", "b"])


def test_columns() -> None:
    rows: list[tuple[object, ...]] = [(1, "a"), (None, "b", 3)]
    for number in (0, 1):
        assert _listfacts.column_of(rows, number) == listfacts.plain_column_of(rows, number)
    for wrong in (rows, [*rows, None]):
        with pytest.raises((IndexError, TypeError)):
            _listfacts.column_of(wrong, 2)
        with pytest.raises((IndexError, TypeError)):
            listfacts.plain_column_of(wrong, 2)  # type: ignore[arg-type]
    assert _listfacts.column_of([], 0) == []


def test_long_lists() -> None:
    rng = random.Random(1)
    keys = sorted({rng.randbytes(14) for _ in range(5000)})
    assert _listfacts.ascends(keys)
    keys[4000] = keys[10]
    assert not _listfacts.ascends(keys)
    assert _listfacts.extremes(keys) == (min(keys), max(keys))

"""Does the memtable keep keys in order and versions newest first, however its keys arrived?"""

from __future__ import annotations

import random
from itertools import chain

import pytest

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_lsm.memtable import Memtable


def filled(keys: list[bytes]) -> Memtable:
    memtable = Memtable(1)
    for timestamp, key in enumerate(keys, 1):
        memtable.apply(timestamp, {key: (timestamp,)}, 10)
    return memtable


def arrivals(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    numbers = list(range(count))
    if seed % 3 == 0:
        chance.shuffle(numbers)
    elif seed % 3 == 1:
        numbers.reverse()
    return [b"%06d" % number for number in numbers]


@pytest.mark.parametrize("seed", range(6))
def test_keys_come_in_order_both_ways(seed: int) -> None:
    chance = random.Random(seed)
    keys = arrivals(seed, 9_000)
    memtable = Memtable(1)
    for place, key in enumerate(keys):
        memtable.apply(place + 1, {key: ()}, 1)
        if chance.random() < 0.01:
            low, high = sorted(chance.sample(range(10_000), 2))
            bounds = b"%06d" % low, b"%06d" % high
            expected = sorted(each for each in keys[: place + 1] if bounds[0] <= each < bounds[1])
            size = chance.choice((1, 10, 64))
            assert list(chain(*memtable.key_chunks(*bounds, size))) == expected
            assert list(chain(*memtable.key_chunks(*bounds, size, reverse=True))) == expected[::-1]
    assert list(chain(*memtable.key_chunks(None, None, 64))) == sorted(keys)


def test_a_scan_keeps_the_keys_it_began_with() -> None:
    memtable = filled(arrivals(0, 5_000))
    chunks = memtable.key_chunks(None, None, 64)
    found = list(next(chunks))
    for number in range(5_000, 15_000):
        memtable.apply(number + 1, {b"%06d" % (number * 7 % 15_000): (0,), b"x%06d" % number: (0,)}, 1)
        list(memtable.key_chunks(b"x", None, 64)) if number % 1_000 == 0 else None
    found += chain(*chunks)
    assert found == sorted(arrivals(0, 5_000))


def test_versions_of_a_key_are_found_by_timestamp() -> None:
    memtable = Memtable(1)
    for timestamp, row in ((10, (1,)), (20, None), (30, (3,))):
        memtable.apply(timestamp, {b"k": row}, 1)
    assert memtable.get(b"k", 9) is None
    assert [memtable.get(b"k", at)[:2] for at in (10, 19, 20, 29, 30, 99)] == [  # type: ignore[index]
        (10, (1,)),
        (10, (1,)),
        (20, None),
        (20, None),
        (30, (3,)),
        (30, (3,)),
    ]
    assert memtable.get(b"other", 99) is None
    assert memtable.version_count == 3


def test_rows_get_the_columns_of_a_new_layout_in_every_version_under_the_prefix() -> None:
    memtable = Memtable(1)
    for timestamp, row in ((10, (1,)), (20, None), (30, (3,))):
        memtable.apply(timestamp, {b"prefixk": row, b"otherrk": row}, 1)
    layout = Layout(2, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT, missing="m")))
    list(memtable.fit_rows(b"prefix", layout, 1))
    assert memtable.get(b"prefixk", 10)[:2] == (10, (1, "m"))  # type: ignore[index]
    assert memtable.get(b"prefixk", 20)[:2] == (20, None)  # type: ignore[index]
    assert memtable.get(b"prefixk", 30)[:2] == (30, (3, "m"))  # type: ignore[index]
    assert memtable.get(b"otherrk", 30)[:2] == (30, (3,))  # type: ignore[index]
    other = Layout(2, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.BOOL, missing=True, added=2)))
    list(memtable.fit_rows(b"prefix", other, 1))
    assert memtable.get(b"prefixk", 30)[:2] == (30, (3, True))  # type: ignore[index]
    list(memtable.fit_rows(b"prefix", Layout(1, other.columns[:1]), 1))
    assert memtable.get(b"prefixk", 10)[:2] == (10, (1,))  # type: ignore[index]

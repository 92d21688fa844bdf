"""Does the segment cache keep its budget, and what is in use, against scans?"""

from __future__ import annotations

import random

from datacave_lsm.table import SegmentCache


def test_what_was_put_is_found():
    cache = SegmentCache(100)
    cache.put((1, 1), "a", 10)
    assert cache.get((1, 1)) == "a"
    assert cache.get((1, 2)) is None
    cache.put((1, 1), "b", 20)
    assert cache.get((1, 1)) == "b"
    assert cache.bytes_used == 20


def test_the_budget_holds_under_any_operations():
    rng = random.Random(1)
    cache = SegmentCache(1000)
    for _ in range(20_000):
        key = (rng.randrange(3), rng.randrange(60))
        action = rng.random()
        if action < 0.5:
            if cache.get(key) is None:
                cache.put(key, key, rng.randrange(1, 120))
        elif action < 0.9:
            cache.grow(key, rng.randrange(50))
        elif action < 0.91:
            cache.drop_file(key[0])
        assert 0 <= cache.bytes_used <= 1000
        found = cache.get(key)
        assert found is None or found == key
    for file_id in range(3):
        cache.drop_file(file_id)
    assert (cache.bytes_used, len(cache)) == (0, 0)


def test_growing_counts_and_unknown_groups_do_not():
    cache = SegmentCache(100)
    cache.put((1, 1), "a", 10)
    cache.grow((1, 1), 30)
    cache.grow((9, 9), 30)
    assert cache.bytes_used == 40
    cache.grow((1, 1), 61)
    assert (cache.get((1, 1)), cache.bytes_used) == (None, 0)


def test_a_scan_does_not_push_out_what_is_used_again_and_again():
    cache = SegmentCache(100)
    hot = [(1, number) for number in range(5)]
    for turn in range(4):
        for key in hot:
            if cache.get(key) is None:
                cache.put(key, key, 10)
        for number in range(8):
            cache.put((3 + turn, number), number, 10)
    for number in range(1000):
        cache.put((2, number), number, 10)
        assert len(cache) <= 10
    assert all(cache.get(key) == key for key in hot)


def test_a_value_above_the_budget_is_not_kept():
    cache = SegmentCache(100)
    cache.put((1, 1), "a", 101)
    assert cache.get((1, 1)) is None
    assert cache.bytes_used == 0


def test_a_dropped_file_is_forgotten_and_others_stay():
    cache = SegmentCache(100)
    cache.put((1, 1), "a", 10)
    cache.put((2, 1), "b", 10)
    cache.drop_file(1)
    assert (cache.get((1, 1)), cache.get((2, 1)), cache.bytes_used) == (None, "b", 10)

"""Which merge does a level state call for?"""

from __future__ import annotations

import random

import pytest

from bench.compaction import LOADS, simulate
from datacave_core.layout import RAW_LAYOUT
from datacave_core.memory import MemoryFileSystem, SimulatedScheduler
from datacave_lsm import Seals
from datacave_lsm.compaction import expected_level, ingest_level, merge_of, pick, scores
from datacave_lsm.compaction.picker import level_bytes_max
from datacave_lsm.options import EngineOptions
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import Levels, TableFile

OPTIONS = EngineOptions(level0_trigger_files=4, level1_bytes=1000, level_growth=10, level_count=4)


def file(number: int, smallest: str, largest: str, size: int = 100, tombstones: int = 0, newest: int = 0) -> TableFile:
    return TableFile(number, smallest.encode(), largest.encode(), 1, newest or number, 10, tombstones, size)


def levels(*files: list[TableFile]) -> Levels:
    added = tuple((level, each) for level, present in enumerate(files) for each in present)
    return Levels.empty(4).change(frozenset(), added)


def test_nothing_is_due_while_every_level_is_within_bounds() -> None:
    assert pick(Levels.empty(4), OPTIONS) is None
    assert pick(levels([file(n, "a", "z") for n in range(1, 4)], [file(9, "a", "z", 999)]), OPTIONS) is None


def test_enough_level_0_files_go_down_together_with_what_they_touch() -> None:
    state = levels(
        [file(n, "f", "p") for n in range(1, 5)],
        [file(5, "a", "e"), file(6, "e1", "g"), file(7, "h", "m"), file(8, "q", "z")],
    )
    task = pick(state, OPTIONS)
    assert task is not None
    assert [each.number for each in task.upper] == [4, 3, 2, 1]
    assert [each.number for each in task.lower] == [6, 7]
    assert task.target == 1
    assert task.bottom
    assert not task.trivial


def test_a_deeper_file_within_the_range_keeps_tombstones_alive() -> None:
    upper = [file(n, "f", "p") for n in range(1, 5)]
    for other, bottom in ((file(9, "g", "h"), False), (file(9, "q", "z"), True)):
        task = pick(levels(upper, [], [other]), OPTIONS)
        assert task is not None
        assert task.bottom == bottom


def test_the_file_that_drags_least_along_goes_first_and_moves_without_rewriting() -> None:
    state = levels(
        [],
        [file(1, "a", "f", 600), file(2, "g", "k", 300), file(3, "l", "z", 600)],
        [file(4, "a", "c", 500), file(5, "d", "f", 500), file(6, "m", "z", 500)],
    )
    task = pick(state, OPTIONS)
    assert task is not None
    assert [each.number for each in task.inputs] == [2]
    assert task.trivial


def test_a_file_with_tombstones_is_rewritten_where_they_can_go() -> None:
    task = merge_of(levels([], [file(1, "a", "b", tombstones=1)]), 1, (file(1, "a", "b", tombstones=1),))
    assert task.bottom
    assert not task.trivial


def test_the_fullest_level_is_served_first() -> None:
    state = levels([file(n, "a", "b") for n in range(1, 6)], [file(9, "a", "b", 5000)])
    assert scores(state, OPTIONS)[:2] == [0.0, 5.0]
    task = pick(state, OPTIONS)
    assert task is not None
    assert task.level == 1


@pytest.mark.parametrize("seed", range(5))
def test_merges_come_to_an_end_and_keep_the_levels_in_order(seed: int) -> None:
    chance = random.Random(seed)
    state, number = Levels.empty(4), 0
    for _ in range(60):
        number += 1
        low, high = sorted(chance.sample(range(1000), 2))
        state = state.change(frozenset(), ((0, file(number, f"{low:04}", f"{high:04}", 300)),))
        for _ in range(100):
            task = pick(state, OPTIONS)
            if task is None:
                break
            low_key = min(each.smallest_key for each in task.inputs).decode()
            high_key = max(each.largest_key for each in task.inputs).decode()
            number += 1
            size = sum(each.size_bytes for each in task.inputs) * 9 // 10
            newest = max(each.max_timestamp for each in task.inputs)
            merged = file(number, low_key, high_key, size, newest=newest)
            state = state.change(frozenset(each.number for each in task.inputs), ((task.target, merged),))
        else:
            pytest.fail("merges do not come to an end")


def test_overlapping_files_on_a_deep_level_are_refused() -> None:
    state = levels([], [file(1, "a", "f")])
    with pytest.raises(ValueError, match="overlap"):
        state.change(frozenset(), ((1, file(2, "f", "g")),))
    with pytest.raises(ValueError, match="two levels"):
        state.change(frozenset(), ((2, file(1, "a", "f")),))
    with pytest.raises(ValueError, match="on no level"):
        state.change(frozenset((7,)), ())


def test_ranges_find_exactly_the_files_they_touch() -> None:
    state = levels([], [file(1, "b", "d"), file(2, "f", "h"), file(3, "j", "l")])
    for low, high, expected in (
        (None, None, [1, 2, 3]),
        (b"d", b"f", [1]),
        (b"d1", b"f", []),
        (b"h", b"j1", [2, 3]),
        (b"m", None, []),
        (None, b"b", []),
    ):
        assert [each.number for each in state.overlapping(1, low, high)] == expected
    assert [each.number for each in state.touching(1, b"d", b"f")] == [1, 2]


@pytest.mark.parametrize(("below", "count"), [(400, 4), (900, 5), (0, 4)])
def test_level_0_waits_for_more_files_where_a_merge_would_rewrite_much(below: int, count: int) -> None:
    lower = [file(99, "a", "z", below)] if below else [file(99, "zz", "zzz", 900)]
    for files in range(1, 9):
        task = pick(levels([file(n, "a", "z") for n in range(1, files + 1)], lower), OPTIONS)
        assert (task is not None) == (files >= count)


def test_files_that_do_not_touch_each_other_move_together() -> None:
    upper = [file(n, f"{n}0", f"{n}9", newest=10 - n) for n in range(1, 5)]
    task = pick(levels(upper, [file(9, "5", "6")]), OPTIONS)
    assert task is not None
    assert task.trivial
    task = pick(levels([*upper[:3], file(4, "39", "49")], [file(9, "5", "6")]), OPTIONS)
    assert task is not None
    assert not task.trivial


def test_an_ingested_file_goes_to_the_lowest_level_that_fits() -> None:
    new = file(50, "g", "h", 100)
    assert ingest_level(Levels.empty(4), new, None, OPTIONS) == 1
    state = levels([file(1, "a", "c")], [file(2, "a", "c", 500)], [file(3, "a", "c", 900), file(4, "x", "z", 900)])
    assert ingest_level(state, new, None, OPTIONS) == 2
    assert ingest_level(state, file(50, "b", "d"), None, OPTIONS) == 0
    assert ingest_level(levels([], [], [file(3, "f", "k")]), new, None, OPTIONS) == 1
    merging = merge_of(levels([], [file(2, "a", "c")], [file(3, "b", "z")]), 1, (file(2, "a", "c"),))
    assert (
        ingest_level(levels([], [file(2, "a", "c")], [file(3, "b", "f"), file(5, "s", "z")]), new, merging, OPTIONS)
        == 0
    )
    assert ingest_level(levels([], [], [], [file(3, "m", "z", 10**9)]), new, None, OPTIONS) == 3


@pytest.mark.parametrize(("name", "most"), [("in order", 1.05), ("random", 9), ("four fifths on a fifth", 9)])
def test_write_amplification_stays_in_bounds(name: str, most: float) -> None:
    found = simulate(LOADS[name], 10 * 1024**3, EngineOptions())
    assert (found.flushed + found.merged) / found.flushed < most
    assert found.total_bytes() / found.live_bytes() < 1.6


def test_deep_levels_are_compressed_more() -> None:
    def factory(options: EngineOptions) -> TableFactory:
        files, scheduler = MemoryFileSystem(), SimulatedScheduler()
        return TableFactory(files, scheduler, Seals(), lambda prefix: RAW_LAYOUT, lambda: 1, options)

    usual = factory(EngineOptions(zstd_level_min=2))
    assert [usual.at_level(level).compression for level in range(4)] == [1, 1, 2, 2]
    assert factory(EngineOptions(compression=False)).at_level(3).compression == 0


def test_levels_in_between_grow_evenly_to_what_there_is() -> None:
    options = EngineOptions(level1_bytes=1000, level_growth=6, level_count=7)

    def state(*sizes: int) -> Levels:
        files = [(at, file(at, "a", "z", size)) for at, size in enumerate(sizes, 1) if size]
        return Levels.empty(7).change(frozenset(), tuple(files))

    shallow = state(900, 5_000)
    assert [level_bytes_max(level, shallow, options) for level in (1, 2, 3)] == [1000, 6000, 36_000]
    assert pick(shallow, options) is None
    # 27 times level 1 in four levels: three times more from each to the next, and the deepest has room to grow.
    deep = state(1000, 3000, 9000, 14_000)
    assert [round(level_bytes_max(level, deep, options)) for level in (1, 2, 3, 4)] == [1000, 3000, 9000, 216_000]
    task = pick(state(900, 2000, 15_000, 9_100), options)
    assert task is not None
    assert task.level == 3


def test_ingested_files_are_expected_on_the_deepest_level_above_which_nothing_holds_their_keys() -> None:
    def expected(key: bytes, *held: tuple[int, str, str]) -> int:
        files = tuple((level, file(at, low, high, 1000)) for at, (level, low, high) in enumerate(held, 1))
        return expected_level(Levels.empty(7).change(frozenset(), files), key)

    assert expected(b"m") == 1
    assert expected(b"m", (4, "a", "f")) == 4
    assert expected(b"m", (4, "a", "f"), (2, "k", "p")) == 1
    assert expected(b"m", (4, "k", "p")) == 3
    assert expected(b"m", (0, "k", "p"), (4, "a", "f")) == 0

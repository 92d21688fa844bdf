"""Does the row cache take over what a flush takes out of memory, and only what is newest?"""

from __future__ import annotations

from datacave_lsm.batch import Batch
from datacave_lsm.memtable import Memtable
from datacave_lsm.row_cache import GENERATIONS, RowCache


def memtable_of(numbers: range, timestamp: int) -> Memtable:
    memtable = Memtable(1)
    memtable.apply(timestamp, {b"%08d" % i: (i, "x" * 20) for i in numbers}, 40 * len(numbers))
    return memtable


def batch_of(numbers: range, timestamp: int) -> Batch:
    batch = Batch({b"%08d" % i: (i, "x" * 20) for i in numbers}, 1, 1, lambda _: None)
    batch.add(batch.rows, 40 * len(numbers))
    batch.max_timestamp = timestamp
    return batch


def flushed(cache: RowCache, memtable: Memtable | Batch) -> None:
    """What a flush does."""
    for _ in cache.prepare(memtable, 64):
        pass
    cache.take_over(memtable)
    for _ in cache.dismantle(memtable):
        pass


def entry(cache: RowCache, number: int) -> tuple[int, object] | None:
    hot = cache.get(b"%08d" % number)
    return None if hot is None else (hot[0], hot[1])


def test_rows_of_memtables_and_batches_are_found() -> None:
    for made in (memtable_of(range(100), 7), batch_of(range(100), 7)):
        cache = RowCache(1 << 20)
        flushed(cache, made)
        assert entry(cache, 42) == (7, (42, "x" * 20))
        assert entry(cache, 100) is None


def test_they_hide_what_was_remembered_before() -> None:
    for made in (memtable_of(range(10), 9), batch_of(range(10), 9)):
        cache = RowCache(1 << 20)
        flushed(cache, memtable_of(range(4, 6), 2))
        cache.put(b"%08d" % 5, 3, (5, "old"))
        flushed(cache, made)
        assert entry(cache, 5) == (9, (5, "x" * 20))


def test_what_does_not_fit_is_forgotten_rather_than_kept_stale() -> None:
    for made in (memtable_of(range(1000), 9), batch_of(range(1000), 9)):
        cache = RowCache(4096)
        cache.put(b"%08d" % 5, 3, (5, "old"))
        flushed(cache, made)
        assert entry(cache, 5) is None


def test_the_oldest_leave_when_newer_rows_come() -> None:
    cache = RowCache(200_000)
    tables = [memtable_of(range(start, start + 100), 1) for start in range(0, 2000, 100)]
    for table in tables:
        flushed(cache, table)
    assert len(cache) < 1000
    assert entry(cache, 1999) == (1, (1999, "x" * 20))
    assert not tables[0].cells, "what has left is freed"


def test_what_is_used_stays_when_the_oldest_leave() -> None:
    cache = RowCache(200_000)
    for start in range(0, 2000, 100):
        flushed(cache, memtable_of(range(start, start + 100), 1))
        assert entry(cache, 7) == (1, (7, "x" * 20))


def test_a_memtable_that_a_scan_reads_is_not_emptied() -> None:
    cache = RowCache(200_000)
    read = memtable_of(range(100), 1)
    flushed(cache, read)
    read.readers += 1
    for start in range(100, 2000, 100):
        flushed(cache, memtable_of(range(start, start + 100), 1))
    assert entry(cache, 7) is None
    assert len(read.cells) == 100
    cache.clear()
    assert len(read.cells) == 100


def test_rows_that_are_read_fill_it_up_to_the_budget() -> None:
    cache = RowCache(100_000)
    for number in range(10_000):
        cache.put(b"%08d" % number, 1, (number,))
    assert 100_000 // 248 * (GENERATIONS - 2) // GENERATIONS < len(cache) <= 100_000 // 248
    assert entry(cache, 9_999) == (1, (9_999,))
    assert entry(cache, 0) is None
    cache.clear()
    assert len(cache) == 0
    assert entry(cache, 9_999) is None

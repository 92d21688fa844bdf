"""Does the row cache take over what a flush takes out of memory, and only what is newest?"""

from __future__ import annotations

from typing import Any

from datacave_lsm.row_cache import RowCache


def _cells(count: int, timestamp: int) -> dict[bytes, tuple[int, tuple[Any, ...] | None, None]]:
    return {b"%08d" % i: (timestamp, (i, "x" * 20), None) for i in range(count)}


def test_adopted_rows_are_found() -> None:
    cache = RowCache(1 << 20)
    cells = _cells(100, 7)
    cache.adopt(sorted(cells), cells.get)
    assert cache.get(b"%08d" % 42) == (7, (42, "x" * 20))


def test_an_adopted_row_hides_the_one_remembered_before() -> None:
    cache = RowCache(1 << 20)
    cache.put(b"%08d" % 5, 3, (5, "old"))
    cells = _cells(10, 9)
    cache.adopt(sorted(cells), cells.get)
    assert cache.get(b"%08d" % 5) == (9, (5, "x" * 20))


def test_what_does_not_fit_is_forgotten_rather_than_kept_stale() -> None:
    cache = RowCache(4096)
    cache.put(b"%08d" % 5, 3, (5, "old"))
    cells = _cells(1000, 9)
    cache.adopt(sorted(cells), cells.get)
    assert cache.get(b"%08d" % 5) is None


def test_older_generations_leave_when_newer_rows_come() -> None:
    cache = RowCache(200_000)
    for start in range(0, 2000, 100):
        cells = {b"%08d" % i: (1, (i,), None) for i in range(start, start + 100)}
        cache.adopt(sorted(cells), cells.get)
    assert len(cache) < 1000
    assert cache.get(b"%08d" % 1999) == (1, (1999,))

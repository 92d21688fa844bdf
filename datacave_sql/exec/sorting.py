"""Sorting in steps: many rows in the order of several keys, without one long call.

Rows are sorted in runs; then all runs advance together up to a pivot that none of them has left behind, and what lies
before it is put in order by one more sort, which finds it almost sorted. Every step takes about as long as sorting a
run. The order is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeAlias

from datacave_core.values import Row

RUN_ROWS = 4096

Passes: TypeAlias = Sequence[tuple[Callable[[Any], Any], bool]]
"""(key function, descending), from the least to the most significant key."""


def sort_rows(rows: list[Any], passes: Passes) -> None:
    """Sorts in place, at once; the last pass given is the most significant one."""
    for key, descending in passes:
        rows.sort(key=key, reverse=descending)


def sort_in_steps(rows: list[Any], passes: Passes) -> Generator[None, None, list[Any]]:
    """The sorted rows (perhaps the same list); yields between steps."""
    if len(rows) <= RUN_ROWS:
        sort_rows(rows, passes)
        return rows
    found: list[Any] = []
    for part in sorted_parts(rows, passes):
        if part is not None:
            found += part
        yield
    return found


def sorted_parts(rows: list[Any], passes: Passes) -> Iterator[list[Any] | None]:
    """The rows in order, in parts; None after a step that gives none. Empties the list, and holds no row that it has
    given."""
    runs: list[list[Any]] = []
    # Taken from the end, so that the list gets shorter at little cost.
    while rows:
        start = (len(rows) - 1) // RUN_ROWS * RUN_ROWS
        run = rows[start:]
        del rows[start:]
        sort_rows(run, passes)
        runs.append(run)
        if rows:
            yield None
    runs.reverse()
    if len(runs) <= 1:
        yield from runs
    else:
        yield from merge_runs(runs, passes)


def merge_runs(runs: list[list[Any]], passes: Passes) -> Iterator[list[Any]]:
    """The rows of sorted runs in order, in parts; of equal rows those of an earlier run come first.

    Rows that have been given are no longer in the runs: they go when their reader lets go of them.
    """
    significant = [(key, descending) for key, descending in reversed(passes)]
    places = [0] * len(runs)
    active = [number for number, run in enumerate(runs) if run]
    while active:
        share = max(RUN_ROWS // len(active), 1)
        pivot: Row | None = None
        for number in active:
            run = runs[number]
            last = run[min(places[number] + share, len(run)) - 1]
            if pivot is None or compare(last, pivot, significant) < 0:
                pivot = last
        before: list[Any] = []
        equal: list[Any] = []
        for number in active:
            run, place = runs[number], places[number]
            first = place_of(run, place, pivot, significant, after_equal=False)
            after = place_of(run, first, pivot, significant, after_equal=True)
            before += run[place:first]
            equal += run[first:after]
            run[place:after] = [None] * (after - place)
            places[number] = after
        del pivot, last
        sort_rows(before, passes)
        # Equal rows need no sorting, however many there are.
        before += equal
        del equal
        yield before
        del before
        active = [number for number in active if places[number] < len(runs[number])]


def compare(one: Any, other: Any, significant: Passes) -> int:
    """Negative, zero or positive; `significant` are the passes, the most significant first."""
    for key, descending in significant:
        a, b = key(one), key(other)
        if a != b:
            return (1 if a < b else -1) if descending else (-1 if a < b else 1)
    return 0


def place_of(run: list[Any], low: int, pivot: Any, significant: Passes, *, after_equal: bool) -> int:
    """The first place from `low` on whose row does not come before the pivot (or comes after it)."""
    # Gallop first: the place is mostly near.
    step, high = 1, low
    while high < len(run) and _passes(run[high], pivot, significant, after_equal):
        low = high + 1
        high += step
        step *= 2
    high = min(high, len(run))
    while low < high:
        middle = (low + high) // 2
        if _passes(run[middle], pivot, significant, after_equal):
            low = middle + 1
        else:
            high = middle
    return low


def _passes(row: Any, pivot: Any, significant: Passes, after_equal: bool) -> bool:
    order = compare(row, pivot, significant)
    return order < 0 or (after_equal and order == 0)

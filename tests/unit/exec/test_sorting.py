"""Do many rows come out in the order of their keys, stable, and in steps?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from datacave_sql.exec.sorting import RUN_ROWS, merge_runs, sort_in_steps, sort_rows, sorted_parts


def key(place: int) -> Any:
    return lambda row: row[place]


@pytest.mark.parametrize("values", [1, 3, 1000, 10**9])
@pytest.mark.parametrize("directions", [(False,), (True,), (False, True), (True, False)])
def test_steps_give_what_one_sort_gives(values: int, directions: tuple[bool, ...]) -> None:
    chance = random.Random(values)
    rows = [(*(chance.randrange(values) for _ in directions), number) for number in range(3 * RUN_ROWS + 17)]
    passes = [(key(place), descending) for place, descending in enumerate(directions)]
    expected = list(rows)
    sort_rows(expected, passes)
    steps = sort_in_steps(rows, passes)
    pauses = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            assert end.value == expected
            break
        pauses += 1
    assert pauses >= 4


def test_parts_of_a_merge_are_small_where_rows_differ() -> None:
    runs = [sorted((number * 7 + start, start) for number in range(RUN_ROWS)) for start in range(5)]
    parts = list(merge_runs(runs, [(key(0), False)]))
    assert sum(map(len, parts)) == 5 * RUN_ROWS
    assert max(map(len, parts)) <= 2 * RUN_ROWS
    flat = [row for part in parts for row in part]
    assert flat == sorted(flat)


class Item(tuple[int, ...]):
    """A row that is counted as long as it is there."""

    alive = 0

    def __init__(self, _: tuple[int, ...]) -> None:
        Item.alive += 1

    def __del__(self) -> None:
        Item.alive -= 1


def test_rows_go_as_soon_as_their_reader_lets_go_of_them() -> None:
    rows: list[Any] = [Item((number * 7919 % 100_003,)) for number in range(3 * RUN_ROWS)]
    waiting, parts = len(rows), 0
    for part in sorted_parts(rows, [(key(0), False)]):
        if part is not None:
            waiting -= len(part)
            parts += 1
            part.clear()
            assert Item.alive == waiting
    assert parts >= 3
    assert not rows
    assert Item.alive == 0

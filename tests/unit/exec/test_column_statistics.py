"""Do statistics of samples say what the columns are like?"""

from __future__ import annotations

from collections.abc import Generator
from random import Random

from datacave_sql.table.column_statistics import (
    ColumnStatistics,
    TableStatistics,
    column_statistics,
    share_below,
    unpack_statistics,
)


def finished(steps: Generator[None, None, ColumnStatistics]) -> ColumnStatistics:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: ColumnStatistics = end.value
            return found


def width(value: object) -> int:
    return 4


def test_a_column_of_few_values_is_a_list_of_common_values() -> None:
    values = ["a"] * 60 + ["b"] * 30 + [None] * 10
    found = finished(column_statistics(values, 100, None, width, True))
    assert (round(found.null_fraction, 6), found.distinct) == (0.1, 2)
    assert (found.common, found.frequencies) == (("a", "b"), (0.6, 0.3))
    assert not found.bounds


def test_a_key_has_as_many_values_as_rows_and_a_histogram() -> None:
    found = finished(column_statistics(list(range(5000)), 1_000_000, None, width, True))
    assert found.distinct == -1.0
    assert found.distinct_count(1_000_000) == 1_000_000
    assert (found.bounds[0], found.bounds[-1], len(found.bounds)) == (0, 4999, 101)
    assert found.correlation == 1.0
    assert abs(share_below(found.bounds, 1250, None) - 0.25) < 0.01


def test_skewed_values_keep_the_common_ones_apart() -> None:
    random = Random(3)
    values = [7 if random.random() < 0.4 else random.randrange(10_000) for _ in range(20_000)]
    found = finished(column_statistics(values, 200_000, None, width, True))
    assert found.common[0] == 7 and abs(found.frequencies[0] - 0.4) < 0.02
    assert 7 not in found.bounds
    assert 7000 < found.distinct_count(200_000) < 13_000


def test_records_are_read_back() -> None:
    record = TableStatistics(10.0, {2: finished(column_statistics([1, 2, 2, None], 4, None, width, True))}, 99)
    assert unpack_statistics(record.pack()) == record

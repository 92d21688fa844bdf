"""Statistics of a table as ANALYZE takes them from a sample: sizes, distinct values, common values, histograms."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacave_core.packing import pack_value, unpack_value
from datacave_sql.exec.sorting import Passes, sort_in_steps

TARGET = 100
"""Entries of a list of common values, and parts of a histogram."""

SAMPLE_ROWS = 300 * TARGET
MANY_DISTINCT = 0.1
"""With more distinct values than this share of the rows, their number is taken to grow with the table."""

_WIDE_BYTES = 1024
_STEP_VALUES = 4096
_AS_THEY_ARE: Passes = ((lambda value: value, False),)
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One column. `distinct` is PostgreSQL's n_distinct: a number, or below zero the negated share of the rows.

    `common` and `frequencies` are the most common values and their shares of all rows, most common first. `bounds`
    divide the other values into parts of equal size. `correlation` says how far rows lie in the order of the values.
    """

    null_fraction: float
    width: int
    distinct: float
    common: tuple[Any, ...] = ()
    frequencies: tuple[float, ...] = ()
    bounds: tuple[Any, ...] = ()
    correlation: float | None = None
    type_oid: int = 0
    """The type the column had; its values mean nothing once that has changed."""

    def distinct_count(self, rows: float) -> float:
        """The number of distinct values in a table of so many rows."""
        return max(1.0, self.distinct if self.distinct >= 0 else -self.distinct * rows)


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """A table when it was analyzed: its rows and, by number, its columns. `analyzed` is in microseconds since 1970."""

    rows: float
    columns: Mapping[int, ColumnStatistics]
    analyzed: int = 0

    def pack(self) -> bytes:
        """The bytes that are stored."""
        columns = tuple(
            (
                number, one.null_fraction, one.width, one.distinct, one.common, one.frequencies, one.bounds,
                one.correlation, one.type_oid,
            )
            for number, one in self.columns.items()
        )  # fmt: skip
        return pack_value((_FORMAT, self.rows, self.analyzed, columns))


def unpack_statistics(packed: bytes) -> TableStatistics | None:
    """The statistics of stored bytes; None for a format of another version."""
    found = unpack_value(packed)
    if found[0] != _FORMAT:
        return None
    _, rows, analyzed, columns = found
    return TableStatistics(rows, {number: ColumnStatistics(*rest) for number, *rest in columns}, analyzed)


def column_statistics(
    values: Sequence[Any], total: float, key: Callable[[Any], Any] | None, width: Callable[[Any], int], ordered: bool
) -> Generator[None, None, ColumnStatistics]:
    """Statistics of a column from a sample of its values, in the order of the rows, for a table of `total` rows.

    `key` makes values comparable; without `ordered` they have no order, only equality. Yields between steps.
    """
    count = len(values)
    present = [value for value in values if value is not None]
    nulls = 1.0 - len(present) / count if count else 0.0
    if not present:
        return ColumnStatistics(nulls, 0, 0.0)
    widths: list[int] = []
    for start in range(0, len(present), _STEP_VALUES):
        widths += map(width, present[start : start + _STEP_VALUES])
        yield
    mean_width = max(1, round(sum(widths) / len(present)))
    kept = [value for value, size in zip(present, widths, strict=True) if size <= _WIDE_BYTES]
    keys: list[Any] = kept
    if key is not None:
        keys = []
        for start in range(0, len(kept), _STEP_VALUES):
            keys += map(key, kept[start : start + _STEP_VALUES])
            yield
    try:
        counts = Counter[Any]()
        for start in range(0, len(keys), _STEP_VALUES):
            counts.update(keys[start : start + _STEP_VALUES])
            yield
    except TypeError:
        return ColumnStatistics(nulls, mean_width, -1.0)
    if not counts:
        return ColumnStatistics(nulls, mean_width, -1.0)
    complete = count >= total
    distinct = _distinct(counts, len(kept), total * (1.0 - nulls), complete)
    if distinct > MANY_DISTINCT * total:
        distinct = -(distinct / max(total, 1.0))
    yield
    first = dict(zip(reversed(keys), reversed(kept), strict=True))
    yield
    common = _common(counts, len(kept), complete)
    yield
    if ordered:
        common.sort()
        common.sort(key=counts.__getitem__, reverse=True)
    shares = tuple(counts[one] / count for one in common)
    bounds: tuple[Any, ...] = ()
    correlation = None
    if ordered:
        chosen = set(common)
        rest = yield from sort_in_steps([one for one in keys if one not in chosen], _AS_THEY_ARE)
        if rest and rest[0] != rest[-1]:
            parts = min(TARGET, len(rest) - 1)
            bounds = tuple(first[rest[at * (len(rest) - 1) // parts]] for at in range(parts + 1))
        correlation = yield from _correlation(keys)
    return ColumnStatistics(
        nulls, mean_width, distinct, tuple(first[one] for one in common), shares, bounds, correlation
    )


def _distinct(counts: Counter[Any], sampled: int, total: float, complete: bool) -> float:
    """Distinct values of the whole table, by the estimator of Haas and Stokes that PostgreSQL uses."""
    found = len(counts)
    once = sum(1 for number in counts.values() if number == 1)
    if complete or once == 0:
        return float(found)
    if once == found:
        return total
    estimate = sampled * found / (sampled - once + once * sampled / max(total, 1.0))
    return min(max(estimate, float(found)), total)


def _common(counts: Counter[Any], sampled: int, complete: bool) -> list[Any]:
    """The values that are more common than the others."""
    if len(counts) <= TARGET and complete and min(counts.values()) > 1:
        return [value for value, _ in counts.most_common()]
    least = max(2.0, 1.25 * sampled / len(counts))
    return [value for value, number in counts.most_common(TARGET) if number >= least]


def _correlation(keys: Sequence[Any]) -> Generator[None, None, float | None]:
    """The correlation of the rows' places with those of their values in order."""
    if len(keys) < 2:
        return None
    # Equal values count in the order of their rows.
    places = yield from sort_in_steps(list(range(len(keys))), ((keys.__getitem__, False),))
    found = np.corrcoef(np.arange(len(keys)), np.array(places))[0, 1]
    return float(np.float32(found))


def share_below(bounds: Sequence[Any], value: Any, key: Callable[[Any], Any] | None) -> float:
    """The share of a histogram's values below one value."""
    keys = list(bounds) if key is None else [key(one) for one in bounds]
    wanted = value if key is None else key(value)
    place = bisect_left(keys, wanted)
    if place == 0:
        return 0.0
    if place == len(keys):
        return 1.0
    low, high = keys[place - 1], keys[place]
    part = 0.5
    if isinstance(low, int | float) and isinstance(high, int | float) and high > low:
        part = float((wanted - low) / (high - low))
    return (place - 1 + part) / (len(keys) - 1)

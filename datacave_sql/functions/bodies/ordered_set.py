"""Ordered-set aggregates (percentiles, mode) and hypothetical-set aggregates (rank and its relatives).

The executor sorts the aggregated arguments by the WITHIN GROUP clause before they come in, and leaves out NULLs for
the ordered-set ones. A hypothetical-set body's `final(rows, direct, key)` gets the sorted argument rows as tuples,
the direct arguments as a tuple, and a function from such a tuple to its sort key.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.values import Array, Value
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.comparison import key_of
from datacave_sql.functions.body import CallTypes
from datacave_sql.functions.errors import out_of_range

AGGREGATES = Aggregates()


def _append(state: list[Any], value: Any) -> list[Any]:
    state.append(value)
    return state


def _extend(state: list[Any], values: Any) -> list[Any]:
    state.extend(values)
    return state


def _check(fraction: float) -> None:
    if fraction < 0 or fraction > 1 or fraction != fraction:
        raise _bad_percentile(fraction)


def _bad_percentile(fraction: float) -> DatacaveError:
    return out_of_range(f"percentile value {fraction:g} is not between 0 and 1")


def _discrete(values: list[Any], fraction: float) -> Value:
    row = math.ceil(fraction * len(values))
    return values[max(row, 1) - 1]


def continuous(between: Callable[[Any, Any, float], Any]) -> Callable[[list[Any], float], Any]:
    """Interpolates between the two nearest rows."""

    def find(values: list[Any], fraction: float) -> Any:
        place = fraction * (len(values) - 1)
        first, second = math.floor(place), math.ceil(place)
        if first == second:
            return values[first]
        return between(values[first], values[second], place - first)

    return find


def percentile(find: Callable[[list[Any], float], Any]) -> AggregateBody:
    """For one fraction, or for an array of them."""

    def final(state: list[Any], fraction: Any) -> Any:
        if fraction is None:
            return None
        if isinstance(fraction, Array):
            for part in fraction.elements:
                if part is not None:
                    _check(part)
            if not state:
                return None
            return fraction._replace(
                elements=tuple([None if part is None else find(state, part) for part in fraction.elements])
            )
        _check(fraction)
        return find(state, fraction) if state else None

    return AggregateBody(initial=list, step=_append, batch=_extend, final=final)


AGGREGATES.add(
    ("percentile_cont(701 701)", "percentile_cont(1022 701)"),
    percentile(continuous(lambda low, high, share: low + share * (high - low))),
)
AGGREGATES.add(("percentile_disc(701 2283)", "percentile_disc(1022 2283)"), percentile(_discrete))


@AGGREGATES.for_types("mode(2283)")
def _mode(types: CallTypes) -> AggregateBody:
    key = key_of(types.arguments[-1], types)

    def final(state: list[Any]) -> Value:
        best, best_count = None, 0
        for _, group in groupby(state, key):
            rows = list(group)
            if len(rows) > best_count:
                best, best_count = rows[0], len(rows)
        return best

    return AggregateBody(initial=list, step=_append, batch=_extend, final=final)


Key = Callable[[tuple[Any, ...]], Any]


def _rank(rows: list[tuple[Any, ...]], direct: tuple[Any, ...], key: Key) -> int:
    mine = key(direct)
    return 1 + sum(1 for row in rows if key(row) < mine)


def _dense_rank(rows: list[tuple[Any, ...]], direct: tuple[Any, ...], key: Key) -> int:
    mine = key(direct)
    return 1 + sum(1 for other, _ in groupby(rows, key) if other < mine)


def _percent_rank(rows: list[tuple[Any, ...]], direct: tuple[Any, ...], key: Key) -> float:
    return (_rank(rows, direct, key) - 1) / len(rows) if rows else 0.0


def _cumulative(rows: list[tuple[Any, ...]], direct: tuple[Any, ...], key: Key) -> float:
    mine = key(direct)
    return (sum(1 for row in rows if not mine < key(row)) + 1) / (len(rows) + 1)


def _collect(state: list[Any], *values: Any) -> list[Any]:
    state.append(values)
    return state


for _name, _final in (
    ("rank", _rank),
    ("dense_rank", _dense_rank),
    ("percent_rank", _percent_rank),
    ("cume_dist", _cumulative),
):
    AGGREGATES.add(
        (f"{_name}(2276)",),
        AggregateBody(initial=list, step=_collect, final=_final, strict=False, hypothetical=True),
    )

"""Accumulators: the states of one aggregate for all groups, advanced by whole vectors.

Sums of integers and of scaled numerics are exact: a frame's sums are taken in floating point only where they cannot
lose a digit, and totals move to Python integers before int64 could overflow. What has no form of its own runs the
aggregate's row code.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.types import oids
from datacave_core.types.numeric import EXACT
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.functions.bodies.numerics import add as add_numerics
from datacave_sql.vectors.kernels import magnitude
from datacave_sql.vectors.vector import INTEGERS, Places, Vector, sql_values

_EXACT = 1 << 53
_TOTAL_MAX = 1 << 62
_SPLIT = 24

FORGOTTEN_PER_STEP = 10_000


def grown(values: NDArray[Any], count: int, fill: Any = 0) -> NDArray[Any]:
    """The array with room for `count` groups."""
    if len(values) >= count:
        return values
    more = np.full(max(count, 2 * len(values)), fill, values.dtype)
    more[: len(values)] = values
    return more


class Count:
    """count(*) and count(x)."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    def add(self, groups: Places, arguments: list[Vector], total: int) -> None:
        """Counts rows, or those whose argument is not NULL."""
        if arguments and (nulls := arguments[0].nulls) is not None:
            groups = groups[~nulls]
        self._counts = grown(self._counts, total)
        found = np.bincount(groups, minlength=total)
        self._counts[:total] += found

    def values(self, total: int) -> list[Any]:
        """The result of each group."""
        counted: list[Any] = grown(self._counts, total)[:total].tolist()
        return counted


class Sum:
    """sum and avg of integers and numerics, by the state of their row code: a sum, or [count, sum]."""

    def __init__(self, body: AggregateBody, type_oid: int, average: bool) -> None:
        self._body = body
        self._numeric = type_oid == oids.NUMERIC
        self._type = type_oid
        self._average = average
        self._counts = np.zeros(0, np.int64)
        self._sums: NDArray[Any] = np.zeros(0, np.int64)
        self._bound = 0
        self._scale = 0
        self._scales: NDArray[np.int16] | None = None
        self._started = False
        self._odd: dict[int, tuple[int, Decimal]] = {}  # count and sum of values that are no scaled integers, by group

    def add(self, groups: Places, arguments: list[Vector], total: int) -> None:
        """Adds the rows of a frame."""
        vector = arguments[0]
        self._counts = grown(self._counts, total)
        self._sums = grown(self._sums, total)
        if self._scales is not None:
            self._scales = grown(self._scales, total)
        if vector.nulls is not None:
            kept = ~vector.nulls
            groups, vector = groups[kept], vector.keep(kept)
        if not len(vector):
            return
        counted = np.bincount(groups, minlength=total)
        if isinstance(vector.values, list):
            self._counts[:total] += counted
            self._add_decimals(groups, vector.values)
            return
        values = vector.values
        factor = self._rescale(vector, groups)
        self._counts[:total] += counted
        self._started = True
        if factor != 1:
            values = values * factor if magnitude(values) * factor < 1 << 63 else values.astype(object) * factor
        if values.dtype == object:
            self._sums = self._sums.astype(object)
            np.add.at(self._sums, groups, values)
            return
        largest = magnitude(values)
        self._bound += largest * len(values)
        if self._bound >= _TOTAL_MAX and self._sums.dtype != object:
            self._sums = self._sums.astype(object)
        if largest * len(values) < _EXACT:
            found = np.bincount(groups, values, total).astype(np.int64)
            self._sums[:total] += found if self._sums.dtype != object else found.astype(object)
        elif (largest >> _SPLIT) * len(values) < _EXACT and len(values) << _SPLIT < _EXACT:
            high = np.bincount(groups, values >> _SPLIT, total).astype(np.int64)
            low = np.bincount(groups, values & ((1 << _SPLIT) - 1), total).astype(np.int64)
            if self._sums.dtype == object:
                self._sums[:total] += high.astype(object) * (1 << _SPLIT) + low.astype(object)
            else:
                self._sums[:total] += (high << _SPLIT) + low
        else:
            self._sums = self._sums.astype(object)
            np.add.at(self._sums, groups, values.astype(object))

    def _rescale(self, vector: Vector, groups: Places) -> int:
        """Brings the sums to the scale of a vector, if that is larger; the factor for the vector's values."""
        if not self._numeric:
            return 1
        scale = vector.scale
        if self._scales is None and (vector.scales is not None or (scale != self._scale and self._started)):
            self._scales = np.where(self._counts > 0, self._scale, 0).astype(np.int16)
        if self._scales is not None:
            np.maximum.at(self._scales, groups, vector.scales if vector.scales is not None else np.int16(scale))
        if scale > self._scale:
            if self._bound:
                grow = 10 ** (scale - self._scale)
                self._bound *= grow
                if self._bound >= _TOTAL_MAX:
                    self._sums = self._sums.astype(object)
                self._sums = self._sums * grow
            self._scale = scale
            return 1
        return int(10 ** (self._scale - scale))

    def _add_decimals(self, groups: Places, values: list[Any]) -> None:
        odd = self._odd
        for group, value in zip(groups.tolist(), values, strict=True):
            known = odd.get(group)
            odd[group] = (1, value) if known is None else (known[0] + 1, add_numerics(known[1], value))

    def values(self, total: int) -> list[Any]:
        """The result of each group."""
        counts = grown(self._counts, total)[:total].tolist()
        sums = grown(self._sums, total)[:total].tolist()
        final = self._body.final
        found = []
        scales = grown(self._scales, total)[:total].tolist() if self._scales is not None else None
        for group, (count, value) in enumerate(zip(counts, sums, strict=True)):
            if not count:
                found.append(final([0, 0] if self._average else None))
                continue
            if self._numeric:
                shown = self._scale if scales is None else scales[group]
                exact = EXACT.scaleb(Decimal(value // 10 ** (self._scale - shown)), -shown)
                other = self._odd.get(group)
                # Values of their own form may be all there is: their scale then is the sum's.
                value = exact if other is None else other[1] if other[0] == count else add_numerics(exact, other[1])
            found.append(final([count, value] if self._average else value))
        return found


class Extreme:
    """min and max of integers, dates and scaled numerics."""

    def __init__(self, body: AggregateBody, type_oid: int, greatest: bool) -> None:
        self._type = type_oid
        self._greatest = greatest
        self._limit = -(1 << 63) if greatest else (1 << 63) - 1
        self._seen = np.zeros(0, np.bool_)
        self._best = np.full(0, self._limit, np.int64)
        self._scale: int | None = None
        self._rows = Rows(body, (type_oid,))
        self._by_rows = False

    def add(self, groups: Places, arguments: list[Vector], total: int) -> None:
        """Takes the rows of a frame."""
        vector = arguments[0]
        odd = isinstance(vector.values, list) or vector.scales is not None
        if not self._by_rows and (odd or self._scale not in (None, vector.scale)):
            self._leave()
        if self._by_rows:
            self._rows.add(groups, arguments, total)
            return
        self._scale = vector.scale
        self._seen = grown(self._seen, total)
        self._best = grown(self._best, total, self._limit)
        values = vector.values
        if vector.nulls is not None:
            kept = ~vector.nulls
            groups, values = groups[kept], values[kept]
        self._seen[groups] = True
        (np.maximum if self._greatest else np.minimum).at(self._best, groups, values)

    def _leave(self) -> None:
        """Goes on row by row with what there is."""
        self._by_rows = True
        seen = np.flatnonzero(self._seen)
        if len(seen):
            held = Vector(self._best[seen], None, self._scale or 0)
            self._rows.add(seen, [held], len(self._seen))

    def values(self, total: int) -> list[Any]:
        """The result of each group."""
        if self._by_rows:
            return self._rows.values(total)
        nulls = ~grown(self._seen, total)[:total]
        best = grown(self._best, total)[:total]
        return sql_values(Vector(best, nulls if nulls.any() else None, self._scale or 0), self._type)


class Rows:
    """Any aggregate, by its row code."""

    def __init__(self, body: AggregateBody, types: tuple[int, ...], distinct_key: Any = None) -> None:
        self._body = body
        self._types = types
        self._states: list[Any] = []
        self._distinct_key = distinct_key
        self._seen: set[Any] = set()
        self.full = False
        self.aside: list[tuple[Any, tuple[int, tuple[Any, ...]]]] = []
        """Once it is `full`: marks of values that have not been seen, with what `add_rows` takes."""

    @property
    def seen_count(self) -> int:
        """How many distinct values it keeps to know them again."""
        return len(self._seen)

    def forget_seen(self) -> None:
        """Values are told apart among the next ones only."""
        self._seen = set()

    def forget_some(self) -> bool:
        """Takes a step towards knowing no value any more; False when that is reached."""
        seen = self._seen
        for _ in range(min(len(seen), FORGOTTEN_PER_STEP)):
            seen.pop()
        return bool(seen)

    def add_rows(self, rows: list[tuple[int, tuple[Any, ...]]]) -> None:
        """Takes what was put aside: groups with distinct values."""
        states, step, key, seen = self._states, self._body.step, self._distinct_key, self._seen
        for group, values in rows:
            mark = (group, key(values))
            if mark not in seen:
                seen.add(mark)
                states[group] = step(states[group], *values)

    def add(self, groups: Places, arguments: list[Vector], total: int) -> None:
        """Takes the rows of a frame."""
        states, step, initial = self._states, self._body.step, self._body.initial
        while len(states) < total:
            states.append(initial())
        if not arguments:
            for group in groups.tolist():
                states[group] = step(states[group])
            return
        columns = [sql_values(vector, one) for vector, one in zip(arguments, self._types, strict=True)]
        strict, key, seen = self._body.strict, self._distinct_key, self._seen
        for group, values in zip(groups.tolist(), zip(*columns, strict=True), strict=True):
            if strict and None in values:
                continue
            if key is not None:
                mark = (group, key(values))
                if mark in seen:
                    continue
                if self.full:
                    self.aside.append((mark, (group, values)))
                    continue
                seen.add(mark)
            states[group] = step(states[group], *values)

    def values(self, total: int) -> list[Any]:
        """The result of each group."""
        states = self._states
        while len(states) < total:
            states.append(self._body.initial())
        return [self._body.final(state) for state in states]


Accumulator = Count | Sum | Extreme | Rows


def accumulator(name: str, types: tuple[int, ...], body: AggregateBody, distinct_key: Any) -> Accumulator:
    """The accumulator of a call of an aggregate."""
    if distinct_key is None:
        if name == "count":
            return Count()
        if name in ("sum", "avg") and types[0] in (oids.INT2, oids.INT4, oids.INT8, oids.NUMERIC):
            return Sum(body, types[0], name == "avg")
        if name in ("min", "max") and (types[0] in INTEGERS or types[0] == oids.NUMERIC):
            return Extreme(body, types[0], name == "max")
    return Rows(body, types, distinct_key)

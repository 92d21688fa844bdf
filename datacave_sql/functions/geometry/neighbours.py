"""Neighbours: the pairs of segments, of two shapes with many, that are near enough to meet or to be the closest ones.

Looking at every pair costs far too much in Python. The boxes around segments tell, with numpy, which pairs are out of
reach of each other; what is left is looked at one by one and gives the same answer. What numbers near to infinity, or
NaN, would give is not foreseen: such shapes are compared pair by pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from datacave_core.types.geometry import Point, Segment, below
from datacave_sql.functions.geometry import segments
from datacave_sql.functions.geometry.nearness import NEARNESS

Numbers: TypeAlias = npt.NDArray[np.float64]

PAIRS_MIN: Final = 600
"""Below this many pairs, looking at all of them is sooner done."""
_NUMBER_MAX: Final = 1e100


class Surroundings:
    """The boxes around segments, made wider by how far beside a segment a point may be that counts as on it."""

    __slots__ = ("high", "low")

    def __init__(self, found: Sequence[Segment]) -> None:
        ends: Numbers = np.array([(*one.start, *one.end) for one in found], dtype=np.float64).reshape(-1, 2, 2)
        # A detour of NEARNESS on a way of some length leads aside by its root.
        length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        reach = (8 * NEARNESS + np.sqrt(NEARNESS * length) + 1e-12 * np.abs(ends).max(axis=(1, 2)))[:, None]
        self.low: Numbers = ends.min(axis=1) - reach
        self.high: Numbers = ends.max(axis=1) + reach

    def meeting(self, low: Any, high: Any) -> npt.NDArray[np.bool_]:
        """Whether each meets a box."""
        found: npt.NDArray[np.bool_] = ((self.low <= high) & (self.high >= low)).all(axis=1)
        return found

    def distances(self, low: Any, high: Any) -> Numbers:
        """At least how far each is from a box."""
        apart = np.maximum(np.maximum(self.low - high, low - self.high), 0.0)
        found: Numbers = np.hypot(apart[:, 0], apart[:, 1])
        return found


def are_many(one: int, other: int) -> bool:
    """Whether numbers of segments are worth the preparation."""
    return one * other >= PAIRS_MIN


def are_plain(points: Sequence[Point]) -> bool:
    """Whether coordinates are such that sums and products of them do not overflow."""
    return all(-_NUMBER_MAX < x < _NUMBER_MAX and -_NUMBER_MAX < y < _NUMBER_MAX for x, y in points)


def near_pairs(ours: Sequence[Segment], theirs: Sequence[Segment]) -> Iterator[tuple[Segment, Segment]]:
    """Every pair that may meet, and some others."""
    if not are_many(len(ours), len(theirs)) or not _all_plain(ours, theirs):
        yield from ((mine, its) for mine in ours for its in theirs)
        return
    mine, its = Surroundings(ours), Surroundings(theirs)
    for at, segment in enumerate(ours):
        for other in np.flatnonzero(its.meeting(mine.low[at], mine.high[at])).tolist():
            yield segment, theirs[other]


def meet(ours: Sequence[Segment], theirs: Sequence[Segment]) -> bool:
    """Whether a segment of one list crosses one of the other."""
    return any(segments.crossing(mine, its) is not None for mine, its in near_pairs(ours, theirs))


def least_gap(ours: Sequence[Segment], theirs: Sequence[Segment]) -> float | None:
    """The least distance between a segment of one list and one of the other; None if there is no pair."""
    if are_many(len(ours), len(theirs)) and _all_plain(ours, theirs):
        return _least_gap_of_many(ours, theirs)
    best: float | None = None
    for mine in ours:
        for its in theirs:
            found, _ = segments.nearest_to_segment(mine, its)
            if best is None or below(found, best):
                best = found
    return best


def _all_plain(*lists: Sequence[Segment]) -> bool:
    return all(are_plain(one) for found in lists for one in found)


def _least_gap_of_many(ours: Sequence[Segment], theirs: Sequence[Segment]) -> float:
    """The closest boxes first, until all others are further apart than the closest pair."""
    mine, its = Surroundings(ours), Surroundings(theirs)
    least = np.array([its.distances(mine.low[at], mine.high[at]).min() for at in range(len(ours))])
    best = math.inf
    for at in np.argsort(least, kind="stable").tolist():
        if least[at] > best or best == 0.0:
            break
        apart = its.distances(mine.low[at], mine.high[at])
        for other in np.argsort(apart, kind="stable").tolist():
            if apart[other] > best or best == 0.0:
                break
            best = min(best, segments.nearest_to_segment(ours[at], theirs[other])[0])
    return best

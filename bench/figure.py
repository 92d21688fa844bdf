"""Figures of runs, and how two servers compare by them. More is better in every unit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: `per_second` in the load's unit, and the server's processor time in microseconds per unit of work."""

    per_second: float
    cpu_us: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The runs of one load on each server, by the server's name; or the first error of a server."""

    load: str
    unit: str
    figures: dict[str, list[Figure]]
    errors: dict[str, str]

    def median(self, server: str) -> float | None:
        """The median rate of a server; None if it did not finish a run."""
        runs = self.figures.get(server)
        return statistics.median(run.per_second for run in runs) if runs and server not in self.errors else None

    def cpu_us(self, server: str) -> float | None:
        """The median processor time per unit of work, in microseconds."""
        known = [run.cpu_us for run in self.figures.get(server, ()) if run.cpu_us is not None]
        return statistics.median(known) if known and server not in self.errors else None

    def ratio(self, server: str, other: str) -> float | None:
        """How many times as fast one server is as the other; None if one of them has no figure."""
        ours, theirs = self.median(server), self.median(other)
        return ours / theirs if ours is not None and theirs else None


def geometric_mean(ratios: Sequence[float]) -> float:
    """The mean of ratios, which treats twice as fast and half as fast alike."""
    return math.exp(statistics.fmean(map(math.log, ratios)))

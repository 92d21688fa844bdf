"""Retention: which versions of a key still have a reader.

A version is kept if it is newer than the horizon, or if it is the newest at or before one of the snapshots: the horizon
itself and every pinned timestamp below it. Nothing else can be read at any timestamp the engine still serves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Retention:
    """`snapshots` ascend; the last one is the horizon."""

    snapshots: tuple[int, ...]

    @classmethod
    def of(cls, horizon: int, pins: Iterable[int]) -> Retention:
        """From the horizon and all pinned timestamps."""
        return cls((*sorted({pin for pin in pins if pin < horizon}), horizon))

    @property
    def horizon(self) -> int:
        """Every timestamp from here on can be read."""
        return self.snapshots[-1]

    def bucket(self, timestamp: int) -> int:
        """The first snapshot that sees the version; versions of a key in one bucket hide each other."""
        return bisect_left(self.snapshots, timestamp)

    def buckets(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for many; len(snapshots) for versions newer than the horizon, which are all kept."""
        return np.searchsorted(np.array(self.snapshots, np.int64), timestamps, side="left").astype(np.int64)

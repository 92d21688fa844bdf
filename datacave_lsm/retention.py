"""Retention: which versions of a key still have a reader.

A version is kept if it is newer than the horizon, or if it is the newest at or before one of the snapshots: the horizon
itself and every pinned timestamp below it. Nothing else can be read at any timestamp the engine still serves. Tables
may have horizons of their own (horizons.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import TABLE_PREFIX_LENGTH


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


@dataclass(frozen=True, slots=True)
class Retentions:
    """What each table keeps: `own` by table prefix, `default` the others."""

    default: Retention
    own: Mapping[bytes, Retention] = field(default_factory=dict)

    def of(self, key: bytes) -> Retention:
        """That of the table of a key."""
        return self.own.get(key[:TABLE_PREFIX_LENGTH], self.default) if self.own else self.default

    def runs(self, keys: list[bytes]) -> Iterable[tuple[list[bytes], Retention]]:
        """Ascending keys in pieces that share a retention."""
        if not self.own:
            yield keys, self.default
            return
        start = 0
        while start < len(keys):
            table = keys[start][:TABLE_PREFIX_LENGTH]
            stop = bisect_left(keys, True, start, key=lambda key: key[:TABLE_PREFIX_LENGTH] > table)
            yield keys[start:stop], self.of(table)
            start = stop

    def fields(self) -> tuple[tuple[int, ...], dict[bytes, tuple[int, ...]]]:
        """As plain values, for another process."""
        return self.default.snapshots, {prefix: kept.snapshots for prefix, kept in self.own.items()}

    @classmethod
    def from_fields(cls, default: tuple[int, ...], own: Mapping[bytes, tuple[int, ...]]) -> Retentions:
        """The inverse of fields."""
        return cls(Retention(tuple(default)), {prefix: Retention(tuple(kept)) for prefix, kept in own.items()})

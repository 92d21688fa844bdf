"""SegmentCache: opened row groups within a byte budget; a scan does not push out what point reads use.

The two-queue policy (Johnson and Shasha, "2Q", VLDB 1994): what comes in waits in a first-in-first-out queue; only what
is asked for again after it left that queue (its name is remembered for a while) enters the main queue, which is
ordered by last use. Lookups made shortly after one another therefore count once, and a scan passes through the first
queue alone.

Invariants: `bytes_used` is the sum of the costs of both queues and exceeds `bytes_max` only while a call runs; the
remembered names stand for at most half the budget. Not here: reading and verifying (reader.py).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")

CacheKey = tuple[int, int]
"""File id, group number."""


class SegmentCache(Generic[V]):
    """Row groups by (file id, group number), each with the cost of the segments opened so far.

    `hits` counts what was found, `misses` what had to be put in.
    """

    __slots__ = (
        "_entrance",
        "_entrance_bytes",
        "_ghost_bytes",
        "_ghosts",
        "_main",
        "bytes_max",
        "bytes_used",
        "hits",
        "misses",
    )

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_used = 0
        self.hits = 0
        self.misses = 0
        self._entrance: OrderedDict[CacheKey, tuple[V, int]] = OrderedDict()
        self._entrance_bytes = 0
        self._main: OrderedDict[CacheKey, tuple[V, int]] = OrderedDict()
        self._ghosts: OrderedDict[CacheKey, int] = OrderedDict()
        self._ghost_bytes = 0

    def __len__(self) -> int:
        return len(self._entrance) + len(self._main)

    def get(self, key: CacheKey) -> V | None:
        """The cached value, now the last used one."""
        entry = self._main.get(key)
        if entry is not None:
            self._main.move_to_end(key)
            self.hits += 1
            return entry[0]
        entry = self._entrance.get(key)
        if entry is None:
            return None
        self.hits += 1
        return entry[0]

    def put(self, key: CacheKey, value: V, cost_bytes: int) -> None:
        """Adds or replaces a value and lets others go until the budget holds."""
        self.misses += 1
        self._remove(key)
        remembered = self._ghosts.pop(key, None)
        if remembered is not None:
            self._ghost_bytes -= remembered
            self._main[key] = (value, cost_bytes)
        else:
            self._entrance[key] = (value, cost_bytes)
            self._entrance_bytes += cost_bytes
        self.bytes_used += cost_bytes
        self._shrink()

    def grow(self, key: CacheKey, more_bytes: int) -> None:
        """Counts segments that a cached group opened since; ignores groups that are not cached."""
        if (entry := self._main.get(key)) is not None:
            self._main[key] = (entry[0], entry[1] + more_bytes)
        elif (entry := self._entrance.get(key)) is not None:
            self._entrance[key] = (entry[0], entry[1] + more_bytes)
            self._entrance_bytes += more_bytes
        else:
            return
        self.bytes_used += more_bytes
        self._shrink()

    def drop_file(self, file_id: int) -> None:
        """Forgets all groups of a file."""
        for key in [key for queue in (self._entrance, self._main) for key in queue if key[0] == file_id]:
            self._remove(key)
        for key in [key for key in self._ghosts if key[0] == file_id]:
            self._ghost_bytes -= self._ghosts.pop(key)

    def _remove(self, key: CacheKey) -> None:
        if (entry := self._entrance.pop(key, None)) is not None:
            self._entrance_bytes -= entry[1]
            self.bytes_used -= entry[1]
        elif (entry := self._main.pop(key, None)) is not None:
            self.bytes_used -= entry[1]

    def _shrink(self) -> None:
        while self.bytes_used > self.bytes_max:
            if self._entrance and (self._entrance_bytes * 4 > self.bytes_max or not self._main):
                key, (_, cost) = self._entrance.popitem(last=False)
                self._entrance_bytes -= cost
                self._ghosts[key] = cost
                self._ghost_bytes += cost
                while self._ghost_bytes * 2 > self.bytes_max and len(self._ghosts) > 1:
                    self._ghost_bytes -= self._ghosts.popitem(last=False)[1]
            else:
                _, (_, cost) = self._main.popitem(last=False)
            self.bytes_used -= cost

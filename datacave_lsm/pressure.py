"""Pressure: makes writers pause, then wait, while flushes or merges are behind, and counts both.

Level 0 above its first mark costs every writer a short pause; above the last one, or with too many memtables that wait
for their flush, writers wait until that has passed. What will never pass fails the wait.
"""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.options import EngineOptions

SLOW_SECONDS = 0.001
"""The pause of a writer per level-0 file above the first mark."""


class Pressure:
    """`stalled` is what writers wait for, or None; `stall_seconds` how long they have waited in all so far."""

    __slots__ = ("_clock", "_options", "_scheduler", "_since", "slowdowns", "stall_seconds", "stalled", "stalls")

    def __init__(self, clock: Clock, scheduler: Scheduler, options: EngineOptions) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._options = options
        self._since = 0.0
        self.stalled: Wait | None = None
        self.stalls = 0
        self.slowdowns = 0
        self.stall_seconds = 0.0

    def share(self, frozen: int, level0_files: int) -> float:
        """How near writers are to waiting: 0 far away, 1 they wait."""
        options = self._options
        return max(frozen / options.frozen_memtables_max, level0_files / options.level0_stop_files)

    def too_high(self, frozen: int, level0_files: int) -> bool:
        """Whether writers have to wait."""
        options = self._options
        return frozen >= options.frozen_memtables_max or level0_files >= options.level0_stop_files

    def delay(self, frozen: int, level0_files: int, hopeless: DatacaveError | None) -> Wait | None:
        """What a writer waits for now; `hopeless` is why it will never end."""
        if self.too_high(frozen, level0_files):
            if self.stalled is None:
                self.stalled = Wait("IO:WriteStall")
                self.stalls += 1
                self._since = self._clock.monotonic()
            if hopeless is not None:
                stalled, self.stalled = self.stalled, None
                stalled.finish(hopeless)
                return stalled
            return self.stalled
        excess = level0_files - self._options.level0_slow_files
        if excess >= 0:
            self.slowdowns += 1
            slow = Wait("Timeout:WriteSlow")
            self._scheduler.call_later(SLOW_SECONDS * (excess + 1), slow.finish)
            return slow
        return None

    def relieve(self, frozen: int, level0_files: int) -> None:
        """Lets writers go on if the pressure is low enough."""
        if self.stalled is not None and not self.too_high(frozen, level0_files):
            stalled, self.stalled = self.stalled, None
            self.stall_seconds += self._clock.monotonic() - self._since
            stalled.finish()

    def fail(self, error: DatacaveError) -> None:
        """Ends the wait for good."""
        stalled, self.stalled = self.stalled, None
        if stalled is not None:
            stalled.finish(error)

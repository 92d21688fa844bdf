"""Pressure: slows writers down, then makes them wait, while flushes or merges are behind, and counts both.

Level 0 above its first mark, or an active memtable that fills up faster than the last one allowed beside it is flushed,
closes a gate for some milliseconds, the more of them the more there is to do; then it is open for a moment, and
all who have waited go through. Above the last marks writers wait until that has passed. What will never pass fails the
wait.
"""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.options import EngineOptions

SLOW_SECONDS = 0.001
"""How long the gate is closed per level-0 file above the first mark."""

FILLING_SECONDS = 0.01
"""The same for an active memtable that is as good as full; none for one that is half full."""

LEAD_SHARE = 4
"""The gate is closed as long as that when the share that is flushed is smaller by the inverse of this."""

OPEN_SECONDS = 0.002
"""How long it is open then."""


class Pressure:
    """`stalled` is what writers wait for, or None; `stall_seconds` how long they have waited in all so far."""

    __slots__ = (
        "_clock",
        "_open_until",
        "_options",
        "_scheduler",
        "_since",
        "_slow",
        "slowdowns",
        "stall_seconds",
        "stalled",
        "stalls",
    )

    def __init__(self, clock: Clock, scheduler: Scheduler, options: EngineOptions) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._options = options
        self._since = 0.0
        self._slow: Wait | None = None
        self._open_until = 0.0
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

    def pause_seconds(self, frozen: int, level0_files: int, filled: float, flushed: float) -> float:
        """How long the gate has to be closed.

        `filled` is the share of the active memtable that is used, `flushed` that of the frozen one that is in its file:
        while a flush is ahead of the writers there is nothing to wait for.
        """
        pause = SLOW_SECONDS * (level0_files - self._options.level0_slow_files + 1)
        if frozen and frozen >= self._options.frozen_memtables_max - 1:
            filled = min(filled, 1.0)
            pause = max(pause, FILLING_SECONDS * min(2 * filled - 1, LEAD_SHARE * (filled - flushed)))
        return max(pause, 0.0)

    def delay(
        self, frozen: int, level0_files: int, filled: float, flushed: float, hopeless: DatacaveError | None
    ) -> Wait | None:
        """What a writer waits for now, before it asks again; `hopeless` is why it will never end."""
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
        pause = self.pause_seconds(frozen, level0_files, filled, flushed)
        if not pause:
            return None
        if self._slow is None and self._clock.monotonic() >= self._open_until:
            self.slowdowns += 1
            self._slow = Wait("Timeout:WriteSlow")
            self._scheduler.call_later(pause, self._open)
        return self._slow

    def _open(self) -> None:
        slow, self._slow = self._slow, None
        self._open_until = self._clock.monotonic() + OPEN_SECONDS
        if slow is not None:
            slow.finish()

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

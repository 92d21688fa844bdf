"""A scheduler that is a list: the test, or the seed, says what runs next.

With a seed, ready work runs in a random order that the seed repeats, and work handed to threads ends at a random later
step; without one everything runs in the order in which it was asked for. Time stands still while anything is ready and
then jumps to the next timer.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from datacave_core.memory.clock import SimulatedClock
from datacave_core.ports import File

T = TypeVar("T")

STEPS_MAX = 1_000_000


class SimulatedScheduler:
    """Scheduler port, run by `step`, `run_ready` and `run_for`."""

    def __init__(self, clock: SimulatedClock | None = None, seed: int | None = None) -> None:
        self.clock = clock if clock is not None else SimulatedClock()
        self._random = random.Random(seed) if seed is not None else None
        self._ready: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._planned: set[int] = set()  # numbers of the timers that were not taken back
        self._numbers = count()

    def call_soon(self, work: Callable[[], None]) -> None:
        """Runs `work` in a later step."""
        self._ready.append(work)

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        """Runs `work` when the clock has advanced; returns a function that takes the call back."""
        number = next(self._numbers)
        self._planned.add(number)
        heapq.heappush(self._timers, (self.clock.monotonic() + max(seconds, 0.0), number, work))

        def take_back() -> None:
            self._planned.discard(number)

        return take_back

    def run(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Runs `work` in one later step and `done` in another."""

        def start() -> None:
            result: T | None = None
            error: BaseException | None = None
            # As a worker thread would: whatever happened belongs to the caller.
            try:
                result = work()
            except BaseException as caught:
                error = caught
            self._ready.append(lambda: done(result, error))

        self._ready.append(start)

    def sync(self, file: File, done: Callable[[BaseException | None], None]) -> None:
        """Syncs in one later step and runs `done` in another."""
        self.run(file.sync, lambda _, error: done(error))

    def step(self) -> bool:
        """Runs one piece of ready work; False if there is none."""
        if not self._ready:
            return False
        place = self._random.randrange(len(self._ready)) if self._random is not None else 0
        self._ready.pop(place)()
        return True

    def run_ready(self) -> None:
        """Runs until nothing is ready; time does not pass. RuntimeError after STEPS_MAX steps."""
        for _ in range(STEPS_MAX):
            if not self.step():
                return
        raise RuntimeError(f"still busy after {STEPS_MAX} steps")

    def run_for(self, seconds: float) -> None:
        """Runs everything that happens within a span of simulated time."""
        end = self.clock.monotonic() + seconds
        self.run_ready()
        while self._timers and self._timers[0][0] <= end:
            when, number, work = heapq.heappop(self._timers)
            if number not in self._planned:
                continue
            self._planned.discard(number)
            self.clock.advance(max(when - self.clock.monotonic(), 0.0))
            self._ready.append(work)
            self.run_ready()
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))

    def run_until_idle(self) -> None:
        """Runs until neither work nor timers are left."""
        self.run_ready()
        while self._timers:
            self.run_for(max(self._timers[0][0] - self.clock.monotonic(), 0.0))

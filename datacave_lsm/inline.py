"""InlineScheduler: a Scheduler for a process or a moment that has nothing else to do: whatever it is given is done."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from datacave_core.ports import File
from datacave_lsm.background import Slices

T = TypeVar("T")


class InlineScheduler:
    """Has no loop, and no timers unless it may `sleep` (seconds)."""

    __slots__ = ("_sleep",)

    def __init__(self, sleep: Callable[[float], None] | None = None) -> None:
        self._sleep = sleep

    def call_soon(self, work: Callable[[], None]) -> None:
        work()

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        if self._sleep is None:
            raise RuntimeError("there is nothing to wait for")
        self._sleep(seconds)
        work()
        return lambda: None

    def run(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        try:
            result = work()
        except OSError as error:
            done(None, error)
        else:
            done(result, None)

    def sync(self, file: File, done: Callable[[BaseException | None], None]) -> None:
        self.run(file.sync, lambda _, error: done(error))


def run_inline(job: Slices[T]) -> T:
    """Runs a job whose scheduler is inline to its end; raises what it raises."""
    try:
        while True:
            next(job)
    except StopIteration as end:
        result: T = end.value
        return result


@contextmanager
def without_collector() -> Iterator[None]:
    """Reading a log makes millions of objects and no garbage in cycles; looking for it would double the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

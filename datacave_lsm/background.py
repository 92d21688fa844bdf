"""Background: jobs that advance in slices between the turns of the event loop.

A job is a generator that yields None to let others run, or a Wait that it needs. No slice should take more than a few
milliseconds, because sessions wait meanwhile. Slices give way to commits that somebody waits for: the best time for one
is while the disk is busy with a commit, the worst between its end and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias, TypeVar

from datacave_core.ports import Scheduler
from datacave_core.wait import Wait

T = TypeVar("T")
Slices: TypeAlias = Generator[Wait | None, None, T]
"""A job, or a part of one: `result = yield from slices`."""


def off_loop(scheduler: Scheduler, work: Callable[[], T]) -> Slices[T]:
    """Runs blocking I/O off the loop and returns its result; raises what it raises."""
    finished = Wait("IO:Background")
    results: list[T] = []

    def done(result: T | None, error: BaseException | None) -> None:
        if error is None:
            results.append(result)  # type: ignore[arg-type]  # None only where T is None
        finished.finish(error)

    scheduler.run(work, done)
    yield finished
    finished.raise_error()
    return results[0]


def pause(scheduler: Scheduler, seconds: float) -> Slices[None]:
    """Lets time pass."""
    elapsed = Wait("Timeout:Background")
    scheduler.call_later(seconds, elapsed.finish)
    yield elapsed


GIVEN_MAX = 2
"""How many turns of the loop a slice gives way for: one to hear of a sync's end, one to write what comes next."""


class Foreground(Protocol):
    """What slices give way to, as the log has it."""

    syncs: int
    """How many syncs have ended."""

    @property
    def gathering(self) -> bool:
        """Whether commits that somebody waits for are about to be written."""


class Background:
    """Runs one job at a time. `finished(error)` is called when it ends, with None if it ended well."""

    __slots__ = ("_finished", "_foreground", "_given", "_job", "_scheduler", "_syncs", "cancelled")

    def __init__(
        self, scheduler: Scheduler, finished: Callable[[BaseException | None], None], foreground: Foreground
    ) -> None:
        self._scheduler = scheduler
        self._finished = finished
        self._foreground = foreground
        self._given = 0
        self._syncs = foreground.syncs
        self._job: Slices[None] | None = None
        self.cancelled = False

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    def start(self, job: Slices[None]) -> None:
        """Begins a job in a later turn of the loop; there must be none under way."""
        assert self._job is None
        self._job = job
        self.cancelled = False
        self._scheduler.call_soon(self._step)

    def cancel(self) -> None:
        """Ends the job at its next slice; `finished` is called then."""
        self.cancelled = True

    def _gives_way(self) -> bool:
        foreground = self._foreground
        if self._given < GIVEN_MAX and (foreground.gathering or foreground.syncs != self._syncs):
            self._syncs = foreground.syncs
            self._given += 1
            return True
        self._given = 0
        return False

    def _step(self) -> None:
        job = self._job
        if job is None:
            return
        if self._gives_way():
            self._scheduler.call_soon(self._step)
            return
        error: BaseException | None = None
        try:
            while not self.cancelled:
                event = next(job)
                if event is None:
                    self._scheduler.call_soon(self._step)
                    return
                if not event.done:
                    event.subscribe(self._step)
                    return
            job.close()
        except StopIteration:
            pass
        except Exception as failure:  # every failure belongs to the owner, who decides in `finished`
            error = failure
        self._job = None
        self._finished(error)

"""Wait: what a statement yields when it cannot go on without the outside world.

Operators, transactions and sessions are plain generators. They yield results, or a Wait, which is passed up untouched
until the pump suspends the generator and resumes it once the Wait is done. No layer below the pump knows a scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar


class Wait:
    """A one-shot event. `reason` names it for pg_stat_activity, e.g. "Lock:tuple" or "IO:WALSync"."""

    __slots__ = ("_callbacks", "done", "error", "reason")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.done = False
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []

    def finish(self, error: BaseException | None = None) -> None:
        """Marks the event as happened, or as failed with `error`, and calls the subscribers, once."""
        if self.done:
            return
        self.done = True
        self.error = error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the event happens; at once if it already has."""
        if self.done:
            callback()
        else:
            self._callbacks.append(callback)

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Takes a subscription back; unknown ones are ignored, because the event may just have happened."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def raise_error(self) -> None:
        """Raises the error the event failed with, if any."""
        if self.error is not None:
            raise self.error


class Turn(Wait):
    """A pause without a cause: the statement has used its time slice and lets other sessions run.

    `resumed_at` is when a statement last went on after one (`perf_counter`): its slice begins then.
    """

    __slots__ = ("resumed_at",)

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.resumed_at = 0.0


TURN = Turn("Timeout:Turn")
"""Yielded (never subscribed to) by long-running operators between batches; the pump resumes in a later loop turn."""

T = TypeVar("T")
Steps: TypeAlias = Generator[Wait, None, T]
"""A generator that yields Waits only and returns T: `result = yield from steps`."""


def wait_for(event: Wait) -> Steps[None]:
    """Yields the event until it is done, then raises its error, if any."""
    if not event.done:
        yield event
    if event.error is not None:
        raise event.error

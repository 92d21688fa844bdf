"""Turns: long statements go on one after another, and what has come from other clients goes between any two of them.

Were each its own callback of the event loop, all would run before the sockets are looked at again: who wants a row by
its key would wait for a slice of every long statement, instead of for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from datacave_core.disposal import DISPOSAL
from datacave_core.wait import TURN

DISPOSAL_SECONDS = 0.002
"""How long big structures are freed in one turn."""


class Entry:
    """A place in the queue."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work

    def cancel(self) -> None:
        """Leaves the queue."""
        self._work = None

    @property
    def cancelled(self) -> bool:
        """Whether it has left."""
        return self._work is None

    def run(self) -> None:
        """Goes on."""
        work, self._work = self._work, None
        if work is not None:
            work()


class Turns:
    """The queue of one event loop."""

    __slots__ = ("_loop", "_queue")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[Entry] = deque()

    def queue(self, work: Callable[[], None]) -> Entry:
        """Calls `work` after everybody who waits already, in a turn of the loop of its own."""
        entry = Entry(work)
        if not self._queue:
            self._loop.call_soon(self._next)
        self._queue.append(entry)
        return entry

    def dispose(self) -> None:
        """Frees what the disposal holds, in turns between those of statements."""
        if self._loop.is_closed():
            self._dispose()
        else:
            self.queue(self._dispose)

    def _dispose(self) -> None:
        until = perf_counter() + DISPOSAL_SECONDS
        while DISPOSAL.step():
            if perf_counter() > until and not self._loop.is_closed():
                self.dispose()
                return

    def __len__(self) -> int:
        return len(self._queue)

    def _next(self) -> None:
        queue = self._queue
        entry = queue.popleft()
        while entry.cancelled and queue:
            entry = queue.popleft()
        # What is queued while this one runs finds the loop told already.
        if queue:
            self._loop.call_soon(self._next)
        TURN.resumed_at = perf_counter()
        entry.run()

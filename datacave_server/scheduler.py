"""LoopScheduler: the real body of the Scheduler port, over an asyncio event loop and a few worker threads.

Invariants: `done` callbacks run on the loop's thread, once each; calls handed to `run` start in the order they came.
Not here: anything that computes in pure Python in a thread, because it would hold up the loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


class LoopScheduler:
    """Runs work in the loop and in `threads` worker threads, which start with the first call of `run`."""

    __slots__ = ("_closed", "_loop", "_queue", "_thread_count", "_threads")

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = 4) -> None:
        self._loop = loop
        self._thread_count = threads
        self._threads: list[threading.Thread] = []
        # A plain queue and threads cost a third of an executor's futures per hand-off.
        self._queue: SimpleQueue[tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]] | None]
        self._queue = SimpleQueue()
        self._closed = False

    def call_soon(self, work: Callable[[], None]) -> None:
        """Runs `work` in the next turn of the loop."""
        self._loop.call_soon(work)

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        """Runs `work` in the loop after a delay; returns a function that takes the call back."""
        return self._loop.call_later(seconds, work).cancel

    def run(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Runs `work` in a worker thread, then `done(result, error)` in the loop. Raises RuntimeError after close."""
        if self._closed:
            raise RuntimeError("the scheduler is closed")
        if not self._threads:
            self._start_threads()
        self._queue.put((work, done))

    def close(self) -> None:
        """Waits for the work at hand and ends the threads; `done` callbacks not yet run stay queued in the loop."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start_threads(self) -> None:
        for number in range(self._thread_count):
            thread = threading.Thread(target=self._work, name=f"datacave-worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            work, done = item
            result: Any = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as caught:  # every failure belongs to the caller, who gets it in `done`
                error = caught
            try:
                self._loop.call_soon_threadsafe(done, result, error)
            except RuntimeError:
                logger.exception("the event loop has closed before a worker's result could be delivered")
                return
            # The next get may wait long: let nothing of this call live until then.
            del item, work, done, result, error

"""LoopScheduler: the real body of the Scheduler port, over an asyncio event loop and a few worker threads.

Invariants: `done` callbacks run on the loop's thread, once each; calls handed to `run` start in the order they came.
Not here: anything that computes in pure Python in a thread, because it would hold up the loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from datacave_core.ports import File
from datacave_server.files import OsFile
from datacave_server.syncthread import PlainSyncThread, SyncThread

T = TypeVar("T")

logger = logging.getLogger(__name__)


class LoopScheduler:
    """Runs work in the loop and in `threads` worker threads, which start with the first call of `run`."""

    __slots__ = ("_closed", "_loop", "_queue", "_synced", "_syncing", "_syncs", "_thread_count", "_threads")

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = 4) -> None:
        self._loop = loop
        self._thread_count = threads
        self._threads: list[threading.Thread] = []
        # A plain queue and threads cost a third of an executor's futures per hand-off.
        self._queue: SimpleQueue[tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]] | None]
        self._queue = SimpleQueue()
        self._closed = False
        self._syncs: deque[tuple[OsFile, Callable[[BaseException | None], None]]] = deque()
        self._syncing: tuple[PlainSyncThread, threading.Thread] | None = None
        self._synced = -1

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

    def sync(self, file: File, done: Callable[[BaseException | None], None]) -> None:
        """Syncs a file in a thread of its own. Raises RuntimeError after close."""
        if not isinstance(file, OsFile):
            self.run(file.sync, lambda _, error: done(error))
            return
        if self._closed:
            raise RuntimeError("the scheduler is closed")
        self._syncs.append((file, done))
        if len(self._syncs) == 1:
            syncing = self._syncing or self._start_syncing()
            syncing[0].want(file.descriptor)

    def _start_syncing(self) -> tuple[PlainSyncThread, threading.Thread]:
        self._synced = os.eventfd(0, os.EFD_CLOEXEC)
        body = SyncThread(self._synced)
        thread = threading.Thread(target=body.work, name="datacave-sync", daemon=True)
        thread.start()
        self._loop.add_reader(self._synced, self._sync_done)
        self._syncing = body, thread
        return self._syncing

    def _sync_done(self) -> None:
        """One sync is over: the next one begins before anybody hears of it."""
        os.eventfd_read(self._synced)
        assert self._syncing is not None
        body = self._syncing[0]
        number = body.error()
        file, done = self._syncs.popleft()
        if self._syncs:
            body.want(self._syncs[0][0].descriptor)
        done(file.named(number) if number else None)

    def close(self) -> None:
        """Waits for the work at hand and ends the threads; `done` callbacks not yet run stay queued in the loop."""
        self._closed = True
        if self._syncing is not None:
            body, thread = self._syncing
            self._loop.remove_reader(self._synced)
            if self._syncs:
                os.eventfd_read(self._synced)
                self._syncs.clear()
            body.stop()
            thread.join()
            body.close()
            os.close(self._synced)
            self._syncing = None
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

"""python -m tests.latency.watched serve ...: the server, with a clock on everything that its event loop runs.

A slice is what the loop's thread does between two looks at its sockets on behalf of one callback or one message. Its
processor time counts, not the time of day: other programs on the machine do not change the figures. Slices longer than
SLICE_MS are appended as JSON lines to the file that the environment names in WATCHED_FILE: where the time went (by
samples of the stack), and how much of it was the collector's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from types import FrameType
from typing import Any

import uvloop

from datacave_server.cli import main as run_command
from datacave_server.pump import Pump
from datacave_server.sockets.socket_set import SocketSet

SLICE_MS = 5.0
SAMPLE_SECONDS = 0.001
FRAMES_MAX = 14
FILE_VARIABLE = "WATCHED_FILE"


class Watch:
    """The slice under way, and the file for those that were long."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115
        self._inside = False
        self._sampled = 0.0
        self._places: Counter[str] = Counter()
        self._collected = 0.0
        self._collector_began = 0.0

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Calls something, as one slice."""
        if self._inside:
            return work(*arguments)
        self._inside = True
        self._places.clear()
        self._collected = 0.0
        start = self._sampled = thread_time()
        try:
            return work(*arguments)
        finally:
            took = (thread_time() - start) * 1000
            self._inside = False
            if took > SLICE_MS:
                self._tell(took, work)

    def _tell(self, took: float, work: Callable[..., Any]) -> None:
        places = [[f"{weight * 1000:.1f}", place] for place, weight in self._places.most_common(4)]
        name = getattr(work, "__qualname__", repr(work))
        line = {"ms": round(took, 2), "collector_ms": round(self._collected * 1000, 2), "work": name, "places": places}
        self._file.write(json.dumps(line) + "\n")

    def sample(self, _number: int, frame: FrameType | None) -> None:
        """The signal of the profiling clock: the time since the last one belongs to this place."""
        now = thread_time()
        if self._inside:
            names = []
            while frame is not None and len(names) < FRAMES_MAX:
                code = frame.f_code
                names.append(f"{Path(code.co_filename).name}:{frame.f_lineno}:{code.co_name}")
                frame = frame.f_back
            self._places[" < ".join(names)] += now - self._sampled
        self._sampled = now

    def collector(self, phase: str, _found: dict[str, int]) -> None:
        """Called by the collector."""
        if phase == "start":
            self._collector_began = thread_time()
        else:
            self._collected += thread_time() - self._collector_began

    def turn_of(self, callback: Callable[..., Any]) -> bool:
        """Whether a callback only hands messages on, which are slices of their own."""
        return isinstance(getattr(callback, "__self__", None), SocketSet)


class WatchedLoop(uvloop.Loop):
    """Every callback is a slice."""

    watch: Watch

    def call_soon(self, callback: Any, *arguments: Any, context: Any = None) -> Any:
        return super().call_soon(self.watch.run, callback, *arguments, context=context)

    def call_soon_threadsafe(self, callback: Any, *arguments: Any, context: Any = None) -> Any:
        return super().call_soon_threadsafe(self.watch.run, callback, *arguments, context=context)

    def call_later(self, delay: float, callback: Any, *arguments: Any, context: Any = None) -> Any:
        return super().call_later(delay, self.watch.run, callback, *arguments, context=context)

    def call_at(self, when: float, callback: Any, *arguments: Any, context: Any = None) -> Any:
        return super().call_at(when, self.watch.run, callback, *arguments, context=context)

    def add_reader(self, descriptor: Any, callback: Any, *arguments: Any) -> Any:
        if self.watch.turn_of(callback):
            return super().add_reader(descriptor, callback, *arguments)
        return super().add_reader(descriptor, self.watch.run, callback, *arguments)


def main() -> int:
    watch = WatchedLoop.watch = Watch(os.environ[FILE_VARIABLE])
    received = Pump.data_received
    Pump.data_received = lambda pump, data: watch.run(received, pump, data)  # type: ignore[method-assign]
    gc.callbacks.append(watch.collector)
    signal.signal(signal.SIGPROF, watch.sample)

    async def watched(work: Any) -> int:
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)
        result: int = await work
        return result

    def run_loop(work: Any) -> int:
        with asyncio.Runner(loop_factory=WatchedLoop) as runner:
            return runner.run(watched(work))

    return run_command(sys.argv[1:], run_loop)


if __name__ == "__main__":
    sys.exit(main())

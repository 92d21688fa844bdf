"""Stalls: a mixed load of puts, gets and scans through flushes and merges, and the longest silence in it.

    python -m bench stalls [--seconds N] [--clients N] [--rows N] [--load-rows N]

The engine runs as in the server: uvloop, the collector's thresholds, merges in a process of their own. Clients commit
some rows each, wait until they are durable, and hold back when the engine asks them to; others read by key and scan.
A gap is the time between two acknowledged commits of any client. `--load-rows` adds one big load in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import uvloop

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_core.wait import TURN, Steps, Wait
from datacave_lsm import Engine
from datacave_server.cli.serve import SWITCH_INTERVAL_SECONDS
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.collector import Collector, set_up
from datacave_server.config import Config
from datacave_server.files import OsFileSystem
from datacave_server.scheduler import LoopScheduler
from datacave_server.storage import Storage

PREFIX = b"\0\0\0\1\0\0"
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64, nullable=False), PhysicalColumn(PhysicalType.TEXT)))
OTHER = b"\0\0\0\2\0\0"
KEYS = 5_000_000
LOAD_ROWS = 2_000
ROWS = 20
VALUE = "some words of text that are not all the same, "
PAUSE_SECONDS = 0.0005


async def finished(event: Wait) -> None:
    """Waits; cheaper than an asyncio.Event."""
    done = asyncio.get_running_loop().create_future()
    event.subscribe(lambda: done.set_result(None))
    await done
    event.raise_error()


async def walked(steps: Steps[object]) -> None:
    """Runs steps to their end, as the pump does."""
    for event in steps:
        await (asyncio.sleep(0) if event is TURN else finished(event))


class Mix:
    """The clients on one engine, and what they have seen."""

    def __init__(self, engine: Engine, rows: int) -> None:
        self.engine = engine
        self.rows = rows
        self.acknowledged: list[float] = []
        self.latencies: list[float] = []
        self.reads: list[float] = []
        self.scans: list[float] = []
        self.longest_hold = 0.0
        self.stop = False

    async def write(self, number: int) -> None:
        engine, chance = self.engine, random.Random(number)
        while not self.stop:
            start = time.perf_counter()
            while (delay := engine.write_delay()) is not None:
                await finished(delay)
            writes = {}
            for _ in range(self.rows):
                key = chance.randrange(KEYS)
                writes[PREFIX + key.to_bytes(8, "big")] = (key, VALUE * 2 + str(start))
            await finished(engine.commit(writes).durable)
            now = time.perf_counter()
            self.acknowledged.append(now)
            self.latencies.append(now - start)

    async def read(self) -> None:
        engine, chance = self.engine, random.Random(99)
        while not self.stop:
            start = time.perf_counter()
            for _ in range(20):
                engine.get(PREFIX + chance.randrange(KEYS).to_bytes(8, "big"), engine.visible_timestamp)
            self.reads.append((time.perf_counter() - start) / 20)
            await asyncio.sleep(PAUSE_SECONDS)

    async def scan(self) -> None:
        engine, chance = self.engine, random.Random(98)
        while not self.stop:
            start = time.perf_counter()
            low = chance.randrange(KEYS)
            count = 0
            for batch in engine.scan(
                PREFIX + low.to_bytes(8, "big"), PREFIX + (low + 2000).to_bytes(8, "big"), engine.visible_timestamp
            ):
                count += len(batch)
            self.scans.append(time.perf_counter() - start)
            await asyncio.sleep(0.005)

    async def watch(self) -> None:
        while not self.stop:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest_hold = max(self.longest_hold, time.perf_counter() - start - 0.001)

    async def load(self, rows: int) -> None:
        """A commit of many rows as columns, as COPY makes it, in the middle of all others."""
        load = self.engine.begin_load(OTHER)
        assert load is not None
        for start in range(0, rows, LOAD_ROWS):
            numbers = np.arange(start, start + LOAD_ROWS, dtype=np.int64)
            keys = [OTHER + number.to_bytes(8, "big") for number in range(start, start + LOAD_ROWS)]
            await walked(load.add(keys, [ColumnVector(numbers), ColumnVector([VALUE] * LOAD_ROWS)]))
            await asyncio.sleep(0)
        await walked(load.finish())
        await finished(self.engine.commit({}, loads=[load]).durable)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else 0.0


async def run(folder: Path, seconds: float, clients: int, rows: int, load_rows: int) -> None:
    scheduler = LoopScheduler(asyncio.get_running_loop())
    storage = Storage(Config(), OsFileSystem(folder), SystemClock(), scheduler, SystemRandomness())
    engine = await storage.open()
    engine.set_layout(PREFIX, LAYOUT)
    engine.set_layout(OTHER, LAYOUT)
    set_up()
    Collector().start(asyncio.get_running_loop())
    pauses: list[float] = []
    began = 0.0

    def collector(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - began)

    gc.callbacks.append(collector)
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    mix = Mix(engine, rows)
    jobs = [asyncio.ensure_future(mix.write(number)) for number in range(clients)]
    jobs += [asyncio.ensure_future(job) for job in (mix.read(), mix.scan(), mix.watch())]
    start = time.perf_counter()
    if load_rows:
        await asyncio.sleep(seconds / 2)
        await mix.load(load_rows)
        await asyncio.sleep(max(seconds - (time.perf_counter() - start), 0))
    else:
        await asyncio.sleep(seconds)
    mix.stop = True
    await asyncio.gather(*jobs)
    took = time.perf_counter() - start
    times = [start, *mix.acknowledged]
    gaps = [(later - earlier, earlier - start) for earlier, later in pairwise(times)]
    found = engine.statistics()
    longest = sorted(gaps, reverse=True)[:5]
    commits = len(mix.latencies) / took
    print(f"{commits * rows:,.0f} rows/s in {commits:,.0f} commits/s of {clients} clients")
    print("longest gaps: " + ", ".join(f"{gap * 1000:.0f} ms at {at:.1f} s" for gap, at in longest))
    print(
        f"commit p50 {percentile(mix.latencies, 0.5):.2f} p99 {percentile(mix.latencies, 0.99):.1f}"
        f" p99.9 {percentile(mix.latencies, 0.999):.1f} max {max(mix.latencies) * 1000:.0f} ms"
    )
    print(f"get p99 {percentile(mix.reads, 0.99):.3f} ms; scan of 2,000 keys p99 {percentile(mix.scans, 0.99):.1f} ms")
    collector = max(pauses, default=0) * 1000
    print(f"loop held for at most {mix.longest_hold * 1000:.0f} ms; collector at most {collector:.0f} ms")
    names = ("flushes", "merges", "ingests", "stalls", "stall_seconds", "slowdowns", "level_files", "frozen_memtables")
    print(", ".join(f"{name} {found[name]}" for name in names))
    await finished(engine.close())
    storage.merges.close()
    scheduler.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench stalls", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the load (default: 30)")
    parser.add_argument("--clients", type=int, default=8, help="clients that write (default: 8)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of a commit (default: {ROWS})")
    parser.add_argument("--load-rows", type=int, default=0, help="rows of one big load in the middle (default: none)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datacave-bench-", ignore_cleanup_errors=True) as name:
        work = run(Path(name), arguments.seconds, arguments.clients, arguments.rows, arguments.load_rows)
        uvloop.run(work)


if __name__ == "__main__":
    main()

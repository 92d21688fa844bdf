"""The storage engine on real files: rows per second of writes, reads, flushes and merges.

    python -m bench engine [rows]

Prints one line per load; the loop-hold column is the longest time a slice of background work kept the loop.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

import uvloop

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_server.scheduler import LoopScheduler

PREFIX = b"\0\0\0\1\0\0"
LAYOUT = Layout(
    1,
    (
        PhysicalColumn(PhysicalType.INT64, nullable=False),
        PhysicalColumn(PhysicalType.INT64),
        PhysicalColumn(PhysicalType.TEXT),
    ),
)
CLIENTS = 32
BATCH_ROWS = 1000


def key_of(number: int) -> bytes:
    """Table prefix and an eight-byte key."""
    return PREFIX + number.to_bytes(8, "big")


class MeasuredScheduler(LoopScheduler):
    """Notes the longest time one piece of work kept the loop."""

    __slots__ = ("longest_seconds",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.longest_seconds = 0.0

    def call_soon(self, work: Callable[[], None]) -> None:
        """The same, timed."""

        def timed() -> None:
            start = time.perf_counter()
            work()
            self.longest_seconds = max(self.longest_seconds, time.perf_counter() - start)

        super().call_soon(timed)


class Bench:
    """One engine in a temporary directory and the loads on it."""

    def __init__(self, folder: str, rows: int) -> None:
        self.rows = rows
        self.scheduler = MeasuredScheduler(asyncio.get_running_loop())
        self.engine = Engine.open(
            OsFileSystem(folder), SystemClock(), self.scheduler, SystemRandomness(), EngineOptions()
        )
        self.engine.set_layout(PREFIX, LAYOUT)
        self.order = list(range(rows))
        random.Random(1).shuffle(self.order)

    async def finished(self, event: Wait) -> None:
        """Waits without holding the loop."""
        done = asyncio.Event()
        event.subscribe(done.set)
        await done.wait()
        event.raise_error()

    async def measure(self, name: str, count: int, load: Awaitable[None]) -> None:
        """Prints rows per second and the longest hold of the loop."""
        self.scheduler.longest_seconds = 0.0
        start = time.perf_counter()
        await load
        seconds = time.perf_counter() - start
        hold = self.scheduler.longest_seconds * 1000
        print(f"{name:34} {count / seconds:12,.0f} rows/s {seconds / count * 1e6:9.2f} us/row {hold:8.1f} ms hold")

    async def put_batches(self) -> None:
        for start in range(0, self.rows, BATCH_ROWS):
            while (delay := self.engine.write_delay()) is not None:
                await self.finished(delay)
            writes = {key_of(number): (number, start, f"name {number}") for number in self.order[start : start + 1000]}
            await self.finished(self.engine.commit(writes).durable)

    async def put_single(self, count: int, wait_durable: bool) -> None:
        """`CLIENTS` commits per loop turn, each of one row, all waited for."""
        chance = random.Random(2)
        for _ in range(count // CLIENTS):
            for _ in range(CLIENTS):
                number = chance.randrange(self.rows)
                commit = self.engine.commit({key_of(number): (number, 1, "updated")}, wait_durable=wait_durable)
            if wait_durable:
                await self.finished(commit.durable)
            else:
                await asyncio.sleep(0)

    async def transactions(self, count: int) -> None:
        """The writes of TPC-B: five rows per commit, `CLIENTS` commits per turn."""
        chance = random.Random(3)
        for _ in range(count // CLIENTS):
            for _ in range(CLIENTS):
                numbers = [chance.randrange(self.rows) for _ in range(5)]
                commit = self.engine.commit({key_of(number): (number, 2, "updated") for number in numbers})
            await self.finished(commit.durable)

    async def get(self, numbers: list[int]) -> None:
        engine = self.engine
        timestamp = engine.visible_timestamp
        for number in numbers:
            engine.get(key_of(number), timestamp)

    async def scan(self, reverse: bool) -> None:
        engine = self.engine
        rows = sum(len(batch) for batch in engine.scan(PREFIX, None, engine.visible_timestamp, reverse=reverse))
        assert rows == self.rows

    async def scan_columns(self, columns: list[int]) -> None:
        engine = self.engine
        batches = engine.scan_columns(PREFIX, None, engine.visible_timestamp, columns)
        assert sum(batch.row_count for batch in batches) == self.rows

    async def scan_short(self, count: int) -> None:
        engine = self.engine
        timestamp = engine.visible_timestamp
        for number in self.order[:count]:
            for _ in engine.scan(key_of(number), key_of(number + 10), timestamp):
                pass

    async def run(self) -> None:
        """All loads, one after the other."""
        rows, engine, order = self.rows, self.engine, self.order
        await self.measure("put, 1,000 rows a commit, random", rows, self.put_batches())
        await self.measure("flush of the rest", rows, self.finished(engine.flush()))
        await self.measure("merge of all", rows, self.finished(engine.compact()))
        few = order[: min(rows, 50_000)]
        await self.measure("get, cold", len(few), self.get(few))
        await self.measure("get, row cache", len(few), self.get(few))
        await self.measure("get, missing", len(few), self.get([number + rows for number in few]))
        await self.measure("scan", rows, self.scan(False))
        await self.measure("scan, backward", rows, self.scan(True))
        await self.measure("scan of 10 rows, per scan", 5000, self.scan_short(5000))
        await self.measure("scan of 2 columns, first", rows, self.scan_columns([0, 1]))
        await self.measure("scan of 2 columns, again", rows, self.scan_columns([0, 1]))
        await self.measure("scan of 3 columns", rows, self.scan_columns([0, 1, 2]))
        await self.measure("put, 1 row, 32 clients, durable", 50_000, self.put_single(50_000, True))
        await self.measure("put, 1 row, not waiting", 50_000, self.put_single(50_000, False))
        await self.measure("put, 5 rows, 32 clients, commits", 20_000, self.transactions(20_000))
        await self.measure("get, memtable", 50_000, self.get(few))
        await self.measure("scan with updates in memory", rows, self.scan(False))
        await self.measure("scan of 2 columns with updates", rows, self.scan_columns([0, 1]))
        await self.measure("flush of updates", 150_000, self.finished(engine.flush()))
        await self.measure("scan of 2 columns, 2 levels, first", rows, self.scan_columns([0, 1]))
        await self.measure("scan of 2 columns, 2 levels, again", rows, self.scan_columns([0, 1]))
        await self.measure("scan, 2 levels", rows, self.scan(False))
        await self.measure("merge of all", rows + 150_000, self.finished(engine.compact()))
        await self.finished(engine.close())
        self.scheduler.close()


def main(arguments: list[str] | None = None) -> None:
    """Runs the loads on `rows` rows (default 300,000)."""
    given = sys.argv[1:] if arguments is None else arguments
    rows = int(given[0]) if given else 300_000

    async def run() -> None:
        gc.collect()
        gc.freeze()  # as the server does: modules and code are no garbage
        with tempfile.TemporaryDirectory(prefix="datacave-bench-") as folder:
            await Bench(folder, rows).run()

    uvloop.run(run())


if __name__ == "__main__":
    main()

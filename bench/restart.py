"""Restarts: how long until a client is answered again, after kill -9 under load and with a log to read.

    python -m bench restart [--rounds N] [--log-megabytes N]

First N rounds on one database: clients write, the server is killed, started again, and a query is answered. Then a log
of so many megabytes, none of it in tables yet, is written by the engine, cut off, and read by a start of its own; the
second line says how much memory that took at most, and how long it held the event loop at most.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.servers import Target, running_datacave
from datacave_lsm import Engine, EngineOptions
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.config import Config
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import finished
from datacave_server.scheduler import LoopScheduler
from datacave_server.storage import Storage

PREFIX = b"\0\0\0\1\0\0"
CLIENTS = 4
LOAD_SECONDS = 1.0
ROWS = 1000
VALUE_BYTES = 100


def connect(target: Target) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=target.port, user=target.user, dbname=target.database, autocommit=True
    )


@contextlib.contextmanager
def writing(target: Target) -> Iterator[None]:
    """Clients that write for as long as the server lives."""

    def work(number: int) -> None:
        chance = random.Random(number)
        with contextlib.suppress(psycopg.Error), connect(target) as client:
            while True:
                client.execute(
                    "INSERT INTO rounds VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET note = excluded.note",
                    (chance.randrange(10**6), "x" * chance.randrange(200)),
                )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def kill_rounds(folder: Path, rounds: int) -> list[float]:
    """Seconds from the start of the program to an answer, after each kill."""
    found = []
    for turn in range(rounds + 1):
        start = time.perf_counter()
        with running_datacave(folder) as target:
            with connect(target) as client:
                if turn:
                    client.execute("SELECT count(*) FROM rounds").fetchone()
                    found.append(time.perf_counter() - start)
                else:
                    client.execute("CREATE TABLE rounds (id int PRIMARY KEY, note text)")
            with writing(target):
                time.sleep(LOAD_SECONDS)
                os.kill(target.pid, signal.SIGKILL)
    return found


async def write_log(folder: Path, megabytes: int) -> None:
    """A log that no flush has touched; the process ends without a word."""
    scheduler = LoopScheduler(asyncio.get_running_loop())
    options = EngineOptions(memtable_bytes_max=1 << 50, row_cache_bytes=0)
    engine = Engine.open(OsFileSystem(folder), SystemClock(), scheduler, SystemRandomness(), options)
    chance = random.Random(1)
    while engine.statistics()["log_bytes_written"] < megabytes * 1024 * 1024:
        writes = {
            PREFIX + chance.randrange(10**9).to_bytes(8, "big"): (chance.randbytes(VALUE_BYTES // 2) * 2,)
            for _ in range(ROWS)
        }
        await finished(engine.commit(writes).durable)
    os._exit(0)


async def read_log(folder: Path) -> None:
    """Opens the engine as the server does and reads a row; prints what there is to know of that."""
    gc.disable()
    scheduler = LoopScheduler(asyncio.get_running_loop())
    start = last = time.perf_counter()
    longest = 0.0
    storage = Storage(Config(), OsFileSystem(folder), SystemClock(), scheduler, SystemRandomness())

    async def watch() -> None:
        nonlocal longest, last
        while True:
            last = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - last)

    watching = asyncio.ensure_future(watch())
    engine = await storage.open()
    watching.cancel()
    rows = next(engine.scan(PREFIX, None, engine.visible_timestamp))
    assert rows
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = storage.progress
    print(f"{seconds:.2f} {found.rows} {found.tables} {peak:.0f} {longest * 1000:.0f}", flush=True)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench restart", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="kills (default: 20)")
    parser.add_argument("--log-megabytes", type=int, default=1024, help="length of the log (default: 1,024)")
    parser.add_argument("--child", choices=("write", "read"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        work = write_log(arguments.folder, arguments.log_megabytes)
        asyncio.run(work if arguments.child == "write" else read_log(arguments.folder))
        return
    # As installed: without compiled modules beside the sources every start compiles all of them again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="datacave-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if arguments.rounds:
            times = kill_rounds(folder, arguments.rounds)
            median = statistics.median(times)
            print(f"{len(times)} kills: median {median:.2f} s, max {max(times):.2f} s until an answer")
        if arguments.log_megabytes:
            store = folder / "store"
            store.mkdir(mode=0o700)
            child = [sys.executable, "-m", "bench.restart", "--folder", str(store), "--child"]
            subprocess.run([*child, "write", "--log-megabytes", str(arguments.log_megabytes)], check=True)
            size = sum(path.stat().st_size for path in (store / "wal").iterdir())
            said = subprocess.run([*child, "read"], check=True, capture_output=True, text=True).stdout.split()
            print(f"{size / 1e6:,.0f} MB of log: open after {said[0]} s, {int(said[1]):,} rows, {said[2]} tables")
            print(f"at most {said[3]} MB of memory, the loop held for at most {said[4]} ms")


if __name__ == "__main__":
    main()

"""kill -9 of the engine under load: what was acknowledged is there, whole, and nothing else.

    python -m tests.crash.kill_rounds [ROUNDS]

A child process runs the engine on a real directory while several writers commit; it is killed at any moment, often in
the middle of flushes and merges, sometimes again while it recovers, and on every second round with a merge process of
its own, which outlives it for a moment. Sometimes garbage then follows the last record of the log, as after a write
that was torn. Then this process opens the directory and judges by what the child had told it.

Commit n of a writer puts a row "last" = n and `rows_of(n)` rows of its own, and deletes those of commit n - KEPT. So
what a writer has written so far shows as one number, and a commit that is there in part, or twice, or gone, shows too.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from datacave_core.errors import DatacaveError
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import SimulatedScheduler
from datacave_core.ports import Prepared
from datacave_core.values import Row
from datacave_core.wait import TURN
from datacave_lsm import Engine, EngineOptions, KeyRing, Seals, inspect_file
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_server.merge_process import MergeProcess
from datacave_server.scheduler import LoopScheduler

WRITERS = 6
KEPT = 12
ROWS_MAX = 40
PREFIX = b"\0\0\0\1\0\0"
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
KEYS = {"k": bytes(range(32))}
OPTIONS = EngineOptions(
    memtable_bytes_max=60_000,
    log_segment_bytes=64 * 1024,
    table_bytes_max=40_000,
    level0_trigger_files=2,
    level1_bytes=80_000,
    level_growth=3,
    retention_seconds=0.05,
    manifest_bytes_max=4_000,
    slice_rows=64,
    group_rows_max=128,
    ingest_rows_min=20,
)
PREPARED_EVERY = 5
"""Every so many commits one is prepared first, and writes table files of its own if it has rows enough."""


def rows_of(number: int) -> int:
    """How many rows a commit has."""
    return 1 + number * 7919 % ROWS_MAX


def writes_of(writer: int, number: int) -> dict[bytes, Row | None]:
    """Commit `number` of a writer."""
    base = PREFIX + bytes([writer])
    writes: dict[bytes, Row | None] = {
        base + b"%08d.%03d" % (number, at): (number, f"row {at} " * (at % 5)) for at in range(rows_of(number))
    }
    gone = number - KEPT
    if gone > 0:
        writes |= dict.fromkeys([base + b"%08d.%03d" % (gone, at) for at in range(rows_of(gone))])
    writes[base + b"last"] = (number, "")
    return writes


def judge(engine: Engine, writer: int) -> int:
    """The number of a writer's newest commit; raises AssertionError unless exactly its commits so far are there."""
    base = PREFIX + bytes([writer])
    rows = engine.scan(base, base + b"\xff", engine.newest_timestamp)
    found = {key: row for batch in rows for key, row in batch}
    last = found.pop(base + b"last", (0, ""))[0]
    expected: dict[bytes, Row] = {}
    for number in range(max(1, last - KEPT + 1), last + 1):
        expected |= {key: row for key, row in writes_of(writer, number).items() if row is not None}
    expected.pop(base + b"last", None)
    assert found == expected, f"writer {writer}: commit {last} and those before it are not what is there"
    for key in list(expected)[:: max(1, len(expected) // 5)]:
        assert engine.get(key, engine.newest_timestamp) == expected[key]
    return int(last)


@dataclass(slots=True)
class Rounds:
    """What many rounds came to. `acknowledged` is the newest acknowledged commit of each writer."""

    folder: Path
    seed: int
    sealed: bool
    rounds: int = 0
    commits: int = 0
    kills_in_recovery: int = 0
    damaged_tails: int = 0
    merges: int = 0
    recovery_seconds: list[float] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=lambda: [0] * WRITERS)

    def run(self, count: int) -> None:
        """Runs rounds; raises AssertionError for anything lost or wrong."""
        chance = random.Random(self.seed)
        for number in range(count):
            while chance.random() < 0.3:
                self._child(chance.random() * 0.15, chance, "", 1.0)
                self.kills_in_recovery += 1
            self._child(30.0, chance, "merges" if number % 2 else "", 0.15 + chance.random() * 0.7)
            if chance.random() < 0.3:
                self._damage_tail(chance)
            self._judge()
            self.rounds += 1
            if self.rounds % 100 == 0:
                print(f"{self.rounds} rounds, nothing lost", flush=True)

    def _child(self, seconds: float, chance: random.Random, merges: str, after_ready: float) -> None:
        """Runs a child until it is killed: `after_ready` seconds after it began to write, at the latest `seconds`."""
        arguments = [str(self.folder), "sealed" if self.sealed else "plain", merges, str(chance.random())]
        command = [sys.executable, "-m", "tests.crash.kill_rounds", "--child", *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        end = time.monotonic() + seconds
        data = b""
        ready = False
        while time.monotonic() < end:
            assert child.poll() is None, f"the child ended by itself with {child.returncode}"
            data += child.stdout.read(1 << 16) or b""
            if not ready and b"\n" in data:
                ready = True
                end = min(end, time.monotonic() + after_ready)
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.wait()
        os.set_blocking(child.stdout.fileno(), True)
        data += child.stdout.read()
        child.stdout.close()
        # The last line may have been cut by the kill.
        for line in data.split(b"\n")[:-1]:
            writer, number = map(int, line.split())
            if writer < WRITERS:
                self.acknowledged[writer] = max(self.acknowledged[writer], number)

    def _damage_tail(self, chance: random.Random) -> None:
        """Writes garbage behind the last record of the log; a segment that has none yet stays as it is."""
        names = sorted(self.folder.glob("wal/*.log"))
        if not names:
            return
        name = f"wal/{names[-1].name}"
        seals = Seals(KeyRing(KEYS, "k"), SystemRandomness()) if self.sealed else Seals(None, None)
        try:
            end = inspect_file(OsFileSystem(self.folder), name, seals).get("readable_bytes")
        except DatacaveError:
            return
        if end is None:
            return
        with names[-1].open("r+b") as file:
            file.seek(end)
            file.write(chance.randbytes(chance.randrange(1, 2_000)))
        self.damaged_tails += 1

    def _judge(self) -> None:
        began = time.monotonic()
        scheduler = SimulatedScheduler()
        ring = KeyRing(KEYS, "k") if self.sealed else None
        engine = Engine.open(OsFileSystem(self.folder), SystemClock(), scheduler, SystemRandomness(), OPTIONS, ring)
        self.recovery_seconds.append(time.monotonic() - began)
        engine.set_layout(PREFIX, LAYOUT)
        for writer in range(WRITERS):
            found, told = judge(engine, writer), self.acknowledged[writer]
            assert told <= found, f"writer {writer}: commit {told} was acknowledged, the newest there is {found}"
            # A writer waits for each commit before the next one.
            self.commits += max(0, found - told)
            self.acknowledged[writer] = found
        self.merges += sum(engine.statistics()["level_files"][1:]) > 0
        closing = engine.close()
        scheduler.run_for(1)
        assert closing.done
        closing.raise_error()


async def child(folder: Path, sealed: bool, merges: bool) -> None:
    """Commits until it is killed, and says so of every commit that is durable."""
    loop = asyncio.get_running_loop()
    scheduler = LoopScheduler(loop)
    keys = KEYS if sealed else {}
    ring = KeyRing(KEYS, "k") if sealed else None
    worker = MergeProcess(folder, scheduler, keys, "k" if sealed else "") if merges else None
    engine = Engine.open(OsFileSystem(folder), SystemClock(), scheduler, SystemRandomness(), OPTIONS, ring, worker)
    engine.set_layout(PREFIX, LAYOUT)

    async def write(writer: int) -> None:
        number = judge(engine, writer)
        while True:
            while (delay := engine.write_delay()) is not None:
                await finished(delay)
            number += 1
            writes = writes_of(writer, number)
            prepared = await prepare(engine, writes) if number % PREPARED_EVERY == 0 else None
            commit = engine.commit(writes, prepared=prepared)
            await finished(commit.durable)
            os.write(1, b"%d %d\n" % (writer, number))

    await asyncio.gather(*map(write, range(WRITERS)))


async def prepare(engine: Engine, writes: dict[bytes, Row | None]) -> Prepared:
    """What a big commit does ahead, turn by turn of the loop."""
    steps = engine.prepare(writes)
    try:
        while True:
            event = next(steps)
            await (asyncio.sleep(0) if event is TURN else finished(event))
    except StopIteration as end:
        prepared: Prepared = end.value
        return prepared


async def finished(event) -> None:  # type: ignore[no-untyped-def]
    """Waits for a Wait."""
    done = asyncio.Event()
    event.subscribe(done.set)
    await done.wait()
    event.raise_error()


def main() -> None:
    """The command."""
    if sys.argv[1:2] == ["--child"]:
        asyncio.run(child(Path(sys.argv[2]), sys.argv[3] == "sealed", sys.argv[4] == "merges"))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = random.SystemRandom().randrange(2**32)
    for sealed in (False, True):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a merge process may outlive it
            rounds = Rounds(Path(folder), seed, sealed)
            try:
                rounds.run((count + sealed) // 2)
            finally:
                print(f"seed {seed}, {'sealed' if sealed else 'plain'}: {rounds.rounds} rounds", flush=True)
            print(
                f"  {rounds.kills_in_recovery} more kills during recovery, {rounds.damaged_tails} damaged tails; "
                f"{sum(rounds.acknowledged)} commits"
            )
            times = rounds.recovery_seconds
            print(f"  recovery: median {statistics.median(times):.3f} s, max {max(times):.3f} s; lost: 0, wrong: 0")


if __name__ == "__main__":
    main()

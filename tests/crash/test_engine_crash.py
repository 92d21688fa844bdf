"""What is left of a scripted workload when the power fails, or the disk refuses, at any one of its file operations?

Every commit writes its number under several keys, so that a torn commit shows. Between the commits come flushes,
merges, a change of retention, a checkpoint, a rotation of the master key and a restart; the log runs through recycled
files. After the restart the commits found must be a prefix of those made, with all that were acknowledged as durable in
it. Every timestamp that can be read shows what it showed, and an acknowledged checkpoint is a database of its moment.
"""

from __future__ import annotations

import contextlib
import errno
from dataclasses import replace

import pytest

from datacave_core.errors import DatacaveError, DiskFull
from datacave_core.layout import TABLE_PREFIX_LENGTH, Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import (
    Disk,
    MemoryFileSystem,
    PowerFailure,
    SeededRandomness,
    SimulatedClock,
    SimulatedScheduler,
)
from datacave_core.ports import FileSystem, KeptFor, Prepared
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_lsm import Engine, EngineOptions, KeyRing, MergeWorker

PREFIX = b"\0\0\0\7\0\0"
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
OPTIONS = EngineOptions(
    memtable_bytes_max=12_000,
    batch_bytes_min=2_300,
    ingest_rows_min=0,
    slice_rows=4,
    log_segment_bytes=1_500,
    log_fragment_bytes_max=300,
    level0_trigger_files=2,
    level1_bytes=3_000,
    table_bytes_max=2_000,
    manifest_bytes_max=1_200,
    retention_seconds=0.0,
    group_rows_max=16,
)
INGESTING = replace(OPTIONS, ingest_rows_min=6)
COMMITS = 24
SPREAD = 5
KEYS = {"k": bytes(range(32)), "n": bytes(32)}
RING = KeyRing({"k": KEYS["k"]}, "k")
RINGS = {current: KeyRing(KEYS, current) for current in KEYS}
KEPT = KeptFor(3600 * 1_000_000)


def end_jobs(engine: Engine) -> None:
    """The process of an engine is gone: its jobs end here, where it is no news that they do not reach the disk any
    more."""
    maintenance = engine._maintenance
    runners = (maintenance._flusher, maintenance._merger, maintenance._copier, maintenance._recorder)
    for job in [runner._job for runner in runners if runner._job is not None]:
        with contextlib.suppress(PowerFailure, OSError, MemoryError):
            job.close()


class StillWaiting(Exception):
    """What is waited for does not come while the disk is as it is."""


class Script:
    """The workload on one disk, its merges by a `worker` or none.

    `durable` is the number of the newest commit acknowledged as durable.
    """

    def __init__(self, disk: Disk, seed: int, ring: KeyRing | None = None, options: EngineOptions = OPTIONS) -> None:
        self.options = options
        self.disk = disk
        self.seed = seed
        self.ring = ring
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.durable = 0
        self.made = 0
        self.recycled = 0
        self.stamps: dict[int, int] = {}
        self.checkpoints: dict[str, tuple[int, int]] = {}
        """The acknowledged ones, with the newest commits before they were asked for and when they were done."""
        self.worker: MergeWorker | None = None
        self.engine: Engine | None = None

    def files(self) -> FileSystem:
        """What the engine is opened on."""
        return MemoryFileSystem(self.disk)

    def between(self, engine: Engine, step: int) -> None:
        """What else happens after a commit."""
        if step in (4, 19):
            engine.set_retention(PREFIX[:TABLE_PREFIX_LENGTH], KEPT if step == 4 else None)
        if step == 14:
            folder, asked = f"checkpoints/{self.disk.generation}.{self.made}", self.made
            self.settle(engine.checkpoint(folder).finished)
            self.checkpoints[folder] = asked, self.made
        if step == 20 and self.ring is not None:
            self.ring = RINGS["n" if self.ring.current == "k" else "k"]
            self.settle(engine.rotate_key(self.ring).finished)

    def open(self) -> Engine:
        files = self.files()
        randomness = SeededRandomness(self.seed + 1000 * self.disk.generation)
        clock = self.scheduler.clock
        engine = Engine.open(files, clock, self.scheduler, randomness, self.options, self.ring, self.worker)
        self.engine = engine
        engine.set_layout(PREFIX, LAYOUT)
        return engine

    def bury(self) -> None:
        """The process is gone."""
        engine, self.engine = self.engine, None
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        if engine is not None:
            end_jobs(engine)

    def commit(self, engine: Engine, *, wait_durable: bool = True) -> None:
        number = self.made + 1
        writes: dict[bytes, Row | None] = {
            PREFIX + b"%02d" % slot: (number, "x" * (number * 7 % 90)) for slot in range(SPREAD)
        }
        writes[PREFIX + b"k%04d" % number] = (number, None)
        if number > 3:
            writes[PREFIX + b"k%04d" % (number - 3)] = None
        prepared = self.prepare(engine, writes) if number % 8 == 1 else None
        ticket = engine.commit(writes, wait_durable=wait_durable, prepared=prepared)
        durable = ticket.durable
        self.made = number
        self.stamps[number] = ticket.timestamp

        def acknowledged() -> None:
            if durable.error is None:
                self.durable = max(self.durable, number)

        durable.subscribe(acknowledged)

    def prepare(self, engine: Engine, writes: dict[bytes, Row | None]) -> Prepared:
        """A big commit goes to the log in parts, turn by turn of the loop."""
        engine.prepare(dict(writes)).close()
        given_up = engine.prepare(dict(writes))
        next(given_up)
        given_up.close()
        steps = engine.prepare(writes)
        try:
            while True:
                wait = next(steps)
                if wait is TURN:
                    self.scheduler.run_ready()
                else:
                    self.settle(wait)
        except StopIteration as end:
            prepared: Prepared = end.value
            return prepared
        finally:
            with contextlib.suppress(PowerFailure, OSError, MemoryError):
                steps.close()

    def settle(self, event: Wait) -> None:
        for _ in range(100):
            self.scheduler.run_ready()
            if event.done:
                break
            self.scheduler.run_for(0.25)
        if not event.done:
            raise StillWaiting(event.reason)
        event.raise_error()

    def run(self) -> None:
        engine = self.open()
        for step in range(COMMITS):
            self.commit(engine, wait_durable=step % 5 != 2)
            if step % 3 == 0:
                self.scheduler.run_ready()
            if step == 9:
                self.settle(engine.flush())
            if step == 12:
                self.settle(engine.compact())
            if step == 17:
                self.close(engine)
                engine = self.open()
            self.between(engine, step)
        self.settle(engine.flush())
        self.settle(engine.compact())
        self.close(engine)

    def close(self, engine: Engine) -> None:
        self.recycled += engine.statistics()["log_segments_recycled"]
        self.settle(engine.close())

    def run_until_power_fails(self, number: int) -> None:
        """Runs until the power fails in file operation `number`."""
        generation = self.disk.generation
        self.disk.crash_at(number)
        # In a worker's job the failure reaches the engine as that job's error.
        with contextlib.suppress(PowerFailure, DatacaveError):
            self.run()
        assert self.disk.generation == generation + 1
        self.bury()

    def check(self) -> int:
        """Reopens and returns the number of the newest commit found."""
        engine = self.open()
        newest = engine.newest_timestamp
        found = {key[len(PREFIX) :]: row[0] for batch in engine.scan(PREFIX, None, newest) for key, row in batch}
        number = found.get(b"00", 0)
        expected = {b"%02d" % slot: number for slot in range(SPREAD)} if number else {}
        expected |= {b"k%04d" % each: each for each in range(max(1, number - 2), number + 1)}
        assert found == expected
        for key, value in found.items():
            row = engine.get(PREFIX + key, newest)
            assert row is not None
            assert row[0] == value
        assert self.durable <= number <= self.made
        self.check_past(engine, number)
        for folder, (asked, done) in self.checkpoints.items():
            assert asked <= self.in_checkpoint(folder) <= done
        # The engine goes on from here, and what it writes now survives, too.
        self.made = self.durable = number
        self.commit(engine)
        self.settle(engine.flush())
        self.settle(engine.close())
        return number

    def check_past(self, engine: Engine, number: int) -> None:
        """Whatever timestamp can be read shows the commits up to it."""
        self.stamps = {each: stamp for each, stamp in self.stamps.items() if each <= number}
        for each, stamp in self.stamps.items():
            if engine.is_readable(stamp, PREFIX):
                row = engine.get(PREFIX + b"00", stamp)
                assert row is not None
                assert row[0] == each
                gone = engine.get(PREFIX + b"k%04d" % (each - 3), stamp)
                assert gone is None

    def in_checkpoint(self, folder: str) -> int:
        """The newest commit in a checkpoint, opened in a place of its own."""
        disk = Disk()
        files = MemoryFileSystem(disk)
        files.make_folder("tables")
        files.make_folder("wal")
        for name, inode in self.disk.names.items():
            if inode is not None and name.startswith(f"{folder}/"):
                files.create(name.removeprefix(f"{folder}/")).write(bytes(inode.current))
        scheduler = SimulatedScheduler(self.scheduler.clock)
        engine = Engine.open(files, scheduler.clock, scheduler, SeededRandomness(0), self.options, self.ring)
        rows = {key[len(PREFIX) :]: row[0] for batch in engine.scan(PREFIX, None, 2**62) for key, row in batch}
        number: int = rows[b"00"]
        assert rows == {b"%02d" % slot: number for slot in range(SPREAD)} | {
            b"k%04d" % each: each for each in range(max(1, number - 2), number + 1)
        }
        return number


def operations(ring: KeyRing | None, options: EngineOptions = OPTIONS) -> int:
    """The number of changing file operations of an undisturbed run."""
    disk = Disk()
    script = Script(disk, 0, ring, options)
    script.run()
    assert script.durable == COMMITS
    assert script.recycled, "no segment of the log lies in the file of an earlier one"
    changes = disk.changes
    assert script.check() == COMMITS
    return changes


@pytest.mark.parametrize(
    ("ring", "options"), [(None, OPTIONS), (RING, OPTIONS), (RING, INGESTING)], ids=["plain", "sealed", "ingesting"]
)
def test_power_fails_at_every_operation(ring: KeyRing | None, options: EngineOptions) -> None:
    for number in range(1, operations(ring, options) + 1):
        script = Script(Disk(number), number, ring, options)
        script.run_until_power_fails(number)
        script.check()


def test_power_fails_again_during_recovery() -> None:
    for number in range(5, operations(None) + 1, 17):
        for again in range(1, 12):
            disk = Disk(number)
            script = Script(disk, number)
            script.run_until_power_fails(number)
            disk.crash_at(disk.changes + again)
            generation = disk.generation
            with contextlib.suppress(PowerFailure, DatacaveError):
                script.open()
                script.scheduler.run_for(1)
            if disk.generation == generation:
                disk.crash()
            script.bury()
            script.check()


@pytest.mark.parametrize(
    ("error", "options"),
    [(errno.EIO, OPTIONS), (errno.ENOSPC, OPTIONS), (errno.ENOSPC, INGESTING)],
    ids=["EIO", "ENOSPC", "ENOSPC ingesting"],
)
def test_one_operation_fails(error: int, options: EngineOptions) -> None:
    stopped = survived = 0
    for number in range(1, operations(None, options) + 1):
        disk = Disk(number)
        disk.fail_at(number, error)
        script = Script(disk, number, options=options)
        try:
            script.run()
            survived += 1
        except (DatacaveError, OSError):
            stopped += 1
        # The process ends without a word; the power stays on, or fails, too.
        disk.locks.clear()
        if number % 2:
            disk.crash()
        script.bury()
        script.check()
    assert stopped
    assert error == errno.EIO or survived


@pytest.mark.parametrize("capacity", range(18_000, 34_000, 2_000))
def test_full_disk_refuses_commits_and_takes_them_again_when_space_returns(capacity: int) -> None:
    disk = Disk(0, capacity_bytes=capacity)
    script = Script(disk, 0)
    engine = script.open()
    refused = 0
    for _ in range(200):
        try:
            script.commit(engine)
        except DiskFull:
            refused += 1
        script.scheduler.run_ready()
    assert refused
    newest = engine.visible_timestamp
    assert engine.get(PREFIX + b"00", newest) == (script.made, "x" * (script.made * 7 % 90))
    disk.capacity_bytes = None
    script.scheduler.run_for(2)
    before = script.made
    script.commit(engine)
    script.scheduler.run_for(5)
    assert script.durable == script.made == before + 1
    script.settle(engine.flush())
    script.settle(engine.close())
    script.check()

"""A log that is longer than memory may be: is it read in pieces, with every row, and can the reading be cut short?"""

from __future__ import annotations

import contextlib
import errno
from copy import copy, deepcopy

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import (
    Disk,
    MemoryFileSystem,
    PowerFailure,
    SeededRandomness,
    SimulatedClock,
    SimulatedScheduler,
)
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions, KeyRing, Progress, Seals, check_directory
from datacave_lsm.wal.segment import segment_name, segment_numbers

PREFIX = b"\0\0\0\7\0\0"
OTHER = b"\0\0\0\x09\0\0"
NARROW = Layout(1, (PhysicalColumn(PhysicalType.INT64),))
WIDE = Layout(2, (*NARROW.columns, PhysicalColumn(PhysicalType.TEXT, missing="none")))
RING = KeyRing({"k": bytes(range(32))}, "k")
WRITING = EngineOptions(
    memtable_bytes_max=1 << 40, batch_bytes_min=4_000, ingest_rows_min=40, log_segment_bytes=8_000, slice_rows=16
)
READING = EngineOptions(
    memtable_bytes_max=10_000, batch_bytes_min=4_000, log_segment_bytes=8_000, slice_rows=16, retention_seconds=0.0
)
COMMITS = 120


class Node:
    """A disk with a log on it of which nothing is in tables, and the rows it holds."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self.disk = Disk(1)
        self.ring = ring
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.rows: dict[bytes, Row | None] = {}
        engine = self.open(WRITING)
        engine.set_layout(PREFIX, NARROW)
        for number in range(COMMITS):
            if number == COMMITS // 2:
                engine.set_layout(PREFIX, WIDE)
                self.rows = {key: (*row, "none") if row is not None else None for key, row in self.rows.items()}
            row = (number, "x" * (number % 40))[: 1 if number < COMMITS // 2 else 2]
            writes: dict[bytes, Row | None] = {PREFIX + b"%04d" % (number * 7 % 90 + at): row for at in range(8)}
            writes[PREFIX + b"%04d" % (number % 50)] = None
            if number == COMMITS - 1:  # a commit in parts
                writes |= {PREFIX + b"b%04d" % at: row for at in range(20)}
            self.rows |= writes
            durable = engine.commit(writes).durable
            while not durable.done:
                self.scheduler.step()  # and not until it is in a table
        self.newest = engine.newest_timestamp
        self.kill()

    def copied(self, luck: int) -> Node:
        """Another one on a copy of the disk, whose chances are others."""
        other = copy(self)
        other.disk = deepcopy(self.disk)
        other.kill()
        for _ in range(luck):
            other.disk.coin()
        return other

    def kill(self) -> None:
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        self.disk.locks.clear()

    def open(self, options: EngineOptions = READING, progress: Progress | None = None) -> Engine:
        """In slices, with the jobs off the loop in between."""
        randomness = SeededRandomness(self.disk.changes)
        files, scheduler = MemoryFileSystem(self.disk), self.scheduler
        steps = Engine.opening(files, scheduler.clock, scheduler, randomness, options, self.ring, progress=progress)
        try:
            while True:
                event = next(steps)
                scheduler.run_ready()
                assert event is None or event.done
        except StopIteration as end:
            engine: Engine = end.value
            return engine

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(5)
        assert event.done
        event.raise_error()

    def check(self, engine: Engine) -> None:
        rows = engine.scan(PREFIX, OTHER, engine.newest_timestamp)
        found = {key: row for batch in rows for key, row in batch}
        assert found == {key: row for key, row in self.rows.items() if row is not None}
        assert engine.newest_timestamp >= self.newest


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_a_long_log_becomes_tables_and_is_not_needed_any_more(ring: KeyRing | None) -> None:
    node = Node(ring)
    segments = len(segment_numbers(MemoryFileSystem(node.disk)))
    assert segments > 5
    progress = Progress()
    engine = node.open(progress=progress)
    assert progress.tables > 3
    assert progress.bytes_read == progress.bytes_total > 8_000 * (segments - 1)
    assert progress.rows > COMMITS * 8
    assert engine.statistics()["memtable_versions"] == engine.statistics()["frozen_memtables"] == 0
    assert len(segment_numbers(MemoryFileSystem(node.disk))) == 1
    node.check(engine)
    engine.set_layout(PREFIX, WIDE)
    node.settle(engine.compact())
    node.check(engine)
    node.settle(engine.close())
    report = check_directory(MemoryFileSystem(node.disk), Seals(ring, SeededRandomness(1) if ring else None), 7)
    assert not report.findings
    node.check(node.open())


def test_versions_that_were_pinned_are_all_kept() -> None:
    node = Node()
    history = dict.fromkeys(node.rows, 0)
    engine = node.open()
    for key, _ in engine.history(PREFIX, None, 0, node.newest):
        history[key] += 1
    assert max(history.values()) > 5


def test_a_short_log_stays_in_memory_and_in_the_log() -> None:
    node = Node()
    progress = Progress()
    engine = node.open(EngineOptions(log_segment_bytes=8_000), progress)
    assert progress.tables == 0
    assert engine.statistics()["frozen_memtables"] == 1
    node.check(engine)


def test_the_power_may_fail_at_every_change_of_a_recovery() -> None:
    made = Node()
    changes = made.disk.changes
    node = made.copied(0)
    node.open()
    count = node.disk.changes - changes
    assert count > 30
    for number in range(1, count + 1):
        node = made.copied(number)
        node.disk.crash_at(changes + number)
        with contextlib.suppress(PowerFailure, DatacaveError):
            node.open()
        if node.disk.generation == 0:
            node.disk.crash()
        node.kill()
        engine = node.open()
        node.check(engine)
        node.settle(engine.close())


def test_a_recovery_that_is_given_up_leaves_the_directory_as_it_was() -> None:
    given_up = 0
    for step in range(1, 40, 3):
        node = Node()
        progress = Progress()
        files, scheduler = MemoryFileSystem(node.disk), node.scheduler
        steps = Engine.opening(files, scheduler.clock, scheduler, SeededRandomness(1), READING, None, progress=progress)
        with contextlib.suppress(StopIteration):
            for _ in range(step):
                event = next(steps)
                scheduler.run_ready()
                assert event is None or event.done
            given_up += 1
        steps.close()
        node.kill()
        assert not [name for name in files.list("tables") if name.endswith(".tmp")]
        node.check(node.open())
    assert given_up > 5


def test_damage_behind_what_has_become_tables_refuses_the_start_all_the_same() -> None:
    node = Node()
    newest = segment_numbers(MemoryFileSystem(node.disk))[-2]
    node.disk.rot(segment_name(newest), 400)
    with pytest.raises(DataCorrupted, match=segment_name(newest)):
        node.open()
    node.kill()
    node.disk.rot(segment_name(newest), 400)
    node.check(node.open())


def test_a_row_that_fits_no_table_stays_in_memory() -> None:
    node = Node()
    engine = node.open(WRITING)
    engine.set_layout(OTHER, NARROW)
    commit = engine.commit({OTHER + b"bad": ("text",)})  # type: ignore[dict-item]
    node.settle(commit.durable)
    node.kill()
    progress = Progress()
    engine = node.open(progress=progress)
    node.check(engine)
    assert engine.get(OTHER + b"bad", engine.newest_timestamp) == ("text",)
    with pytest.raises(DatacaveError, match="does not fit"):
        node.settle(engine.flush())


def test_a_full_disk_lets_the_rows_stay_in_memory() -> None:
    made = Node()
    before = made.disk.changes
    node = made.copied(0)
    node.open()
    count = node.disk.changes - before
    kept = 0
    for number in range(1, count + 1):
        node = made.copied(number)
        node.disk.fail_at(before + number, errno.ENOSPC)
        try:
            engine = node.open()
        except (OSError, DatacaveError):
            node.kill()
            engine = node.open()
        kept += engine.statistics()["frozen_memtables"]
        node.check(engine)
        node.settle(engine.flush())
        node.check(engine)
    assert kept > 3

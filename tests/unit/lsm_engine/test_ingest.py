"""Do big commits that write table files themselves appear whole, at their moment, and stay, whatever comes between?"""

from __future__ import annotations

from itertools import chain

import pytest

from datacave_core.errors import DiskFull
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import Prepared
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_lsm import Engine, EngineOptions, KeyRing, Seals, check_directory
from datacave_lsm.ingest import Ingest

PREFIX = b"\0\0\0\1\0\0"
OTHER = b"\0\0\0\2\0\0"
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
OPTIONS = EngineOptions(
    memtable_bytes_max=200_000,
    batch_bytes_min=20_000,
    ingest_rows_min=100,
    table_bytes_max=500,
    group_rows_max=64,
    slice_rows=50,
    level0_trigger_files=3,
    level1_bytes=50_000,
)
RING = KeyRing({"k": bytes(range(32))}, "k")


class House:
    """An engine on a simulated disk that can be opened again."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self.disk = Disk()
        self.ring = ring
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.seed = 0
        self.open()

    def open(self) -> None:
        self.seed += 1
        files = MemoryFileSystem(self.disk)
        self.engine = Engine.open(
            files, self.scheduler.clock, self.scheduler, SeededRandomness(self.seed), OPTIONS, self.ring
        )
        self.engine.set_layout(PREFIX, LAYOUT)

    def settle(self, event: Wait) -> None:
        while not event.done:
            self.scheduler.run_for(0.3)
        event.raise_error()

    def prepare(self, writes: dict[bytes, Row | None]) -> Prepared:
        return self.finish(self.engine.prepare(writes))

    def finish(self, steps: Steps[Prepared]) -> Prepared:
        try:
            while True:
                wait = next(steps)
                if wait is not TURN:
                    self.settle(wait)
        except StopIteration as end:
            prepared: Prepared = end.value
            return prepared

    def reopen(self) -> None:
        self.settle(self.engine.close())
        self.open()

    def lose_power(self) -> None:
        self.disk.crash()
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        self.open()

    def found(self, timestamp: int | None = None) -> dict[bytes, Row]:
        at = self.engine.newest_timestamp if timestamp is None else timestamp
        rows = dict(chain.from_iterable(self.engine.scan(PREFIX, OTHER, at)))
        for key, row in rows.items():
            assert self.engine.get(key, at) == row
        return rows

    def check(self) -> None:
        self.settle(self.engine.close())
        report = check_directory(
            MemoryFileSystem(self.disk), Seals(self.ring, SeededRandomness(0)), OPTIONS.level_count
        )
        assert not report.findings
        self.open()


def rows_of(count: int, mark: str) -> dict[bytes, Row | None]:
    return {PREFIX + b"%05d" % (number * 37 % count): (number, mark) for number in range(count)}


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_files_take_effect_with_the_commit(ring: KeyRing | None) -> None:
    house = House(ring)
    writes = rows_of(1009, "new") | {OTHER + b"x": (b"few",)}
    prepared = house.prepare(writes)
    assert isinstance(prepared, Ingest)
    assert len(prepared.handles) > 1
    assert not house.found()
    before = house.engine.commit({OTHER + b"y": (b"1",)}).timestamp
    commit = house.engine.commit(writes, prepared=prepared)
    expected = {key: row for key, row in writes.items() if key.startswith(PREFIX)}
    assert house.found() == expected
    assert not house.found(before)
    assert house.engine.get(OTHER + b"x", commit.timestamp) == (b"few",)
    assert house.engine.get(OTHER + b"x", before) is None
    history = list(house.engine.history(PREFIX, OTHER, before, commit.timestamp))
    assert {version.timestamp for _, version in history} == {commit.timestamp}
    assert len(history) == len(expected)
    house.settle(commit.durable)
    house.lose_power()  # perhaps before the manifest knew
    assert house.found() == expected
    assert not house.found(before)
    assert house.engine.get(OTHER + b"x", house.engine.newest_timestamp) == (b"few",)
    house.check()
    assert house.found() == expected
    house.settle(house.engine.compact())
    house.check()
    assert house.found() == expected
    statistics = house.engine.statistics()
    assert statistics["level_files"][0] == 0


def test_newer_and_older_versions_around_an_ingest() -> None:
    house = House()
    engine = house.engine
    model: dict[bytes, Row] = {}
    snapshots = []

    def write(writes: dict[bytes, Row | None], big: bool) -> None:
        prepared = house.prepare(dict(writes)) if big else None
        commit = engine.commit(writes, prepared=prepared)
        for key, row in writes.items():
            if row is None:
                model.pop(key, None)
            else:
                model[key] = row
        snapshots.append((commit.timestamp, dict(model)))

    write(rows_of(300, "first"), True)
    write({PREFIX + b"%05d" % number: (number, "second") for number in range(0, 300, 7)}, False)
    write(rows_of(211, "third"), True)  # the memtable holds older versions: they are flushed first
    write({PREFIX + b"%05d" % number: None for number in range(0, 300, 5)}, False)
    house.settle(engine.flush())
    write({PREFIX + b"%05d" % number: None for number in range(120)}, True)
    write({PREFIX + b"%05d" % number: (number, "last") for number in range(3, 300, 11)}, False)
    for timestamp, expected in snapshots:
        assert house.found(timestamp) == expected
    house.settle(engine.flush())
    house.settle(engine.compact())
    for timestamp, expected in snapshots:
        assert house.found(timestamp) == expected
    house.check()
    engine = house.engine
    for timestamp, expected in snapshots:
        assert house.found(timestamp) == expected
    assert house.engine.statistics()["ingests"] == 0


def test_a_row_that_comes_between_sends_the_commit_through_the_log() -> None:
    house = House()
    writes = rows_of(300, "new")
    prepared = house.prepare(writes)
    assert isinstance(prepared, Ingest)
    house.engine.commit({PREFIX + b"00007": (0, "between")})
    commit = house.engine.commit(writes, prepared=prepared)
    assert house.found() == writes
    assert house.engine.statistics()["ingests"] == 0
    house.settle(commit.durable)
    house.lose_power()
    assert house.found() == rows_of(300, "new")
    house.check()


def test_what_is_given_up_leaves_nothing() -> None:
    house = House()
    before = set(house.disk.names)
    house.prepare(rows_of(300, "new")).give_up()
    house.scheduler.run_for(1)
    steps = house.engine.prepare(rows_of(300, "new"))
    for _ in range(5):
        next(steps)
    steps.close()
    house.scheduler.run_for(1)
    assert set(house.disk.names) == before
    assert not house.found()


def test_a_full_disk_refuses_the_commit_and_changes_nothing() -> None:
    house = House()
    before = set(house.disk.names)
    house.disk.capacity_bytes = house.disk.used_bytes() + 4000
    with pytest.raises(DiskFull):
        house.prepare(rows_of(1000, "new"))
    house.scheduler.run_for(1)
    assert set(house.disk.names) == before
    house.disk.capacity_bytes = None
    house.engine.commit({PREFIX + b"1": (1, "goes on")})
    assert house.found() == {PREFIX + b"1": (1, "goes on")}


def test_commits_go_on_while_the_manifest_is_written() -> None:
    house = House()
    for turn in range(12):
        writes: dict[bytes, Row | None] = {PREFIX + b"%03d.%03d" % (turn, at): (turn, "x" * 30) for at in range(120)}
        prepared = house.prepare(writes)
        house.engine.commit(writes, prepared=prepared)
        house.engine.commit({PREFIX + b"%03d.%03d" % (turn, 7): (turn, "changed")})
        if turn % 3 == 0:
            house.engine.flush()
        if turn % 4 == 1:
            house.engine.compact()
    assert len(house.found()) == 12 * 120
    house.settle(house.engine.flush())
    house.reopen()
    assert len(house.found()) == 12 * 120
    assert house.engine.get(PREFIX + b"005.007", house.engine.newest_timestamp) == (5, "changed")
    house.check()


@pytest.mark.parametrize("conflict", [False, True], ids=["in files", "through the log"])
def test_columns_that_come_between_complete_the_rows(conflict: bool) -> None:
    house = House()
    few: dict[bytes, Row | None] = {OTHER + b"k": (7, "few")}
    house.engine.set_layout(OTHER, LAYOUT)
    writes = rows_of(300, "new") | few
    steps = house.engine.prepare(writes)
    for _ in range(6):
        wait = next(steps)
        if wait is not TURN:
            house.settle(wait)
    wider = Layout(2, (*LAYOUT.columns, PhysicalColumn(PhysicalType.INT64, missing=42)))
    house.engine.set_layout(PREFIX, wider)
    prepared = house.finish(steps)
    house.engine.set_layout(OTHER, wider)
    if conflict:
        house.engine.commit({PREFIX + b"00007": (0, "between", 1)})
    house.engine.commit(writes, prepared=prepared)
    expected = {key: (*row, 42) for key, row in rows_of(300, "new").items() if row is not None}
    assert house.found() == expected
    assert house.engine.get(OTHER + b"k", house.engine.newest_timestamp) == (7, "few", 42)


def test_closing_at_any_moment_records_the_files_once() -> None:
    """The edit that names them may just have been recorded when its job is cancelled."""
    for steps in range(60):
        house = House()
        house.engine.commit({PREFIX + b"first": (0, "memory")})
        writes = rows_of(200, "new")
        house.engine.commit(writes, prepared=house.prepare(dict(writes)))
        house.engine.flush()
        for _ in range(steps):
            house.scheduler.step()
        newest = house.engine.newest_timestamp
        house.reopen()
        assert house.engine.newest_timestamp == newest
        assert len(house.found()) == 201


def test_the_newest_commit_stays_visible_when_the_log_has_nothing_of_it_any_more() -> None:
    house = House()
    house.engine.commit({PREFIX + b"first": (0, "memory")})
    writes = rows_of(200, "new")
    newest = house.engine.commit(writes, prepared=house.prepare(dict(writes))).timestamp
    house.settle(house.engine.flush())
    house.lose_power()
    assert (house.engine.newest_timestamp, house.engine.visible_timestamp) == (newest, newest)
    assert len(house.found()) == 201
    house.scheduler.clock.jump_wall(-3600)
    assert house.engine.commit({PREFIX + b"first": (1, "later")}).timestamp > newest
    house.check()

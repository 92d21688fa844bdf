"""Columns that are added and taken back: does what was written in between ever show in others at their place?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"
OTHER = b"\0\0\0\2\0\0"
NARROW = Layout(2, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
TAKEN_BACK = Layout(3, (*NARROW.columns, PhysicalColumn(PhysicalType.INT64, missing=5, added=7)))
SAME_TYPE = Layout(3, (*NARROW.columns, PhysicalColumn(PhysicalType.INT64, missing=6, added=8)))
OTHER_TYPE = Layout(3, (*NARROW.columns, PhysicalColumn(PhysicalType.TEXT, missing="six", added=8)))
OPTIONS = EngineOptions(memtable_bytes_max=1 << 30, group_rows_max=16, level0_trigger_files=100)
ROWS = {PREFIX + b"%03d" % number: (number, "x") for number in range(100)}


class Node:
    """An engine on a simulated disk."""

    def __init__(self, options: EngineOptions = OPTIONS) -> None:
        self.options = options
        self.disk = Disk()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.open()

    def open(self) -> None:
        files = MemoryFileSystem(self.disk)
        self.engine = Engine.open(files, self.scheduler.clock, self.scheduler, SeededRandomness(1), self.options)

    def settle(self, event: Wait) -> None:
        while not event.done:
            self.scheduler.run_for(0.3)
        event.raise_error()

    def write(self, rows: dict[bytes, Row]) -> None:
        self.settle(self.engine.commit(dict(rows)).durable)

    def flush(self) -> None:
        self.settle(self.engine.flush())

    def lose_power(self) -> None:
        self.disk.crash()
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        self.open()

    def check(self, expected: dict[bytes, Row]) -> None:
        """By keys, by ranges, as rows and as columns."""
        engine, now = self.engine, self.engine.newest_timestamp
        assert {key: engine.get(key, now) for key in expected} == expected
        found = [pair for batch in engine.scan(PREFIX, OTHER, now) for pair in batch]
        assert dict(found) == expected
        assert [row for batch in engine.scan_rows(PREFIX, OTHER, now) for row in batch] == [row for _, row in found]
        slots = range(len(next(iter(expected.values()))))
        by_column = [
            row
            for batch in engine.scan_columns(PREFIX, OTHER, now, slots)
            for row in zip(*(list(vector.values) for vector in batch.columns), strict=True)
        ]
        assert sorted(by_column) == sorted(expected.values())


def with_column(value: object) -> dict[bytes, Row]:
    return {key: (*row, value) for key, row in ROWS.items()}


@pytest.mark.parametrize("flushed", ["before", "wide", "after", "merged", "never"])
@pytest.mark.parametrize("crash", [False, True], ids=["", "crash"])
@pytest.mark.parametrize(("layout", "value"), [(SAME_TYPE, 6), (OTHER_TYPE, "six")], ids=["same type", "other type"])
def test_a_column_taken_back_leaves_nothing_behind(flushed: str, crash: bool, layout: Layout, value: object) -> None:
    node = Node()
    node.engine.set_layout(PREFIX, NARROW)
    node.write(ROWS)
    if flushed == "before":
        node.flush()
    node.engine.set_layout(PREFIX, TAKEN_BACK)
    node.check(with_column(5))
    if flushed in ("wide", "merged"):
        node.flush()
        node.check(with_column(5))
    if flushed == "merged":
        node.settle(node.engine.compact())
    if crash:
        node.lose_power()
    node.engine.set_layout(PREFIX, NARROW)
    node.check(dict(ROWS))
    more: dict[bytes, Row] = {PREFIX + b"%03d" % number: (number, "more") for number in range(50, 110)}
    node.write(more)
    if flushed == "after":
        node.flush()
    node.check(ROWS | more)
    node.engine.set_layout(PREFIX, layout)
    expected = {key: (*row, value) for key, row in (ROWS | more).items()}
    node.check(expected)
    last: dict[bytes, Row] = {PREFIX + b"007": (7, "last", value)}
    node.write(last)
    expected |= last
    node.flush()
    node.check(expected)
    node.lose_power()
    node.settle(node.engine.compact())  # before anybody registers a layout
    node.engine.set_layout(PREFIX, layout)
    node.check(expected)
    node.settle(node.engine.compact())
    node.check(expected)


def test_a_log_without_the_commit_of_a_column_is_read_back() -> None:
    node = Node()
    node.engine.set_layout(PREFIX, NARROW)
    node.write(ROWS)
    node.engine.set_layout(PREFIX, TAKEN_BACK)
    node.write({OTHER + b"x": (b"later",)})
    node.engine.set_layout(PREFIX, OTHER_TYPE)
    node.write({PREFIX + b"007": (7, "seven", "own")})
    node.lose_power()
    node.check(with_column("six") | {PREFIX + b"007": (7, "seven", "own")})


@pytest.mark.parametrize("crash", [False, True], ids=["", "crash"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_commit_that_is_being_prepared_gets_the_column_whole(parts: int, crash: bool) -> None:
    node = Node(replace(OPTIONS, slice_rows=30))
    node.engine.set_layout(PREFIX, NARROW)
    preparing = node.engine.prepare(dict(ROWS))
    for _ in range(parts):
        next(preparing)
    node.engine.set_layout(PREFIX, SAME_TYPE)
    with pytest.raises(StopIteration) as end:
        while True:
            next(preparing)
    node.settle(node.engine.commit(with_column(6), prepared=end.value.value).durable)
    if crash:
        node.lose_power()
    node.check(with_column(6))

"""What happens to a row that does not fit its layout, and to a read before the retention?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"
NOW = 2**62


class Node:
    def __init__(self, options: EngineOptions) -> None:
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.files = MemoryFileSystem()
        self.options = options
        self.engine = self.open()

    def open(self) -> Engine:
        self.engine = Engine.open(self.files, self.scheduler.clock, self.scheduler, SeededRandomness(0), self.options)
        return self.engine

    def settle(self, event) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def put(self, key: bytes, *row) -> int:
        commit = self.engine.commit({PREFIX + key: row})
        self.scheduler.run_ready()
        return commit.timestamp


def test_a_row_that_does_not_fit_ends_flushes_but_neither_reads_nor_data() -> None:
    node = Node(EngineOptions(memtable_bytes_max=2_000))
    node.engine.set_layout(PREFIX, Layout(1, (PhysicalColumn(PhysicalType.INT64),)))
    node.put(b"good", 1)
    node.settle(node.engine.flush())
    node.put(b"bad", "text")
    node.put(b"fine", 2)
    with pytest.raises(DatacaveError, match="does not fit a INT64 column"):
        node.settle(node.engine.flush())
    with pytest.raises(DatacaveError, match="does not fit"):
        node.settle(node.engine.flush())
    for number in range(20):
        node.put(b"more%d" % number, number)
        delay = node.engine.write_delay()
        if delay is not None and delay.reason == "IO:WriteStall":
            break
        node.scheduler.run_for(0.02)
    assert delay is not None
    with pytest.raises(DatacaveError, match="does not fit"):
        node.settle(delay)
    expected = {b"good": 1, b"bad": "text", b"fine": 2} | {b"more%d" % each: each for each in range(number + 1)}

    def found() -> dict[bytes, object]:
        return {key[6:]: row[0] for batch in node.engine.scan(PREFIX, None, NOW) for key, row in batch}

    assert found() == expected
    node.settle(node.engine.compact())
    node.settle(node.engine.close())
    node.open()
    assert found() == expected
    assert node.engine.get(PREFIX + b"bad", NOW) == ("text",)


def test_reads_before_the_retention_are_refused_with_the_earliest_time() -> None:
    node = Node(EngineOptions(retention_seconds=0))
    stamps = [node.put(b"a", b"%d" % value) for value in range(3)]
    release = node.engine.pin(stamps[1])
    node.scheduler.run_for(1)
    node.settle(node.engine.flush())
    oldest = node.engine.oldest_readable()
    assert oldest > stamps[1]
    assert node.engine.get(PREFIX + b"a", stamps[1]) == (b"1",)
    for read in (
        lambda stamp: node.engine.get(PREFIX + b"a", stamp),
        lambda stamp: node.engine.get_version(PREFIX + b"a", stamp),
        lambda stamp: list(node.engine.scan(PREFIX, None, stamp)),
        lambda stamp: list(node.engine.scan_columns(PREFIX, None, stamp, [0])),
        lambda stamp: node.engine.pin(stamp),
    ):
        with pytest.raises(DatacaveError, match="no longer kept") as caught:
            read(stamps[0])
        assert caught.value.sqlstate == "72000"
        assert str(oldest) in (caught.value.detail or "")
    release()
    with pytest.raises(DatacaveError, match="no longer kept"):
        node.engine.get(PREFIX + b"a", stamps[1])
    assert node.engine.get(PREFIX + b"a", oldest) == (b"2",)

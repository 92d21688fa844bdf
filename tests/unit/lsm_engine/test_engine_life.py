"""What happens to versions, files and writers as flushes and merges go on?"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from datacave_core.errors import DataCorrupted, StorageStopped
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"
NOW = 2**62


class Node:
    """An engine on a simulated disk."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        self.disk = Disk()
        self.files = MemoryFileSystem(self.disk)
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.options = options or EngineOptions()
        self.engine = self.open()

    def open(self) -> Engine:
        self.engine = Engine.open(self.files, self.scheduler.clock, self.scheduler, SeededRandomness(0), self.options)
        return self.engine

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def put(self, *pairs: tuple[str, str | None]) -> int:
        writes = {PREFIX + key.encode(): None if value is None else (value.encode(),) for key, value in pairs}
        commit = self.engine.commit(writes)
        self.scheduler.run_ready()
        return commit.timestamp

    def get(self, key: str, timestamp: int = NOW) -> str | None:
        row = self.engine.get(PREFIX + key.encode(), timestamp)
        return None if row is None else row[0].decode()

    def flush(self) -> None:
        self.settle(self.engine.flush())

    def compact(self) -> None:
        self.settle(self.engine.compact())

    def versions(self) -> list[tuple[str, int, str | None]]:
        found = self.engine.history(PREFIX, None, 0, NOW)
        return [
            (key[6:].decode(), version.timestamp, None if version.row is None else version.row[0].decode())
            for key, version in found
        ]

    def tables(self) -> list[str]:
        return [name for name in self.files.list("tables") if name.endswith(".sst")]


def test_versions_within_the_retention_stay_readable_through_merges() -> None:
    node = Node()
    stamps = []
    for value in range(5):
        stamps.append(node.put(("a", str(value))))
        node.flush()
    node.compact()
    assert len(node.tables()) == 1
    assert [node.get("a", stamp) for stamp in stamps] == list("01234")
    assert node.get("a", stamps[0] - 1) is None
    assert node.engine.oldest_readable() <= stamps[0]


def test_hidden_versions_older_than_the_retention_are_dropped() -> None:
    node = Node(EngineOptions(retention_seconds=60))
    node.put(("a", "0"), ("b", "kept"))
    node.flush()
    node.put(("a", "1"))
    node.flush()
    node.scheduler.run_for(100)
    last = node.put(("a", "2"))
    node.flush()
    node.compact()
    assert [(key, value) for key, _, value in node.versions()] == [("a", "2"), ("a", "1"), ("b", "kept")]
    assert last - 60_000_000 <= node.engine.oldest_readable() <= node.scheduler.clock.now_microseconds() - 60_000_000
    assert node.get("a", node.engine.oldest_readable()) == "1"


def test_a_pinned_snapshot_keeps_what_it_sees() -> None:
    node = Node(EngineOptions(retention_seconds=0))
    node.put(("a", "0"))
    pinned = node.put(("a", "1"))
    release = node.engine.pin(pinned)
    again = node.engine.pin(pinned)
    node.put(("a", "2"))
    node.put(("a", "3"), ("b", None))
    node.flush()
    node.put(("a", "4"))
    node.flush()
    node.compact()
    assert node.get("a", pinned) == "1"
    assert [value for key, _, value in node.versions() if key == "a"] == ["4", "1"]
    release()
    release()
    node.put(("a", "5"))
    node.flush()
    node.compact()
    assert node.get("a", pinned) == "1"
    again()
    node.put(("a", "6"))
    node.flush()
    node.compact()
    assert [value for key, _, value in node.versions() if key == "a"] == ["6"]


def test_tombstones_go_on_the_bottom_level_with_all_they_hide() -> None:
    node = Node(EngineOptions(retention_seconds=0))
    node.put(("a", "0"), ("b", "0"))
    node.flush()
    node.compact()
    node.put(("a", None), ("never", None))
    node.flush()
    assert node.get("a") is None
    node.compact()
    assert [key for key, _, _ in node.versions()] == ["b"]


def test_a_tombstone_stays_while_a_pinned_older_version_does() -> None:
    node = Node(EngineOptions(retention_seconds=0))
    pinned = node.put(("a", "0"))
    node.engine.pin(pinned)
    node.flush()
    node.put(("a", None))
    node.flush()
    node.compact()
    assert node.get("a", pinned) == "0"
    assert node.get("a") is None


def test_an_iterator_stays_valid_while_its_files_are_merged_away() -> None:
    node = Node()
    for part in range(3):
        node.put(*((f"{part}{number:03}", "x") for number in range(300)))
        node.flush()
    before = set(node.tables())
    now = node.engine.newest_timestamp
    scan: Iterator[object] = node.engine.scan(PREFIX, None, now, batch_rows=10)
    columns = node.engine.scan_columns(PREFIX, None, now, [0])
    first = len(next(scan))  # type: ignore[arg-type]
    node.put(*((f"{part}{number:03}", None) for part in range(3) for number in range(300)))
    node.flush()
    node.compact()
    assert before <= set(node.tables())
    assert first + sum(len(batch) for batch in scan) == 900  # type: ignore[arg-type, misc]
    del scan
    assert sum(batch.row_count for batch in columns) == 900
    del columns
    node.scheduler.run_for(1)
    assert not before & set(node.tables())


def test_an_iterator_that_never_began_holds_no_files_once_it_is_gone() -> None:
    node = Node()
    node.put(("a", "x"))
    node.flush()
    before = set(node.tables())
    scan = node.engine.scan(PREFIX, None, NOW)
    node.put(("a", "y"))
    node.flush()
    node.compact()
    assert before <= set(node.tables())
    del scan
    node.scheduler.run_for(1)
    assert len(node.tables()) == 1


def test_flushed_commits_leave_the_log() -> None:
    node = Node(EngineOptions(log_segment_bytes=400))
    for number in range(30):
        node.put((f"{number:03}", "x" * 50))
    segments = len(node.files.list("wal"))
    assert segments > 5
    node.flush()
    node.scheduler.run_for(1)
    assert [name for name in node.files.list("wal") if name.endswith(".log")] == [
        "0000000011.log",
        "0000000012.log",  # not begun
    ]
    node.settle(node.engine.close())
    node.open()
    assert node.engine.statistics()["memtable_versions"] == 0
    assert [node.get(f"{number:03}") for number in (0, 29)] == ["x" * 50] * 2


def test_cached_rows_never_outlive_their_version() -> None:
    node = Node()
    node.put(("a", "0"), ("b", "0"))
    node.flush()
    for value in range(1, 6):
        assert node.get("a") == node.get("a") == str(value - 1)
        assert node.get("gone") is None
        node.put(("a", str(value)), ("gone", str(value) if value % 2 else None))
        assert node.get("a") == str(value)
        old = node.engine.newest_timestamp - 1
        assert node.get("a", old) == str(value - 1)
        node.flush()
        assert node.get("a") == str(value)
        assert node.get("a", old) == str(value - 1)
        node.put(("gone", None))
        node.flush()


def test_writers_wait_while_flushes_cannot_keep_up() -> None:
    node = Node(EngineOptions(memtable_bytes_max=2_000, frozen_memtables_max=2))
    assert node.engine.write_delay() is None
    for number in range(20):
        node.engine.commit({PREFIX + b"%d" % number: (b"x" * 300,)})
    delay = node.engine.write_delay()
    assert delay is not None
    assert not delay.done
    node.scheduler.run_for(1)
    assert delay.done
    assert delay.error is None
    assert node.engine.write_delay() is None


def test_writers_slow_down_then_wait_while_merges_cannot_keep_up() -> None:
    options = EngineOptions(level0_trigger_files=100, level0_slow_files=3, level0_stop_files=5)
    node = Node(options)
    reasons = []
    pressures = []
    for number in range(5):
        node.put((str(number), "x"))
        node.flush()
        delay = node.engine.write_delay()
        reasons.append(None if delay is None else delay.reason)
        pressures.append(node.engine.statistics()["write_pressure"])
    assert reasons == [None, None, "Timeout:WriteSlow", "Timeout:WriteSlow", "IO:WriteStall"]
    assert pressures == [0.2, 0.4, 0.6, 0.8, 1.0]
    delay = node.engine.write_delay()
    assert delay is not None
    node.compact()
    assert delay.done
    assert node.engine.write_delay() is None


def test_damage_in_a_table_stops_merges_and_reads_of_that_file_only() -> None:
    node = Node()
    node.put(*((f"a{number:03}", "x" * 20) for number in range(50)))
    node.flush()
    (damaged,) = node.tables()
    node.put(("b", "whole"))
    node.flush()
    node.settle(node.engine.close())
    node.disk.rot(f"tables/{damaged}", 140)
    node.open()
    with pytest.raises(DataCorrupted, match=damaged):
        node.get("a000")
    with pytest.raises(DataCorrupted, match=damaged):
        list(node.engine.scan(PREFIX, None, NOW))
    with pytest.raises(DataCorrupted, match=damaged):
        node.compact()
    assert node.get("b") == "whole"
    node.put(("c", "new"))
    assert node.get("c") == "new"


def test_a_missing_table_refuses_the_start() -> None:
    node = Node()
    node.put(("a", "x"))
    node.flush()
    node.settle(node.engine.close())
    (name,) = node.tables()
    del node.disk.names[f"tables/{name}"]
    with pytest.raises(DataCorrupted, match=f"{name}.* is missing"):
        node.open()


def test_every_flipped_byte_of_manifest_and_current_is_noticed() -> None:
    node = Node()
    node.put(("a", "x"))
    node.flush()
    node.settle(node.engine.close())
    (manifest,) = [name for name in node.files.list() if name.startswith("MANIFEST")]
    unnoticed = []
    for name in (manifest, "CURRENT"):
        for offset in range(len(node.disk.inode(name).current)):
            node.disk.rot(name, offset, 0x04)
            other = copy_of(node)
            try:
                other.open()
            except DataCorrupted as error:
                assert name in str(error)
            else:
                # The last record notes the orderly end; without it the log is read as after a crash.
                unnoticed.append(offset)
                assert name == manifest
                assert other.get("a") == "x"
            node.disk.rot(name, offset, 0x04)
    size = len(node.disk.inode(manifest).current)
    assert unnoticed == list(range(size - len(unnoticed), size))
    assert len(unnoticed) < 50


def copy_of(node: Node) -> Node:
    """A node on a copy of the disk."""
    other = Node.__new__(Node)
    other.disk = copy.deepcopy(node.disk)
    other.files = MemoryFileSystem(other.disk)
    other.scheduler = SimulatedScheduler(SimulatedClock())
    other.options = node.options
    return other


def test_a_closed_engine_serves_nothing_more() -> None:
    node = Node()
    node.put(("a", "x"))
    closing = node.engine.close()
    node.settle(closing)
    assert node.engine.close() is closing
    with pytest.raises(StorageStopped, match="closed"):
        node.get("a")
    with pytest.raises(StorageStopped, match="closed"):
        node.put(("a", "y"))


def test_a_range_is_merged_and_the_rest_stays() -> None:
    node = Node(EngineOptions(level0_trigger_files=100, retention_seconds=0.0))
    for turn in range(3):
        node.put(*((f"a{number:03}", f"{turn}" * 20) for number in range(50)))
        node.flush()
    node.put(("b", "alone"))
    node.flush()
    node.put(("a010", "newest"))
    node.settle(node.engine.flush())
    node.settle(node.engine.compact(PREFIX + b"a", PREFIX + b"b"))
    statistics = node.engine.statistics()
    assert statistics["level_files"][:2] == [1, 1]
    assert statistics["table_entries"] == 51
    assert node.get("a010") == "newest"
    assert node.get("a011") == "2" * 20
    assert node.get("b") == "alone"
    merges = statistics["merges"]
    node.settle(node.engine.compact(PREFIX + b"c", None))
    assert node.engine.statistics()["merges"] == merges

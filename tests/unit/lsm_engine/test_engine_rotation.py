"""Does a rotation put every live file under the new master key, while the engine serves, and does it prove it?"""

from __future__ import annotations

import errno

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, KeyRing, MasterKeyError
from datacave_lsm.format import HEADER_BYTES, FileHeader

PREFIX = b"\0\0\0\1\0\0"
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
OLD_RING = KeyRing({"old": OLD}, "old")
BOTH = KeyRing({"old": OLD, "new": NEW}, "new")
ONLY_NEW = KeyRing({"new": NEW}, "new")
SEALING = KeyRing({"new": NEW}, "new", allow_plain=True)
TINY = EngineOptions(
    memtable_bytes_max=8_000,
    log_segment_bytes=2_000,
    table_bytes_max=4_000,
    level0_trigger_files=2,
    level1_bytes=6_000,
    slice_rows=8,
    group_rows_max=16,
)


class Node:
    def __init__(self, ring: KeyRing | None = OLD_RING, options: EngineOptions = TINY) -> None:
        self.disk = Disk()
        self.files = MemoryFileSystem(self.disk)
        self.scheduler = SimulatedScheduler(SimulatedClock(), 7)
        self.options = options
        self.engine = self.open(ring)
        self.made = 0

    def open(self, ring: KeyRing | None) -> Engine:
        self.engine = Engine.open(
            self.files, self.scheduler.clock, self.scheduler, SeededRandomness(1), self.options, ring
        )
        return self.engine

    def commit(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.engine.commit({PREFIX + b"%05d" % self.made: (b"%d" % self.made,)})
            self.scheduler.step()

    def check(self) -> None:
        rows = [(key[6:], row[0]) for batch in self.engine.scan(PREFIX, None, 2**62) for key, row in batch]
        assert rows == [(b"%05d" % number, b"%d" % number) for number in range(1, self.made + 1)]

    def settle(self, event) -> None:
        self.scheduler.run_for(3)
        assert event.done
        event.raise_error()

    def key_ids(self) -> set[str]:
        """Of every file on the disk."""
        names = [f"{folder}/{name}" for folder in ("wal", "tables") for name in self.files.list(folder)]
        names += [name for name in self.files.list() if name.startswith("MANIFEST")]
        # Space for a segment that has not been begun holds nothing.
        names = [name for name in names if any(self.disk.inode(name).current)]
        return {FileHeader.decode(bytes(self.disk.inode(name).current[:HEADER_BYTES]), name).key_id for name in names}


def test_the_old_key_is_needed_by_no_file_afterwards() -> None:
    node = Node()
    node.commit(400)
    tables = node.engine.statistics()["level_files"]
    assert sum(tables) > 3
    assert node.key_ids() == {"old"}
    rotation = node.engine.rotate_key(BOTH)
    while not rotation.finished.done:
        node.commit(1)
    rotation.finished.raise_error()
    assert rotation.proof is not None
    assert rotation.proof.complete
    assert set(rotation.proof.live) == {"new"}
    assert rotation.proof.waiting == {}
    assert node.engine.statistics()["key_ids"] == ["new"]
    node.check()
    node.commit(300)
    node.settle(node.engine.close())
    assert node.key_ids() == {"new"}
    node.open(ONLY_NEW)
    node.check()
    node.settle(node.engine.compact())
    node.check()


def test_readers_go_on_over_a_rotation() -> None:
    node = Node()
    node.commit(300)
    scan = node.engine.scan(PREFIX, None, node.engine.newest_timestamp, batch_rows=10)
    seen = len(next(scan))
    columns = node.engine.scan_columns(PREFIX, None, node.engine.newest_timestamp, [0])
    node.settle(node.engine.rotate_key(BOTH).finished)
    assert seen + sum(len(batch) for batch in scan) == 300
    assert sum(batch.row_count for batch in columns) == 300


def test_a_plain_database_becomes_a_sealed_one() -> None:
    node = Node(None)
    node.commit(300)
    assert node.key_ids() == {""}
    with pytest.raises(MasterKeyError, match="not sealed"):
        node.engine.rotate_key(ONLY_NEW)
    node.settle(node.engine.rotate_key(SEALING).finished)
    node.scheduler.run_for(3)
    assert node.key_ids() == {"new"}
    node.commit(10)
    node.settle(node.engine.close())
    node.open(ONLY_NEW)
    node.check()


def test_a_ring_without_the_keys_in_use_is_refused_with_nothing_changed() -> None:
    node = Node()
    node.commit(300)
    with pytest.raises(MasterKeyError, match='"old", which is not in the new key ring'):
        node.engine.rotate_key(ONLY_NEW)
    node.commit(100)
    node.settle(node.engine.close())
    assert node.key_ids() == {"old"}
    node.open(OLD_RING)
    node.check()


def test_an_idle_database_is_rotated_too() -> None:
    node = Node()
    node.settle(node.engine.rotate_key(BOTH).finished)
    assert node.key_ids() == {"new"}
    node.settle(node.engine.rotate_key(BOTH).finished)
    node.commit(3)
    node.settle(node.engine.close())
    node.open(ONLY_NEW)
    node.check()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("ring", [OLD_RING, None], ids=["rewrap", "rewrite"])
def test_a_failure_at_any_file_operation_loses_nothing(ring: KeyRing | None, error: int) -> None:
    both = KeyRing({"old": OLD, "new": NEW}, "new", allow_plain=True)

    def prepared() -> Node:
        node = Node(ring)
        node.commit(150)
        node.scheduler.run_for(3)
        return node

    node = prepared()
    before = node.disk.changes
    node.settle(node.engine.rotate_key(both).finished)
    operations = node.disk.changes - before
    assert operations > 15
    failed = 0
    for number in range(1, operations + 1, 2):
        node = prepared()
        node.disk.fail_at(before + number, error)
        try:
            rotation = node.engine.rotate_key(both)
            node.scheduler.run_for(10)
            assert rotation.finished.done
            rotation.finished.raise_error()
        except (DatacaveError, OSError):
            failed += 1
        node.disk.locks.clear()
        if number % 4 == 1:
            node.disk.crash()
        node.scheduler = SimulatedScheduler(node.scheduler.clock)
        node.files = MemoryFileSystem(node.disk)
        node.open(both)
        node.check()
        node.settle(node.engine.rotate_key(both).finished)
        node.check()
        node.scheduler.run_for(3)
        assert node.key_ids() == {"new"}
    assert failed

"""Does a checkpoint hold every commit of its moment, whole, whatever is written and merged meanwhile?"""

from __future__ import annotations

import contextlib
import random

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted, StorageStopped
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.memory.disk import PowerFailure
from datacave_core.wait import Wait
from datacave_lsm import CheckpointExists, Engine, EngineOptions, KeyRing
from datacave_lsm.folder import Folder

PREFIX = b"\0\0\0\1\0\0"
FOLDER = "checkpoints/one"
TINY = EngineOptions(
    memtable_bytes_max=8_000,
    log_segment_bytes=2_000,
    table_bytes_max=4_000,
    level0_trigger_files=2,
    level1_bytes=6_000,
    slice_rows=8,
    group_rows_max=16,
    retention_seconds=0,
)
RING = KeyRing({"k": bytes(range(32))}, "k")


class Node:
    """Commit number n sets "last" and one key of its own to n, so that a prefix of the commits shows as one."""

    def __init__(self, seed: int, ring: KeyRing | None = None) -> None:
        self.disk = Disk(seed)
        self.files = MemoryFileSystem(self.disk)
        self.random = random.Random(seed)
        self.scheduler = SimulatedScheduler(SimulatedClock(), seed)
        self.ring = ring
        self.engine = self.open()
        self.made = 0

    def open(self, folder: str = "") -> Engine:
        files = Folder(MemoryFileSystem(self.disk), folder) if folder else self.files
        return Engine.open(files, self.scheduler.clock, self.scheduler, SeededRandomness(1), TINY, self.ring)

    def commit(self) -> None:
        self.made += 1
        value = (b"%d" % self.made,)
        self.engine.commit({PREFIX + b"last": value, PREFIX + b"k%05d" % self.made: value})

    def settle(self, event) -> None:
        self.scheduler.run_for(2)
        assert event.done
        event.raise_error()


def number_of_commits(engine: Engine) -> int:
    """Checks that the commits 1 .. n are there, whole, and nothing else."""
    rows = {key[6:]: int(row[0]) for batch in engine.scan(PREFIX, None, 2**62) for key, row in batch}
    last = rows.pop(b"last", 0)
    assert rows == {b"k%05d" % number: number for number in range(1, last + 1)}
    return last


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
@pytest.mark.parametrize("seed", range(4))
def test_a_checkpoint_taken_while_writing_is_one_moment(seed: int, ring: KeyRing | None) -> None:
    node = Node(seed, ring)
    for _ in range(node.random.randrange(10, 120)):
        node.commit()
        for _ in range(node.random.randrange(6)):
            node.scheduler.step()
    asked = node.made
    checkpoint = node.engine.checkpoint(FOLDER)
    while not checkpoint.finished.done:
        node.commit()
        for _ in range(node.random.randrange(6)):
            node.scheduler.step()
    checkpoint.finished.raise_error()
    done = node.made
    for _ in range(200):  # flushes and merges take away what the checkpoint has linked
        node.commit()
        node.scheduler.step()
    node.scheduler.run_for(2)
    node.settle(node.engine.compact())
    copy = node.open(FOLDER)
    found = number_of_commits(copy)
    assert asked <= found <= done
    # The copy is a database of its own.
    copy.commit({PREFIX + b"last": (b"%d" % (found + 1),), PREFIX + b"k%05d" % (found + 1): (b"%d" % (found + 1),)})
    node.settle(copy.flush())
    node.settle(copy.compact())
    assert number_of_commits(copy) == found + 1
    node.settle(copy.close())
    assert number_of_commits(node.engine) == node.made
    node.settle(node.engine.close())
    node.engine = node.open()
    assert number_of_commits(node.engine) == node.made


def test_a_checkpoint_is_not_written_over() -> None:
    node = Node(0)
    node.commit()
    node.settle(node.engine.checkpoint(FOLDER).finished)
    with pytest.raises(CheckpointExists, match=FOLDER):
        node.settle(node.engine.checkpoint(FOLDER).finished)
    node.settle(node.engine.checkpoint("checkpoints/two").finished)


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_damage_to_the_last_commit_in_a_checkpoint_is_no_write_cut_short(ring: KeyRing | None) -> None:
    node = Node(0, ring)
    for _ in range(3):
        node.commit()
        node.scheduler.run_ready()
    node.settle(node.engine.checkpoint(FOLDER).finished)
    name = max(name for name in node.disk.names if name.startswith(f"{FOLDER}/wal/"))
    end = len(node.disk.inode(name).current)
    node.disk.rot(name, end - 5)
    with pytest.raises(DataCorrupted, match=name.removeprefix(f"{FOLDER}/")):
        node.open(FOLDER)
    node.disk.rot(name, end - 5)
    assert number_of_commits(node.open(FOLDER)) == 3


def test_one_checkpoint_at_a_time() -> None:
    node = Node(0)
    node.commit()
    node.engine.checkpoint(FOLDER)
    with pytest.raises(DatacaveError, match="another checkpoint"):
        node.engine.checkpoint("checkpoints/two")


def test_closing_ends_an_unfinished_checkpoint() -> None:
    node = Node(0)
    node.commit()
    node.scheduler.run_ready()
    checkpoint = node.engine.checkpoint(FOLDER)
    node.settle(node.engine.close())
    assert checkpoint.finished.done
    with pytest.raises(DatacaveError, match="closed"):
        checkpoint.finished.raise_error()


def test_a_failure_at_any_file_operation_leaves_no_half_checkpoint_and_the_engine_alive() -> None:
    def prepared(seed: int) -> Node:
        node = Node(seed)
        for _ in range(60):
            node.commit()
        node.scheduler.run_for(2)
        return node

    def made(node: Node) -> Wait:
        finished = node.engine.checkpoint(FOLDER).finished
        while not finished.done:
            node.scheduler.run_for(0.1)
        return finished

    node = prepared(0)
    before = node.disk.changes
    made(node).raise_error()
    operations = node.disk.changes - before
    assert operations > 10
    failed = 0
    for number in range(1, operations + 1):
        node = prepared(0)
        node.disk.fail_at(before + number)
        finished = made(node)
        if isinstance(finished.error, StorageStopped):
            assert "log file" in str(finished.error)  # the log's own sync, made for it
            continue
        if finished.error is not None:
            failed += 1
            if node.files.exists(f"{FOLDER}/UNFINISHED"):
                with pytest.raises(DataCorrupted, match="not finished"):
                    node.open(FOLDER)
            # Without the mark it is whole, only not certain to survive a power failure, or was not begun.
            if not node.files.exists(f"{FOLDER}/CURRENT") or node.files.exists(f"{FOLDER}/UNFINISHED"):
                node.settle(node.engine.checkpoint(FOLDER).finished)
        assert number_of_commits(node.open(FOLDER)) == 60
        node.commit()
        node.scheduler.run_ready()
        assert number_of_commits(node.engine) == 61
    assert failed > 10


def test_a_power_failure_leaves_a_whole_checkpoint_or_none() -> None:
    whole = 0
    for number in range(1, 200):
        node = Node(number)
        for _ in range(40):
            node.commit()
        node.scheduler.run_for(2)
        node.disk.crash_at(node.disk.changes + number)
        generation = node.disk.generation
        checkpoint = node.engine.checkpoint(FOLDER)
        with contextlib.suppress(PowerFailure):
            node.scheduler.run_for(2)
        if checkpoint.finished.done and checkpoint.finished.error is None:
            whole += 1
            if node.disk.generation == generation:
                node.disk.crash()
            node.scheduler = SimulatedScheduler(node.scheduler.clock)
            assert number_of_commits(node.open(FOLDER)) == 40
            break
        node.scheduler = SimulatedScheduler(node.scheduler.clock)
        node.files = MemoryFileSystem(node.disk)
        assert number_of_commits(node.open()) == 40
        if FOLDER in node.disk.names and node.files.list(FOLDER) and not node.files.exists(f"{FOLDER}/UNFINISHED"):
            assert number_of_commits(node.open(FOLDER)) == 40
    assert whole

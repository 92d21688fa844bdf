"""Do logs of format version 1 still recover as they did, also when the crash came between two of their segments?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DataCorrupted
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, KeyRing, Seals, check_directory
from datacave_lsm.crypto import DataKey
from datacave_lsm.format import FileHeader, FileKind
from datacave_lsm.format.sealing import GcmSealer, PlainSealer
from datacave_lsm.version import Levels, Manifest
from datacave_lsm.version.manifest import ManifestState
from datacave_lsm.wal import EntryEncoder
from datacave_lsm.wal.record import RecordWriter
from datacave_lsm.wal.segment import segment_name

PREFIX = b"\0\0\0\1\0\0"
RING = KeyRing({"k": bytes(range(32))}, "k")


def segment(number: int, numbers: range, ring: KeyRing | None) -> bytes:
    """A segment as version 1 wrote it: a header, and a record for each commit."""
    if ring is None:
        header = FileHeader(FileKind.WAL, number, version=1)
        writer = RecordWriter(PlainSealer(header, ""), 1_000)
    else:
        key = bytes([number]) * 32
        header = FileHeader(FileKind.WAL, number, ring.current, ring.wrap(key), version=1)
        writer = RecordWriter(GcmSealer(header, "", DataKey(key)), 1_000)
    content = header.encode()
    for each in numbers:
        content += writer.encode(EntryEncoder().encode((1_000 + each, {PREFIX + b"%03d" % each: (b"row",)})))
        writer.synced = writer.offset
    return content


class Node:
    """A directory with these segments and a manifest that needs them all."""

    def __init__(self, ring: KeyRing | None, *segments: bytes) -> None:
        self.ring = ring
        self.seals = Seals(ring, SeededRandomness(5) if ring else None)
        self.disk = Disk()
        files = MemoryFileSystem(self.disk)
        for folder in ("wal", "tables"):
            files.make_folder(folder)
        for number, content in enumerate(segments, 1):
            files.create(segment_name(number)).write(content)
        Manifest(files, self.seals, 9, ManifestState(Levels.empty(7), 1, 10).snapshot()).close()
        self.scheduler = SimulatedScheduler(SimulatedClock())

    def open(self) -> Engine:
        """Starts an engine."""
        files, clock = MemoryFileSystem(self.disk), self.scheduler.clock
        return Engine.open(
            files, clock, self.scheduler, SeededRandomness(self.disk.changes), EngineOptions(), self.ring
        )

    def check(self, count: int) -> None:
        """The commits 0 .. count - 1 are there and no others, also after more commits and restarts."""
        report = check_directory(MemoryFileSystem(self.disk), self.seals, 7)
        assert report.sound and report.log_commits == count
        for turn in range(3):
            engine = self.open()
            found = [key[6:] for batch in engine.scan(PREFIX, None, 2**62) for key, _ in batch]
            assert found == [b"%03d" % each for each in range(count + turn)]
            engine.commit({PREFIX + b"%03d" % (count + turn): (b"row",)})
            self.scheduler.run_ready()
            self.disk.locks.clear()
            self.scheduler = SimulatedScheduler(self.scheduler.clock)


RINGS = pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])


@RINGS
@pytest.mark.parametrize("newest", [0, 50, 128], ids=["empty", "half a header", "a header"])
@pytest.mark.parametrize("more", [0, 1])
def test_a_segment_that_got_no_record_ends_the_log_before_it(ring: KeyRing | None, newest: int, more: int) -> None:
    first, second = segment(1, range(3), ring), segment(2, range(3, 6), ring)
    others = [segment(number, range(0), ring)[:newest] for number in (3, 4)][: 1 + more]
    Node(ring, first, second, *others).check(6)
    # What was not synced of the segment before may be torn.
    Node(ring, first, second[:-5], *others).check(5)


@RINGS
def test_records_behind_a_torn_segment_are_damage(ring: KeyRing | None) -> None:
    first, second = segment(1, range(3), ring), segment(2, range(3, 6), ring)
    with pytest.raises(DataCorrupted, match=segment_name(1)):
        Node(ring, first[:-5], second).open()


@RINGS
def test_a_header_that_rots_in_front_of_records_is_damage(ring: KeyRing | None) -> None:
    first, second = segment(1, range(3), ring), segment(2, range(3, 6), ring)
    with pytest.raises(DataCorrupted, match=segment_name(2)):
        Node(ring, first, second[:20] + bytes([second[20] ^ 1]) + second[21:]).open()


@RINGS
def test_a_segment_of_today_without_its_header_is_damage(ring: KeyRing | None) -> None:
    node = Node(ring, segment(1, range(3), ring))
    node.check(3)
    name = max(name for name in node.disk.names if name.startswith("wal/") and name.endswith(".log"))
    inode = node.disk.inode(name)
    del inode.current[50:], inode.durable[50:]
    with pytest.raises(DataCorrupted, match=name):
        node.open()

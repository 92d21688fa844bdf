"""Is a directory that cannot be trusted refused with the file, the place and what to do, and left as it was?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, KeyRing, MasterKeyError
from datacave_lsm.format import FileHeader, FileKind

PREFIX = b"\0\0\0\1\0\0"
KEY, OTHER = bytes(range(32)), bytes(32)
RING = KeyRing({"k": KEY}, "k")


class Node:
    """A closed database with one table, one log segment with commits, a manifest."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self.disk = Disk()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        engine = self.open(ring)
        for number in range(30):
            engine.commit({PREFIX + b"%d" % number: (b"x",)})
        self.settle(engine.flush())
        engine.commit({PREFIX + b"log": (b"x",)})
        self.settle(engine.close())
        files = MemoryFileSystem(self.disk)
        self.names = {
            "table": f"tables/{files.list('tables')[0]}",
            "log": f"wal/{files.list('wal')[0]}",
            "manifest": next(name for name in files.list() if name.startswith("MANIFEST")),
        }

    def open(self, ring: KeyRing | None = None) -> Engine:
        clock = self.scheduler.clock
        files = MemoryFileSystem(self.disk)
        return Engine.open(files, clock, self.scheduler, SeededRandomness(0), EngineOptions(), ring)

    def settle(self, event) -> None:
        self.scheduler.run_for(1)
        event.raise_error()

    def replace(self, kind: str, content: bytes) -> None:
        inode = self.disk.inode(self.names[kind])
        inode.current[:] = content
        inode.durable[:] = content

    def content(self, kind: str) -> bytes:
        return bytes(self.disk.inode(self.names[kind]).current)

    def refused(self, ring: KeyRing | None = None) -> DatacaveError:
        before = {name: inode and bytes(inode.current) for name, inode in self.disk.names.items()}
        with pytest.raises(DatacaveError) as caught:
            self.open(ring)
        after = {name: inode and bytes(inode.current) for name, inode in self.disk.names.items()}
        assert after == before
        assert caught.value.hint
        assert not self.disk.locks
        return caught.value


@pytest.mark.parametrize("kind", ["table", "log", "manifest"])
def test_a_missing_file(kind: str) -> None:
    node = Node()
    del node.disk.names[node.names[kind]]
    error = node.refused()
    assert node.names[kind] in error.message
    assert "is missing" in error.message


@pytest.mark.parametrize("kind", ["table", "log", "manifest"])
def test_a_foreign_file(kind: str) -> None:
    node = Node()
    node.replace(kind, b"%PDF-1.4 something else" * 50)
    error = node.refused()
    assert isinstance(error, DataCorrupted)
    assert node.names[kind] in error.message
    # The orderly close recorded the length of the log.
    assert "is not a Datacave file" in error.message or (kind == "log" and "were written" in error.message)


@pytest.mark.parametrize("kind", ["table", "log", "manifest"])
def test_a_file_of_another_kind_or_number(kind: str) -> None:
    node = Node()
    numbers = {"table": FileKind.TABLE, "log": FileKind.WAL, "manifest": FileKind.MANIFEST}
    for header, what in ((FileHeader(FileKind.SPILL, 1), "kind spill"), (FileHeader(numbers[kind], 999), "id 999")):
        node.replace(kind, header.encode() + node.content(kind)[128:])
        error = node.refused()
        assert node.names[kind] in error.message
        assert what in error.message


@pytest.mark.parametrize("kind", ["table", "log", "manifest"])
def test_a_newer_format_version(kind: str) -> None:
    node = Node()
    header = FileHeader.decode(node.content(kind)[:128], kind)
    newer = FileHeader(header.kind, header.file_id, version=header.format_version + 1).encode()
    node.replace(kind, newer + node.content(kind)[128:])
    error = node.refused()
    assert f'"{node.names[kind]}" has format version {header.format_version + 1}' in error.message
    assert "newer program" in (error.hint or "")


def test_a_wrong_a_missing_or_no_key() -> None:
    node = Node(RING)
    for ring, what in (
        (KeyRing({"k": OTHER}, "k"), "another key"),
        (KeyRing({"other": KEY}, "other"), 'master key "k"'),
        (None, "there is no key ring"),
    ):
        error = node.refused(ring)
        assert isinstance(error, MasterKeyError)
        assert node.names["manifest"] in error.message
        assert what in error.message
    assert node.open(RING).get(PREFIX + b"log", 2**62) == (b"x",)


def test_a_plain_file_in_a_sealed_database() -> None:
    sealed, plain = Node(RING), Node()
    sealed.replace("table", plain.content("table"))
    error = sealed.refused(RING)
    assert sealed.names["table"] in error.message
    assert "is not sealed" in error.message


def test_damage_names_the_byte() -> None:
    node = Node()
    for kind, place in (("log", "at byte 128"), ("manifest", "at byte 128"), ("table", "the properties (")):
        content = node.content(kind)
        at = 160 if kind != "table" else len(content) - 70
        node.replace(kind, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        error = node.refused()
        assert node.names[kind] in error.message
        assert place in error.message
        node.replace(kind, content)
    node.open()

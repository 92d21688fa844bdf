"""Does the simulated disk keep what is certain, lose only what is not, and fail when told to?"""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from datacave_core.memory import Disk, MemoryFileSystem, PowerFailure
from datacave_core.ports import File, FileSystem


def content(files: FileSystem, name: str) -> bytes:
    file = files.open(name)
    return file.read_at(0, file.size())


def durable_file(files: MemoryFileSystem, name: str, data: bytes) -> File:
    file = files.create(name)
    file.write(data)
    file.sync()
    files.sync_folder(name.rpartition("/")[0])
    return file


def after_crash(seed: int, act: Callable[[MemoryFileSystem], None]) -> MemoryFileSystem:
    disk = Disk(seed)
    act(MemoryFileSystem(disk))
    disk.crash()
    return MemoryFileSystem(disk)


def test_files_behave_like_files() -> None:
    files = MemoryFileSystem()
    port: FileSystem = files
    file = port.create("a")
    assert (file.write(b"hello "), file.write(b"world")) == (6, 5)
    assert (file.read_at(3, 5), file.read_at(9, 100), file.read_at(50, 5), file.size()) == (b"lo wo", b"ld", b"", 11)
    file.truncate(5)
    again = port.open("a")
    assert content(files, "a") == b"hello"
    again.write(b"!")
    assert file.size() == 6
    file.truncate(8)
    file.write(b"x")
    assert content(files, "a") == b"hello!\0\0x"
    file.close()
    with pytest.raises(OSError, match="Bad file"):
        file.size()


def test_names_behave_like_names() -> None:
    files = MemoryFileSystem()
    files.make_folder("d")
    files.make_folder("d")
    files.create("d/b").write(b"b")
    files.create("a").write(b"a")
    files.create("d/a")
    assert (files.list(), files.list("d")) == (["a", "d"], ["a", "b"])
    files.link("a", "c")
    files.rename("d/b", "a")
    assert (content(files, "a"), content(files, "c"), files.exists("d/b")) == (b"b", b"a", False)
    for wrong, error in (
        (lambda: files.create("a"), FileExistsError),
        (lambda: files.link("a", "c"), FileExistsError),
        (lambda: files.make_folder("a"), FileExistsError),
        (lambda: files.open("nothing"), FileNotFoundError),
        (lambda: files.open("d"), IsADirectoryError),
        (lambda: files.rename("nothing", "b"), FileNotFoundError),
        (lambda: files.remove("nothing"), FileNotFoundError),
        (lambda: files.create("nowhere/a"), FileNotFoundError),
        (lambda: files.list("nowhere"), FileNotFoundError),
        (lambda: files.remove("d"), OSError),
    ):
        with pytest.raises(error):
            wrong()
    files.remove("d/a")
    files.remove("d")
    assert files.list() == ["a", "c"]


def test_one_lock_at_a_time() -> None:
    files = MemoryFileSystem()
    release = files.lock("LOCK")
    with pytest.raises(BlockingIOError):
        files.lock("LOCK")
    release()
    files.lock("LOCK")
    files.disk.crash()
    MemoryFileSystem(files.disk).lock("LOCK")
    release()


@pytest.mark.parametrize("seed", range(10))
def test_what_was_synced_survives(seed: int) -> None:
    def act(files: MemoryFileSystem) -> None:
        files.make_folder("d")
        files.sync_folder()
        durable_file(files, "d/a", b"certain").write(b" perhaps")

    files = after_crash(seed, act)
    data = content(files, "d/a")
    assert data.startswith(b"certain") and b"certain perhaps".startswith(data)


def test_unsynced_writes_are_kept_lost_torn_or_reordered() -> None:
    def act(files: MemoryFileSystem) -> None:
        file = durable_file(files, "a", b"")
        file.write(b"11")
        file.write(b"22")

    seen = {content(after_crash(seed, act), "a") for seed in range(200)}
    assert {b"", b"11", b"1122", b"\0\x0022", b"1", b"112"} <= seen


def test_unsynced_names_are_uncertain() -> None:
    def act(files: MemoryFileSystem) -> None:
        durable_file(files, "old", b"old")
        new = files.create("new.tmp")
        new.write(b"new")
        new.sync()
        files.rename("new.tmp", "old")

    seen = set()
    for seed in range(60):
        files = after_crash(seed, act)
        seen.add((content(files, "old"), files.exists("new.tmp")))
    assert seen == {(b"old", False), (b"old", True), (b"new", False)}


def test_a_lost_folder_takes_its_files_along() -> None:
    def act(files: MemoryFileSystem) -> None:
        files.make_folder("d")
        file = files.create("d/a")
        file.sync()
        files.sync_folder("d")

    lists = {tuple(after_crash(seed, act).list()) for seed in range(20)}
    assert lists == {(), ("d",)}


def test_after_a_crash_old_handles_are_dead() -> None:
    files = MemoryFileSystem()
    file = durable_file(files, "a", b"x")
    files.disk.crash()
    for act in (file.size, file.sync, files.list, lambda: file.write(b"y"), lambda: files.create("b")):
        with pytest.raises(PowerFailure):
            act()
    assert content(MemoryFileSystem(files.disk), "a") == b"x"


def work(files: FileSystem) -> None:
    """One of everything; eight changing operations."""
    file = files.create("a.tmp")
    file.write(b"data")
    file.allocate(100)
    file.truncate(3)
    file.sync()
    files.rename("a.tmp", "a")
    files.sync_folder()
    files.link("a", "b")
    files.remove("a")
    files.make_folder("d")


CHANGES = 10


@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_the_power_can_fail_in_every_operation(number: int) -> None:
    for seed in range(6):
        disk = Disk(seed)
        disk.crash_at(number)
        with pytest.raises(PowerFailure):
            work(MemoryFileSystem(disk))
        assert disk.changes == number and disk.generation == 1
        files = MemoryFileSystem(disk)
        if number > 8 and files.exists("a"):
            assert content(files, "a") == b"dat"


@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_every_operation_can_fail(number: int) -> None:
    disk = Disk()
    disk.fail_at(number, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        work(MemoryFileSystem(disk))
    assert disk.changes == number
    counted = Disk()
    work(MemoryFileSystem(counted))
    assert counted.changes == CHANGES


def test_a_failed_sync_loses_the_writes_for_good() -> None:
    disk = Disk()
    files = MemoryFileSystem(disk)
    file = durable_file(files, "a", b"safe")
    file.write(b" lost")
    disk.fail_at(disk.changes + 1)
    with pytest.raises(OSError):
        file.sync()
    file.write(b" kept")
    file.sync()
    assert content(files, "a") == b"safe lost kept"
    disk.crash()
    assert content(MemoryFileSystem(disk), "a") == b"safe\0\0\0\0\0 kept"


def test_reads_can_fail_and_bytes_can_rot() -> None:
    disk = Disk()
    files = MemoryFileSystem(disk)
    file = durable_file(files, "a", b"abc")
    disk.fail_read_at(disk.reads + 2)
    assert file.read_at(0, 1) == b"a"
    with pytest.raises(OSError, match="Input/output error"):
        file.read_at(0, 1)
    disk.rot("a", 1, 0xFF)
    assert file.read_at(0, 3) == b"a\x9dc"
    disk.crash()
    assert content(MemoryFileSystem(disk), "a") == b"a\x9dc"


def test_a_full_disk() -> None:
    disk = Disk(capacity_bytes=10)
    files = MemoryFileSystem(disk)
    reserved, other = files.create("reserved"), files.create("other")
    reserved.allocate(4)
    with pytest.raises(OSError, match="No space"):
        other.allocate(7)
    assert other.write(b"1234567") == 6
    with pytest.raises(OSError, match="No space") as caught:
        other.write(b"7")
    assert caught.value.errno == errno.ENOSPC
    assert reserved.write_at(0, b"123456") == 4
    files.remove("other")
    assert reserved.write_at(4, b"56") == 2 and disk.used_bytes() == 6
    assert reserved.read_at(0, 10) == b"123456"


def test_short_writes_and_torn_sectors() -> None:
    disk = Disk(3)
    disk.short_writes = True
    file = MemoryFileSystem(disk).create("a")
    lengths = {file.write(b"0123456789") for _ in range(30)}
    assert len(lengths) > 3 and max(lengths) == 10

    def act(files: MemoryFileSystem) -> None:
        durable_file(files, "a", b"").write(bytes(2000))

    assert {512, 1024, 1536} <= {len(content(after_crash(seed, act), "a")) for seed in range(300)}


def test_one_seed_is_one_history() -> None:
    def act(files: MemoryFileSystem) -> None:
        file = durable_file(files, "a", b"")
        for number in range(20):
            file.write(bytes((number,)) * number)

    assert all(content(after_crash(s, act), "a") == content(after_crash(s, act), "a") for s in range(10))

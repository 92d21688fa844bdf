"""Are blocks that statements put aside sealed, whole, and gone when nobody needs them?"""

from __future__ import annotations

import errno
from typing import TypeVar

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted, DiskFull
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedScheduler
from datacave_core.memory.files import MemoryFile
from datacave_core.wait import Steps
from datacave_lsm import SpillFiles
from datacave_lsm.spill import FOLDER, SpillFile

T = TypeVar("T")
MARKER = b"the marker of a row " * 20


class Ward:
    """Spill files on a simulated disk, with a hand on their bytes."""

    def __init__(self, *, sealed: bool) -> None:
        self.disk = Disk()
        self.files = MemoryFileSystem(self.disk)
        self.scheduler = SimulatedScheduler(seed=3)
        self.spills = SpillFiles(self.files, self.scheduler, SeededRandomness(1), sealed=sealed)

    def done(self, steps: Steps[T]) -> T:
        """Runs steps to their end."""
        while True:
            try:
                wait = next(steps)
            except StopIteration as end:
                value: T = end.value
                return value
            while not wait.done:
                assert self.scheduler.step(), "nobody is at work"

    def bytes_of(self, file: SpillFile) -> bytearray:
        self.scheduler.run_ready()
        inner = file._file
        assert isinstance(inner, MemoryFile)
        return inner._inode.current


@pytest.mark.parametrize("sealed", [True, False])
def test_blocks_come_back_in_any_order(sealed: bool) -> None:
    ward = Ward(sealed=sealed)
    file = ward.spills.create()
    blocks = [bytes([number]) * (number * 100) for number in range(20)]
    places = [ward.done(file.append(block)) for block in blocks]
    for number in (7, 0, 19, 7):
        assert ward.done(file.read(places[number])) == blocks[number]
    assert file.size == len(ward.bytes_of(file)) > sum(map(len, blocks))


def test_sealed_blocks_show_nothing_and_no_two_are_alike() -> None:
    ward = Ward(sealed=True)
    file = ward.spills.create()
    for _ in range(3):
        ward.done(file.append(MARKER))
    held = bytes(ward.bytes_of(file))
    assert MARKER[:20] not in held
    size = len(held) // 3
    assert len({held[start : start + size] for start in range(0, len(held), size)}) == 3
    other = ward.spills.create()
    ward.done(other.append(MARKER))
    assert bytes(ward.bytes_of(other)) != held[:size]


@pytest.mark.parametrize("sealed", [True, False])
def test_every_flipped_byte_is_noticed(sealed: bool) -> None:
    ward = Ward(sealed=sealed)
    file = ward.spills.create()
    place = ward.done(file.append(b"rows of a running statement"))
    held = ward.bytes_of(file)
    for offset in range(len(held)):
        held[offset] ^= 0x10
        steps = file.read(place)
        with pytest.raises(DataCorrupted, match=FOLDER):
            ward.done(steps)
        held[offset] ^= 0x10
        file._failure = None
    assert ward.done(file.read(place)) == b"rows of a running statement"


@pytest.mark.parametrize("sealed", [True, False])
def test_swapped_blocks_are_noticed(sealed: bool) -> None:
    ward = Ward(sealed=sealed)
    file = ward.spills.create()
    first, second = ward.done(file.append(b"first...")), ward.done(file.append(b"second.."))
    held = ward.bytes_of(file)
    size = first[1]
    held[:size], held[size:] = held[size:], held[:size]
    with pytest.raises(DataCorrupted):
        ward.done(file.read(second))


def test_files_have_no_name_and_leftovers_go_at_the_start() -> None:
    ward = Ward(sealed=True)
    file = ward.spills.create()
    ward.done(file.append(MARKER))
    assert ward.files.list(FOLDER) == []
    ward.files.create(f"{FOLDER}/12.spill").close()
    SpillFiles(ward.files, ward.scheduler, SeededRandomness(1), sealed=True)
    assert ward.files.list(FOLDER) == []


def test_a_full_disk_ends_the_statement_that_writes() -> None:
    ward = Ward(sealed=False)
    file = ward.spills.create()
    ward.done(file.append(MARKER))
    ward.scheduler.run_ready()
    ward.disk.fail_at(ward.disk.changes + 1, errno.ENOSPC)
    place = ward.done(file.append(MARKER))
    with pytest.raises(DiskFull):
        ward.done(file.read(place))
    file.close()
    ward.disk.fail_at(ward.disk.changes + 1, errno.EIO)
    with pytest.raises(DatacaveError) as error:
        ward.spills.create()
    assert error.value.sqlstate == "58030"


def test_closing_waits_for_the_write_under_way() -> None:
    ward = Ward(sealed=False)
    file = ward.spills.create()
    ward.done(file.append(MARKER))
    file.close()
    ward.scheduler.run_ready()
    assert file._file._closed  # type: ignore[attr-defined]
    file.close()

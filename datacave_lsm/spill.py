"""Spill files: what running statements put aside, sealed like every other file of the engine.

A file loses its name as soon as it is open, so that its space comes back however the process ends. With encryption on,
each file has a data key of its own that never leaves memory; without, every block has a checksum. Writing, reading and
sealing happen in worker threads, one call per file at a time, so that positions ascend as the sealer demands.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import File, FileSystem, Randomness, Scheduler
from datacave_core.wait import Steps, Wait, wait_for
from datacave_lsm.crypto import KEY_BYTES, DataKey
from datacave_lsm.format.header import FileHeader, FileKind
from datacave_lsm.format.sealing import GcmOpener, GcmSealer, Opener, PlainOpener, PlainSealer, Sealer
from datacave_lsm.format.transfer import read_exactly, write_all
from datacave_lsm.wal.segment import NO_SPACE, disk_full

FOLDER = "temporary"
SUFFIX = ".spill"

T = TypeVar("T")


class SpillFile:
    """The TemporaryFile port. A place is (offset, length) of a sealed block; its position is the offset."""

    __slots__ = ("_busy", "_closed", "_failure", "_file", "_name", "_opener", "_scheduler", "_sealer", "size")

    def __init__(self, file: File, name: str, sealer: Sealer, opener: Opener, scheduler: Scheduler) -> None:
        self._file = file
        self._name = name
        self._sealer = sealer
        self._opener = opener
        self._scheduler = scheduler
        self._busy: Wait | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self.size = 0

    def append(self, block: bytes) -> Steps[tuple[int, int]]:
        """Puts a block aside; returns while it is being written. Raises DiskFull, and 58030 for other failures."""
        yield from self._idle()
        offset, length = self.size, len(block) + self._sealer.overhead
        self.size = offset + length

        def work() -> None:
            write_all(self._file, self._sealer.seal(offset, 0, block))

        self._start(work)
        return offset, length

    def read(self, place: tuple[int, int]) -> Steps[bytes]:
        """The block at a place. Raises DataCorrupted, and what `append` raises."""
        yield from self._idle()
        offset, length = place
        found: list[bytes] = []

        def work() -> None:
            found.append(self._opener.open(offset, 0, read_exactly(self._file, offset, length, self._name), offset))

        self._start(work)
        yield from self._idle()
        return found[0]

    def close(self) -> None:
        """Gives the space back, once the call under way is over."""
        self._closed = True
        if self._busy is None:
            self._file.close()

    def _idle(self) -> Steps[None]:
        """Waits for the call under way and raises what went wrong."""
        while self._busy is not None:
            yield from wait_for(self._busy)
        if self._failure is not None:
            raise _told(self._failure, self._name)

    def _start(self, work: Callable[[], None]) -> None:
        busy = self._busy = Wait("IO:BufFileRead")

        def done(_: Any, error: BaseException | None) -> None:
            self._busy = None
            self._failure = error
            if self._closed:
                self._file.close()
            busy.finish()

        self._scheduler.run(work, done)


class SpillFiles:
    """The TemporaryFiles port over a folder. `sealed`: whether blocks are encrypted."""

    __slots__ = ("_files", "_numbers", "_randomness", "_scheduler", "_sealed")

    def __init__(self, files: FileSystem, scheduler: Scheduler, randomness: Randomness, *, sealed: bool) -> None:
        """Makes the folder and removes what a killed process may have left in it. Raises OSError."""
        self._files = files
        self._scheduler = scheduler
        self._randomness = randomness
        self._sealed = sealed
        self._numbers = count(1)
        if not files.exists(FOLDER):
            files.make_folder(FOLDER)
        for name in files.list(FOLDER):
            files.remove(f"{FOLDER}/{name}")

    def create(self) -> SpillFile:
        """A new file, which nobody can find by a name. Raises DiskFull, and 58030 for other failures."""
        number = next(self._numbers)
        name = f"{FOLDER}/{number}{SUFFIX}"
        try:
            file = self._files.create(name)
            self._files.remove(name)
        except OSError as error:
            raise _told(error, name) from error
        header = FileHeader(FileKind.SPILL, number)
        if not self._sealed:
            return SpillFile(file, name, PlainSealer(header, name), PlainOpener(header, name), self._scheduler)
        key = DataKey(self._randomness.token_bytes(KEY_BYTES))
        return SpillFile(file, name, GcmSealer(header, name, key), GcmOpener(header, name, key), self._scheduler)


def _told(error: BaseException, name: str) -> BaseException:
    """The error that the statement ends with."""
    if not isinstance(error, OSError):
        return error
    if error.errno in NO_SPACE:
        return disk_full(f'temporary file "{name}"', error)
    return DatacaveError(
        f'could not use temporary file "{name}": {error.strerror or error}', sqlstate=sqlstate.IO_ERROR
    )

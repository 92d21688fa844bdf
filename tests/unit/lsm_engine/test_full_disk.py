"""Do writers that wait for memory hear of a full disk, instead of waiting until somebody makes room?"""

from __future__ import annotations

import errno
import os

from datacave_core.errors import DiskFull
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import File
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"


class NoRoomForTables(MemoryFileSystem):
    """A disk on which only the log still finds room."""

    full = True

    def create(self, name: str, *, in_place: bool = False) -> File:
        """A new file, unless it is a table."""
        if self.full and name.startswith("tables/"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().create(name, in_place=in_place)


def test_writers_that_wait_are_refused_and_go_on_when_there_is_room() -> None:
    files, scheduler = NoRoomForTables(), SimulatedScheduler(SimulatedClock())
    options = EngineOptions(memtable_bytes_max=3_000, frozen_memtables_max=1)
    engine = Engine.open(files, scheduler.clock, scheduler, SeededRandomness(0), options)
    written = 0
    while (delay := engine.write_delay()) is None:
        engine.commit({PREFIX + b"%04d" % written: (b"x" * 100,)})
        written += 1
        assert written < 1_000
    scheduler.run_for(2.5)
    assert delay.done and isinstance(delay.error, DiskFull)
    again = engine.write_delay()
    assert again is not None
    scheduler.run_for(2.5)
    assert isinstance(again.error, DiskFull)
    assert engine.get(PREFIX + b"0000", engine.newest_timestamp) == (b"x" * 100,)
    files.full = False
    scheduler.run_for(2.5)
    assert engine.write_delay() is None
    engine.commit({PREFIX + b"last": (b"y",)})
    scheduler.run_for(1)
    newest = engine.visible_timestamp
    assert sum(len(batch) for batch in engine.scan(PREFIX, None, newest)) == written + 1

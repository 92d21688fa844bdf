"""What becomes of writers and merges when the disk is full?"""

from __future__ import annotations

import errno
import os
import random

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


class RoomForTables(MemoryFileSystem):
    """A disk on which so many more tables find room."""

    room = 1_000

    def create(self, name: str, *, in_place: bool = False) -> File:
        """A new file, unless it is a table too many."""
        if name.startswith("tables/"):
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= 1
        return super().create(name, in_place=in_place)


def test_a_merge_that_finds_no_room_takes_its_finished_files_away() -> None:
    files, scheduler = RoomForTables(), SimulatedScheduler(SimulatedClock())
    options = EngineOptions(table_bytes_max=4_000, group_rows_max=16)
    engine = Engine.open(files, scheduler.clock, scheduler, SeededRandomness(0), options)
    chance = random.Random(1)
    rows = {PREFIX + b"%04d" % number: (chance.randbytes(100),) for number in range(200)}
    for part in (0, 1):
        engine.commit({key: row for at, (key, row) in enumerate(rows.items()) if at % 2 == part})
        engine.flush()
        scheduler.run_for(1)
    before = files.list("tables")
    assert len(before) == 2
    compacted = engine.compact()
    for _ in range(2):
        files.room = 2
        scheduler.run_for(1.5)
        assert not files.room
        assert not compacted.done
        assert files.list("tables") == before
    assert engine.statistics()["disk_full"] >= 2
    files.room = 1_000
    scheduler.run_for(2.5)
    assert compacted.done and compacted.error is None
    assert len(files.list("tables")) > 2
    assert {key: row for batch in engine.scan(PREFIX, None, engine.newest_timestamp) for key, row in batch} == rows


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

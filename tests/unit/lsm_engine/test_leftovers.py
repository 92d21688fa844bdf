"""What crashed jobs left behind goes at the start, also while its owner is still taking it away."""

from __future__ import annotations

from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions

LEFT = "tables/0000000077.sst.tmp"


class Contended(MemoryFileSystem):
    """Somebody else is faster to remove a file that has been listed."""

    def remove(self, path: str) -> None:
        super().remove(path)
        if path == LEFT:
            raise FileNotFoundError(path)


def open_engine(files: MemoryFileSystem) -> Engine:
    scheduler = SimulatedScheduler(SimulatedClock())
    return Engine.open(files, scheduler.clock, scheduler, SeededRandomness(1), EngineOptions())


def leave_behind() -> Disk:
    disk = Disk()
    files = MemoryFileSystem(disk)
    open_engine(files)
    files.create(LEFT).write(b"half a table")
    disk.crash()
    files = MemoryFileSystem(disk)
    files.create(LEFT).write(b"half a table")
    return disk


def test_a_temporary_table_goes_at_the_start() -> None:
    files = MemoryFileSystem(leave_behind())
    open_engine(files)
    assert not files.exists(LEFT)


def test_a_merge_worker_that_outlives_its_server_does_not_keep_the_next_one_from_starting() -> None:
    files = Contended(leave_behind())
    assert open_engine(files).newest_timestamp == 0

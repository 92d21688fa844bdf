"""File calls fail once or for good, writes are short, memory runs out: is anything acknowledged ever lost?"""

from __future__ import annotations

import contextlib
import errno
import os

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, SimulatedScheduler
from tests.crash.test_engine_crash import COMMITS, Script, operations

STEP = int(os.environ.get("DATACAVE_FAULT_STEP", "7"))
"""Every how many calls fail in turn; 1 takes some minutes and covers every one."""


class NoMemory(Disk):
    """A disk whose call number `at` raises MemoryError instead of doing anything."""

    at = 0

    def begin_change(self) -> bool:
        if self.changes + 1 == self.at:
            self.changes += 1
            raise MemoryError
        return super().begin_change()


def restarted(script: Script) -> None:
    """The process ends without a word, and another one opens the directory."""
    script.disk.locks.clear()
    script.scheduler = SimulatedScheduler(script.scheduler.clock)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_every_change_fails_from_then_on(error: int) -> None:
    refused = 0
    count = operations(None)
    for number in range(1 + error % STEP, count + 1, STEP):
        disk = Disk(number)
        disk.fail_at(number, error, count=10 * count)
        script = Script(disk, number)
        try:
            script.run()
        except (DatacaveError, OSError, AssertionError):
            # An assertion of the script: what waits for the disk to get better waits for ever.
            refused += 1
        restarted(script)
        disk.crash()
        script.check()
    assert refused


def test_every_read_fails_once() -> None:
    refused = answered = 0
    disk = Disk()
    script = Script(disk, 0)
    script.run()
    reads = disk.reads
    assert reads > 20
    for number in range(1, reads + 1, STEP):
        disk = Disk()
        script = Script(disk, 0)
        disk.fail_read_at(number)
        try:
            script.run()
            answered += 1
        except (DatacaveError, OSError):
            refused += 1
        restarted(script)
        script.check()
    assert refused
    # The reads of the restart, too.
    for number in range(1, 12):
        disk = Disk()
        script = Script(disk, 0)
        script.run()
        disk.fail_read_at(disk.reads + number)
        with contextlib.suppress(DatacaveError, OSError):
            script.open()
        restarted(script)
        assert script.check() == COMMITS


def test_short_writes_change_nothing() -> None:
    for seed in range(5):
        disk = Disk(seed)
        disk.short_writes = True
        script = Script(disk, seed)
        script.run()
        assert script.durable == COMMITS
        assert script.check() == COMMITS


def test_memory_runs_out_in_every_file_call() -> None:
    ended = 0
    for number in range(1, operations(None) + 1, STEP):
        disk = NoMemory(number)
        disk.at = number
        script = Script(disk, number)
        try:
            script.run()
        except (DatacaveError, MemoryError, OSError, AssertionError):
            ended += 1
        restarted(script)
        disk.crash()
        script.check()
    assert ended

"""Is an edit that is in force taken for one, whatever happens to the manifest before it?"""

from __future__ import annotations

import errno
from typing import Any

import pytest

from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"
OPTIONS = EngineOptions(manifest_bytes_max=1, retention_seconds=0.0)
"""Every edit begins a new manifest."""


class Files(MemoryFileSystem):
    """Manifests that cannot be closed, or removed."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self.refused = ""
        self.error: BaseException = OSError(errno.EIO, "no")

    def create(self, name: str, *, in_place: bool = False) -> Any:
        """A new file."""
        file = super().create(name, in_place=in_place)
        if name.startswith("MANIFEST"):
            close = file.close

            def closed() -> None:
                close()
                if self.refused == "close":
                    raise self.error

            return type("File", (), {"write": file.write, "sync": file.sync, "close": staticmethod(closed)})()
        return file

    def remove(self, name: str) -> None:
        """Removes a file."""
        if self.refused == "remove" and name.startswith("MANIFEST"):
            raise self.error
        super().remove(name)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no"), MemoryError("no")], ids=["disk", "memory"])
@pytest.mark.parametrize("refused", ["close", "remove"])
def test_a_flush_is_not_repeated_because_the_manifest_before_it_cannot_go(refused: str, error: BaseException) -> None:
    disk = Disk()
    files = Files(disk)
    scheduler = SimulatedScheduler(SimulatedClock())

    def settle(event: Wait) -> None:
        scheduler.run_for(1)
        assert event.done
        event.raise_error()

    engine = Engine.open(files, scheduler.clock, scheduler, SeededRandomness(0), OPTIONS)
    engine.commit({PREFIX + b"a": (b"1",), PREFIX + b"b": (b"1",)})
    settle(engine.flush())
    files.refused, files.error = refused, error
    engine.commit({PREFIX + b"a": (b"2",), PREFIX + b"b": None})
    settle(engine.flush())
    files.refused = ""
    assert engine.statistics()["removal_failures"] == 1
    assert sum(engine.statistics()["level_files"]) == 2
    settle(engine.compact())
    disk.locks.clear()
    engine = Engine.open(MemoryFileSystem(disk), scheduler.clock, scheduler, SeededRandomness(1), OPTIONS)
    rows = [pair for batch in engine.scan(PREFIX, None, 2**62) for pair in batch]
    assert rows == [(PREFIX + b"a", (b"2",))]

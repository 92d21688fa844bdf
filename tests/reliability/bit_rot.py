"""Bit rot: a bit flips in a data, log or manifest file. It is noticed and the file named, or changes nothing.

A directory is written once, with several levels of tables; every flip happens to a copy of it. Then everything is read:
the answers are those of before, or an error names the file.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine
from tests.crash.test_engine_crash import OPTIONS, PREFIX, RING, RINGS, Script

Rows = dict[bytes, tuple[object, ...]]
NOW = 2**62


@dataclass(slots=True)
class Rot:
    """What many flips came to."""

    at_start: int = 0
    while_reading: int = 0
    unused: int = 0

    def __str__(self) -> str:
        total = self.at_start + self.while_reading + self.unused
        return (
            f"{total} flips: {self.at_start} refused at the start and {self.while_reading} while reading, all naming "
            f"the file; {self.unused} in bytes that nothing reads; 0 served"
        )


def written(seed: int, sealed: bool) -> tuple[Disk, Rows]:
    """A directory with tables on several levels, and rows that are in the log alone."""
    disk = Disk(seed)
    script = Script(disk, seed, RING if sealed else None)
    script.run()
    engine = script.open()
    for _ in range(5):
        script.commit(engine)
        script.scheduler.run_ready()
    rows = {key: row for batch in engine.scan(PREFIX, None, NOW) for key, row in batch}
    script.settle(engine.close())
    return disk, rows


def read_all(disk: Disk, sealed: bool) -> Rows:
    """Opens a directory and reads everything. Raises DatacaveError, with a note if it opened."""
    scheduler = SimulatedScheduler(SimulatedClock(NOW // 2**10))
    ring = RINGS["n"] if sealed else None
    engine = Engine.open(MemoryFileSystem(disk), scheduler.clock, scheduler, SeededRandomness(9), OPTIONS, ring)
    try:
        rows = {key: row for batch in engine.scan(PREFIX, None, NOW) for key, row in batch}
        for key in rows:
            assert engine.get(key, NOW) == rows[key]
        list(engine.history(PREFIX, None, 0, NOW))
    except DatacaveError as error:
        error.add_note("while reading")
        raise
    return rows


def flips(kinds: tuple[str, ...], count: int, seed: int) -> Rot:
    """Flips in files whose names begin with one of some kinds. Raises AssertionError for what is not noticed."""
    chance, rot = random.Random(seed), Rot()
    for sealed in (False, True):
        disk, expected = written(seed, sealed)
        names = [name for name, inode in disk.names.items() if inode is not None and name.startswith(kinds)]
        sizes = [len(disk.inode(name).current) for name in names]
        assert sum(sizes)
        for _ in range((count + sealed) // 2):
            (name,) = chance.choices(names, sizes)
            offset, bit = chance.randrange(len(disk.inode(name).current)), 1 << chance.randrange(8)
            rotten = copy.deepcopy(disk)
            rotten.rot(name, offset, bit)
            try:
                found = read_all(rotten, sealed)
            except DatacaveError as error:
                assert name in f"{error} {error.detail}", f"seed {seed}: byte {offset} of {name}: {error}"
                if "while reading" in getattr(error, "__notes__", ()):
                    rot.while_reading += 1
                else:
                    rot.at_start += 1
                continue
            assert found == expected, f"seed {seed}: byte {offset} of {name} was served"
            rot.unused += 1
    return rot


def bit_rot(data: int, others: int, seed: int) -> str:
    """So many flips in table files, and so many in the log, the manifest and CURRENT."""
    tables = flips(("tables/",), data, seed)
    return f"tables: {tables}\n  log, manifest: {flips(('wal/', 'MANIFEST', 'CURRENT'), others, seed)}"

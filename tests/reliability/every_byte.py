"""Every byte: a bit of each byte of a small directory flips, one at a time: noticed by name, or proven unused.

The directory holds tables on several levels, log segments in files that were segments before, one that is made ready, a
spare, the manifest and CURRENT. It is taken after an orderly close, after a kill, and as a checkpoint.

A flip is noticed when the start or a read is refused with an error that names the file and says what to do, and `check`
names it too. What is not noticed lies where nothing is read: the answers are those of before, the place is in `unread`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, Seals, check_directory, inspect_file
from tests.crash.test_engine_crash import INGESTING, PREFIX, RING, Script

Rows = dict[bytes, tuple[object, ...]]
NOW = 2**62
OPTIONS = replace(INGESTING, log_segment_bytes=700, table_bytes_max=3_000)
STATES = ("closed", "killed", "checkpoint")
LEVELS = 7
CHECKPOINT = "checkpoints/one"


@dataclass(slots=True)
class Tally:
    """What the flips of one directory came to."""

    noticed: int = 0
    unused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.noticed + self.unused} flips: {self.noticed} noticed by name, {self.unused} where nothing is read"
        )


class Victim:
    """A directory whose bytes flip, and the rows in it."""

    def __init__(self, state: str, sealed: bool, seed: int) -> None:
        self.state, self.sealed = state, sealed
        script = Script(Disk(seed), seed, RING if sealed else None, OPTIONS)
        script.run()
        engine = script.open()
        for step in range(16):
            script.commit(engine)
            script.scheduler.run_ready()
            if step == 12:
                script.settle(engine.flush())
        self.rows = {key: row for batch in engine.scan(PREFIX, None, NOW) for key, row in batch}
        # Whoever has nothing to do notes in the log what is on the disk.
        script.scheduler.run_for(5)
        if state == "closed":
            script.settle(engine.close())
        if state == "checkpoint":
            script.settle(engine.checkpoint(CHECKPOINT).finished)
        self.ring = script.ring
        folder = f"{CHECKPOINT}/" if state == "checkpoint" else ""
        found = {
            name.removeprefix(folder): bytes(inode.current)
            for name, inode in script.disk.names.items()
            if inode is not None and name.startswith(folder) and inode.current
        }
        self.contents = {name: content for name, content in found.items() if not name.startswith("checkpoints/")}

    def disk(self, name: str = "", offset: int = 0, mask: int = 0) -> Disk:
        """A disk with the directory, one byte of it changed."""
        disk = Disk()
        files = MemoryFileSystem(disk)
        for folder in ("tables", "wal"):
            files.make_folder(folder)
        for each, content in self.contents.items():
            files.create(each).write(content)
        if mask:
            disk.rot(name, offset, mask)
        return disk

    def read(self, disk: Disk) -> Rows:
        """Opens the directory and reads everything. Raises DatacaveError."""
        scheduler = SimulatedScheduler(SimulatedClock())
        files = MemoryFileSystem(disk)
        engine = Engine.open(files, scheduler.clock, scheduler, SeededRandomness(9), OPTIONS, self.ring)
        rows = {key: row for batch in engine.scan(PREFIX, None, NOW) for key, row in batch}
        for key in rows:
            assert engine.get(key, NOW) == rows[key]
        list(engine.history(PREFIX, None, 0, NOW))
        return rows

    def unread(self) -> dict[str, range]:
        """Where nothing is read, by file; and the manifest's last record, without which it says what it said before."""
        files, seals = MemoryFileSystem(self.disk()), self.seals()
        places: dict[str, range] = {}
        for name, content in self.contents.items():
            if name.endswith(".spare"):
                places[name] = range(len(content))
            elif name.startswith("wal/"):
                facts = inspect_file(files, name, seals)
                records = facts.get("records", [])
                if records and not records[-1]["bytes"]:  # the mark that those before it are on the disk
                    begins = records[-1]["offset"]
                else:
                    begins = len(content) - facts["unused_bytes"]
                places[name] = range(begins, len(content))
            elif name.startswith("MANIFEST") and self.state != "checkpoint":
                places[name] = range(inspect_file(files, name, seals)["edits"][-1]["offset"], len(content))
        return places

    def seals(self) -> Seals:
        """What opens its files."""
        return Seals(self.ring, SeededRandomness(1)) if self.ring is not None else Seals()

    def flip(self, name: str, offset: int, mask: int) -> bool:
        """Whether a flip is noticed. Raises AssertionError where it is not noticed as it has to be."""
        report = check_directory(MemoryFileSystem(self.disk(name, offset, mask)), self.seals(), LEVELS)
        try:
            found = self.read(self.disk(name, offset, mask))
        except DatacaveError as error:
            assert not report.sound, f"check finds it sound: {error}"
            told = [finding for finding in report.findings if finding.error]
            named = all(name in text for text in (f"{error} {error.detail}", f"{told[0].file} {told[0].message}"))
            # Without its last edit a manifest names files that are gone.
            assert named or name.startswith("MANIFEST"), f"not named: {error}; {told[0]}"
            assert error.hint, f"nothing to do: {error}"
            return True
        assert found == self.rows, "another answer, and nothing is said"
        return not report.sound


def every_byte(seed: int, step: int = 1) -> str:
    """Every `step`th byte of all directories; what was measured. Raises AssertionError for what is not noticed."""
    lines = []
    for state in STATES:
        for sealed in (False, True):
            tally = flips(Victim(state, sealed, seed), random.Random(seed), step)
            lines.append(f"{state}, {'sealed' if sealed else 'plain'}: {tally}")
    return "\n  ".join(lines)


def flips(victim: Victim, chance: random.Random, step: int) -> Tally:
    """Every `step`th byte of a directory."""
    tally, unread = Tally(), victim.unread()
    assert victim.read(victim.disk()) == victim.rows
    for name, content in victim.contents.items():
        for offset in range(chance.randrange(step), len(content), step):
            try:
                if victim.flip(name, offset, 1 << chance.randrange(8)):
                    tally.noticed += 1
                else:
                    assert offset in unread.get(name, ()), "nobody notices"
                    tally.unused += 1
            except BaseException as error:
                error.add_note(f"byte {offset} of {name}, {victim.state}, {'sealed' if victim.sealed else 'plain'}")
                raise
    return tally

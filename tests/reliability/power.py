"""Power failure: again and again on one simulated disk, at any file operation, also while recovering.

What was not synced is lost, torn or reordered. After each failure the start is never refused, and what was acknowledged
is there, whole, and nothing else.
"""

from __future__ import annotations

import contextlib
import random

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, PowerFailure
from tests.crash.test_engine_crash import INGESTING, OPTIONS, RING, Script

OPERATIONS = 280  # roughly those of one workload
RECOVERY_OPERATIONS = 25


def power_failures(rounds: int, seed: int) -> str:
    """So many rounds; raises AssertionError or DatacaveError for anything lost, wrong or refused."""
    chance = random.Random(seed)
    again = found = 0
    script = Script(Disk(seed), seed)
    for number in range(rounds):
        if number % 20 == 0:
            script = Script(
                Disk(seed + number), seed, *chance.choice(((None, OPTIONS), (RING, OPTIONS), (RING, INGESTING)))
            )
        disk = script.disk
        try:
            script.run_until_power_fails(disk.changes + chance.randrange(1, OPERATIONS))
            while chance.random() < 0.4:
                generation = disk.generation
                disk.crash_at(disk.changes + chance.randrange(1, RECOVERY_OPERATIONS))
                with contextlib.suppress(PowerFailure, DatacaveError):
                    script.open()
                    script.scheduler.run_for(1)
                if disk.generation == generation:
                    disk.crash()
                script.bury()
                again += 1
            found = max(found, script.check())
        except BaseException as error:
            error.add_note(f"seed {seed}, round {number}")
            raise
    return f"{rounds} power failures and {again} more during recovery, no start refused; up to {found} commits, 0 lost"

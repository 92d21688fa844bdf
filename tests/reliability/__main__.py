"""Measures what failures of disk and machine do to the data: python -m tests.reliability [NAME ...] [--seed N].

The checks: power (power failures), rot (bits flipped anywhere), bytes (each byte of small directories flipped, a minute
or two), sync (failed syncs), full (full disk), directory (files that are missing, too open or in use). `sync`, `full`
and `directory` run servers; `full` mounts a small file system, which takes the right to do so. Exit code 0 when every
check holds. Beside them stand `python -m tests.crash.faults` (every file call fails in turn),
`python -m tests.crash.kill_rounds` and `python -m tests.clients.kill_rounds` (kill -9 under load).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.reliability.bit_rot import bit_rot
from tests.reliability.directory import directory
from tests.reliability.disk_full import disk_full
from tests.reliability.every_byte import every_byte
from tests.reliability.failed_sync import KINDS, failed_sync
from tests.reliability.power import power_failures

POWER_ROUNDS, DATA_FLIPS, OTHER_FLIPS, FULL_ROUNDS = 200, 500, 100, 3


def _in_folder(work: Callable[[Path], str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return work(Path(folder))


def _syncs() -> str:
    return "\n  ".join(_in_folder(lambda folder, kind=kind: failed_sync(folder, kind)) for kind in KINDS)


CHECKS: dict[str, Callable[[int], str]] = {
    "power": lambda seed: power_failures(POWER_ROUNDS, seed),
    "rot": lambda seed: bit_rot(DATA_FLIPS, OTHER_FLIPS, seed),
    "bytes": every_byte,
    "sync": lambda seed: _syncs(),
    "full": lambda seed: _in_folder(lambda folder: disk_full(folder, FULL_ROUNDS)),
    "directory": lambda seed: _in_folder(directory),
}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CHECKS, []], default=list(CHECKS))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    failed = 0
    for name in arguments.names or CHECKS:
        began = time.monotonic()
        try:
            found = CHECKS[name](arguments.seed)
        except Exception as error:
            failed += 1
            found = f"FAILED: {type(error).__name__}: {error} {getattr(error, '__notes__', '')}"
        print(f"{name} (seed {arguments.seed}, {time.monotonic() - began:.0f} s)\n  {found}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

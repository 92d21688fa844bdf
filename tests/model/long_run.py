"""A million random operations on the engine beside the memory store, under random options.

    python -m tests.model.long_run [OPERATIONS] [SEED]

Every seed makes options, a key ring or none, and a stretch of puts, deletes, batches, reads by key, scans both ways,
reads at snapshots, flushes, merges and restarts; every answer has to be the memory store's. A seed that fails is
printed; giving it as SEED repeats it.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace

from datacave_lsm import EngineOptions, KeyRing
from tests.model.test_engine_model import LOADED, TABLE, TINY, World

STEPS = 2_000


def options_of(seed: int) -> EngineOptions:
    """Options that send few writes through everything, in many ways."""
    chance = random.Random(seed)
    trigger = chance.randrange(1, 6)
    return replace(
        TINY,
        memtable_bytes_max=chance.choice((5_000, 30_000, 200_000)),
        frozen_memtables_max=chance.randrange(1, 5),
        log_segment_bytes=chance.choice((2_000, 20_000, 1_000_000)),
        log_fragment_bytes_max=chance.choice((200, 1_000, 100_000)),
        table_bytes_max=chance.choice((3_000, 10_000, 100_000)),
        level0_trigger_files=trigger,
        level0_slow_files=trigger + chance.randrange(1, 8),
        level0_stop_files=trigger + 8,
        level1_bytes=chance.choice((5_000, 15_000, 100_000)),
        level_growth=chance.randrange(2, 11),
        level_count=chance.randrange(3, 8),
        retention_seconds=chance.choice((0.0, 0.5, 10.0, 1000.0)),
        slice_rows=chance.choice((1, 16, 2048)),
        row_cache_bytes=chance.choice((0, 20_000, 1_000_000)),
        segment_cache_bytes=chance.choice((0, 20_000, 1_000_000)),
        manifest_bytes_max=chance.choice((500, 2_000, 1_000_000)),
        group_rows_max=chance.choice((1, 7, 64, 8192)),
        compression=chance.random() < 0.5,
        ingest_rows_min=chance.choice((0, 0, 1, 4, 16)),
    )


def run_seed(seed: int, steps: int = STEPS) -> int:
    """One stretch; returns the number of operations. Raises AssertionError where the two differ."""
    options = options_of(seed)
    ring = KeyRing({"a": bytes(32)}, "a") if seed % 3 == 2 else None
    world = World(seed, ring, options)
    step = 0
    try:
        while step < steps:
            world.step()
            step += 1
        world.settle(world.engine.flush())
        world.settle(world.engine.compact())
        world.compare_columns(TABLE, LOADED, world.oracle.newest_timestamp)
        world.restart()
        world.compare_columns(TABLE, LOADED, world.oracle.newest_timestamp)
        world.settle(world.engine.close())
    except BaseException as error:
        error.add_note(f"seed {seed}, step {step}, {options}")
        raise
    return world.operations


def main() -> None:
    """The command."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        print(f"{run_seed(int(sys.argv[2]))} operations, all answers equal")
        return
    first = seed = random.SystemRandom().randrange(2**31)
    began, done = time.monotonic(), 0
    while done < wanted:
        done += run_seed(seed)
        seed += 1
        print(f"\r{done} operations, seeds {first} .. {seed - 1}, {time.monotonic() - began:.0f} s", end="", flush=True)
    print(": all answers equal")


if __name__ == "__main__":
    main()

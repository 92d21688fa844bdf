"""python -m tests.model.transactions [--seeds N] [--first SEED] [--levels ...] [--constraints ...]
[--stores memory,engine] [--trace]

Random concurrent transactions of SQL sessions in one process, on a simulated clock, each from a seed: reads by key, by
ranges and by conditions, inserts, upserts, updates that move keys, row locks, savepoints, lock time-outs, cancelled
statements, deadlocks, two-phase commits. Every outcome has to be one that the isolation level allows (judge.py), and
SERIALIZABLE transactions have to stand in a serial order. A seed that fails is printed, with --trace all its events.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter

from tests.model.transactions.judge import Violation
from tests.model.transactions.statements import ACTIONS, CONSTRAINTS
from tests.model.transactions.world import RULES, World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model.transactions", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--levels", default=",".join(RULES))
    parser.add_argument("--stores", default="memory,engine")
    parser.add_argument(
        "--constraints",
        default=",".join((*CONSTRAINTS, *ACTIONS)),
        help="what keeps values apart, or becomes of references",
    )
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--transactions", type=int, default=8)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--failures", type=int, default=10, help="how many failing seeds to stop after")
    arguments = parser.parse_args()
    failed = 0
    counts: Counter[str] = Counter()
    began = time.process_time()
    ways = itertools.product(
        range(arguments.first, arguments.first + arguments.seeds),
        arguments.levels.split(","),
        arguments.constraints.split(","),
        arguments.stores.split(","),
    )
    for seed, level, constraint, store in ways:
        world = World(
            seed,
            level,
            engine=store == "engine",
            clients=arguments.clients,
            transactions=arguments.transactions,
            constraint=constraint,
        )
        try:
            world.run()
        except Violation as violation:
            failed += 1
            print(f"seed {seed}, {level}, {constraint}, {store}: {violation}", flush=True)
            if arguments.trace:
                print("\n".join(world.trace), flush=True)
        except Exception:
            print(f"seed {seed}, {level}, {constraint}, {store}")
            print("\n".join(world.trace[-20:]), flush=True)
            raise
        counts += world.counts
        counts["transactions"] += world.numbers
        if failed >= arguments.failures:
            return 1
    told = ", ".join(f"{what} {number}" for what, number in sorted(counts.items()))
    print(f"{arguments.seeds} seeds, {failed} failed, {time.process_time() - began:.0f} s of CPU: {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

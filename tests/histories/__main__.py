"""python -m tests.histories: random transactions at every isolation level, and what their histories show.

    python -m tests.histories --workload append --transactions 100000
    python -m tests.histories --level serializable --kills 5 --seed 7

Starts a server of its own, unless `--port` names one (`--user`, `--database` too: PostgreSQL can be judged as well).
Ends with 1 if any history shows an anomaly that its level forbids.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.histories.checker import FORBIDDEN
from tests.histories.run import run_workload
from tests.histories.workloads import WORKLOADS
from tests.regress.server import Server

SHOWN_MAX = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--workload", choices=[*WORKLOADS], action="append")
    parser.add_argument("--level", choices=[*FORBIDDEN], action="append")
    parser.add_argument("--transactions", type=int, default=2000, help="committed ones, per workload and level")
    parser.add_argument("--kills", type=int, default=0, help="how often the server is killed in each run")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--port", type=int)
    parser.add_argument("--user", default="admin")
    parser.add_argument("--database", default="default")
    arguments = parser.parse_args()
    server = Server() if arguments.port is None else None
    print(f"seed {arguments.seed}", flush=True)
    wrong = 0
    try:
        for name in arguments.workload or WORKLOADS:
            for level in arguments.level or FORBIDDEN:
                result = asyncio.run(
                    run_workload(
                        name,
                        level,
                        arguments.transactions,
                        arguments.seed,
                        lambda: arguments.port or server.port if server is not None else arguments.port,
                        user=arguments.user,
                        database=arguments.database,
                        kill=server.restart if server is not None else None,
                        kills=arguments.kills if server is not None else 0,
                    )
                )
                rate = result.committed / max(result.seconds, 0.001)
                print(
                    f"{name:9} {level:16} {result.committed} committed, {result.aborted} aborted {result.codes},"
                    f" {result.unknown} unanswered, {rate:.0f}/s: {len(result.wrong)} forbidden anomalies",
                    flush=True,
                )
                for one in result.wrong[:SHOWN_MAX]:
                    print(f"    {one.kind} {one.transactions} {one.text}")
                wrong += len(result.wrong)
    finally:
        if server is not None:
            server.remove()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

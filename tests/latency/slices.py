"""python -m tests.latency.slices: the longest that the event loop is held by a heavy statement, and where.

Starts a server of its own whose loop is watched (watched.py), runs each heavy statement once and rolls it back. Figures
are processor time, so they mean the same on a busy machine. The goal: no slice beyond 25 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.latency.heavy import HEAVY, SCHEMA, Heavy
from tests.latency.watched import FILE_VARIABLE
from tests.regress.server import Server

GOAL_MS = 25.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.latency.slices", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="after this a statement is cancelled")
    parser.add_argument("--only", help="heavy statements whose name contains this")
    parser.add_argument("--first", help="begin with the heavy statement of this name")
    parser.add_argument("--places", type=int, default=0, help="how many stacks are shown of slices beyond the goal")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datacave-slices-") as folder:
        path = Path(folder) / "slices"
        path.touch()
        os.environ[FILE_VARIABLE] = str(path)
        server = Server(program="tests.latency.watched")
        try:
            with psycopg.connect(server.conninfo, autocommit=True) as client, path.open(encoding="utf-8") as slices:
                client.execute(SCHEMA)
                _told("(schema)", slices.readlines(), arguments.places)
                wrong = 0
                prepared: set[str] = set()
                names = list(HEAVY)
                for name in names[names.index(arguments.first) if arguments.first else 0 :]:
                    heavy = HEAVY[name]
                    if arguments.only is None or arguments.only in name:
                        if heavy.prepare and heavy.prepare not in prepared:
                            client.execute(heavy.prepare)
                            prepared.add(heavy.prepare)
                            slices.readlines()
                        taken = _run(server.conninfo, heavy, arguments.seconds)
                        wrong += _told(f"{name} ({taken:.1f} s)", slices.readlines(), arguments.places)
        finally:
            server.remove()
    print(f"{wrong} statements beyond the goal")
    return 1 if wrong else 0


def _run(dsn: str, heavy: Heavy, seconds: float) -> float:
    """Runs one statement for at most so long; how long it took."""
    with psycopg.connect(dsn, autocommit=heavy.alone) as client:
        timer = threading.Timer(seconds, client.cancel)
        start = time.monotonic()
        timer.start()
        try:
            heavy.run(client)
        except psycopg.errors.QueryCanceled:
            pass
        except psycopg.Error as error:
            print(f"{error.sqlstate} {error}"[:200])
        client.rollback()
        timer.cancel()
        taken = time.monotonic() - start
    time.sleep(0.1)
    return taken


def _told(name: str, lines: list[str], places: int) -> bool:
    """Prints the longest slices of one statement; whether one is beyond the goal."""
    slices: list[dict[str, Any]] = sorted((json.loads(line) for line in lines), key=lambda one: -one["ms"])
    beyond = [one for one in slices if one["ms"] > GOAL_MS]
    longest = ", ".join(f"{one['ms']:.0f}" for one in slices[:5])
    collected = max((one["collector_ms"] for one in slices), default=0.0)
    print(f"{name:45} {len(beyond):4} beyond {GOAL_MS:.0f} ms; longest {longest or '-'}; collector {collected:.1f}")
    for one in beyond[:places]:
        print(f"    {one['ms']:.1f} ms in {one['work']}, collector {one['collector_ms']:.1f}")
        for weight, place in one["places"]:
            print(f"        {weight} {place}")
    sys.stdout.flush()
    return bool(beyond)


if __name__ == "__main__":
    sys.exit(main())

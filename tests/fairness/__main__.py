"""python -m tests.fairness: does everybody get on when all want the same row, and how soon is a deadlock broken?

Starts a server of its own (or takes `--dsn`). Clients update one row as fast as they can, in transactions of their own
and in blocks; each client's commits count, and its longest wait. Then two clients lock two rows crosswise. The figures
of the goals: 100 commits a second, nobody below a quarter of the mean, a deadlock broken within a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from dataclasses import dataclass

import psycopg
from psycopg import errors

from tests.regress.server import Server

COMMITS_PER_SECOND_MIN = 100.0
SHARE_MIN = 0.25
DEADLOCK_SECONDS_MAX = 1.0


@dataclass(slots=True)
class Counts:
    """What one client has done."""

    commits: int = 0
    longest_seconds: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fairness", description=__doc__)
    parser.add_argument("--dsn", help="a server that runs already")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    server = None if arguments.dsn else Server()
    dsn: str = arguments.dsn or (server.conninfo if server is not None else "")
    try:
        with psycopg.connect(dsn, autocommit=True) as setup:
            setup.execute("drop table if exists hot")
            setup.execute("create table hot (id int primary key, v bigint not null)")
            setup.execute("insert into hot values (1, 0), (2, 0)")
        good = [_hot_row(dsn, arguments.clients, arguments.seconds, block) for block in (False, True)]
        good.append(_deadlock(dsn))
    finally:
        if server is not None:
            server.remove()
    return 0 if all(good) else 1


def _hot_row(dsn: str, clients: int, seconds: float, block: bool) -> bool:
    """Prints how the clients got on; whether that is as it should be, with no update lost."""
    counts = [Counts() for _ in range(clients)]
    start = threading.Barrier(clients)
    with psycopg.connect(dsn, autocommit=True) as check:
        before = _value(check)
        threads = [threading.Thread(target=_update, args=(dsn, one, start, seconds, block)) for one in counts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lost = before + sum(one.commits for one in counts) - _value(check)
    commits = [one.commits for one in counts]
    rate, share = sum(commits) / seconds, min(commits) / max(statistics.mean(commits), 1e-9)
    print(
        f"{'blocks' if block else 'statements'}: {rate:.0f} commits/s, by client {min(commits)} to {max(commits)},"
        f" longest wait {max(one.longest_seconds for one in counts) * 1000:.0f} ms, {lost} lost",
        flush=True,
    )
    return rate >= COMMITS_PER_SECOND_MIN and share >= SHARE_MIN and not lost


def _value(client: psycopg.Connection) -> int:
    row = client.execute("select v from hot where id = 1").fetchone()
    assert row is not None
    value: int = row[0]
    return value


def _update(dsn: str, counts: Counts, start: threading.Barrier, seconds: float, block: bool) -> None:
    with psycopg.connect(dsn, autocommit=True) as client:
        start.wait()
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            if block:
                with client.transaction():
                    client.execute("select v from hot where id = 1 for update")
                    client.execute("update hot set v = v + 1 where id = 1")
            else:
                client.execute("update hot set v = v + 1 where id = 1")
            counts.commits += 1
            counts.longest_seconds = max(counts.longest_seconds, time.monotonic() - began)


def _deadlock(dsn: str) -> bool:
    """Prints how long a deadlock lasted; whether one of the two, and only one, was told in time."""
    told: list[float] = []
    start = threading.Barrier(2)

    def cross(first: int, second: int) -> None:
        with psycopg.connect(dsn, autocommit=True) as client:
            client.execute("begin")
            client.execute("update hot set v = v + 1 where id = %s", (first,))
            start.wait()
            began = time.monotonic()
            try:
                client.execute("update hot set v = v + 1 where id = %s", (second,))
            except errors.DeadlockDetected:
                told.append(time.monotonic() - began)
            client.execute("rollback")

    threads = [threading.Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"deadlock: {len(told)} of 2 told after {max(told, default=0.0) * 1000:.0f} ms")
    return len(told) == 1 and told[0] <= DEADLOCK_SECONDS_MAX


if __name__ == "__main__":
    sys.exit(main())

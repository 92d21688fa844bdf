"""python -m tests.latency: do heavy statements leave room for others, and do they end when they are told to?

Starts a server of its own (or takes `--dsn`). First two heavy statements run over and over while another session does
point reads: their p99 and the longest one. Then each heavy statement is cancelled by the wire's CancelRequest and by
statement_timeout, and the time until its error arrives counts. The figures of the goals: p99 50 ms, longest 500 ms,
cancellation 100 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import threading
import time

import psycopg

from tests.latency.heavy import HEAVY, SCHEMA, Heavy
from tests.regress.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.latency", description=__doc__)
    parser.add_argument("--dsn", help="a server that runs already")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each pair of heavy statements runs")
    parser.add_argument("--only", help="heavy statements whose name contains this")
    arguments = parser.parse_args()
    server = Server() if arguments.dsn is None else None
    dsn = arguments.dsn or server.conninfo if server is not None else arguments.dsn
    try:
        with psycopg.connect(dsn, autocommit=True) as client:
            client.execute(SCHEMA)
        wrong = 0
        prepared: set[str] = set()
        for name, heavy in HEAVY.items():
            if arguments.only is None or arguments.only in name:
                if heavy.prepare not in prepared:
                    with psycopg.connect(dsn, autocommit=True) as client:
                        client.execute(heavy.prepare)
                    prepared.add(heavy.prepare)
                wrong += measure(dsn, name, heavy, arguments.seconds)
        print(f"{wrong} figures beyond the goals")
        return 1 if wrong else 0
    finally:
        if server is not None:
            server.remove()


def measure(dsn: str, name: str, heavy: Heavy, seconds: float) -> int:
    """One line of figures; how many of them are beyond the goals."""
    others = _others_while(dsn, heavy, seconds)
    p99 = statistics.quantiles(others, n=100)[98] * 1000 if len(others) > 1 else seconds * 1000
    longest = max(others) * 1000
    canceled = _until_error(dsn, heavy, by_timeout=False) * 1000
    timed_out = _until_error(dsn, heavy, by_timeout=True) * 1000
    flags = [p99 > 50, longest > 500, canceled > 100, timed_out > 100]
    marks = "".join(" !" if flag else "" for flag in flags)
    print(
        f"{name:35} others: {len(others):6} reads, p99 {p99:7.1f} ms, longest {longest:7.1f} ms;"
        f" cancel {canceled:6.1f} ms, timeout {timed_out:6.1f} ms{marks}",
        flush=True,
    )
    return sum(flags)


def _others_while(dsn: str, heavy: Heavy, seconds: float) -> list[float]:
    """Times of point reads while two sessions run a heavy statement over and over."""
    busy = [psycopg.connect(dsn, autocommit=heavy.alone) for _ in range(2)]
    stop = threading.Event()

    def run(client: psycopg.Connection) -> None:
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error):
                heavy.run(client)
            client.rollback()

    threads = [threading.Thread(target=run, args=(client,)) for client in busy]
    times: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as client:
        client.execute("select v from small where id = %s", (1,))
        for thread in threads:
            thread.start()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            start = time.perf_counter()
            client.execute("select v from small where id = %s", (7,))
            times.append(time.perf_counter() - start)
            time.sleep(0.001)
    stop.set()
    for thread, client in zip(threads, busy, strict=True):
        while thread.is_alive():
            client.cancel()
            thread.join(0.2)
        client.close()
    return times


def _until_error(dsn: str, heavy: Heavy, *, by_timeout: bool) -> float:
    """Seconds from the cancellation (or the end of 200 ms) to the error; 0 if the statement was over before."""
    with psycopg.connect(dsn, autocommit=heavy.alone) as client:
        if by_timeout:
            client.execute("set statement_timeout = 200")
            start = time.perf_counter() + 0.2
        else:
            start = time.perf_counter() + 0.2
            timer = threading.Timer(0.2, client.cancel)
            timer.start()
        try:
            heavy.run(client)
        except psycopg.errors.QueryCanceled:
            return max(time.perf_counter() - start, 0.0)
        except psycopg.Error:
            return 0.0
        finally:
            if not by_timeout:
                timer.join()
            client.rollback()
    return 0.0


if __name__ == "__main__":
    sys.exit(main())

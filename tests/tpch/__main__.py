"""TPC-H against PostgreSQL: `python -m tests.tpch [--scale 0.1] [QUERY ...]`.

Makes the data (tpchgen-cli), loads it into a new Datacave server and into a database of the PostgreSQL that libpq's
environment names, compares the answers of the 22 queries and prints the time of each on both sides, the best of
`--rounds`, with the ratio Datacave / PostgreSQL. 1 if an answer differs. `--data FOLDER` keeps the files.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.regress.server import Server
from tests.tpch.queries import QUERIES
from tests.tpch.schema import TABLES

DATABASE = "datacave_tpch"
COPY_BYTES = 1 << 20
Connection = psycopg.Connection[tuple[Any, ...]]


def main() -> int:
    """Runs the queries and prints a line for each; 1 if an answer differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.tpch", description=__doc__)
    parser.add_argument("queries", nargs="*", type=int, default=list(QUERIES))
    parser.add_argument("--scale", default="0.1")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datacave-tpch-") as scratch:
        folder = options.data or Path(scratch)
        make_data(folder, options.scale)
        server = Server()
        try:
            with psycopg.connect(server.conninfo, autocommit=True) as ours, oracle() as theirs:
                print(f"load: Datacave {load(ours, folder):.1f} s, PostgreSQL {load(theirs, folder):.1f} s")
                ours.execute(f"SET statement_timeout = {int(options.timeout * 1000)}")
                return compare(ours, theirs, options.queries, options.rounds)
        finally:
            server.stop()


def make_data(folder: Path, scale: str) -> None:
    """The tables as files; those that are there stay."""
    missing = [name for name in TABLES if not (folder / f"{name}.csv").exists()]
    if missing:
        command = ["tpchgen-cli", "csv", "-s", scale, "-T", ",".join(missing), "-o", str(folder)]
        subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=True)


@contextmanager
def oracle() -> Iterator[Connection]:
    """A new database of PostgreSQL, dropped at the end."""
    with psycopg.connect("", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            with psycopg.connect(f"dbname={DATABASE}", autocommit=True) as connection:
                yield connection
        finally:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def load(connection: Connection, folder: Path) -> float:
    """Fills the tables; the seconds that took."""
    started = time.perf_counter()
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
        with (
            (folder / f"{name}.csv").open("rb") as data,
            connection.cursor() as cursor,
            cursor.copy(f"COPY {name} FROM STDIN WITH (FORMAT csv, HEADER)") as copy,
        ):
            while part := data.read(COPY_BYTES):
                copy.write(part)
    connection.execute("ANALYZE")
    return time.perf_counter() - started


def compare(ours: Connection, theirs: Connection, numbers: Sequence[int], rounds: int) -> int:
    """Prints a line per query; 1 if an answer differs."""
    wrong = 0
    ratios = []
    for number in numbers:
        expected, theirs_seconds = timed(theirs, QUERIES[number], rounds)
        try:
            found, seconds = timed(ours, QUERIES[number], rounds)
        except psycopg.Error as error:
            wrong += 1
            print(f"Q{number:<3} {error.sqlstate} {error}".rstrip(), flush=True)
            continue
        verdict = "same" if found == expected else "DIFFERENT"
        wrong += found != expected
        ratios.append(seconds / theirs_seconds)
        print(
            f"Q{number:<3} {verdict:9} {len(expected):5} rows  {1000 * seconds:9.1f} ms  PostgreSQL"
            f" {1000 * theirs_seconds:8.1f} ms  ratio {seconds / theirs_seconds:7.2f}",
            flush=True,
        )
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{len(numbers) - wrong} of {len(numbers)} answers are PostgreSQL's; geometric mean of ratios {mean:.2f}")
    return 1 if wrong else 0


def timed(connection: Connection, query: str, rounds: int) -> tuple[list[tuple[Any, ...]], float]:
    """The rows as text, and the best time in seconds."""
    best = math.inf
    rows: list[tuple[Any, ...]] = []
    for _ in range(rounds):
        started = time.perf_counter()
        cursor = connection.execute(query)
        rows = cursor.fetchall()
        best = min(best, time.perf_counter() - started)
    return rows, best


if __name__ == "__main__":
    sys.exit(main())

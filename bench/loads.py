"""Loads: what is measured, with PostgreSQL's own client programs doing the asking.

A load prepares a server once and then runs any number of times; a run gives one figure. Loads know nothing about which
server they run on.
"""

from __future__ import annotations

import csv
import os
import random
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from bench.figure import Figure
from bench.servers import Target, find_program

TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
ELAPSED = re.compile(r"^Time: ([\d.]+) ms", re.MULTILINE)
ACCOUNTS_PER_SCALE = 100_000
VALUES_PER_INSERT = 1000
PROGRAM_SECONDS_MAX = 1800
ORDERS_TABLE = (
    "CREATE TABLE {table} (id int PRIMARY KEY, customer int NOT NULL, amount numeric(10, 2) NOT NULL, "
    "placed date NOT NULL, note text)"
)
WORDS = ("gift", "two boxes", "call first", 'say "hello"', "left, then right", "Grüße", "", "urgent")


class LoadFailed(Exception):
    """A client program ended with an error, or a server did not do all of the work. The message is the program's."""


class Load(Protocol):
    """Something to measure."""

    @property
    def name(self) -> str:
        """Unique, for reports and `--only`."""

    @property
    def unit(self) -> str:
        """What is counted, per second."""

    def prepare(self, target: Target) -> None:
        """Makes what a run needs. Raises LoadFailed."""

    def run(self, target: Target) -> Figure:
        """Measures once. Raises LoadFailed."""


def run_program(target: Target, name: str, *arguments: str, data: str | None = None) -> str:
    """Output of a client program. Raises LoadFailed if it fails."""
    done = subprocess.run(
        [str(find_program(name)), *arguments],
        env=target.environment,
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        raise LoadFailed(said[0] if said else f"{name} ended with exit code {done.returncode}")
    return done.stdout


def run_psql(target: Target, *statements: str, data: str | None = None) -> str:
    """Output of psql for statements and meta-commands, one after the other; it stops at the first error."""
    options = [part for statement in statements for part in ("-c", statement)]
    return run_program(target, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *options, data=data)


def elapsed_seconds(output: str) -> float:
    """The sum of the times that psql's `\\timing` printed. Raises LoadFailed if it printed none."""
    times = ELAPSED.findall(output)
    if not times:
        raise LoadFailed(f"psql printed no times: {output[:200]!r}")
    return sum(map(float, times)) / 1000


def measured(target: Target, work: float, seconds: float, cpu_before: float | None) -> Figure:
    """The figure of a run that did `work` units."""
    cpu_after = target.cpu_seconds()
    cpu_us = None if cpu_before is None or cpu_after is None else (cpu_after - cpu_before) / work * 1e6
    return Figure(work / seconds, cpu_us)


@dataclass(frozen=True, slots=True)
class PgbenchInit:
    """Makes pgbench's tables, data made by the client and sent by COPY, primary keys added afterwards."""

    scale: int
    name: str = "init"
    unit: str = "rows/s"

    def prepare(self, target: Target) -> None:
        """Nothing to do."""

    def run(self, target: Target) -> Figure:
        before, start = target.cpu_seconds(), time.perf_counter()
        run_program(target, "pgbench", "-i", "-q", "-s", str(self.scale))
        return measured(target, self.scale * ACCOUNTS_PER_SCALE, time.perf_counter() - start, before)


@dataclass(frozen=True, slots=True)
class Pgbench:
    """One of pgbench's scripts for some seconds. pgbench's tables must be there."""

    name: str
    script: str
    mode: str
    clients: int
    seconds: int
    unit: str = "tps"

    def prepare(self, target: Target) -> None:
        """Lets caches and plans settle."""
        self.pgbench(target, 1)

    def run(self, target: Target) -> Figure:
        before = target.cpu_seconds()
        output = self.pgbench(target, self.seconds)
        tps, done, failed = TPS.search(output), DONE.search(output), FAILED.search(output)
        if tps is None or done is None or int(done[1]) == 0:
            raise LoadFailed(f"pgbench printed no figure: {output[:200]!r}")
        if failed is not None and failed[1] != "0":
            raise LoadFailed(f"{failed[1]} of {done[1]} transactions failed")
        work = int(done[1])
        return measured(target, work, work / float(tps[1]), before)

    def pgbench(self, target: Target, seconds: int) -> str:
        """Output of pgbench."""
        threads = min(self.clients, os.cpu_count() or 1)
        return run_program(
            target,
            "pgbench",
            *("-n", "-b", self.script, "-M", self.mode, "-T", str(seconds)),
            *("-c", str(self.clients), "-j", str(threads)),
        )


@dataclass(frozen=True, slots=True)
class Orders:
    """Made-up orders, the same for every server: a CSV file for COPY, VALUES lists for INSERT."""

    folder: Path
    rows: int

    def csv_file(self) -> Path:
        """A CSV file with all rows, made at the first call."""
        path = self.folder / f"orders-{self.rows}.csv"
        if not path.exists():
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(self.values(self.rows))
            path.chmod(0o644)
        return path

    def values(self, count: int) -> list[tuple[object, ...]]:
        """The first rows."""
        chance, first = random.Random(15), date(2020, 1, 1)
        return [
            (
                number,
                chance.randrange(1000),
                f"{chance.randrange(10_000_000) / 100:.2f}",
                first + timedelta(chance.randrange(1500)),
                chance.choice(WORDS),
            )
            for number in range(count)
        ]

    def insert_script(self, count: int) -> str:
        """INSERT statements of 1,000 rows each, for psql."""
        rows = [
            "({}, {}, {}, '{}', '{}')".format(*row[:4], str(row[4]).replace("'", "''")) for row in self.values(count)
        ]
        return "\\timing on\n" + "".join(
            f"INSERT INTO bench_insert VALUES {', '.join(rows[start : start + VALUES_PER_INSERT])};\n"
            for start in range(0, count, VALUES_PER_INSERT)
        )


def make_empty(target: Target, table: str) -> None:
    """The table of orders, new."""
    run_psql(target, "SET client_min_messages = error", f"DROP TABLE IF EXISTS {table}")
    run_psql(target, ORDERS_TABLE.format(table=table))


def check_count(target: Target, table: str, expected: int) -> None:
    """Raises LoadFailed if the table does not hold as many rows."""
    found = run_psql(target, f"SELECT count(*) FROM {table}").strip()
    if found != str(expected):
        raise LoadFailed(f"{table} holds {found} rows where {expected} were written")


@dataclass(frozen=True, slots=True)
class CopyIn:
    """psql's \\copy of a CSV file into a table with a primary key, as one transaction."""

    orders: Orders
    name: str = "copy"
    unit: str = "rows/s"

    def prepare(self, target: Target) -> None:
        self.orders.csv_file()

    def run(self, target: Target) -> Figure:
        make_empty(target, "bench_copy")
        before = target.cpu_seconds()
        copy = f"\\copy bench_copy FROM '{self.orders.csv_file()}' WITH (FORMAT csv)"
        figure = measured(target, self.orders.rows, elapsed_seconds(run_psql(target, "\\timing on", copy)), before)
        check_count(target, "bench_copy", self.orders.rows)
        return figure


@dataclass(frozen=True, slots=True)
class InsertMany:
    """INSERT statements of 1,000 rows, each a transaction, by one client."""

    orders: Orders
    rows: int
    name: str = "insert"
    unit: str = "rows/s"

    def prepare(self, target: Target) -> None:
        """Nothing to do."""

    def run(self, target: Target) -> Figure:
        make_empty(target, "bench_insert")
        script, before = self.orders.insert_script(self.rows), target.cpu_seconds()
        output = run_psql(target, data=script)
        figure = measured(target, self.rows, elapsed_seconds(output), before)
        check_count(target, "bench_insert", self.rows)
        return figure


@dataclass(frozen=True, slots=True)
class Query:
    """A query over all orders, by one client; counts the rows it reads."""

    orders: Orders
    name: str
    statement: str
    repeats: int = 3
    unit: str = "rows/s"

    def prepare(self, target: Target) -> None:
        make_empty(target, "bench_query")
        run_psql(target, f"\\copy bench_query FROM '{self.orders.csv_file()}' WITH (FORMAT csv)")
        check_count(target, "bench_query", self.orders.rows)
        run_psql(target, self.statement)

    def run(self, target: Target) -> Figure:
        before = target.cpu_seconds()
        output = run_psql(target, "\\timing on", *[self.statement] * self.repeats)
        return measured(target, self.orders.rows * self.repeats, elapsed_seconds(output), before)


def all_loads(folder: Path, scale: int, seconds: int, rows: int) -> Sequence[Load]:
    """Every load, in the order they run."""
    orders = Orders(folder, rows)

    def select(mode: str, clients: int) -> Pgbench:
        return Pgbench(f"select-{mode}-{clients}", "select-only", mode, clients, seconds)

    def write(name: str, script: str, clients: int) -> Pgbench:
        return Pgbench(f"{name}-{clients}", script, "prepared", clients, seconds)

    return (
        PgbenchInit(scale),
        select("prepared", 1),
        select("prepared", 8),
        select("prepared", 32),
        select("simple", 8),
        write("simple-update", "simple-update", 8),
        write("tpcb", "tpcb-like", 8),
        write("tpcb", "tpcb-like", 32),
        CopyIn(orders),
        InsertMany(orders, max(VALUES_PER_INSERT, rows // 10)),
        Query(
            orders,
            "group-by",
            "SELECT customer, count(*), sum(amount), max(placed) FROM bench_query GROUP BY customer",
        ),
    )

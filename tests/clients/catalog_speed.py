"""Catalog speed: how long clients wait when there are 10,000 tables, on Datacave and on PostgreSQL 15.

Run: python -m tests.clients.catalog_speed [tables]
Each question is asked in a session of its own: once, once more, and once more after another session has made a table.
Prints milliseconds of both servers and the ratio of the last.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import psycopg
import sqlalchemy as sa

from bench.servers import Target
from tests.clients.twins import psql, twins

TABLES = 10_000
PER_SCRIPT = 500
RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) FROM pg_class c
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
    AND n.nspname <> 'information_schema' AND pg_table_is_visible(c.oid) ORDER BY 1, 2
"""


def make_tables(target: Target, count: int) -> float:
    """Makes the tables, each with a key, a default and an index; returns the seconds it took."""
    start = time.monotonic()
    for first in range(0, count, PER_SCRIPT):
        script = "".join(
            f"CREATE TABLE t{n} (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', other int);"
            f"CREATE INDEX ON t{n} (other);"
            for n in range(first, first + PER_SCRIPT)
        )
        psql(target, f"BEGIN; {script} COMMIT;")
    return time.monotonic() - start


def asked(query: str) -> Callable[[Target], None]:
    """A question that is one query."""

    def ask(target: Target) -> None:
        where = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database}"
        with psycopg.connect(where) as connection:
            connection.execute(query.encode()).fetchall()

    return ask


def described(target: Target) -> None:
    """psql's \\d of one table."""
    psql(target, "\\d t77\n")


def reflected(*tables: str) -> Callable[[Target], None]:
    """SQLAlchemy's reflection, of some tables or of all."""

    def reflect(target: Target) -> None:
        engine = sa.create_engine(f"postgresql+psycopg://{target.user}@127.0.0.1:{target.port}/{target.database}")
        sa.MetaData().reflect(engine, only=tables or None)
        engine.dispose()

    return reflect


QUESTIONS: dict[str, Callable[[Target], None]] = {
    "psql \\d": asked(RELATIONS),
    "psql \\d table": described,
    "information_schema.tables": asked("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"),
    "information_schema.columns of a table": asked(
        "SELECT * FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 't77'"
    ),
    "all columns": asked("SELECT attrelid::regclass, attname FROM pg_attribute WHERE attnum > 0"),
    "constraints of a table": asked(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't77'::regclass"
    ),
    "pg_get_indexdef of all": asked("SELECT pg_get_indexdef(indexrelid) FROM pg_index"),
    "SQLAlchemy, one table": reflected("t77"),
    "SQLAlchemy, all tables": reflected(),
}


def timed(ask: Callable[[Target], None], target: Target) -> float:
    """Milliseconds of a question."""
    start = time.monotonic()
    ask(target)
    return (time.monotonic() - start) * 1000


def main() -> int:
    """Measures and prints."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    with twins() as targets:
        for target in targets:
            print(f"{target.name}: {count} tables in {make_tables(target, count):.0f} s", flush=True)
        print(f"{'milliseconds: first, again, after CREATE TABLE':46} {'Datacave':>24} {'PostgreSQL':>24}")
        for number, (name, ask) in enumerate(QUESTIONS.items()):
            found = []
            for target in targets:
                times = [timed(ask, target), timed(ask, target)]
                psql(target, f"CREATE TABLE another_{number} (a int);")
                found.append([*times, timed(ask, target)])
            ours, theirs = (" ".join(f"{one:7.0f}" for one in times) for times in found)
            print(f"{name:46} {ours:>24} {theirs:>24} {found[0][2] / found[1][2]:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

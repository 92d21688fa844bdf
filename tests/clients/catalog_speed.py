"""Catalog speed: how long clients wait when there are 10,000 tables, on Datacave and on PostgreSQL 15.

Run: python -m tests.clients.catalog_speed [tables] [part of a question's name]
Each question is asked in a session of its own: once, once more, and three times after another session has made a table
(the median counts). Prints milliseconds of both servers and the ratio of the last, then what CREATE TABLE costs there,
the memory of the server, and how long a start takes. Exits with 1 where a ratio is above RATIO_MAX and the answer took
longer than SHORT_MS.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psycopg
import sqlalchemy as sa

from bench.servers import Target, running_datacave
from tests.clients.tools import questions
from tests.clients.twins import postgresql, psql, run

TABLES = 10_000
PER_SCRIPT = 500
SINGLE_TABLES = 20
RATIO_MAX = 5.0
SHORT_MS = 30
RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) FROM pg_class c
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
    AND n.nspname <> 'information_schema' AND pg_table_is_visible(c.oid) ORDER BY 1, 2
"""
COMPLETION = """
    SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND relname LIKE 't77%'
    AND pg_catalog.pg_table_is_visible(oid)
    AND relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
    UNION SELECT pg_catalog.quote_ident(n.nspname) || '.' FROM pg_catalog.pg_namespace n WHERE nspname LIKE 't77%'
    LIMIT 1000
"""
JDBC_TABLES = """
    SELECT n.nspname, c.relname, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' END, d.description
    FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c
    LEFT JOIN pg_catalog.pg_description d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'v') AND n.nspname !~ '^pg_' ORDER BY 1, 2
"""
JDBC_COLUMNS = """
    SELECT * FROM (SELECT n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull, a.atttypmod, a.attlen,
    row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') AS attidentity,
    pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc, dsc.description, t.typbasetype, t.typtype
    FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON a.atttypid = t.oid
    LEFT JOIN pg_catalog.pg_attrdef def ON a.attrelid = def.adrelid AND a.attnum = def.adnum
    LEFT JOIN pg_catalog.pg_description dsc ON c.oid = dsc.objoid AND a.attnum = dsc.objsubid
    WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname LIKE 'public'
    {}) c ORDER BY nspname, relname, attnum
"""
JDBC_INDEXES = """
    SELECT n.nspname, ct.relname, NOT i.indisunique, ci.relname, (i.keys).n,
    pg_catalog.pg_get_indexdef(ci.oid, (i.keys).n, false), pg_catalog.pg_get_expr(i.indpred, i.indrelid)
    FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_namespace n ON ct.relnamespace = n.oid
    JOIN (SELECT indexrelid, indrelid, indisunique, indpred, information_schema._pg_expandarray(indkey) AS keys
    FROM pg_catalog.pg_index) i ON ct.oid = i.indrelid JOIN pg_catalog.pg_class ci ON ci.oid = i.indexrelid
    WHERE n.nspname = 'public' AND ct.relname = 't77' ORDER BY 3, 4, 5
"""
JDBC_KEYS = """
    SELECT pkn.nspname, pkc.relname, con.conname, pos.n FROM pg_catalog.pg_namespace pkn, pg_catalog.pg_class pkc,
    pg_catalog.pg_namespace fkn, pg_catalog.pg_class fkc, pg_catalog.pg_constraint con,
    pg_catalog.generate_series(1, 32) pos(n)
    WHERE pkn.oid = pkc.relnamespace AND pkc.oid = con.confrelid AND fkn.oid = fkc.relnamespace
    AND fkc.oid = con.conrelid AND con.contype = 'f' AND pos.n <= cardinality(con.conkey) AND fkc.relname = 't77'
"""


def make_tables(target: Target, count: int) -> float:
    """Makes the tables, each with a key, a default and an index; returns the seconds it took."""
    start = time.monotonic()
    for first in range(0, count, PER_SCRIPT):
        script = "".join(
            f"CREATE TABLE t{n} (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', other int);"
            f"CREATE INDEX ON t{n} (other);"
            for n in range(first, min(count, first + PER_SCRIPT))
        )
        psql(target, f"BEGIN; {script} COMMIT;")
    return time.monotonic() - start


def connected(target: Target) -> psycopg.Connection:
    """A session of its own."""
    where = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database}"
    return psycopg.connect(where, autocommit=True)


def asked(query: str) -> Callable[[Target], None]:
    """A question that is one query."""

    def ask(target: Target) -> None:
        with connected(target) as connection:
            connection.execute(query.encode()).fetchall()

    return ask


def of_tool(query: str) -> Callable[[Target], None]:
    """A question of a graphical tool about the schema public or a table in it."""
    schema, table = "(SELECT 'public'::regnamespace::oid)", "(SELECT 't77'::regclass::oid)"
    return asked(query.replace("%(schema)s", schema).replace("%(table)s", table).replace("%%", "%"))


def by_psql(command: str) -> Callable[[Target], None]:
    """A command of psql."""
    return lambda target: void(psql(target, command + "\n"))


def void(_: object) -> None:
    """Nothing of it is wanted."""


def reflected(*tables: str) -> Callable[[Target], None]:
    """SQLAlchemy's reflection, of some tables or of all."""

    def reflect(target: Target) -> None:
        engine = sa.create_engine(f"postgresql+psycopg://{target.user}@127.0.0.1:{target.port}/{target.database}")
        sa.MetaData().reflect(engine, only=tables or None)
        engine.dispose()

    return reflect


QUESTIONS: dict[str, Callable[[Target], None]] = {
    "psql \\d": asked(RELATIONS),
    "psql \\dt": by_psql("\\dt"),
    "psql \\dt+ t77": by_psql("\\dt+ t77"),
    "psql \\d table": by_psql("\\d t77"),
    "psql \\d+ table": by_psql("\\d+ t77"),
    "psql \\di t77*": by_psql("\\di t77*"),
    "psql, completion of a name": asked(COMPLETION),
    "information_schema.tables": asked("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"),
    "information_schema.columns of a table": asked(
        "SELECT * FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 't77'"
    ),
    "information_schema.columns": asked("SELECT * FROM information_schema.columns WHERE table_schema = 'public'"),
    "information_schema, keys of a table": asked(
        "SELECT k.column_name FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k"
        " USING (constraint_schema, constraint_name) WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_name = 't77'"
    ),
    "all columns": asked("SELECT attrelid::regclass, attname FROM pg_attribute WHERE attnum > 0"),
    "constraints of a table": asked(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't77'::regclass"
    ),
    "pg_get_indexdef of all": asked("SELECT pg_get_indexdef(indexrelid) FROM pg_index"),
    "JDBC getTables": asked(JDBC_TABLES),
    "JDBC getColumns, all": asked(JDBC_COLUMNS.format("")),
    "JDBC getColumns of a table": asked(JDBC_COLUMNS.format("AND c.relname LIKE 't77'")),
    "JDBC getIndexInfo": asked(JDBC_INDEXES),
    "JDBC getImportedKeys": asked(JDBC_KEYS),
    "SQLAlchemy, one table": reflected("t77"),
    "SQLAlchemy, all tables": reflected(),
    "pg_dump --schema-only of a table": lambda target: void(run(target, "pg_dump", "-s", "-t", "t77")),
    "pg_dump --schema-only": lambda target: void(run(target, "pg_dump", "-s")),
    **{title: of_tool(query) for title, query in questions() if "of a login role" not in title},
}


def timed(ask: Callable[[Target], None], target: Target) -> float:
    """Milliseconds of a question."""
    start = time.monotonic()
    ask(target)
    return (time.monotonic() - start) * 1000


def of_question(ask: Callable[[Target], None], target: Target, number: int) -> list[float]:
    """Milliseconds of a question: first, again, and after each of three CREATE TABLEs."""
    times = [timed(ask, target), timed(ask, target)]
    later = []
    for again in range(3):
        psql(target, f"CREATE TABLE another_{number}_{again} (a int);")
        later.append(timed(ask, target))
    return [*times, median(later)]


def single_tables(target: Target) -> float:
    """Milliseconds of CREATE TABLE by itself, the median of some."""
    with connected(target) as connection:
        times = []
        for number in range(SINGLE_TABLES):
            start = time.monotonic()
            connection.execute(f"CREATE TABLE single_{number} (id int PRIMARY KEY, name text)".encode())
            times.append((time.monotonic() - start) * 1000)
    return median(times)


def resident_megabytes(target: Target) -> int:
    """The memory of a server's first process."""
    status = Path(f"/proc/{target.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def compare(targets: tuple[Target, Target], wanted: str) -> int:
    """Asks every question, prints, and counts those that took too long."""
    slow = 0
    print(f"{'milliseconds: first, again, after CREATE TABLE':46} {'Datacave':>24} {'PostgreSQL':>24}")
    for number, (name, ask) in enumerate(QUESTIONS.items()):
        if wanted not in name:
            continue
        ours, theirs = (of_question(ask, target, number) for target in targets)
        ratio = ours[2] / theirs[2]
        slow += ratio > RATIO_MAX and ours[2] > SHORT_MS
        told = [" ".join(f"{one:7.0f}" for one in times) for times in (ours, theirs)]
        print(f"{name[:46]:46} {told[0]:>24} {told[1]:>24} {ratio:6.1f}", flush=True)
    return slow


def main() -> int:
    """Measures and prints."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as folder:
        with running_datacave(Path(folder)) as ours, postgresql() as theirs:
            empty = resident_megabytes(ours)
            for target in (ours, theirs):
                print(f"{target.name}: {count} tables in {make_tables(target, count):.0f} s", flush=True)
            full = resident_megabytes(ours)
            slow = compare((ours, theirs), wanted)
            costs = [single_tables(target) for target in (ours, theirs)]
            print(f"CREATE TABLE: {costs[0]:.1f} ms, on PostgreSQL {costs[1]:.1f} ms, {costs[0] / costs[1]:.1f}")
            print(f"memory: {empty} MB at the start, {full} MB with the tables, {resident_megabytes(ours)} MB now")
        start = time.monotonic()
        with running_datacave(Path(folder)) as again:
            asked("SELECT * FROM t77")(again)
            print(f"restart: {time.monotonic() - start:.1f} s, {resident_megabytes(again)} MB")
    print(f"{slow} questions took more than {RATIO_MAX:.0f} times as long")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

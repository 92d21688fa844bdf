"""Catalogs: every relation of pg_catalog and information_schema, row by row, beside PostgreSQL 15.

Run: python -m tests.clients.catalogs [--record] [relation ...]
Both servers hold the shop of shop/schema.sql and the depot of shop/depot.sql, which has one of everything that the
catalogs can show. Compared are the rows about their objects, in all columns but those of DIFFERENT, whose values say
how PostgreSQL stores things; its TOAST tables are left out for the same reason. With --record PostgreSQL's answers are
written to shop/catalogs.json, which the tests read. The exit code is the number of relations that differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from bench.servers import Target
from tests.clients.answers import Answer, Asked, differences
from tests.clients.twins import SHOP as FOLDER
from tests.clients.twins import open_shop, psql, twins

DEPOT = FOLDER / "depot.sql"
RECORDED = FOLDER / "catalogs.json"
SHOP = ("shop", "Odd Names", "depot")


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


STORAGE = words("""
    relfilenode relpages reltuples relallvisible relfrozenxid relminmxid reltoastrelid datfrozenxid datminmxid
""")
"""How PostgreSQL's files lie."""
TREES = words("""
    adbin conbin indexprs indpred ev_action ev_qual prosqlbody typdefaultbin proargdefaults tgqual polqual polwithcheck
    relpartbound
""")
"""Trees, which clients hand to pg_get_expr; these are compared as what it prints, by the views that use it."""
COUNTS = words("""
    seq_scan seq_tup_read idx_scan idx_tup_read idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_tup_hot_upd
    n_live_tup n_dead_tup n_mod_since_analyze n_ins_since_vacuum heap_blks_read heap_blks_hit idx_blks_read
    idx_blks_hit toast_blks_read toast_blks_hit tidx_blks_read tidx_blks_hit blks_read blks_hit last_value
""")
"""What counts the work of a server."""
PRESENT = words("""
    pg_stat_activity pg_locks pg_cursors pg_prepared_statements pg_stats pg_statistic pg_backend_memory_contexts
    pg_stat_ssl pg_stat_gssapi pg_stat_database pg_database pg_stat_xact_all_tables pg_stat_xact_user_tables
""")
"""Relations that show the moment, or the sessions that ask."""
SHOWN = {"dbid": "(SELECT datname FROM pg_database d WHERE d.oid = dbid) AS dbid"}
"""What is compared instead of the oid of a database, which is a small number on one of the servers."""
DIFFERENT = STORAGE | TREES | COUNTS


def relations(asked: Asked, wanted: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(name, columns to compare) of each relation."""
    listed = """
        SELECT n.nspname || '.' || c.relname, array_agg(quote_ident(a.attname) ORDER BY a.attnum)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
        GROUP BY n.nspname, c.relname ORDER BY n.nspname DESC, c.relname
    """
    for name, columns in asked.connection.execute(listed):
        short = name.partition(".")[2]
        if short not in PRESENT and (not wanted or short in wanted):
            yield name, [SHOWN.get(column, column) for column in columns if column not in DIFFERENT]


def of_the_shop(answer: Answer) -> Answer:
    """The rows that name an object of the shop, without those of TOAST tables."""
    names = ("shop.", "shop", "depot", "Odd Names", "reader", "keeper")
    parts = [f"{name}." for name in SHOP] + [f" {name}" for name in SHOP]

    def named(value: str | None) -> bool:
        return value is not None and (value in names or any(part in value for part in parts))

    def toasted(value: str | None) -> bool:
        return value is not None and "pg_toast" in value

    rows = (row for row in answer.rows if any(map(named, row)) and not any(map(toasted, row)))
    return Answer(answer.columns, tuple(rows))


def asked_of(target: Target) -> Asked:
    """A connection to a server on which the shop and the depot have been opened."""
    open_shop(target)
    psql(target, DEPOT.read_text(encoding="utf-8"))
    asked = Asked(target)
    asked.learn()
    return asked


def answer_of(asked: Asked, name: str, columns: list[str]) -> Answer:
    """The rows of a relation about the shop; an error as it is."""
    answer = asked.answer(f"SELECT {', '.join(columns)} FROM {name}")
    return of_the_shop(answer) if answer.columns else answer


def recorded() -> dict[str, tuple[list[str], Answer]]:
    """(columns asked for, PostgreSQL's answer) by relation, as they were recorded."""
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {
        name: (asked, Answer(tuple(map(tuple, columns)), tuple(map(tuple, rows))))
        for name, (asked, columns, rows) in found.items()
    }


def _one_row_a_line(kept: dict[str, tuple[list[str], object, list[object]]]) -> str:
    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = [
        f"{text(name)}: [{text(asked)}, {text(columns)}, [\n" + ",\n".join(map(text, rows)) + "\n]]"
        for name, (asked, columns, rows) in kept.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Prints what differs."""
    wanted = [word for word in sys.argv[1:] if word != "--record"]
    kept: dict[str, tuple[list[str], object, list[object]]] = {}
    failed = compared = 0
    with twins() as targets:
        ours, theirs = map(asked_of, targets)
        for name, columns in relations(theirs, wanted):
            right = answer_of(theirs, name, columns)
            found = differences(answer_of(ours, name, columns), right)
            compared += 1
            kept[name] = columns, right.columns, sorted(right.rows, key=str)
            if found:
                failed += 1
                print(f"{name}: " + "\n".join(found), flush=True)
    if "--record" in sys.argv:
        RECORDED.write_text(_one_row_a_line(kept), encoding="utf-8")
    print(f"{compared - failed} of {compared} relations have the same rows")
    return failed


if __name__ == "__main__":
    sys.exit(main())

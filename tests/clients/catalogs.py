"""Catalogs: every relation of pg_catalog and information_schema, row by row, beside PostgreSQL 15.

Run: python -m tests.clients.catalogs [relation ...]
Both servers hold the shop of shop/schema.sql. Compared are the rows about its objects, in all columns but those of
DIFFERENT, whose values say how PostgreSQL stores things; its TOAST tables are left out for the same reason. The exit
code is the number of relations that differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.clients.answers import Answer, Asked, differences
from tests.clients.twins import open_shop, twins

SHOP = ("shop", "Odd Names")


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


STORAGE = words("""
    relfilenode relpages reltuples relallvisible relfrozenxid relminmxid reltoastrelid datfrozenxid datminmxid
""")
"""How PostgreSQL's files lie."""
TREES = words("""
    adbin conbin indexprs indpred ev_action prosqlbody typdefaultbin proargdefaults tgqual
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
            yield name, [column for column in columns if column not in DIFFERENT]


def of_the_shop(answer: Answer) -> Answer:
    """The rows that name an object of the shop, without those of TOAST tables."""
    names = ("shop.", "shop", "Odd Names", "reader", "keeper")
    parts = [f"{name}." for name in SHOP] + [f" {name}" for name in SHOP]

    def named(value: str | None) -> bool:
        return value is not None and (value in names or any(part in value for part in parts))

    def toasted(value: str | None) -> bool:
        return value is not None and "pg_toast" in value

    rows = (row for row in answer.rows if any(map(named, row)) and not any(map(toasted, row)))
    return Answer(answer.columns, tuple(rows))


def main() -> int:
    """Prints what differs."""
    failed = compared = 0
    with twins() as targets:
        asked = []
        for target in targets:
            open_shop(target)
            asked.append(Asked(target))
            asked[-1].learn()
        ours, theirs = asked
        for name, columns in relations(theirs, sys.argv[1:]):
            query = f"SELECT {', '.join(columns)} FROM {name}"
            answers = [of_the_shop(one.answer(query)) for one in (ours, theirs)]
            if not answers[0].columns:
                answers[0] = ours.answer(query)
            found = differences(*answers)
            compared += 1
            if found:
                failed += 1
                print(f"{name}: " + "\n".join(found), flush=True)
    print(f"{compared - failed} of {compared} relations have the same rows")
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""How far PostgreSQL's own regression scripts get the same answers from Datacave: `python -m tests.regress [FILES]`.

The scripts are read where they lie (`--sql FOLDER` or $PG_REGRESS_SQL). The oracle is a PostgreSQL 15 named by
libpq's environment; databases `datacave_regress_*` come and go in it. Every statement runs there and on Datacave, each
file on fresh copies of the objects of test_setup.sql. `--differences FOLDER` writes every difference to FOLDER/FILE.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import psycopg

from tests.regress.comparison import BAD, Verdict
from tests.regress.fixture import Fixture
from tests.regress.playback import Difference, play

FILES = """boolean char name varchar text int2 int4 int8 oid float4 float8 bit numeric uuid enum strings numerology date
time timetz timestamp timestamptz interval horology regex case select select_into select_distinct
select_distinct_on select_implicit select_having subselect union join aggregates window with insert insert_conflict
update delete returning create_table create_table_like create_view create_index constraints alter_table sequence
identity generated json jsonb jsonpath json_encoding jsonb_jsonpath arrays limit prepare portals copy copy2 domain
rowtypes truncate merge groupingsets random expressions drop_if_exists transactions tsrf rangefuncs plancache temp
combocid prepared_xacts foreign_key updatable_views create_function_sql create_procedure polymorphism create_aggregate
create_operator create_cast inet macaddr macaddr8 money rangetypes multirangetypes regproc xid pg_lsn txid
misc_functions"""


def main() -> int:
    """Runs the files and prints a line for each; 1 if anything crashed or hung."""
    parser = argparse.ArgumentParser(prog="python -m tests.regress", description=__doc__)
    parser.add_argument("files", nargs="*", help="script names without .sql", default=FILES.split())
    parser.add_argument("--sql", type=Path, default=os.environ.get("PG_REGRESS_SQL"), metavar="FOLDER")
    parser.add_argument("--differences", type=Path, metavar="FOLDER")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS")
    options = parser.parse_args()
    if options.sql is None:
        parser.error("name the folder of the scripts: --sql or $PG_REGRESS_SQL")
    totals: Counter[Verdict] = Counter()
    with Fixture(Path(options.sql), options.timeout) as fixture:
        for name in options.files:
            with fixture.pair() as (oracle, ours, restart):
                verdicts, differences = play(fixture.script(name), oracle, ours, restart, fixture.variables)
            totals += verdicts
            print(_line(name, verdicts), flush=True)
            if options.differences is not None:
                options.differences.mkdir(parents=True, exist_ok=True)
                text = "".join(_described(difference) for difference in differences)
                (options.differences / name).write_text(text)
    print(_line("all", totals))
    return 1 if any(totals[verdict] for verdict in BAD) else 0


def _line(name: str, verdicts: Counter[Verdict]) -> str:
    counted = sum(count for verdict, count in verdicts.items() if verdict is not Verdict.LEFT_OUT)
    agreed = verdicts[Verdict.SAME] + verdicts[Verdict.MESSAGE]
    rate = 100.0 * agreed / counted if counted else 100.0
    rest = ", ".join(
        f"{count} {verdict.value}"
        for verdict, count in verdicts.most_common()
        if verdict not in (Verdict.SAME, Verdict.LEFT_OUT)
    )
    return f"{name:20} {agreed:5} of {counted:5} {rate:5.1f} %  {rest}"


def _described(difference: Difference) -> str:
    parts = [f"== {difference.verdict.value} at line {difference.line}", difference.statement]
    for head, outcome in (("-- expected", difference.expected), ("-- got", difference.got)):
        parts.append(head if not outcome.fate else f"{head} ({outcome.fate})")
        for answer in outcome.answers:
            if answer.sqlstate:
                parts.append(f"{answer.sqlstate} {answer.message}")
                continue
            if answer.columns:
                parts.append("  " + ", ".join(f"{name}:{oid}" for name, oid in answer.columns))
            for row in answer.rows[:40]:
                parts.append("  " + " | ".join("NULL" if value is None else value.decode() for value in row))
            parts.append(answer.tag)
    return "\n".join(parts) + "\n\n"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except psycopg.OperationalError as error:
        sys.exit(f"no oracle: {error}")

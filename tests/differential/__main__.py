"""Random queries on Datacave and a PostgreSQL 15 side by side: `python -m tests.differential [--seed N] [--queries N]`.

The oracle is named by libpq's environment; a schema `datacave_differential` comes and goes in its database. Every
difference is printed with the seed; what it teaches belongs into a script of tests/sql.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from random import Random

from tests.differential.data import statements
from tests.differential.queries import Queries
from tests.regress.comparison import Verdict, compare
from tests.regress.server import Server
from tests.regress.target import Outcome, Target

ORACLE_SETUP = (
    "drop schema if exists datacave_differential cascade; create schema datacave_differential; "
    "set search_path = datacave_differential; set extra_float_digits = 1"
)


def main() -> int:
    """Prints the differences; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS")
    options = parser.parse_args()
    random = Random(options.seed)
    server = Server()
    verdicts: Counter[Verdict] = Counter()
    try:
        oracle, ours = Target("", options.timeout), Target(server.conninfo, options.timeout)
        oracle.run(ORACLE_SETUP)
        for statement in statements(random):
            oracle.run(statement)
            ours.run(statement)
        queries = Queries(random)
        for number in range(options.queries):
            sql = queries.query()
            expected, got = oracle.run(sql), ours.run(sql)
            verdict = compare(sql.replace("order by", ""), expected, got)
            verdicts[verdict] += 1
            if verdict not in (Verdict.SAME, Verdict.LEFT_OUT, Verdict.MESSAGE):
                print(f"{verdict.value} (seed {options.seed}, query {number})\n{sql}\n  expected {_shown(expected)}")
                print(f"  got      {_shown(got)}\n", flush=True)
            if got.fate:
                server.restart()
                ours.conninfo = server.conninfo
                ours.reconnect()
        oracle.run("drop schema datacave_differential cascade")
    finally:
        server.remove()
    print(", ".join(f"{count} {verdict.value}" for verdict, count in verdicts.most_common()))
    return 0 if set(verdicts) <= {Verdict.SAME, Verdict.MESSAGE, Verdict.LEFT_OUT} else 1


def _shown(outcome: Outcome) -> str:
    if outcome.fate:
        return outcome.fate
    answer = outcome.answers[0]
    if answer.sqlstate:
        return f"{answer.sqlstate} {answer.message}"
    rows = sorted(answer.rows, key=str)
    return f"{answer.columns} {len(rows)} rows {rows[:12]}"


if __name__ == "__main__":
    sys.exit(main())

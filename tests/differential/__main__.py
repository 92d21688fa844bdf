"""Random queries on Datacave and a PostgreSQL 15 side by side: `python -m tests.differential [--seed N] [--queries N]`.

The oracle is named by libpq's environment; a schema `datacave_differential` comes and goes in its database. Every
difference is printed with the seed; what it teaches belongs into a script of tests/sql.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random

from tests.differential.data import statements
from tests.differential.queries import Queries
from tests.differential.recording import Recording
from tests.differential.writes import Writes
from tests.regress.comparison import Verdict, compare
from tests.regress.server import Server
from tests.regress.target import Answer, Outcome, Target

ORACLE_SETUP = (
    "drop schema if exists datacave_differential cascade; create schema datacave_differential; "
    "set search_path = datacave_differential; set extra_float_digits = 1"
)

WRITES_SHARE = 0.2


def main() -> int:
    """Prints the differences; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the oracle's answers for the test command")
    options = parser.parse_args()
    random = Random(options.seed)
    server = Server()
    verdicts: Counter[str] = Counter()
    recording = Recording()
    try:
        oracle, ours = Target("", options.timeout), Target(server.conninfo, options.timeout)
        oracle.run(ORACLE_SETUP)
        for statement in statements(random):
            oracle.run(statement)
            ours.run(statement)
            recording.data.append(statement)
        queries = Queries(random)
        writes = Writes(random, queries)
        for number in range(options.queries):
            sql = writes.block() if random.random() < WRITES_SHARE else queries.query()
            expected, got = oracle.run(sql), ours.run(sql)
            if sql.startswith("begin;"):
                oracle.run("rollback")
                if not got.fate:
                    ours.run("rollback")
            verdict = _verdict(sql, expected, got)
            verdicts[verdict] += 1
            if verdict == Verdict.SAME.value:
                recording.add(sql, expected)
            elif verdict not in AGREED:
                print(f"{verdict} (seed {options.seed}, query {number})\n{sql}\n  expected {_shown(expected)}")
                print(f"  got      {_shown(got)}\n", flush=True)
            if got.fate:
                server.restart()
                ours.conninfo = server.conninfo
                ours.reconnect()
        oracle.run("drop schema datacave_differential cascade")
    finally:
        server.remove()
    if options.record is not None:
        recording.save(options.record)
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    return 0 if set(verdicts) <= set(AGREED) else 1


ORDER_OF_EVALUATION = "error in one order of evaluation only"
AGREED = (Verdict.SAME.value, Verdict.MESSAGE.value, Verdict.LEFT_OUT.value, ORDER_OF_EVALUATION)


def _verdict(sql: str, expected: Outcome, got: Outcome) -> str:
    verdict = compare(sql.replace("order by", ""), expected, got)
    if verdict in (Verdict.NO_ERROR, Verdict.ERROR):
        # Which condition is tested first is nobody's promise: an overflow in one may or may not be met.
        states = {*expected.sqlstates, *got.sqlstates}
        if states <= {"22003", "22012"} and " where " in sql:
            return ORDER_OF_EVALUATION
    return verdict.value


def _shown(outcome: Outcome) -> str:
    if outcome.fate:
        return outcome.fate
    return "; ".join(_answer(answer) for answer in outcome.answers)


def _answer(answer: Answer) -> str:
    if answer.sqlstate:
        return f"{answer.sqlstate} {answer.message}"
    rows = sorted(answer.rows, key=str)
    return f"{answer.tag} {answer.columns if len(answer.columns) < 8 else ''} {len(rows)} rows {rows[:12]}"


if __name__ == "__main__":
    sys.exit(main())

"""Random conditions that indexes answer, on Datacave and a PostgreSQL 15: `python -m tests.differential.index_paths`.

Disjunctions, tests for NULL, lists and ranges over a table with many duplicates and NULLs and indexes of every shape,
in SELECT, UPDATE and DELETE, before and after ANALYZE. The oracle is named by libpq's environment.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from random import Random

from tests.differential.__main__ import ORACLE_SETUP
from tests.regress.comparison import Verdict, compare
from tests.regress.server import Server
from tests.regress.target import Target

ROWS = 3000
INDEXES = (
    "create index on w (a)",
    "create index on w (b desc, a nulls first)",
    "create index on w (c) where d is not null",
    "create unique index on w (u)",
    "create unique index on w (n, id) nulls not distinct",
    "create index on w (d, c) include (a)",
    "create index on w ((a + b))",
    "create index on w using hash (f)",
)
DOMAINS = {"a": 300, "b": 500, "d": 200, "n": 400, "u": 4000, "f": 300, "id": ROWS}


class Conditions:
    """Conditions over the columns of the table."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def atom(self) -> str:
        """One that an index may answer."""
        column = self.random.choice((*DOMAINS, "(a + b)", "c"))
        if column == "c":
            value = f"'v{self.random.randrange(150)}'"
            more = f"'v{self.random.randrange(150)}'"
        else:
            top = DOMAINS.get(column, 700)
            value, more = str(self.random.randrange(top)), str(self.random.randrange(top))
        return self.random.choice(
            (
                f"{column} = {value}",
                f"{column} = {value}",
                f"{column} in ({value}, {more}, {value})",
                f"{column} = any (array[{value}, null, {more}])",
                f"{column} is null",
                f"{column} is not null",
                f"{column} between least({value}, {more}) and least({value}, {more})",
                f"{column} > {value}",
                f"not {column} <> {value}",
            )
        )

    def arm(self) -> str:
        """A conjunction of up to three."""
        return " and ".join(self.atom() for _ in range(self.random.choice((1, 1, 1, 2, 2, 3))))

    def whole(self) -> str:
        """A disjunction, alone or with other conditions."""
        arms = " or ".join(f"({self.arm()})" for _ in range(self.random.randint(1, 4)))
        rest = self.random.choice(("", "", f" and {self.atom()}", f" and (({self.arm()}) or ({self.arm()}))"))
        return f"({arms}){rest}"


def query(random: Random, conditions: Conditions) -> str:
    """A statement whose WHERE is such a condition."""
    where = conditions.whole()
    columns = random.choice(("*", "id", "a, b", "count(*), sum(id), min(a), max(b)", "c, d, u"))
    order = random.choice(("a", "b desc", "d, c", "u"))
    parameter = random.choice(("a", "b", "d", "n"))
    values = "(values (3), (7), (null)) v(x)"
    return random.choice(
        (
            f"select {columns} from w where {where}",
            f"select {columns} from w where {where}",
            f"select id, {order.removesuffix(' desc')} from w where {where} order by {order}, id limit 20",
            f"select v.x, (select count(*) from w where {parameter} = v.x or {where}) from {values}",
            f"select v.x, w.id from {values} left join w on {parameter} = v.x or u = v.x",
            f"begin; update w set d = d + 1, a = null where {where} returning id; select sum(d) from w; rollback",
            f"begin; delete from w where {where} returning id, a; select count(*) from w where {where}; rollback",
        )
    )


def setup(random: Random) -> list[str]:
    """The statements that create and fill the table."""
    rows = []
    for number in range(ROWS):
        values = [
            "null" if random.random() < share else str(random.randrange(DOMAINS[column]))
            for column, share in (("a", 0.02), ("b", 0.5), ("d", 0.97), ("n", 0.1), ("f", 0.1))
        ]
        text = "null" if random.random() < 0.3 else f"'v{random.randrange(150)}'"
        rows.append(f"({number}, {', '.join(values)}, {'null' if number % 5 == 0 else number}, {text})")
    table = "create table w (id int primary key, a int, b int, d int, n int, f int, u int, c text)"
    return [table, f"insert into w values {', '.join(rows)}", *INDEXES]


def main() -> int:
    """Prints the differences; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.index_paths", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS")
    options = parser.parse_args()
    random = Random(options.seed)
    conditions = Conditions(random)
    verdicts: Counter[str] = Counter()
    server = Server()
    try:
        oracle, ours = Target("", options.timeout), Target(server.conninfo, options.timeout)
        oracle.run(ORACLE_SETUP)
        for statement in setup(random):
            oracle.run(statement)
            failed = ours.run(statement)
            if failed.sqlstates or failed.fate:
                raise RuntimeError(f"{statement[:200]}: {failed.sqlstates} {failed.fate}")
        for number in range(options.queries):
            if number == options.queries // 2:
                ours.run("analyze w")
            sql = query(random, conditions)
            verdict = compare(sql.replace("order by", ""), oracle.run(sql), ours.run(sql)).value
            verdicts[verdict] += 1
            if verdict != Verdict.SAME.value:
                print(f"{verdict} (seed {options.seed}, query {number})\n{sql}\n", flush=True)
        oracle.run("drop schema datacave_differential cascade")
    finally:
        server.remove()
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    return 0 if set(verdicts) <= {Verdict.SAME.value} else 1


if __name__ == "__main__":
    sys.exit(main())

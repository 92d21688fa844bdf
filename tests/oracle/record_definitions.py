"""Records how PostgreSQL 15 prints the definitions of tests/golden/definitions: checks of a table, queries of views.

Run: python -m tests.oracle.record_definitions "host=127.0.0.1 port=5432 user=postgres dbname=scratch"
The database must be empty: everything is made in a transaction that is rolled back. Writes answers.txt: what was
asked, what is printed, and what is printed prettily, a line each; line breaks are written as \\n.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

GOLDEN = Path(__file__).parents[1] / "golden" / "definitions"
Run = Callable[[str], str | None]


def cases() -> list[tuple[str, str]]:
    """(kind, text): the expressions, then the queries."""
    expressions = (GOLDEN / "expressions.txt").read_text(encoding="utf-8").splitlines()
    queries = (GOLDEN / "queries.txt").read_text(encoding="utf-8").strip().split("\n\n")
    return [*(("expression", text) for text in expressions), *(("query", text) for text in queries)]


def printed(run: Run, kind: str, text: str) -> tuple[str, str]:
    """What a server prints for a case: plain and pretty. `run` runs a statement and gives its one value."""
    if kind == "query":
        run(f"CREATE VIEW shown AS {text}")
        plain, pretty = run("SELECT pg_get_viewdef('shown'::regclass)"), run("SELECT pg_get_viewdef('shown', true)")
        run("DROP VIEW shown")
    else:
        run(f"ALTER TABLE goods ADD CONSTRAINT shown CHECK ({text})")
        asked = "FROM pg_constraint WHERE conname = 'shown'"
        plain = run(f"SELECT pg_get_constraintdef(oid) {asked}")
        pretty = run(f"SELECT pg_get_constraintdef(oid, true) {asked}")
        run("ALTER TABLE goods DROP CONSTRAINT shown")
    return one_line(plain or ""), one_line(pretty or "")


def one_line(text: str) -> str:
    """Line breaks as \\n."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def main(conninfo: str) -> None:
    """Runs all cases and writes the answers."""
    lines: list[str] = []
    with psycopg.connect(conninfo) as connection:

        def run(statement: str) -> str | None:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row is not None else None

        run((GOLDEN / "schema.sql").read_text(encoding="utf-8"))
        for kind, text in cases():
            plain, pretty = printed(run, kind, text)
            lines += [one_line(text), plain, pretty, ""]
        connection.rollback()
    (GOLDEN / "answers.txt").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

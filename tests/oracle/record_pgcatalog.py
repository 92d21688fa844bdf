"""Records what PostgreSQL 15 answers to the catalog queries of tests/golden/pgcatalog/queries.txt.

Run: python tests/oracle/record_pgcatalog.py "host=127.0.0.1 port=5432 user=postgres dbname=scratch"
The database must be empty: schema.sql is run in it and rolled back. Writes answers.txt: each query's title, then its
rows, fields separated by " | ". Queries name objects and never show oids that a server hands out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

GOLDEN = Path(__file__).parents[1] / "golden" / "pgcatalog"


def blocks(text: str) -> list[tuple[str, str]]:
    """(title, query) of each paragraph."""
    found = []
    for paragraph in text.strip().split("\n\n"):
        title, _, query = paragraph.partition("\n")
        found.append((title.removeprefix("# "), query))
    return found


def field(value: bytes | None) -> str:
    """One field as the golden file has it."""
    return "NULL" if value is None else value.decode().replace("\n", "\\n")


def main(conninfo: str) -> None:
    """Runs all queries and writes the answers."""
    lines: list[str] = []
    with psycopg.connect(conninfo) as connection:
        connection.execute((GOLDEN / "schema.sql").read_text(encoding="utf-8"))
        for title, query in blocks((GOLDEN / "queries.txt").read_text(encoding="utf-8")):
            result = connection.execute(query).pgresult
            assert result is not None
            lines.append(f"# {title}")
            for row in range(result.ntuples):
                values = (field(result.get_value(row, column)) for column in range(result.nfields))
                lines.append(" | ".join(values).rstrip())
            lines.append("")
        connection.rollback()
    (GOLDEN / "answers.txt").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

"""Records what PostgreSQL says of the statements in tests/golden/bind/statements.txt when they are prepared.

Usage: record_bind.py CONNECTION_STRING; the database is emptied. Every block is a statement and, after `----`, its
outcome: the types of its parameters and columns, or its error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
from psycopg import pq

HERE = Path(__file__).parent.parent / "golden" / "bind"
FIRST_USER_OID = 16384


def type_name(connection: psycopg.Connection, oid: int, typmod: int) -> str:
    """The type as format_type prints it."""
    row = connection.execute("select format_type(%s::oid, %s::int)", (oid, typmod)).fetchone()
    assert row is not None
    return str(row[0])


def outcome(connection: psycopg.Connection, statement: str) -> list[str]:
    """The lines that describe a prepared statement."""
    wire = connection.pgconn
    prepared = wire.prepare(b"", statement.encode())
    if prepared.status == pq.ExecStatus.FATAL_ERROR:
        field = pq.DiagnosticField

        def text(code: pq.DiagnosticField) -> str:
            return (prepared.error_field(code) or b"").decode()

        place = text(field.STATEMENT_POSITION)
        lines = [f"error {text(field.SQLSTATE)}{f' at {place}' if place else ''}: {text(field.MESSAGE_PRIMARY)}"]
        lines += [f"detail: {text(field.MESSAGE_DETAIL)}"] if text(field.MESSAGE_DETAIL) else []
        lines += [f"hint: {text(field.MESSAGE_HINT)}"] if text(field.MESSAGE_HINT) else []
        return lines
    described = wire.describe_prepared(b"")
    lines = [
        f"parameter {number}: {type_name(connection, described.param_type(number - 1), -1)}"
        for number in range(1, described.nparams + 1)
    ]
    for number in range(described.nfields):
        name = (described.fname(number) or b"").decode()
        lines.append(f"column {name}: {type_name(connection, described.ftype(number), described.fmod(number))}")
    return lines or ["nothing"]


def main() -> None:
    """Rewrites the outcomes in place."""
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        connection.execute("drop schema if exists public cascade; create schema public")
        connection.execute((HERE / "schema.sql").read_text())
        blocks = []
        for block in (HERE / "statements.txt").read_text().strip().split("\n\n"):
            statement = block.partition("\n----")[0].strip()
            blocks.append("\n".join([statement, "----", *outcome(connection, statement)]))
        (HERE / "statements.txt").write_text("\n\n".join(blocks) + "\n")


if __name__ == "__main__":
    main()

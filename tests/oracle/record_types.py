"""Fills in what PostgreSQL answers to the questions in tests/golden/types/*.tsv.

A question of `io_*.tsv` is settings, type, typmod and an input text; its answer the SQLSTATE, the output or message,
detail, hint, context and the binary form. A question of `order_*.tsv` is a type and two texts; its answer -1, 0 or 1.
Lines may be added with empty answers; running this again answers all lines. Control characters, backslashes and tabs
are written as Python escapes. Reads the server that libpq's environment names.

    PGHOST=127.0.0.1 PGUSER=postgres python tests/oracle/record_types.py tests/golden/types
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

IO_HEAD = ["settings", "type", "typmod", "input", "sqlstate", "answer", "detail", "hint", "context", "binary"]
ORDER_HEAD = ["type", "left", "right", "answer"]

ASK = """
CREATE OR REPLACE FUNCTION pg_temp.ask(question text, type text, typmod int, sender text,
        OUT code text, OUT answer text, OUT detail text, OUT hint text, OUT context text, OUT binary_form text) AS $$
DECLARE
    wanted text := format_type((SELECT oid FROM pg_type WHERE typname = type), CASE WHEN typmod >= 0 THEN typmod END);
BEGIN
    EXECUTE format('SELECT format(''%%s'', v), encode(%s(v), ''hex'') FROM (SELECT %L::%s AS v) s',
                   sender, question, wanted) INTO answer, binary_form;
    code := '00000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS answer = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
        context = PG_EXCEPTION_CONTEXT, code = RETURNED_SQLSTATE;
    context := CASE WHEN context LIKE 'JSON data%' THEN regexp_replace(context, E'\\n(SQL|PL/pgSQL) .*', '') END;
END $$ LANGUAGE plpgsql
"""


def escape(text: str | None) -> str:
    """One field of a file."""
    return "" if text is None else text.encode("unicode_escape").decode("ascii")


def unescape(field: str) -> str:
    """The reverse of escape."""
    return field.encode("ascii").decode("unicode_escape")


def read(path: Path) -> list[list[str]]:
    """The fields of all lines but the first."""
    return [line.split("\t") for line in path.read_text(encoding="ascii").splitlines()[1:]]


def write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    """Head line and rows."""
    path.write_text("\n".join("\t".join(row) for row in [head, *rows]) + "\n", encoding="ascii")


def apply_settings(connection: psycopg.Connection[tuple[str, ...]], settings: str) -> None:
    """`name=value;name=value`; all others at their defaults."""
    connection.execute("RESET ALL")
    connection.execute("SET timezone = 'UTC'")
    for setting in filter(None, settings.split(";")):
        name, value = setting.split("=")
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def record_io(connection: psycopg.Connection[tuple[str, ...]], path: Path) -> None:
    """Answers one file of inputs."""
    found = connection.execute("SELECT typname::text, typsend::text FROM pg_type").fetchall()
    senders = {name: sender for name, sender in found}  # noqa: C416
    rows = read(path)
    current = None
    answered = []
    for row in rows:
        settings, type_name, typmod, question = row[:4]
        if settings != current:
            apply_settings(connection, settings)
            current = settings
        answer = connection.execute(
            "SELECT * FROM pg_temp.ask(%s, %s, %s, %s)",
            (unescape(question), type_name, int(typmod or -1), senders[type_name]),
        ).fetchone()
        assert answer is not None
        answered.append([settings, type_name, typmod, question, *map(escape, answer)])
    write(path, IO_HEAD, answered)


def record_order(connection: psycopg.Connection[tuple[str, ...]], path: Path) -> None:
    """Answers one file of comparisons."""
    apply_settings(connection, "")
    answered = []
    for type_name, left, right, *_ in read(path):
        row = connection.execute(
            f"SELECT CASE WHEN l < r THEN '-1' WHEN l = r THEN '0' ELSE '1' END "
            f"FROM (SELECT %s::{type_name} AS l, %s::{type_name} AS r) s",
            (unescape(left), unescape(right)),
        ).fetchone()
        assert row is not None
        answered.append([type_name, left, right, row[0]])
    write(path, ORDER_HEAD, answered)


def main(folder: Path) -> None:
    """Answers every file of the folder."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(ASK)
        for path in sorted(folder.glob("io_*.tsv")):
            record_io(connection, path)
        for path in sorted(folder.glob("order_*.tsv")):
            record_order(connection, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

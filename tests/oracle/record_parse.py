"""Records what PostgreSQL 15 says of the parser's statements, as golden files for the unit tests.

Run: python tests/oracle/record_parse.py CONNINFO
Nothing is executed: every text is sent with a semicolon and a closing parenthesis after it, and PostgreSQL parses the
whole string before it runs any of it. A line of verdicts.jsonl is [text, null] for a text it accepts, or
[text, SQLSTATE, message, position]. A line of column_names.jsonl is [expression, name of the result column].
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import psycopg
from psycopg import pq

GOLDEN = Path(__file__).parents[1] / "golden" / "parse"
FIELD = pq.DiagnosticField
COLUMN_EXPRESSIONS = [
    "1", "'x'", "1.5", "null", "true", "1 + 1", "not true", "-1", "(1)", "1 in (1)", "1 between 0 and 2", "1 is null",
    "a.x", "x", "(a).x", "(a)", "lower('A')", "pg_catalog.upper('a')", "count(*)", "1::int", "'1'::integer", "x::text",
    "cast(1 as numeric(5, 2))", "cast(cast(1 as int) as text)", "date '2024-01-01'", "interval '1' day", "true::text",
    "lower('x')::text", "case when true then 1 end", "case when true then 1 else x end",
    "case when true then 1 end::text",
    "case when true then 1 else 2::int end", "coalesce(1, 2)", "nullif(1, 2)", "greatest(1, 2)", "least(1, 2)",
    "exists (select 1)", "array(select 1)", "(select 1)", "(select 1 as y)", "(select x)", "(select 1)::text",
    "(select 1 union select 2)", "(values (1))", "array[1]", "array[1]::text[]", "(array[1])[1]", "row(1, 2)", "(1, 2)",
    "current_date", "current_timestamp(3)", "current_user", "user", "session_user", "current_schema",
    "current_schema()",
    "localtime", "current_catalog", "extract(year from date '2024-01-01')", "position('a' in 'b')",
    "substring('abc' from 1)", "trim(both from 'x')", "trim(leading from 'x')", "overlay('a' placing 'b' from 1)",
    "now() at time zone 'UTC'", "'a' collate \"C\"", "x collate \"C\"", "collation for ('a')", "1 = any (array[1])",
    "1 = any (select 1)", "'a' like 'b'", "normalize('a')", "'a' is normalized", "1 || 'a'", "x::character varying",
    "x::bigint", "x::double precision", "x::timestamp with time zone", "x::bpchar", "x::\"char\"", "grouping(x)",
    "B'1'", "xmlconcat('a', 'b')", "sum(x) over ()", "row(1, 2) is null", "(a.b).x",
]  # fmt: skip


class Oracle:
    """A connection that is asked, never told."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)

    def verdict(self, text: str) -> list[object]:
        """[null], or [SQLSTATE, message, position]."""
        sent = text + "\n;)"
        found = self._fields(sent)
        if found[1] == 'syntax error at or near ")"' and found[2] == len(sent):
            return [None]
        at_end = found[1].endswith('at or near ";"') and found[2] == len(sent) - 1
        if at_end or found[1].startswith("unterminated"):
            found = self._fields(text)  # an error at the end of the text itself, so there is nothing to run
        return list(found)

    def _fields(self, text: str) -> tuple[str, str, int]:
        result = self._connection.pgconn.exec_(text.encode())
        code = result.error_field(FIELD.SQLSTATE)
        if code is None:
            raise SystemExit(f"PostgreSQL has executed: {text}")
        message = result.error_field(FIELD.MESSAGE_PRIMARY) or b""
        return code.decode(), message.decode(), int(result.error_field(FIELD.STATEMENT_POSITION) or b"0")

    def column_name(self, expression: str) -> str:
        """The name of the only column of SELECT expression."""
        source = "(select 1 as x, (select r from (select 1 as x) r) as b) a"
        group = " group by x" if "grouping" in expression else ""
        result = self._connection.pgconn.prepare(b"", f"select {expression} from {source}{group}".encode())
        if result.status != pq.ExecStatus.COMMAND_OK:
            return ""
        name = self._connection.pgconn.describe_prepared(b"").fname(0)
        return name.decode() if name else ""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("conninfo")
    oracle = Oracle(arguments.parse_args().conninfo)
    lines = (GOLDEN / "statements.sql").read_text(encoding="utf-8").splitlines()
    texts = [line for line in lines if not line.startswith("-- ")]
    verdicts = [json.dumps([text, *oracle.verdict(text)], ensure_ascii=False) for text in texts]
    (GOLDEN / "verdicts.jsonl").write_text("\n".join(verdicts) + "\n", encoding="utf-8")
    names = [[expression, oracle.column_name(expression)] for expression in COLUMN_EXPRESSIONS]
    kept = [json.dumps(row) for row in names if row[1]]
    (GOLDEN / "column_names.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

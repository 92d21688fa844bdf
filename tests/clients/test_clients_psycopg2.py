"""psycopg2: simple queries, types of its own making, named cursors, COPY through files, notifications, two phases."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras
import pytest


@pytest.fixture
def connection(server: Any) -> Iterator[Any]:
    made = psycopg2.connect(server.dsn)
    yield made
    made.close()


def test_values_go_in_and_come_out(connection: Any) -> None:
    psycopg2.extras.register_uuid()
    values: list[Any] = [
        5, -(2**40), 1.5, decimal.Decimal("12.50"), "é'\\", True, None, datetime.date(2024, 2, 29),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678), datetime.timedelta(days=2, seconds=3), [1, 2, None], ["a", 'b"c'],
        uuid.UUID(int=7),
    ]  # fmt: skip
    with connection.cursor() as cursor:
        for value in values:
            cursor.execute("SELECT %s", (value,))
            assert cursor.fetchone() == (value,)
        cursor.execute("SELECT %s::bytea, %s::jsonb", (psycopg2.Binary(b"\x00\xff"), json.dumps({"a": [1]})))
        data, document = cursor.fetchone()
        assert bytes(data) == b"\x00\xff" and document == {"a": [1]}


def test_ranges_and_composites(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TYPE pg2_pair AS (a int, b text)")
        psycopg2.extras.register_composite("pg2_pair", cursor)
        cursor.execute("SELECT '(1,\"x y\")'::pg2_pair, int4range(1, 5)")
        pair, span = cursor.fetchone()
        assert (pair.a, pair.b) == (1, "x y")
        assert (span.lower, span.upper, span.upper_inc) == (1, 5, False)


def test_rows_by_name_and_many_at_once(connection: Any) -> None:
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b text)")
        rows = [(n, str(n)) for n in range(1000)]
        psycopg2.extras.execute_values(cursor, "INSERT INTO t VALUES %s", rows, page_size=300)
        psycopg2.extras.execute_batch(cursor, "UPDATE t SET b = %s WHERE a = %s", [("x", n) for n in range(10)])
        cursor.execute("SELECT b, count(*) AS n FROM t GROUP BY b HAVING count(*) > 1")
        assert cursor.fetchall() == [{"b": "x", "n": 10}]
        assert [column.name for column in cursor.description] == ["b", "n"]


def test_a_named_cursor(connection: Any) -> None:
    with connection.cursor("portions", scrollable=True) as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT i FROM generate_series(1, 50) i")
        assert sum(row[0] for row in cursor) == 1275
        cursor.scroll(-2)
        assert cursor.fetchone() == (50,)


def test_copy_through_files(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a int, b text)")
        cursor.copy_from(io.StringIO("1\tone\n2\t\\N\n"), "t")
        cursor.copy_expert("COPY t FROM STDIN (FORMAT csv)", io.StringIO('3,"x, y"\n'))
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM t ORDER BY a) TO STDOUT (FORMAT csv, HEADER)", out)
    assert out.getvalue() == 'a,b\n1,one\n2,\n3,"x, y"\n'


def test_errors_have_their_class_and_place(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a int CONSTRAINT one_a UNIQUE)")
        cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("SAVEPOINT s")
        with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
            cursor.execute("INSERT INTO t VALUES (1)")
        assert caught.value.diag.constraint_name == "one_a"
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("SELECT 1")
        cursor.execute("ROLLBACK TO s")
        with pytest.raises(psycopg2.errors.UndefinedColumn) as missing:
            cursor.execute("SELECT nothing FROM t")
        assert missing.value.diag.statement_position == "8"


def test_sessions_and_isolation(connection: Any) -> None:
    assert connection.server_version // 10000 == 15
    assert connection.get_parameter_status("standard_conforming_strings") == "on"
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True, autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("serializable",)
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("CREATE TABLE never (a int)")


def test_notifications(connection: Any) -> None:
    connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
    with connection.cursor() as cursor:
        cursor.execute("LISTEN pg2")
        cursor.execute("NOTIFY pg2, 'hello'")
    connection.poll()
    note = connection.notifies.pop()
    assert (note.channel, note.payload, note.pid) == ("pg2", "hello", connection.get_backend_pid())

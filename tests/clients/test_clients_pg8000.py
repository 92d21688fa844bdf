"""pg8000: a driver in pure Python, which speaks the extended protocol with types that the server infers."""

from __future__ import annotations

import datetime
import decimal
import io
import uuid
from collections.abc import Iterator
from typing import Any

import pg8000.dbapi
import pg8000.native
import pytest


@pytest.fixture
def connection(server: Any) -> Iterator[Any]:
    made = pg8000.native.Connection(server.user, host=server.host, port=server.port, database=server.database)
    yield made
    made.close()


def test_values_go_in_and_come_out(connection: Any) -> None:
    asked = [
        ("int", 5), ("bigint", -(2**40)), ("float8", 1.5), ("numeric", decimal.Decimal("12.50")), ("text", "é'\\"),
        ("boolean", True), ("date", datetime.date(2024, 2, 29)), ("bytea", b"\x00\xff"), ("uuid", uuid.UUID(int=7)),
        ("timestamp", datetime.datetime(2024, 1, 2, 3, 4, 5, 678)), ("int[]", [1, 2, None]), ("jsonb", {"a": [1]}),
        ("interval", datetime.timedelta(days=2, seconds=3)), ("text", None),
    ]  # fmt: skip
    for name, value in asked:
        given = '{"a": [1]}' if name == "jsonb" else value
        assert connection.run(f"SELECT CAST(:v AS {name})", v=given) == [[value]]


def test_columns_are_described(connection: Any) -> None:
    connection.run("SELECT 1::int2 AS a, 'x'::varchar(5) AS b")
    found = [(column["name"], column["type_oid"], column["type_modifier"]) for column in connection.columns]
    assert found == [("a", 21, -1), ("b", 1043, 9)]


def test_statements_are_prepared_once(connection: Any) -> None:
    connection.run("CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b text)")
    insert = connection.prepare("INSERT INTO t VALUES (:a, :b) RETURNING a * 2")
    assert [insert.run(a=n, b=str(n))[0][0] for n in range(50)] == [2 * n for n in range(50)]
    insert.close()
    assert connection.run("SELECT count(*), max(b) FROM t WHERE a < :limit", limit=20) == [[20, "9"]]


def test_a_transaction_that_fails(connection: Any) -> None:
    connection.run("START TRANSACTION")
    with pytest.raises(pg8000.native.DatabaseError) as caught:
        connection.run("SELECT 1 / 0")
    assert caught.value.args[0]["C"] == "22012"
    connection.run("ROLLBACK")
    assert connection.run("SELECT 1") == [[1]]


def test_copy_both_ways(connection: Any) -> None:
    connection.run("CREATE TEMPORARY TABLE t (a int, b text)")
    connection.run("COPY t FROM STDIN", stream=io.BytesIO(b"1\tone\n2\t\\N\n"))
    out = io.BytesIO()
    connection.run("COPY t TO STDOUT (FORMAT csv)", stream=out)
    assert out.getvalue() == b"1,one\n2,\n"


def test_the_standard_interface(server: Any) -> None:
    with pg8000.dbapi.connect(server.user, host=server.host, port=server.port, database=server.database) as made:
        cursor = made.cursor()
        cursor.execute("CREATE TEMPORARY TABLE t (a int)")
        cursor.executemany("INSERT INTO t VALUES (%s)", [(n,) for n in range(10)])
        cursor.execute("SELECT a FROM t WHERE a > %s ORDER BY a", (7,))
        assert cursor.fetchall() == ([8], [9])
        made.rollback()
        with pytest.raises(pg8000.dbapi.DatabaseError):
            cursor.execute("SELECT * FROM t")
        made.rollback()

"""psycopg 3 against the server: parameters, types, transactions, pipelines, errors."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest


@pytest.fixture
def connection(server: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn) as made:
        yield made
        made.rollback()


def test_the_server_says_what_it_is(connection: psycopg.Connection[Any]) -> None:
    info = connection.info
    assert 150000 <= info.server_version < 160000
    assert info.parameter_status("client_encoding") == "UTF8"
    assert info.parameter_status("integer_datetimes") == "on"
    assert info.parameter_status("standard_conforming_strings") == "on"


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("int2", -7),
        ("int4", 2**31 - 1),
        ("int8", -(2**63)),
        ("float8", 0.1),
        ("numeric", Decimal("12345678901234567890.123456789")),
        ("bool", True),
        ("text", "caf\u00e9 \U0001f600 'quoted' \\"),
        ("varchar", ""),
        ("bytea", bytes(range(256))),
        ("date", datetime.date(2024, 2, 29)),
        ("time", datetime.time(23, 59, 59, 999999)),
        ("timestamp", datetime.datetime(1999, 12, 31, 23, 59, 59, 123456)),
        ("timestamptz", datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.UTC)),
        ("interval", datetime.timedelta(days=-3, seconds=4, microseconds=5)),
        ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
        ("int4", None),
    ],
)
def test_values_come_back_as_they_went(
    connection: psycopg.Connection[Any], binary: bool, type_name: str, value: object
) -> None:
    mark = "%b" if binary else "%t"
    with connection.cursor(binary=binary) as cursor:
        cursor.execute(f"SELECT {mark}::{type_name}", (value,))
        assert cursor.fetchone() == (value,)


def test_a_block_commits_and_an_error_rolls_back(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)")
    try:
        with connection.transaction():
            connection.execute("INSERT INTO accounts VALUES (1, 100), (2, 0)")
        with pytest.raises(psycopg.errors.UniqueViolation) as caught, connection.transaction():
            connection.execute("UPDATE accounts SET balance = 0")
            connection.execute("INSERT INTO accounts VALUES (1, 1)")
        assert caught.value.diag.constraint_name == "accounts_pkey"
        assert caught.value.diag.message_detail == "Key (id)=(1) already exists."
        assert connection.execute("SELECT * FROM accounts ORDER BY id").fetchall() == [(1, 100), (2, 0)]
    finally:
        connection.execute("DROP TABLE accounts")


def test_many_rows_at_once(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE many (id int PRIMARY KEY, name text)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(number, f"n{number}") for number in range(1000)])
        cursor.execute("SELECT count(*), min(name), max(id) FROM many")
        assert cursor.fetchone() == (1000, "n0", 999)


def test_a_statement_run_often_is_prepared_and_gives_the_same(connection: psycopg.Connection[Any]) -> None:
    for number in range(20):
        assert connection.execute("SELECT %s + 1", (number,), prepare=number > 3).fetchone() == (number + 1,)


def test_a_pipeline(connection: psycopg.Connection[Any]) -> None:
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int * 2", (number,)) for number in range(50)]
    assert [cursor.fetchone() for cursor in cursors] == [(number * 2,) for number in range(50)]


def test_copy_in_and_out(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE copied (a int, b text)")
    rows = [(number, None if number % 3 == 0 else f"tab\t{number}\n\\") for number in range(100)]
    with connection.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        with cursor.copy("COPY copied TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            assert sorted(copy.rows()) == sorted(rows, key=lambda row: row[0])


def test_errors_have_their_classes_and_the_connection_goes_on(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT nothing")
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1 / %s", (0,))
    with pytest.raises(psycopg.errors.SyntaxError):
        connection.execute("SELEC 1")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_readers_do_not_see_what_is_not_committed(server: Any, connection: psycopg.Connection[Any]) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as other:
        other.execute("CREATE TABLE seen (a int)")
        try:
            connection.execute("INSERT INTO seen VALUES (1)")
            assert other.execute("SELECT count(*) FROM seen").fetchone() == (0,)
            connection.commit()
            assert other.execute("SELECT count(*) FROM seen").fetchone() == (1,)
        finally:
            connection.rollback()
            other.execute("DROP TABLE seen")


def test_definitions_are_bound_when_they_run_and_not_when_they_are_prepared(
    connection: psycopg.Connection[Any],
) -> None:
    for _ in range(2):
        with connection.pipeline():
            connection.execute("DROP TABLE IF EXISTS prepared_definition", prepare=True)
            connection.execute("CREATE TABLE prepared_definition (a int)", prepare=True)
            connection.execute("INSERT INTO prepared_definition VALUES (%s)", (7,), prepare=True)
        assert connection.execute("SELECT a FROM prepared_definition").fetchall() == [(7,)]
    with pytest.raises(psycopg.errors.DuplicateTable):
        connection.execute("CREATE TABLE prepared_definition (a int)", prepare=True)

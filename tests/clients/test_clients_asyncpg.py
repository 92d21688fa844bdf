"""asyncpg against the server: binary values, prepared statements, transactions, COPY, cursors."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest


@pytest.fixture
async def connection(server: Any) -> AsyncIterator[Any]:
    made = await asyncpg.connect(host=server.host, port=server.port, user=server.user, database=server.database)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("int2", 1),
        ("int4", -(2**31)),
        ("int8", 2**63 - 1),
        ("float4", 0.5),
        ("float8", -1e300),
        ("numeric", Decimal("-0.0001")),
        ("bool", False),
        ("text", "\u00fcber"),
        ("bytea", b"\x00\xff"),
        ("date", datetime.date(1, 1, 1)),
        ("timestamp", datetime.datetime(2038, 1, 19, 3, 14, 7)),
        ("timestamptz", datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)),
        ("interval", datetime.timedelta(days=1, microseconds=1)),
        ("uuid", uuid.UUID(int=7)),
        ("text", None),
    ],
)
async def test_values_come_back_as_they_went(connection: Any, type_name: str, value: object) -> None:
    assert await connection.fetchval(f"SELECT $1::{type_name}", value) == value


async def test_a_prepared_statement(connection: Any) -> None:
    statement = await connection.prepare("SELECT $1::int + $2::int AS total")
    assert [parameter.name for parameter in statement.get_parameters()] == ["int4", "int4"]
    assert [(column.name, column.type.name) for column in statement.get_attributes()] == [("total", "int4")]
    assert [await statement.fetchval(number, 1) for number in range(5)] == [1, 2, 3, 4, 5]


async def test_transactions_and_savepoints(connection: Any) -> None:
    await connection.execute("CREATE TABLE steps (a int PRIMARY KEY)")
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO steps VALUES (1)")
            with pytest.raises(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await connection.execute("INSERT INTO steps VALUES (2), (1)")
            await connection.execute("INSERT INTO steps VALUES (3)")
        assert [row["a"] for row in await connection.fetch("SELECT a FROM steps ORDER BY a")] == [1, 3]
    finally:
        await connection.execute("DROP TABLE steps")


async def test_many_rows_at_once(connection: Any) -> None:
    await connection.execute("CREATE TABLE many (a int, b text)")
    try:
        await connection.executemany("INSERT INTO many VALUES ($1, $2)", [(n, str(n)) for n in range(500)])
        assert await connection.fetchval("SELECT sum(a) FROM many") == sum(range(500))
    finally:
        await connection.execute("DROP TABLE many")


async def test_a_cursor_reads_a_little_at_a_time(connection: Any) -> None:
    async with connection.transaction():
        cursor = connection.cursor("SELECT g FROM generate_series(1, 100) AS g", prefetch=7)
        assert [row["g"] async for row in cursor] == list(range(1, 101))


async def test_copy(connection: Any) -> None:
    await connection.execute("CREATE TABLE copied (a int, b text)")
    try:
        rows = [(number, f"n{number}") for number in range(50)]
        assert await connection.copy_records_to_table("copied", records=rows) == "COPY 50"
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM copied ORDER BY a")] == rows
    finally:
        await connection.execute("DROP TABLE copied")


async def test_shapes_come_back_as_they_went(connection: Any) -> None:
    shapes = {
        "point": asyncpg.Point(1.5, -2),
        "line": asyncpg.Line(1, 2, 3),
        "lseg": asyncpg.LineSegment((1, 2), (3, 4)),
        "box": asyncpg.Box((3, 4), (1, 2)),
        "path": asyncpg.Path((1, 2), (3, 4), is_closed=False),
        "polygon": asyncpg.Polygon((0, 0), (1, 1), (2, 0)),
        "circle": asyncpg.Circle((1, 2), 3),
        "point[]": [asyncpg.Point(1, 2), None],
    }
    for type_name, shape in shapes.items():
        assert await connection.fetchval(f"SELECT $1::{type_name}", shape) == shape
    inside = "SELECT $1::point <@ $2::circle AND $1 <-> $3 = 5"
    assert await connection.fetchval(inside, asyncpg.Point(0, 0), asyncpg.Circle((1, 1), 2), asyncpg.Point(3, 4))


async def test_errors_have_their_classes(connection: Any) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await connection.fetch("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.fetch("SELECT 1 / $1::int", 0)
    assert await connection.fetchval("SELECT 1") == 1

"""asyncpg doing a day's work: a login by SCRAM over TLS, a file of orders, cursors, pools, cancelling, errors."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.clients.orders import TABLE, Order, as_csv, make_orders

ORDERS = 100_000


def address(server: Any) -> dict[str, Any]:
    return {"host": server.host, "port": server.port, "user": server.user, "database": server.database}


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return make_orders(ORDERS)


@pytest.fixture
async def connection(server: Any) -> AsyncIterator[Any]:
    made = await asyncpg.connect(**address(server))
    yield made
    await made.close()


@pytest.fixture
async def shop(connection: Any, orders: list[Order]) -> AsyncIterator[str]:
    """A table with the first thousand orders, sent as binary COPY."""
    await connection.execute(TABLE.format(name="shop"))
    await connection.copy_records_to_table("shop", records=orders[:1000], columns=Order._fields)
    yield "shop"
    await connection.execute("DROP TABLE shop")


async def test_scram_over_tls(secure_server: Any) -> None:
    trusting = ssl.create_default_context(cafile=str(secure_server.certificate))
    where = address(secure_server.server) | {"host": "localhost"}
    connection = await asyncpg.connect(**where, password=secure_server.password, ssl=trusting)
    try:
        values = (7, Decimal("0.5"), "é", [1, None, 3])
        row = await connection.fetchrow("SELECT $1::int8, $2::numeric, $3::text, $4::int[]", *values)
        assert tuple(row) == values
    finally:
        await connection.close()


async def test_a_file_of_orders_is_there_in_full(connection: Any, orders: list[Order]) -> None:
    await connection.execute(TABLE.format(name="filed"))
    try:
        file = io.BytesIO(as_csv(orders).encode())
        tag = await connection.copy_to_table("filed", source=file, format="csv", header=True)
        assert tag == f"COPY {ORDERS}"
        found = await connection.fetchrow("SELECT count(*), sum(amount), count(note), max(shipped) FROM filed")
        assert tuple(found) == (
            ORDERS,
            sum(order.amount for order in orders),
            sum(order.note is not None for order in orders),
            max(order.shipped for order in orders if order.shipped is not None),
        )
        rows = await connection.fetch("SELECT * FROM filed WHERE id >= $1 ORDER BY id LIMIT $2", 500, 1500)
        assert [tuple(row) for row in rows] == orders[500:2000]
    finally:
        await connection.execute("DROP TABLE filed")


async def test_binary_copy_out(connection: Any, shop: str, orders: list[Order]) -> None:
    file = io.BytesIO()
    assert await connection.copy_from_query(f"SELECT id, note FROM {shop}", output=file, format="binary") == "COPY 1000"
    data = file.getvalue()
    assert data.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\2\0\0\0\4")
    assert data.endswith(b"\xff\xff")
    await connection.execute("CREATE TABLE again (id int, note text)")
    try:
        await connection.copy_to_table("again", source=io.BytesIO(data), format="binary")
        rows = await connection.fetch("SELECT * FROM again ORDER BY id")
        assert [tuple(row) for row in rows] == [(order.id, order.note) for order in orders[:1000]]
    finally:
        await connection.execute("DROP TABLE again")


async def test_a_cursor_walks_forward(connection: Any, shop: str, orders: list[Order]) -> None:
    async with connection.transaction():
        cursor = await connection.cursor(f"SELECT id, amount FROM {shop} WHERE id >= $1 ORDER BY id", 10)
        assert await cursor.forward(90) == 90
        assert tuple(await cursor.fetchrow()) == (100, orders[100].amount)
        assert [row["id"] for row in await cursor.fetch(3)] == [101, 102, 103]


async def test_isolation_levels(server: Any, connection: Any, shop: str) -> None:
    other = await asyncpg.connect(**address(server))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            before = await connection.fetchval(f"SELECT count(*) FROM {shop}")
            await other.execute(f"DELETE FROM {shop} WHERE id < 100")
            assert await connection.fetchval(f"SELECT count(*) FROM {shop}") == before == 1000
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                async with connection.transaction():
                    await connection.execute(f"DELETE FROM {shop}")
        assert await connection.fetchval(f"SELECT count(*) FROM {shop}") == 900
    finally:
        await other.close()


async def test_write_skew_is_refused_under_serializable(server: Any, connection: Any) -> None:
    await connection.execute("CREATE TABLE on_call (name text PRIMARY KEY, here bool)")
    other = await asyncpg.connect(**address(server))
    try:
        await connection.execute("INSERT INTO on_call VALUES ('ann', true), ('bob', true)")

        async def leave(who: Any, name: str, ready: asyncio.Event, others: asyncio.Event) -> str:
            try:
                async with who.transaction(isolation="serializable"):
                    here = await who.fetchval("SELECT count(*) FROM on_call WHERE here")
                    ready.set()
                    await others.wait()
                    assert here == 2
                    await who.execute("UPDATE on_call SET here = false WHERE name = $1", name)
            except asyncpg.SerializationError:
                return "refused"
            return "left"

        first, second = asyncio.Event(), asyncio.Event()
        outcomes = await asyncio.gather(leave(connection, "ann", first, second), leave(other, "bob", second, first))
        assert sorted(outcomes) == ["left", "refused"]
        assert await connection.fetchval("SELECT count(*) FROM on_call WHERE here") == 1
    finally:
        await other.close()
        await connection.execute("DROP TABLE on_call")


@pytest.mark.parametrize(
    "statement", ["SELECT pg_sleep(60)", "SELECT count(*) FROM generate_series(1, 10000000000) AS g WHERE g % 3 = 1"]
)
async def test_a_timeout_cancels_the_statement(connection: Any, statement: str) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch(statement, timeout=0.3)
    assert await connection.fetchval("SELECT 1") == 1


async def test_a_pool_hands_out_clean_sessions(server: Any) -> None:
    async with asyncpg.create_pool(**address(server), min_size=1, max_size=3) as pool:
        async with pool.acquire() as first:
            await first.execute("SET application_name = 'left behind'")
            await first.execute("CREATE TABLE pooled (n int)")

        async def add(number: int) -> str:
            async with pool.acquire() as session, session.transaction():
                await session.execute("INSERT INTO pooled VALUES ($1)", number)
                name: str = await session.fetchval("SHOW application_name")
                return name

        names = await asyncio.gather(*(add(number) for number in range(30)))
        async with pool.acquire() as last:
            assert await last.fetchval("SELECT sum(n) FROM pooled") == sum(range(30))
            await last.execute("DROP TABLE pooled")
        assert "left behind" not in names


async def test_a_table_that_changes_under_a_prepared_statement(connection: Any) -> None:
    await connection.execute("CREATE TABLE changing (a int)")
    try:
        await connection.execute("INSERT INTO changing VALUES (1)")
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM changing")] == [(1,)]
        await connection.execute("ALTER TABLE changing ADD COLUMN b text DEFAULT 'new'")
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM changing")] == [(1, "new")]
    finally:
        await connection.execute("DROP TABLE changing")


@pytest.mark.parametrize(
    ("statement", "arguments", "error", "fields"),
    [
        (
            "INSERT INTO shop SELECT * FROM shop WHERE id = $1",
            (3,),
            asyncpg.UniqueViolationError,
            {"constraint_name": "shop_pkey", "detail": "Key (id)=(3) already exists.", "schema_name": "public"},
        ),
        (
            "UPDATE shop SET customer = NULL WHERE id = $1",
            (3,),
            asyncpg.NotNullViolationError,
            {"column_name": "customer", "table_name": "shop"},
        ),
        ("SELECT $1::text::int", ("no",), asyncpg.InvalidTextRepresentationError, {"severity": "ERROR"}),
        ("SELECT ammount FROM shop", (), asyncpg.UndefinedColumnError, {"position": "8"}),
        ("SELECT 1 WHERE $1", (True, 2), asyncpg.InterfaceError, {}),
    ],
)
async def test_error_fields(
    connection: Any,
    shop: str,
    statement: str,
    arguments: tuple[Any, ...],
    error: type[Exception],
    fields: dict[str, str],
) -> None:
    with pytest.raises(error) as caught:
        await connection.fetch(statement, *arguments)
    assert {name: getattr(caught.value, name) for name in fields} == fields


async def test_user_types_are_learnt_from_the_catalog(connection: Any) -> None:
    await connection.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    try:
        assert await connection.fetchval("SELECT $1::mood", "glad") == "glad"
        assert await connection.fetchval("SELECT ARRAY['sad', 'glad']::mood[]") == ["sad", "glad"]
    finally:
        await connection.execute("DROP TYPE mood")

"""psycopg 3 doing a day's work: a login by SCRAM over TLS, a file of orders, cursors, pipelines, cancelling, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.clients.orders import TABLE, Order, as_csv, make_orders, read_csv

ORDERS = 100_000


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return make_orders(ORDERS)


@pytest.fixture(scope="module")
def shop(server: Any, orders: list[Order]) -> str:
    """The name of a table with all orders, copied in from CSV."""
    with psycopg.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE.format(name="shop"))
        with cursor.copy("COPY shop FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(as_csv(orders))
        assert cursor.statusmessage == f"COPY {ORDERS}"
    return "shop"


@pytest.fixture
def connection(server: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn) as made:
        yield made
        made.rollback()


def test_scram_over_tls_proves_server_and_user(secure_server: Any) -> None:
    server = secure_server.server
    with psycopg.connect(
        f"{server.dsn} sslmode=verify-full sslrootcert={secure_server.certificate} channel_binding=require",
        password=secure_server.password,
    ) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.pgconn.used_password
        for binary in (False, True):
            mark = "%b" if binary else "%t"
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(f"SELECT {mark}::numeric, {mark}::text, {mark}::bytea", (Decimal("1.5"), "é", b"\0"))
                assert cursor.fetchone() == (Decimal("1.5"), "é", b"\0")


def test_a_file_of_orders_is_there_in_full(connection: psycopg.Connection[Any], shop: str, orders: list[Order]) -> None:
    found = connection.execute(
        "SELECT count(*), sum(amount), min(placed), max(shipped), count(note), count(*) FILTER (WHERE note = ''), "
        "count(*) FILTER (WHERE paid), count(DISTINCT customer) FROM shop"
    ).fetchone()
    notes = [order.note for order in orders if order.note is not None]
    assert found == (
        ORDERS,
        sum(order.amount for order in orders),
        min(order.placed for order in orders),
        max(order.shipped for order in orders if order.shipped is not None),
        len(notes),
        notes.count(""),
        sum(order.paid for order in orders),
        len({order.customer for order in orders}),
    )


def test_rows_come_back_as_they_were_written(
    connection: psycopg.Connection[Any], shop: str, orders: list[Order]
) -> None:
    with connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT * FROM shop WHERE id < %s ORDER BY id", (2000,))
        assert cursor.fetchall() == orders[:2000]


def test_the_file_comes_out_again(connection: psycopg.Connection[Any], shop: str, orders: list[Order]) -> None:
    statement = "COPY (SELECT * FROM shop WHERE id < 20000 ORDER BY id) TO STDOUT (FORMAT csv, FORCE_QUOTE *, HEADER)"
    connection.execute("SET TIME ZONE 'UTC'")
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        text = b"".join(copy).decode()
    head, *rows = read_csv(text)
    assert head == list(Order._fields)
    assert [(int(row[0]), row[1], row[7]) for row in rows] == [
        (order.id, order.customer, order.note or "") for order in orders[:20000]
    ]
    assert [Decimal(row[4]) for row in rows] == [order.amount for order in orders[:20000]]


def test_binary_copy_both_ways(connection: psycopg.Connection[Any], orders: list[Order]) -> None:
    connection.execute(TABLE.format(name="binary_orders"))
    types = ["int4", "text", "date", "timestamptz", "numeric", "float8", "bool", "text"]
    with connection.cursor() as cursor:
        with cursor.copy("COPY binary_orders FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(types)
            for order in orders[:1000]:
                copy.write_row(order)
        assert cursor.rowcount == 1000
        with cursor.copy("COPY binary_orders TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(types)
            assert sorted(copy.rows()) == orders[:1000]


def test_a_copy_with_a_broken_line_writes_nothing(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE broken (a int PRIMARY KEY, b date)")
    try:
        with (
            pytest.raises(psycopg.errors.InvalidDatetimeFormat) as caught,
            connection.cursor() as cursor,
            cursor.copy("COPY broken FROM STDIN (FORMAT csv)") as copy,
        ):
            copy.write("1,2024-01-01\n2,yesterdayish\n3,2024-01-03\n")
        assert caught.value.diag.context == 'COPY broken, line 2, column b: "yesterdayish"'
        with (
            pytest.raises(psycopg.errors.BadCopyFileFormat) as caught_format,
            connection.cursor() as cursor,
            cursor.copy("COPY broken FROM STDIN (FORMAT csv)") as copy,
        ):
            copy.write("1,2024-01-01,surplus\n")
        assert caught_format.value.diag.message_primary == "extra data after last expected column"
        assert connection.execute("SELECT count(*) FROM broken").fetchone() == (0,)
    finally:
        connection.execute("DROP TABLE broken")


def test_a_client_that_gives_up_a_copy_leaves_nothing(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE given_up (a int)")
    try:
        with (
            pytest.raises(ZeroDivisionError),
            connection.cursor() as cursor,
            cursor.copy("COPY given_up FROM STDIN") as copy,
        ):
            copy.write("1\n2\n")
            raise ZeroDivisionError
        assert connection.execute("SELECT count(*) FROM given_up").fetchone() == (0,)
    finally:
        connection.execute("DROP TABLE given_up")


def test_a_server_side_cursor_brings_rows_in_portions(
    connection: psycopg.Connection[Any], shop: str, orders: list[Order]
) -> None:
    with connection.cursor("walk") as cursor:
        cursor.itersize = 700
        cursor.execute("SELECT id, note FROM shop WHERE id < %s ORDER BY id", (5000,))
        assert list(cursor) == [(order.id, order.note) for order in orders[:5000]]


def test_a_scrollable_cursor_moves_both_ways(connection: psycopg.Connection[Any], shop: str) -> None:
    with connection.cursor("scroll", scrollable=True) as cursor:
        cursor.execute("SELECT id FROM shop WHERE id < 100 ORDER BY id")
        cursor.scroll(50)
        assert cursor.fetchone() == (50,)
        cursor.scroll(-11)
        assert cursor.fetchmany(2) == [(40,), (41,)]
        cursor.scroll(0, mode="absolute")
        assert cursor.fetchone() == (0,)


def test_a_cursor_with_hold_outlives_its_transaction(connection: psycopg.Connection[Any], shop: str) -> None:
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM shop WHERE id < 10 ORDER BY id")
        assert cursor.fetchone() == (0,)
        connection.commit()
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]


def test_an_error_in_a_pipeline_skips_to_the_next_sync(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE piped (a int PRIMARY KEY)")
    try:
        with connection.pipeline() as pipeline:
            for number in range(10):
                connection.execute("INSERT INTO piped VALUES (%s)", (number,))
            pipeline.sync()
            connection.execute("INSERT INTO piped VALUES (100)")
            connection.execute("INSERT INTO piped VALUES (5)")
            skipped = connection.execute("INSERT INTO piped VALUES (101)")
            with pytest.raises(psycopg.errors.UniqueViolation):
                pipeline.sync()
            assert skipped.pgresult is None or skipped.pgresult.status == psycopg.pq.ExecStatus.PIPELINE_ABORTED
            after = connection.execute("SELECT count(*), max(a) FROM piped")
        assert after.fetchone() == (10, 9)
    finally:
        connection.execute("DROP TABLE piped")


def test_many_parameter_sets_return_their_rows(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE returned (id int GENERATED ALWAYS AS IDENTITY, name text)")
    with connection.cursor() as cursor:
        names = [(f"n{number}",) for number in range(200)]
        cursor.executemany("INSERT INTO returned (name) VALUES (%s) RETURNING id, name", names, returning=True)
        found = []
        while True:
            found.append(cursor.fetchone())
            if not cursor.nextset():
                break
    assert found == [(number + 1, f"n{number}") for number in range(200)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(60)",
        "SELECT count(*) FROM generate_series(1, 10000000000) AS g WHERE g % 3 = 1",
        "SELECT count(*) FROM shop AS a CROSS JOIN shop AS b WHERE a.amount < b.amount",
    ],
)
def test_a_running_statement_is_cancelled(connection: psycopg.Connection[Any], shop: str, statement: str) -> None:
    timer = threading.Timer(0.3, connection.cancel_safe)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled, match="canceling statement due to user request"):
        connection.execute(statement)
    timer.join()
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM shop").fetchone() == (ORDERS,)


def test_a_statement_ends_at_its_timeout(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET statement_timeout = '100ms'")
    with pytest.raises(psycopg.errors.QueryCanceled, match="canceling statement due to statement timeout"):
        connection.execute("SELECT pg_sleep(60)")


def test_a_writer_that_comes_late_may_try_again(server: Any, connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE contended (id int PRIMARY KEY, n int)")
    connection.execute("INSERT INTO contended VALUES (1, 0)")
    connection.autocommit = False
    try:
        with psycopg.connect(server.dsn, autocommit=True) as other:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            assert connection.execute("SELECT n FROM contended").fetchone() == (0,)
            other.execute("UPDATE contended SET n = 5")
            with pytest.raises(psycopg.errors.SerializationFailure, match="could not serialize access"):
                connection.execute("UPDATE contended SET n = n + 1")
            connection.rollback()
            connection.execute("UPDATE contended SET n = n + 1")
            connection.commit()
            assert other.execute("SELECT n FROM contended").fetchone() == (6,)
    finally:
        connection.rollback()
        connection.execute("DROP TABLE contended")
        connection.commit()


CONSTRAINTS = """
    CREATE TABLE parts (id int PRIMARY KEY, name text NOT NULL, size int CONSTRAINT size_fits CHECK (size < 100));
    CREATE TABLE uses (part int REFERENCES parts (id), code varchar(3));
    INSERT INTO parts VALUES (1, 'bolt', 5);
    CREATE DOMAIN positive AS int CONSTRAINT above_zero CHECK (VALUE > 0);
    CREATE TYPE shade AS ENUM ('light', 'dark');
"""


@pytest.mark.parametrize(
    ("statement", "state", "fields"),
    [
        (
            "INSERT INTO parts VALUES (1, 'nut', 1)",
            "23505",
            {
                "message_primary": 'duplicate key value violates unique constraint "parts_pkey"',
                "message_detail": "Key (id)=(1) already exists.",
                "schema_name": "public",
                "table_name": "parts",
                "constraint_name": "parts_pkey",
            },
        ),
        (
            "INSERT INTO parts (id) VALUES (2)",
            "23502",
            {
                "message_primary": 'null value in column "name" of relation "parts" violates not-null constraint',
                "message_detail": "Failing row contains (2, null, null).",
                "table_name": "parts",
                "column_name": "name",
            },
        ),
        (
            "INSERT INTO parts VALUES (2, 'beam', 500)",
            "23514",
            {
                "message_primary": 'new row for relation "parts" violates check constraint "size_fits"',
                "message_detail": "Failing row contains (2, beam, 500).",
                "constraint_name": "size_fits",
            },
        ),
        (
            "SELECT 0::positive",
            "23514",
            {"schema_name": "public", "datatype_name": "positive", "constraint_name": "above_zero"},
        ),
        (
            "INSERT INTO uses VALUES (9)",
            "23503",
            {
                "message_primary": 'insert or update on table "uses" violates foreign key constraint "uses_part_fkey"',
                "message_detail": 'Key (part)=(9) is not present in table "parts".',
                "constraint_name": "uses_part_fkey",
            },
        ),
        (
            "INSERT INTO uses VALUES (1, 'four')",
            "22001",
            {"message_primary": "value too long for type character varying(3)"},
        ),
        (
            "SELECT nam FROM parts",
            "42703",
            {
                "message_primary": 'column "nam" does not exist',
                "message_hint": 'Perhaps you meant to reference the column "parts.name".',
                "statement_position": "8",
            },
        ),
        ("SELECT lower(1, 2)", "42883", {"message_primary": "function lower(integer, integer) does not exist"}),
        (
            "SELECT 'é', FROM parts",
            "42601",
            {"message_primary": 'syntax error at or near "FROM"', "statement_position": "13"},
        ),
        ("SELECT 'ééé', nowhere.a", "42P01", {"statement_position": "15"}),
        ("SELECT * FROM parts ORDER BY 7", "42P10", {"message_primary": "ORDER BY position 7 is not in select list"}),
        ("SELECT 2147483647 + 1", "22003", {"message_primary": "integer out of range"}),
    ],
)
def test_error_fields(connection: psycopg.Connection[Any], statement: str, state: str, fields: dict[str, str]) -> None:
    connection.execute(CONSTRAINTS)
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
    assert caught.value.sqlstate == state
    diagnosis = caught.value.diag
    assert (diagnosis.severity, diagnosis.severity_nonlocalized) == ("ERROR", "ERROR")
    assert {name: getattr(diagnosis, name) for name in fields} == fields


def test_notices_reach_the_client(connection: psycopg.Connection[Any]) -> None:
    heard: list[tuple[str | None, str | None, str | None]] = []
    connection.add_notice_handler(lambda each: heard.append((each.severity, each.sqlstate, each.message_primary)))
    connection.execute("DROP TABLE IF EXISTS never_made")
    connection.execute("BEGIN")
    assert heard == [
        ("NOTICE", "00000", 'table "never_made" does not exist, skipping'),
        ("WARNING", "25001", "there is already a transaction in progress"),
    ]


def test_a_listener_hears_what_is_committed(server: Any, connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("LISTEN news")
    with psycopg.connect(server.dsn) as other:
        other.execute("SELECT pg_notify('news', 'first')")
        other.commit()
        other.execute("NOTIFY news, 'never'")
        other.rollback()
        other.execute("NOTIFY news, 'second'")
        other.commit()
    heard = [each.payload for each in connection.notifies(timeout=20, stop_after=2)]
    assert heard == ["first", "second"]


def test_a_wait_for_a_lock_ends_at_its_timeout(server: Any, connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute("CREATE TABLE locked (a int PRIMARY KEY)")
    try:
        connection.execute("INSERT INTO locked VALUES (1)")
        with psycopg.connect(server.dsn) as other:
            other.execute("DELETE FROM locked")
            connection.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable, match="canceling statement due to lock timeout"):
                connection.execute("UPDATE locked SET a = 2")
            other.rollback()
        assert connection.execute("UPDATE locked SET a = 2").rowcount == 1
    finally:
        connection.execute("DROP TABLE locked")


def test_a_session_that_idles_in_a_transaction_is_ended(server: Any) -> None:
    with psycopg.connect(server.dsn) as idle:
        idle.execute("SET idle_in_transaction_session_timeout = '100ms'")
        threading.Event().wait(1)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            idle.execute("SELECT 1")


def test_columns_are_described_with_their_sizes(connection: psycopg.Connection[Any]) -> None:
    connection.execute(CONSTRAINTS)
    found = connection.execute("SELECT 1::positive, 'dark'::shade, ARRAY['dark'::shade], 'x'::name, 'x'").description
    assert found is not None
    assert [column.internal_size for column in found] == [4, 4, None, 64, None]

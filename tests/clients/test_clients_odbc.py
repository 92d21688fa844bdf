"""psqlODBC through pyodbc: values, parameters, the catalog functions of ODBC, transactions, savepoints by statement."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.programs import odbc_driver

pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError, reason="unixODBC is not installed (make clients does so)")


@pytest.fixture(params=["", "UseDeclareFetch=1;Fetch=7;", "UseServerSidePrepare=0;Protocol=7.4-1;"])
def connection(server: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A connection in each of the driver's ways to work: server-side prepare, cursors, simple queries."""
    driver = odbc_driver()
    if driver is None:
        pytest.skip("psqlODBC is not installed on this machine (package odbc-postgresql; make clients installs it)")
    address = f"Server={server.host};Port={server.port};Database={server.database};Uid={server.user};"
    made = pyodbc.connect(f"Driver={driver};{address}{request.param}")
    yield made
    made.close()


def test_values_go_in_and_come_out(connection: Any) -> None:
    cursor = connection.cursor()
    values: list[tuple[str, Any]] = [
        ("int", 5), ("bigint", -(2**40)), ("float8", 1.5), ("numeric(10,2)", decimal.Decimal("12.50")),
        ("text", "é'\\"),
        ("date", datetime.date(2024, 2, 29)), ("timestamp", datetime.datetime(2024, 1, 2, 3, 4, 5, 678000)),
        ("bytea", b"\x00\xff"), ("text", None),
    ]  # fmt: skip
    for name, value in values:
        assert cursor.execute(f"SELECT CAST(? AS {name})", value).fetchone()[0] == value


def test_tables_columns_and_keys(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS odbc_lines, odbc_goods")
    cursor.execute("CREATE TABLE odbc_goods (id int PRIMARY KEY, name varchar(20) NOT NULL, price numeric(8,2))")
    cursor.execute("CREATE TABLE odbc_lines (good int REFERENCES odbc_goods, pieces smallint DEFAULT 1)")
    cursor.execute("CREATE INDEX odbc_name ON odbc_goods (name)")
    connection.commit()
    tables = [row.table_name for row in cursor.tables(table="odbc%", tableType="TABLE")]
    assert tables == ["odbc_goods", "odbc_lines"]
    columns = [(row.column_name, row.type_name, row.column_size, row.nullable) for row in cursor.columns("odbc_goods")]
    assert columns == [("id", "int4", 10, 0), ("name", "varchar", 20, 0), ("price", "numeric", 8, 1)]
    assert [row.column_name for row in cursor.primaryKeys("odbc_goods")] == ["id"]
    keys = [(row.pktable_name, row.fkcolumn_name) for row in cursor.foreignKeys(foreignTable="odbc_lines")]
    assert keys == [("odbc_goods", "good")]
    indexes = {row.index_name for row in cursor.statistics("odbc_goods")} - {None}
    assert indexes == {"odbc_goods_pkey", "odbc_name"}
    assert len(cursor.getTypeInfo().fetchall()) > 10


def test_rows_in_and_out(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b text)")
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [(n, str(n)) for n in range(50)])
    assert cursor.execute("UPDATE t SET b = ? WHERE a < ?", "x", 10).rowcount == 10
    rows = cursor.execute("SELECT a, b FROM t WHERE b <> ? ORDER BY a", "x").fetchall()
    assert [tuple(row) for row in rows[:2]] == [(10, "10"), (11, "11")] and len(rows) == 40
    assert [(column[0], column[1]) for column in cursor.description] == [("a", int), ("b", str)]


def test_transactions_and_errors(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE t (a int UNIQUE)")
    connection.commit()
    cursor.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(pyodbc.IntegrityError) as caught:
        cursor.execute("INSERT INTO t VALUES (1)")
    assert caught.value.args[0] == "23505"
    connection.rollback()
    assert cursor.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    with pytest.raises(pyodbc.ProgrammingError) as missing:
        cursor.execute("SELECT * FROM nothing_here")
    assert missing.value.args[0] == "42P01"

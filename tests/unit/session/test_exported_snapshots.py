"""Do transactions that take over a snapshot see what its exporter sees?"""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql.session.database import Database


def value(session: Any, sql: str) -> Any:
    found = None
    for step in session.simple_query(sql):
        if isinstance(step, list):
            found = step[0][0]
    return found


@pytest.fixture
def database() -> Database:
    clock = SimulatedClock()
    made = Database.open(MemoryStore(clock), clock, SeededRandomness(1))
    value(made.connect("admin"), "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    return made


@pytest.fixture
def exporter(database: Database) -> Any:
    session = database.connect("admin")
    value(session, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    return session


def test_the_rows_of_the_snapshot_are_seen(database: Database, exporter: Any) -> None:
    name = value(exporter, "SELECT pg_export_snapshot()")
    other = database.connect("admin")
    value(other, "INSERT INTO t VALUES (2)")
    value(other, f"BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{name}'")
    assert value(other, "SELECT count(*) FROM t") == 1
    value(other, "COMMIT")
    assert value(other, "SELECT count(*) FROM t") == 2


@pytest.mark.parametrize(
    ("modes", "before", "code"),
    [
        ("READ COMMITTED", "", "0A000"),
        ("SERIALIZABLE", "", "0A000"),
        ("REPEATABLE READ", "SELECT 1", "25001"),
    ],
)
def test_what_cannot_take_over_a_snapshot(
    database: Database, exporter: Any, modes: str, before: str, code: str
) -> None:
    name = value(exporter, "SELECT pg_export_snapshot()")
    other = database.connect("admin")
    value(other, f"BEGIN ISOLATION LEVEL {modes}")
    value(other, before)
    with pytest.raises(DatacaveError) as caught:
        value(other, f"SET TRANSACTION SNAPSHOT '{name}'")
    assert caught.value.sqlstate == code


def test_a_snapshot_ends_with_its_transaction(database: Database, exporter: Any) -> None:
    name = value(exporter, "SELECT pg_export_snapshot()")
    value(exporter, "COMMIT")
    value(exporter, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(DatacaveError) as caught:
        value(exporter, f"SET TRANSACTION SNAPSHOT '{name}'")
    assert caught.value.sqlstate == "22023"

"""Do plans over system catalogs outlive changes of tables, and answer as plans made anew would?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database, Session
from datacave_sql.session.compiled import CompiledQuery


@pytest.fixture
def database() -> Database:
    clock = SimulatedClock()
    return Database.open(MemoryStore(clock), clock, SeededRandomness(1))


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    one = database.connect("admin")
    yield one
    one.close()


def rows(session: Session, sql: str) -> list[tuple[object, ...]]:
    return [row for step in session.simple_query(sql) if isinstance(step, list) for row in step]


def plan(session: Session, sql: str) -> CompiledQuery:
    rows(session, sql)
    found = session.compiler.cached(sql)
    assert found is not None
    assert isinstance(found[0], CompiledQuery)
    return found[0]


NAMES = "SELECT c.relname, c.oid::regclass::text, t.oid::regtype::text, format_type(t.oid, -1) FROM pg_class c JOIN"
NAMES += " pg_type t ON t.oid = c.reltype WHERE c.relkind = 'r' AND c.oid >= 16384 ORDER BY 1"


def test_a_query_of_the_catalogs_is_planned_once_and_sees_what_is_new(session: Session) -> None:
    rows(session, "CREATE TABLE a (x int)")
    first = plan(session, NAMES)
    assert rows(session, NAMES) == [("a", "a", "a", "a")]
    rows(session, "CREATE TABLE b (x int, y text)")
    assert rows(session, NAMES) == [("a", "a", "a", "a"), ("b", "b", "b", "b")]
    rows(session, "CREATE VIEW v AS SELECT * FROM b; ALTER TABLE a RENAME TO z; DROP VIEW v")
    assert rows(session, NAMES) == [("b", "b", "b", "b"), ("z", "z", "z", "z")]
    assert plan(session, NAMES).operator is first.operator
    rows(session, "BEGIN; CREATE TABLE own (x int)")
    assert ("own", "own", "own", "own") in rows(session, NAMES)
    rows(session, "ROLLBACK")
    assert plan(session, NAMES).operator is first.operator


@pytest.mark.parametrize(
    "change",
    [
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE mood AS ENUM ('ok')",
        "CREATE SCHEMA other",
        "CREATE ROLE somebody",
        "REVOKE SELECT ON pg_class FROM PUBLIC",
        "CREATE TEMP TABLE pg_class (relname text)",
    ],
)
def test_what_could_mean_something_else_is_planned_anew(session: Session, change: str) -> None:
    query = "SELECT relname FROM pg_class WHERE relname = 'pg_class'"
    first = plan(session, query)
    rows(session, change)
    assert plan(session, query).operator is not first.operator


def test_a_temporary_table_hides_the_catalog_of_its_name(session: Session) -> None:
    query = "SELECT count(*) FROM pg_class"
    assert rows(session, query) != [(0,)]
    rows(session, "CREATE TEMP TABLE pg_class (relname text)")
    assert rows(session, query) == [(0,)]
    rows(session, "DROP TABLE pg_temp.pg_class")
    assert rows(session, query) != [(0,)]


def test_an_oid_that_the_text_names_is_the_present_one(session: Session) -> None:
    query = "SELECT relname, oid = 'a'::regclass FROM pg_class WHERE oid = 'a'::regclass"
    rows(session, "CREATE TABLE a (x int)")
    assert rows(session, query) == [("a", True)]
    rows(session, "DROP TABLE a; CREATE TABLE a (x int)")
    assert rows(session, query) == [("a", True)]
    disguised = "SELECT relname FROM pg_class WHERE oid = e'\\x61'::regclass"
    assert rows(session, disguised) == [("a",)]
    rows(session, "DROP TABLE a; CREATE TABLE a (x int)")
    assert rows(session, disguised) == [("a",)]


def test_views_over_the_catalogs_are_followed(session: Session) -> None:
    query = "SELECT * FROM outer_view ORDER BY 1 LIMIT 1"
    rows(session, "CREATE VIEW inner_view AS SELECT 1 AS n FROM pg_class LIMIT 1")
    rows(session, "CREATE VIEW outer_view AS SELECT n FROM inner_view")
    assert rows(session, query) == [(1,)]
    rows(session, "CREATE OR REPLACE VIEW inner_view AS SELECT 2 AS n FROM pg_class LIMIT 1")
    assert rows(session, query) == [(2,)]


def test_prepared_statements_of_the_catalogs_keep_their_plans(session: Session) -> None:
    rows(session, "PREPARE of_name AS SELECT oid::regclass::text FROM pg_class WHERE relname = $1")
    assert rows(session, "EXECUTE of_name('fresh')") == []
    rows(session, "CREATE TABLE fresh (x int)")
    assert rows(session, "EXECUTE of_name('fresh')") == [("fresh",)]

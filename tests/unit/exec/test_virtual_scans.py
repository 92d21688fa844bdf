"""Which patterns fit one text only, and do scans of the catalogs give the same rows whether they look up or not?"""

from __future__ import annotations

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database
from datacave_sql.plan.virtual_scans import only_like_match, only_regex_match


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^(orders)$", ["orders"]),
        ("^orders$", ["orders"]),
        ("^(my table-1)$", ["my table-1"]),
        (r"^(a\$b\.c)$", ["a$b.c"]),
        ("^(größe)$", ["größe"]),
        ("^(a|b)$", None),
        ("^(a.*)$", None),
        ("^(a.b)$", None),
        (r"^(a\d)$", None),
        ("orders", None),
        ("^(orders)", None),
        ("^(orders$", None),
        ("^orders)$", None),
        ("^(a$b)$", None),
        ("^()$", None),
        (None, []),
    ],
)
def test_a_regular_expression_for_one_name(pattern: str | None, expected: list[str] | None) -> None:
    assert only_regex_match(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("orders", ["orders"]),
        (r"my\_table", ["my_table"]),
        (r"a\\b\%", [r"a\b%"]),
        ("", [""]),
        ("a%", None),
        ("my_table", None),
        ("a\\", None),
        (None, []),
    ],
)
def test_a_like_pattern_for_one_name(pattern: str | None, expected: list[str] | None) -> None:
    assert only_like_match(pattern) == expected


@pytest.mark.parametrize(
    "wanted",
    [
        "relname ~ '^(t1)$'",
        "relname LIKE 't1'",
        "relname ~ '^(t1|t2)$'",
        "relname ~ 't1'",
        "relname LIKE E't1\\\\_2'",
        "relname ~ NULL",
    ],
)
def test_patterns_find_what_a_filter_finds(wanted: str) -> None:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")

    def rows(sql: str) -> list[tuple[object, ...]]:
        return [row for step in session.simple_query(sql) if isinstance(step, list) for row in step]

    rows(
        "CREATE TABLE t1 (a int PRIMARY KEY); CREATE TABLE t2 (a int); CREATE TABLE t1_2 (a int);"
        "CREATE VIEW t12 AS SELECT 1"
    )
    query = "SELECT relname, relkind FROM pg_class WHERE {} ORDER BY 1"
    assert rows(query.format(wanted)) == rows(query.format(wanted.replace("relname", "(relname || '')")))
    session.close()


@pytest.mark.parametrize("condition", ["c.relname ~ '^t'", "c.relname = 't1'", "c.oid = 't2'::regclass", "true"])
@pytest.mark.parametrize("kind", ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
def test_joins_that_find_rows_give_what_others_give(kind: str, condition: str) -> None:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")

    def rows(sql: str) -> list[tuple[object, ...]]:
        return [row for step in session.simple_query(sql) if isinstance(step, list) for row in step]

    rows("CREATE TABLE t1 (a int PRIMARY KEY, b text DEFAULT 'x')")
    rows("CREATE TABLE t2 (c int PRIMARY KEY, d int REFERENCES t1); COMMENT ON COLUMN t2.d IS 'text'")
    query = f"""
        SELECT c.relname, a.attname, t.typname, d.adnum, p.description, n.nspname FROM pg_class c
        {kind} pg_attribute a ON a.attrelid = c.oid {kind} pg_type t ON t.oid = a.atttypid
        {kind} pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        {kind} pg_description p ON p.objoid = c.oid AND p.objsubid = a.attnum
        {kind} pg_namespace n ON n.oid = c.relnamespace WHERE {condition}
    """
    # Keys that are computed find no rows.
    others = query.replace("= c.oid", "= (c.oid::int8 + 0)").replace("= a.attrelid", "= (a.attrelid::int8 + 0)")
    others = others.replace("t.oid = a", "t.oid::int8 + 0 = a").replace("n.oid = c", "n.oid::int8 + 0 = c")
    assert sorted(rows(query), key=repr) == sorted(rows(others), key=repr)
    assert kind != "LEFT JOIN" or rows(query)
    session.close()


@pytest.mark.parametrize(("relation", "column"), [("pg_type", "oid"), ("pg_index", "indexrelid"), ("pg_class", "oid")])
def test_every_row_is_found_by_its_oid(relation: str, column: str) -> None:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")

    def rows(sql: str) -> list[tuple[object, ...]]:
        return [row for step in session.simple_query(sql) if isinstance(step, list) for row in step]

    rows("CREATE TABLE t1 (a int PRIMARY KEY, b text UNIQUE); CREATE TYPE mood AS ENUM ('x'); CREATE SEQUENCE s")
    rows("CREATE TYPE pair AS (a int); CREATE DOMAIN few AS int; CREATE VIEW v AS SELECT 1 AS one")
    rows("CREATE TYPE span AS RANGE (subtype = int)")
    expected = sorted(rows(f"SELECT * FROM {relation}"), key=repr)
    oids = [row[0] for row in rows(f"SELECT {column} FROM {relation}")]
    found = [row for oid in oids for row in rows(f"SELECT * FROM {relation} WHERE {column} = {oid}")]
    assert sorted(found, key=repr) == expected
    session.close()

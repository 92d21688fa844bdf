"""Does every system relation of PostgreSQL 15 exist, with rows that fit its columns, in text and in binary?"""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.errors import FeatureNotSupported
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.types import find_type
from datacave_core.wait import Wait
from datacave_sql.pgcatalog.facts import domain_shapes, fixed_rows, index_shapes, relation_shapes
from datacave_sql.session.database import Database

RELATIONS = sorted((s.schema, s.name) for s in relation_shapes().values() if s.kind != "i")
SCHEMA = """
    CREATE TABLE t (id serial PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x' CHECK (name <> ''), n numeric(8,2));
    CREATE TABLE u (a int REFERENCES t (id), b text[]);
    CREATE VIEW v AS SELECT id FROM t;
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TYPE pair AS (one int, other text);
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE TABLE w (m mood, p positive);
    COMMENT ON TABLE t IS 'a table';
"""


@pytest.fixture(scope="module")
def session() -> Any:
    return open_session()


def open_session() -> Any:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")
    run(session, SCHEMA)
    return session


def run(session: Any, query: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for step in session.simple_query(query):
        if isinstance(step, list):
            rows += step
        assert not isinstance(step, Wait) or step.done or step.reason.startswith("Timeout")
    return rows


@pytest.mark.parametrize("schema, name", RELATIONS, ids=lambda part: part)
def test_rows_fit_the_columns(session: Any, schema: str, name: str) -> None:
    relation = session.database.virtual_relations.lookup(schema, name)
    rows = run(session, f'SELECT * FROM {schema}."{name}"')
    ios = []
    for _, type_oid in relation.columns:
        try:
            ios.append(session.find_io(type_oid))
        except FeatureNotSupported:
            ios.append(None)
    for row in rows[:: max(1, len(rows) // 100)]:
        assert len(row) == len(relation.columns)
        for value, io in zip(row, ios, strict=True):
            if value is not None:
                assert io is not None
                io.output(value, session.format_settings)
                io.send(value)


def test_columns_that_postgresql_declares_not_null_have_values(session: Any) -> None:
    for shape in relation_shapes().values():
        if shape.kind != "r" or shape.schema != "pg_catalog":
            continue
        for row in run(session, f"SELECT * FROM pg_catalog.{shape.name}"):
            missing = [c.name for c, value in zip(shape.columns, row, strict=True) if c.not_null and value is None]
            assert not missing, (shape.name, missing)


def test_oids_are_unique_where_postgresql_has_a_unique_index(session: Any) -> None:
    shapes = relation_shapes()
    for index in index_shapes().values():
        relation = shapes[index.relation_oid]
        if relation.schema == "pg_catalog" and index.unique and 0 not in index.keys:
            rows = run(session, f"SELECT * FROM pg_catalog.{relation.name}")
            keys = [tuple(row[key - 1] for key in index.keys) for row in rows]
            assert len(keys) == len(set(keys)), shapes[index.oid].name


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM pg_attribute a WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = a.attrelid)",
        "SELECT * FROM pg_class c WHERE NOT EXISTS (SELECT 1 FROM pg_namespace n WHERE n.oid = c.relnamespace)",
        "SELECT * FROM pg_class c WHERE reltype <> 0 AND NOT EXISTS (SELECT 1 FROM pg_type t WHERE t.oid = c.reltype)",
        "SELECT * FROM pg_class c WHERE relam <> 0 AND NOT EXISTS (SELECT 1 FROM pg_am a WHERE a.oid = c.relam)",
        "SELECT * FROM pg_index i WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = i.indexrelid)",
        "SELECT * FROM pg_type t WHERE typrelid <> 0 AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = typrelid)",
        "SELECT * FROM pg_type t WHERE typelem <> 0 AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.oid = t.typelem)",
        "SELECT * FROM pg_type t WHERE NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.oid = t.typinput)",
        "SELECT * FROM pg_opclass o WHERE NOT EXISTS (SELECT 1 FROM pg_opfamily f WHERE f.oid = o.opcfamily)",
        "SELECT * FROM pg_attribute a WHERE atttypid <> 0 "
        "AND NOT EXISTS (SELECT 1 FROM pg_type t WHERE t.oid = a.atttypid)",
        "SELECT * FROM pg_attrdef d WHERE NOT EXISTS "
        "(SELECT 1 FROM pg_attribute a WHERE a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.atthasdef)",
        "SELECT * FROM pg_class c WHERE relkind <> 'i' AND relnatts <> "
        "(SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0)",
    ],
)
def test_references_between_catalogs_lead_somewhere(session: Any, query: str) -> None:
    assert run(session, query) == []


@pytest.mark.parametrize(
    "table, column, values",
    [
        ("pg_class", "oid", "'t'::regclass, 1259, 4000000000"),
        ("pg_class", "relname", "'t', 'pg_type', 'nothing'"),
        ("pg_class", "reltype", "'t'::regtype::oid, 'pair'::regtype::oid, 'mood'::regtype::oid, 71, 0, 4000000000"),
        ("pg_attribute", "attrelid", "'t'::regclass, 't_pkey'::regclass, 't_id_seq'::regclass, 1259, 1"),
        ("pg_attribute", "attname", "'id', 'oid'"),
        ("pg_index", "indrelid", "'t'::regclass, 1259, 1"),
        ("pg_constraint", "conrelid", "'t'::regclass, 'u'::regclass, 1259, 0, 1"),
        ("pg_attrdef", "adrelid", "'t'::regclass, 1259"),
        ("pg_type", "typname", "'int4', 't', '_t', 'mood'"),
        ("pg_proc", "proname", "'abs', 'nothing'"),
    ],
)
def test_looking_up_finds_what_reading_everything_finds(session: Any, table: str, column: str, values: str) -> None:
    looked_up = run(session, f"SELECT x.* FROM pg_catalog.{table} x WHERE {column} IN ({values})")
    every = run(session, f"SELECT x.* FROM pg_catalog.{table} x WHERE {column}::text IN (SELECT v::text FROM "
                         f"unnest(ARRAY[{values}]) v)") if column in ("relname", "attname", "typname", "proname") else \
        run(session, f"SELECT x.* FROM pg_catalog.{table} x WHERE {column}::int8 IN (SELECT v::oid::int8 FROM "
                     f"unnest(ARRAY[{values.replace('::regclass', '::regclass::oid')}]) v)")  # fmt: skip
    assert sorted(map(repr, looked_up)) == sorted(map(repr, every)) and looked_up


def test_a_lookup_of_null_finds_nothing(session: Any) -> None:
    assert run(session, "SELECT * FROM pg_class WHERE oid = NULL") == []


def test_rows_follow_the_catalog_also_inside_a_transaction() -> None:
    session = open_session()
    count = "SELECT count(*) FROM pg_class WHERE relname LIKE 'fresh%'"
    run(session, "BEGIN")
    run(session, "CREATE TABLE fresh (a int PRIMARY KEY)")
    assert run(session, count) == [(2,)]
    other = session.database.connect("admin")
    assert run(other, count) == [(0,)]
    run(session, "ROLLBACK")
    assert run(session, count) == [(0,)]


def test_a_renamed_schema_shows_everywhere() -> None:
    session = open_session()
    columns = "SELECT DISTINCT table_schema FROM information_schema.columns WHERE table_name = 't'"
    assert run(session, columns) == [("public",)]
    run(session, "ALTER SCHEMA public RENAME TO elsewhere")
    assert run(session, columns) == [("elsewhere",)]


def test_a_table_that_becomes_referenced_has_triggers() -> None:
    session = open_session()
    triggers = "SELECT relhastriggers FROM pg_class WHERE relname = 'w2'"
    run(session, "CREATE TABLE w2 (a int PRIMARY KEY)")
    assert run(session, triggers) == [(False,)]
    run(session, "CREATE TABLE w3 (a int REFERENCES w2 (a))")
    assert run(session, triggers) == [(True,)]


def test_sequences_show_their_last_value() -> None:
    session = open_session()
    value = "SELECT last_value FROM pg_sequences WHERE sequencename = 't_id_seq'"
    assert run(session, value) == [(None,)]
    run(session, "SELECT nextval('t_id_seq')")
    assert run(session, value) == [(1,)]


def test_settings_show_what_the_session_has_set() -> None:
    session = open_session()
    setting = "SELECT setting, unit, source, reset_val FROM pg_settings WHERE name = 'work_mem'"
    before = run(session, setting)[0]
    run(session, "SET work_mem = '8MB'")
    assert run(session, setting) == [("8192", "kB", "session", before[3])]


def test_sessions_and_their_locks_are_listed() -> None:
    session = open_session()
    other = session.database.connect("admin")
    run(other, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    states = run(session, "SELECT pid, state FROM pg_stat_activity ORDER BY pid")
    assert states == [(session.process_id, "active"), (other.process_id, "idle in transaction")]
    locks = run(session, "SELECT pid, mode, granted FROM pg_locks WHERE relation = 't'::regclass")
    assert (other.process_id, "AccessExclusiveLock", True) in locks


def test_prepared_statements_of_the_session_are_listed() -> None:
    session = open_session()
    run(session, "PREPARE one (int, text) AS SELECT $1, $2")
    rows = run(session, "SELECT name, parameter_types::text, from_sql FROM pg_prepared_statements")
    assert rows == [("one", "{integer,text}", True)]


def test_system_columns(session: Any) -> None:
    assert run(session, "SELECT tableoid, xmin::text::bigint FROM pg_class WHERE oid = 1259") == [(1259, 1)]


def test_facts_agree_with_the_types() -> None:
    for shape in relation_shapes().values():
        assert [column.number for column in shape.columns] == list(range(1, len(shape.columns) + 1))
        for column in shape.columns:
            if shape.schema == "pg_catalog" and not shape.name.startswith("pg_stat"):
                assert find_type(column.type_oid) is not None
    assert {domain.name for domain in domain_shapes().values()} >= {"sql_identifier", "yes_or_no"}
    assert fixed_rows("pg_am")[0] == (2, "heap", 3, "t")

"""Does anybody get what was not granted? About a hundred attempts to read, change or escalate without the right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import Wait
from datacave_sql import Database, Session

SETUP = """
CREATE ROLE mallory LOGIN; CREATE ROLE victim LOGIN; CREATE ROLE boss SUPERUSER LOGIN; CREATE ROLE maker CREATEROLE;
CREATE ROLE team; CREATE ROLE outer_team; GRANT outer_team TO team; GRANT team TO victim;
CREATE SCHEMA hidden; CREATE TABLE hidden.t (a int); INSERT INTO hidden.t VALUES (42);
GRANT SELECT ON hidden.t TO mallory;
CREATE TABLE secret (id int PRIMARY KEY, word text NOT NULL); INSERT INTO secret VALUES (1, 'hush');
ALTER TABLE secret OWNER TO victim; GRANT REFERENCES (word) ON secret TO team;
CREATE TABLE partly (id int PRIMARY KEY, open text, word text); INSERT INTO partly VALUES (1, 'o', 'hush');
GRANT SELECT (id, open), UPDATE (open), INSERT (id, open) ON partly TO mallory;
CREATE TABLE once (a int); INSERT INTO once VALUES (1); GRANT ALL ON once TO mallory; REVOKE ALL ON once FROM mallory;
CREATE TABLE readable (a int, b text); INSERT INTO readable VALUES (1, 'x'); GRANT SELECT ON readable TO mallory;
CREATE TABLE writable (a int); GRANT INSERT ON writable TO mallory;
CREATE TABLE guarded (id int PRIMARY KEY, who name, word text); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
INSERT INTO guarded VALUES (1, 'victim', 'hush'), (2, 'mallory', 'own');
CREATE POLICY own ON guarded USING (who = current_user); GRANT ALL ON guarded TO mallory;
CREATE SEQUENCE seq; CREATE VIEW view_of_secret AS SELECT * FROM secret;
CREATE VIEW open_view AS SELECT open FROM partly; GRANT SELECT ON open_view TO mallory;
CREATE VIEW asking WITH (security_invoker = true) AS SELECT * FROM secret; GRANT SELECT ON asking TO mallory;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM secret;
CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'; REVOKE ALL ON FUNCTION answer() FROM PUBLIC;
CREATE FUNCTION reads() RETURNS text LANGUAGE sql AS 'SELECT word FROM secret';
CREATE TYPE mood AS ENUM ('ok'); REVOKE USAGE ON TYPE mood FROM PUBLIC;
CREATE INDEX secret_word ON secret (word);
GRANT SELECT ON readable TO team WITH GRANT OPTION;
CREATE TYPE kind AS ENUM ('k'); CREATE CAST (kind AS int) WITH INOUT;
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE TABLE part (a int); CREATE TABLE parted (a int); CREATE TABLE parted_too (a int) PARTITION BY LIST (a);
CREATE TABLE own_parts (a int) PARTITION BY LIST (a); ALTER TABLE own_parts OWNER TO mallory;
CREATE TABLE own_kid (a int); ALTER TABLE own_kid OWNER TO mallory;
CREATE TABLE own_table (a int); CREATE TABLE kid_of_another () INHERITS (own_table);
ALTER TABLE own_table OWNER TO mallory;
"""

READING = [
    "SELECT * FROM secret", "SELECT 1 FROM secret", "SELECT count(*) FROM secret", "TABLE secret",
    "SELECT (SELECT word FROM secret)", "SELECT EXISTS (SELECT FROM secret)",
    "WITH w AS (TABLE secret) SELECT 1 FROM w",
    "SELECT * FROM readable r, LATERAL (SELECT word FROM secret) s", "SELECT 1 WHERE 1 IN (SELECT id FROM secret)",
    "SELECT * FROM readable UNION ALL SELECT * FROM secret", "VALUES ((SELECT word FROM secret))",
    "SELECT secret FROM secret", "SELECT tableoid FROM secret", "EXPLAIN SELECT * FROM secret",
    "EXPLAIN ANALYZE SELECT * FROM secret", "COPY secret TO STDOUT", "COPY (SELECT word FROM secret) TO STDOUT",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM secret", "PREPARE p AS SELECT * FROM secret",
    "SELECT * FROM secret FOR SHARE", "SELECT * FROM view_of_secret", "SELECT * FROM asking", "SELECT * FROM kept",
    "SELECT * FROM hidden.t", "SELECT 'hidden.t'::regclass, a FROM hidden.t",
    "SELECT * FROM partly", "SELECT word FROM partly", "SELECT id FROM partly WHERE word = 'hush'",
    "SELECT id FROM partly ORDER BY word", "SELECT count(word) FROM partly", "SELECT partly FROM partly",
    "SELECT max(id) FROM partly GROUP BY word", "SELECT p.id FROM partly p JOIN readable r ON r.b = p.word",
    "SELECT id FROM partly NATURAL JOIN (VALUES ('hush')) v (word)", "SELECT row_to_json(p) FROM partly p",
    "SELECT 1 FROM partly GROUP BY id HAVING min(word) > ''", "SELECT lag(word) OVER () FROM partly",
    "SELECT * FROM once", "SELECT answer()", "SELECT reads()", "SELECT * FROM pg_authid",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_shadow", "SELECT * FROM pg_statistic", "SELECT last_value FROM seq", "SELECT currval('seq')",
    "SELECT * FROM secret AS OF SYSTEM TIME '-1s'",
]  # fmt: skip
CHANGING = [
    "INSERT INTO secret VALUES (2, 'x')", "UPDATE secret SET word = 'x'", "DELETE FROM secret", "TRUNCATE secret",
    "MERGE INTO secret USING readable ON false WHEN NOT MATCHED THEN INSERT VALUES (a, b)",
    "WITH w AS (DELETE FROM secret RETURNING *) SELECT 1", "COPY secret FROM STDIN", "LOCK TABLE secret",
    "INSERT INTO readable VALUES (2, 'x')", "UPDATE readable SET a = 2", "DELETE FROM readable WHERE a = 1",
    "SELECT * FROM readable FOR UPDATE", "INSERT INTO partly VALUES (2, 'o', 'x')", "UPDATE partly SET word = 'x'",
    "UPDATE partly SET open = word", "UPDATE partly SET open = 'x' RETURNING word", "DELETE FROM partly WHERE id = 1",
    "UPDATE partly SET open = 'x' WHERE word = 'hush'",
    "INSERT INTO partly (id, open) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET word = 'x'",
    "INSERT INTO partly (id, open) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET open = partly.word",
    "INSERT INTO writable VALUES (1) RETURNING a", "UPDATE writable SET a = 1", "DELETE FROM writable",
    "INSERT INTO view_of_secret VALUES (2, 'x')", "UPDATE open_view SET open = 'x'", "DELETE FROM open_view",
    "REFRESH MATERIALIZED VIEW kept", "SELECT nextval('seq')", "SELECT setval('seq', 100)",
    "INSERT INTO guarded VALUES (3, 'victim', 'x')", "UPDATE guarded SET who = 'victim' WHERE id = 2",
    "INSERT INTO pg_class DEFAULT VALUES", "UPDATE pg_authid SET rolsuper = true", "DELETE FROM pg_policy",
]  # fmt: skip
ESCALATING = [
    "ALTER ROLE mallory SUPERUSER", "ALTER ROLE mallory CREATEROLE", "ALTER ROLE mallory BYPASSRLS",
    "ALTER ROLE mallory REPLICATION", "ALTER ROLE victim PASSWORD 'x'", "ALTER ROLE boss NOLOGIN",
    "ALTER ROLE mallory CONNECTION LIMIT 5", "CREATE ROLE twin", "CREATE USER twin SUPERUSER", "DROP ROLE victim",
    "ALTER ROLE victim RENAME TO victor", "ALTER ROLE boss SET work_mem = '1MB'", "GRANT boss TO mallory",
    "GRANT team TO mallory", "GRANT victim TO mallory", "GRANT pg_read_all_data TO mallory", "REVOKE team FROM victim",
    "SET ROLE victim", "SET ROLE boss", "SET ROLE team", "SET SESSION AUTHORIZATION boss", "SET LOCAL ROLE pg_monitor",
    "SELECT set_config('role', 'boss', false)", "SELECT set_config('session_authorization', 'boss', false)",
    "GRANT SELECT ON secret TO mallory", "GRANT ALL ON once TO mallory", "GRANT INSERT ON hidden.t TO mallory",
    "GRANT USAGE ON SCHEMA hidden TO mallory", "GRANT EXECUTE ON FUNCTION answer() TO mallory",
    "ALTER DEFAULT PRIVILEGES FOR ROLE victim GRANT ALL ON TABLES TO mallory",
    "REASSIGN OWNED BY victim TO mallory", "DROP OWNED BY victim", "ALTER TABLE secret OWNER TO mallory",
    "ALTER TABLE secret DISABLE ROW LEVEL SECURITY", "ALTER TABLE guarded DISABLE ROW LEVEL SECURITY",
    "CREATE TABLE kid () INHERITS (readable)", "REINDEX TABLE secret", "REINDEX INDEX secret_word", "CHECKPOINT",
    "REINDEX SCHEMA public", 'REINDEX DATABASE "default"', "CREATE CAST (mood AS text) WITH INOUT",
    "DROP CAST (kind AS int)", "CREATE OPERATOR hidden.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
    "DROP OPERATOR === (int, int)", "ALTER TABLE own_parts ATTACH PARTITION part FOR VALUES IN (1)",
    "ALTER TABLE own_kid INHERIT parted", "CREATE TABLE p2 PARTITION OF parted_too FOR VALUES IN (2)",
    "ALTER TABLE own_table ADD COLUMN extra int", "COMMENT ON ROLE victim IS 'x'",
    "CREATE POLICY mine ON guarded USING (true)", "DROP POLICY own ON guarded",
    "ALTER POLICY own ON guarded USING (true)",
    "ALTER VIEW view_of_secret SET (security_invoker = true)", "ALTER FUNCTION reads() SECURITY DEFINER",
    "CREATE OR REPLACE VIEW view_of_secret AS SELECT 1 AS id, 'x' AS word",
    "CREATE TABLE mine (a int)", "CREATE SCHEMA mine", "CREATE TABLE hidden.mine (a int)", "CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TYPE t AS ENUM ()",
    "CREATE INDEX ON secret (word)",
    "CREATE TEMPORARY TABLE m (a mood)", "ALTER TABLE secret ADD COLUMN a int",
    "ALTER TABLE secret RENAME TO public_secret",
    "DROP TABLE secret", "DROP SCHEMA hidden CASCADE", "DROP FUNCTION answer()", "DROP INDEX secret_word",
    "ALTER SEQUENCE seq RESTART", "COMMENT ON TABLE secret IS 'x'", "ALTER TABLE secret SET SCHEMA hidden",
    "CREATE DATABASE mine", "DROP DATABASE \"default\"", "ALTER DATABASE \"default\" SET work_mem = '1MB'",
    "ALTER DATABASE \"default\" OWNER TO mallory", "SET session_replication_role = replica",
    "SELECT pg_terminate_backend(1)", "SELECT pg_cancel_backend(1)",
]  # fmt: skip


class World:
    """A database with secrets, and sessions in it."""

    def __init__(self) -> None:
        clock = SimulatedClock()
        self.database = Database.open(MemoryStore(clock), clock, SeededRandomness(5))
        self.database.make_verifier = lambda password: "SCRAM-SHA-256$4096:c2FsdA==$eA==:eA=="
        self.admin = self.database.connect("admin")
        run(self.admin, SETUP)
        clock.advance(10)
        self.mallory = self.database.connect("mallory")


def run(session: Session, text: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for step in session.simple_query(text):
        if isinstance(step, list):
            rows += step
        elif isinstance(step, Wait) and not step.done and step.reason.startswith("Lock"):
            raise AssertionError(f"{text} waits")
    return rows


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    yield World()


def refusal(session: Session, text: str) -> DatacaveError | None:
    """The error of a statement, run in a block that is rolled back."""
    if "DATABASE mine" not in text and "DROP DATABASE" not in text:
        run(session, "BEGIN")
    try:
        run(session, text)
    except DatacaveError as error:
        return error
    finally:
        run(session, "ROLLBACK")
    return None


@pytest.mark.parametrize("text", READING + CHANGING + ESCALATING)
def test_what_was_not_granted_is_refused(world: World, text: str) -> None:
    error = refusal(world.mallory, text)
    assert error is not None, "it was allowed"
    assert error.sqlstate == "42501", f"{error.sqlstate} {error.message}"
    told = f"{error.message} {error.detail} {error.hint}"
    assert "hush" not in told


def test_there_are_enough_attempts() -> None:
    assert len(READING + CHANGING + ESCALATING) >= 90


def test_nothing_has_changed(world: World) -> None:
    run(world.mallory, 'GRANT CREATE ON DATABASE "default" TO mallory')
    assert [notice.error.sqlstate for notice in world.mallory.take_notices()][-1] == "01007"
    assert run(world.mallory, "SELECT has_database_privilege('default', 'create')") == [(False,)]
    assert run(world.admin, "TABLE secret") == [(1, "hush")]
    assert run(world.admin, "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'mallory'") == [
        (False, False)
    ]
    assert run(world.mallory, "SELECT id FROM guarded") == [(2,)]
    assert run(world.mallory, "SELECT current_user, session_user") == [("mallory", "mallory")]


def test_rows_behind_policies_tell_nothing(world: World) -> None:
    """Neither errors nor functions nor details see a row that the policy hides."""
    for text in (
        "SELECT 1 / (id - 1) FROM guarded",
        "SELECT id FROM guarded WHERE 1 / (id - 1) > 0",
        "SELECT id FROM guarded WHERE word::int > 0 OR id = 2",
        "SELECT g.id FROM guarded g JOIN readable r ON 1 / (g.id - 1) = r.a",
        "DELETE FROM guarded WHERE 1 / (id - 1) > 5",
        "UPDATE guarded SET word = 'x' WHERE 1 / (id - 1) > 5",
    ):
        error = refusal(world.mallory, text)
        assert error is None or (error.sqlstate == "22P02" and "hush" not in error.message), text
    error = refusal(world.mallory, "INSERT INTO guarded VALUES (1, 'mallory', 'x')")
    assert error is not None
    assert (error.sqlstate, error.detail) == ("23505", None)


def test_rights_end_with_what_gave_them(world: World) -> None:
    """Prepared statements, groups, columns, grant options and the past: after REVOKE there is nothing left."""
    admin, mallory = world.admin, world.mallory
    run(admin, "GRANT team TO mallory; GRANT SELECT ON secret TO team")
    run(mallory, "PREPARE kept AS SELECT word FROM secret")
    assert run(mallory, "EXECUTE kept") == [("hush",)]
    run(mallory, "GRANT SELECT ON readable TO maker")
    run(admin, "REVOKE team FROM mallory")
    for text in ("EXECUTE kept", "SELECT word FROM secret", "SET ROLE team"):
        error = refusal(mallory, text)
        assert error is not None, text
        assert error.sqlstate == "42501"
    run(mallory, "DEALLOCATE kept")
    with pytest.raises(DatacaveError) as caught:
        run(admin, "REVOKE GRANT OPTION FOR SELECT ON readable FROM team RESTRICT")
    assert caught.value.sqlstate == "2BP01"
    run(admin, "REVOKE GRANT OPTION FOR SELECT ON readable FROM team CASCADE")
    assert run(admin, "SELECT has_table_privilege('maker', 'readable', 'select')") == [(False,)]
    run(admin, "REVOKE SELECT ON secret FROM team")


def test_names_of_others_do_not_mean_my_objects(world: World) -> None:
    """What a user owns is not found before pg_catalog, nor inside the views of others."""
    admin, mallory = world.admin, world.mallory
    run(admin, "CREATE SCHEMA trap; GRANT ALL ON SCHEMA trap TO mallory")
    run(mallory, "CREATE TABLE trap.pg_class (relname text); INSERT INTO trap.pg_class VALUES ('trapped')")
    run(
        mallory, "CREATE TABLE trap.partly (id int, open text, word text); INSERT INTO trap.partly VALUES (9, 't', 't')"
    )
    run(mallory, "CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''::text'")
    run(admin, "SET search_path = trap, public")
    assert run(admin, "SELECT count(*) FROM pg_class WHERE relname = 'trapped'") == [(0,)]
    assert run(admin, "SELECT lower('ABC'::text)") == [("abc",)]
    assert run(admin, "SELECT open FROM open_view") == [("o",)]
    run(admin, "RESET search_path")
    run(mallory, "SET search_path = trap, public")
    assert run(mallory, "SELECT open FROM open_view") == [("o",)]
    run(mallory, "CREATE TEMPORARY TABLE secret (id int, word text); INSERT INTO secret VALUES (7, 'mine')")
    assert run(mallory, "SELECT word FROM secret") == [("mine",)]
    error = refusal(mallory, "SELECT word FROM public.secret")
    assert error is not None
    assert error.sqlstate == "42501"
    run(mallory, "RESET search_path; DROP TABLE pg_temp.secret")
    assert run(admin, "TABLE secret") == [(1, "hush")]

"""Do statements of a block that find or write one row get the bytes, and do what, the long way does?"""

from __future__ import annotations

import pytest

from tests.unit.server_point.twins import execution, make_twins, parse, query, same

UPDATE = "UPDATE t SET b = '{}' WHERE a = {}"
INSERT = "INSERT INTO t (a, b) VALUES ({}, '{}')"


@pytest.fixture
async def both(monkeypatch):
    twins = make_twins(monkeypatch)
    same(twins, query("BEGIN"), quick=None)
    same(twins, query("COMMIT"), quick=None)
    return twins


def begin(both):
    same(both, query("BEGIN"), quick=None)


def rows(both, quick=0):
    return same(both, query("SELECT * FROM t ORDER BY a"), quick=quick)


async def test_writes_and_reads_of_a_block(both):
    same(both, query("BEGIN"), quick=1)
    assert b"UPDATE 1" in same(both, query(UPDATE.format("uno", 1)), quick=1)
    assert b"UPDATE 0" in same(both, query(UPDATE.format("nada", 9)), quick=1)
    assert b"INSERT 0 1" in same(both, query(INSERT.format(3, "three")), quick=1)
    assert b"three" in same(both, query("SELECT b FROM t WHERE a = 3"), quick=1)
    assert b"uno" in rows(both)
    same(both, query("COMMIT"), quick=1)
    assert b"three" in rows(both)


async def test_a_block_that_is_rolled_back_leaves_nothing(both):
    begin(both)
    same(both, query(UPDATE.format("uno", 1)), quick=1)
    same(both, query("SAVEPOINT s"), quick=0)
    same(both, query(INSERT.format(3, "three")), quick=1)
    same(both, query("ROLLBACK TO s"), quick=0)
    assert b"uno" in rows(both)
    same(both, query("ROLLBACK"), quick=0)
    assert b"uno" not in rows(both)


async def test_prepared_writes(both):
    for client in both:
        client.send(parse(b"u", b"UPDATE t SET b = $2 WHERE a = $1"))
        client.send(parse(b"i", b"INSERT INTO t (a, b) VALUES ($1, $2)"))
    same(both, execution(b"u", [b"1", b"alone"]), quick=1)
    begin(both)
    same(both, execution(b"u", [b"1", b"uno"]), quick=1)
    same(both, execution(b"u", [b"1", None], describe=False), quick=0)
    same(both, execution(b"u", [b"2", b"dos"], describe=False), quick=1)
    same(both, execution(b"i", [b"4", b"four"]), quick=1)
    unnamed = parse(b"", b"UPDATE t SET b = 'x' WHERE a = $1")[:-5] + execution(b"", [b"4"])
    for quick in (0, 1, 1):
        same(both, unnamed, quick=quick)
    rows(both)
    assert b"22P02" in same(both, execution(b"u", [b"x", b"uno"]), quick=0)
    same(both, execution(b"u", [b"1", b"uno"]), quick=0)
    same(both, query("ROLLBACK"), quick=0)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (INSERT.format(1, "again"), b"23505"),
        ("INSERT INTO t (a, b) VALUES (NULL, 'x')", b"23502"),
        ("UPDATE t SET b = (1 / (a - 1))::text WHERE a = 1", b"22012"),
        ("UPDATE k SET v = -1 WHERE a = 1", b"23514"),
        ("UPDATE k SET v = NULL WHERE a = 1", b"23502"),
        ("INSERT INTO k VALUES (2, -5)", b"23514"),
    ],
)
async def test_errors_spoil_the_block(both, statement, code):
    same(both, query("CREATE TABLE k (a int PRIMARY KEY, v int NOT NULL CHECK (v > 0))"), quick=0)
    same(both, query("INSERT INTO k VALUES (1, 1)"), quick=0)
    for _ in range(2):
        begin(both)
        same(both, query(UPDATE.format("lost", 2)), quick=1)
        assert code in same(both, query(statement), quick=None)
        assert b"25P02" in same(both, query(UPDATE.format("lost", 2)), quick=0)
        assert b"ROLLBACK" in same(both, query("COMMIT"), quick=0)
    begin(both)
    same(both, query("SAVEPOINT s"), quick=0)
    assert code in same(both, query(statement), quick=None)
    same(both, query("ROLLBACK TO s"), quick=0)
    same(both, query(UPDATE.format("kept", 2)), quick=1)
    same(both, query("COMMIT"), quick=1)
    assert b"kept" in rows(both)


async def test_a_read_that_fails_spoils_the_block(both):
    begin(both)
    for quick in (None, 0):
        answer = same(both, query("SELECT b FROM t WHERE a = 1 AND a / (a - a) = a"), quick=quick)
        assert (b"22012" if quick is None else b"25P02") in answer
    same(both, query("ROLLBACK"), quick=0)
    begin(both)
    assert b"22012" in same(both, query("SELECT b FROM t WHERE a = 1 AND a / (a - a) = a"), quick=1)
    assert b"ROLLBACK" in same(both, query("COMMIT"), quick=0)
    for client in both:
        client.send(parse(b"f", b"SELECT b FROM t WHERE a = $1 AND a / (a - a) = a"))
    for describe in (True, False):
        begin(both)
        assert b"22012" in same(both, execution(b"f", [b"1"], describe=describe), quick=1)
        assert b"25P02" in same(both, execution(b"f", [b"1"], describe=describe), quick=0)
        same(both, query("ROLLBACK"), quick=0)


async def test_blocks_that_are_not_plain_go_the_long_way(both):
    for begins in ("BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION"):
        same(both, query(begins), quick=0)
        plain = begins == "START TRANSACTION"
        same(both, query(UPDATE.format("x", 1)), quick=int(plain))
        same(both, query("ROLLBACK"), quick=0)
    same(both, query("SET idle_in_transaction_session_timeout = '1h'"), quick=0)
    same(both, query("BEGIN"), quick=0)
    same(both, query(UPDATE.format("x", 1)), quick=0)
    same(both, query("ROLLBACK"), quick=0)
    same(both, query("RESET idle_in_transaction_session_timeout"), quick=0)
    begin(both)
    same(both, query("BEGIN"), quick=0)  # with a warning
    same(both, query("DECLARE c CURSOR FOR SELECT 1"), quick=0)
    same(both, query(UPDATE.format("x", 1)), quick=0)
    same(both, query("CLOSE c"), quick=0)
    same(both, query(UPDATE.format("x", 1)), quick=1)
    same(both, query("CREATE TABLE other (a int)"), quick=0)
    same(both, query(UPDATE.format("y", 1)), quick=0)
    same(both, query("COMMIT"), quick=0)


async def test_indexes_keys_and_foreign_keys_are_minded(both):
    same(both, query("CREATE INDEX ON t (b)"), quick=0)
    same(both, query("CREATE TABLE child (a int PRIMARY KEY, t int REFERENCES t)"), quick=0)
    begin(both)
    same(both, query(UPDATE.format("x", 1)), quick=0)
    same(both, query("UPDATE t SET c = '2021-01-01' WHERE a = 1"), quick=1)
    same(both, query("UPDATE t SET a = 7 WHERE a = 2"), quick=0)
    same(both, query(INSERT.format(3, "three")), quick=0)
    assert b"23503" in same(both, query("INSERT INTO child VALUES (1, 99)"), quick=0)
    same(both, query("ROLLBACK"), quick=0)


async def test_rows_and_tables_that_others_have_locked_are_waited_for(both):
    fast, slow = both
    for client in both:
        other = client.session.database.connect("admin", "default", {}, None, None, lambda: None)
        list(other.simple_query("BEGIN"))
        list(other.simple_query("UPDATE t SET b = 'theirs' WHERE a = 1"))
        client.other = other
    begin(both)
    assert fast.send(query(UPDATE.format("mine", 1))) == slow.send(query(UPDATE.format("mine", 1))) == b""
    for client in both:
        list(client.other.simple_query("COMMIT"))
    await fast.settled()
    await slow.settled()
    assert fast.transport.written == slow.transport.written
    assert b"UPDATE 1" in fast.transport.written
    same(both, query("COMMIT"), quick=1)
    assert b"mine" in rows(both)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (UPDATE.format("uno", 1), b"UPDATE 1"),
        (UPDATE.format("uno", 9), b"UPDATE 0"),
        (INSERT.format(3, "three"), b"INSERT 0 1"),
        (INSERT.format(1, "again"), b"23505"),
        ("INSERT INTO t (a, b) VALUES (NULL, 'x')", b"23502"),
        ("UPDATE t SET b = (a / (a - a))::text WHERE a = 1", b"22012"),
    ],
)
async def test_writes_that_are_transactions_of_their_own(both, statement, code):
    for quick in (None, 1):
        assert code in same(both, query(statement), quick=quick)
        rows(both)
        same(both, query("DELETE FROM t WHERE a > 2"), quick=0)
    for setting in ("default_transaction_read_only = on", "default_transaction_isolation = 'serializable'"):
        same(both, query(f"SET {setting}"), quick=0)
        same(both, query(statement), quick=0)
        same(both, query("RESET ALL"), quick=0)
        same(both, query("DELETE FROM t WHERE a > 2"), quick=0)
    assert b"UPDATE 1" in same(both, query(UPDATE.format("after", 1)), quick=1)


async def test_commits_with_more_to_do_go_the_long_way(both):
    same(both, query("CREATE TABLE d (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)"), quick=0)
    same(both, query("CREATE TEMP TABLE e (a int) ON COMMIT DELETE ROWS"), quick=0)
    same(both, query("LISTEN x"), quick=0)
    for statement in (
        "INSERT INTO d VALUES (1), (1)",
        "INSERT INTO e VALUES (1)",
        "NOTIFY x, 'hello'",
        "CREATE TABLE f (a int)",
        "SELECT 1 / 0",
    ):
        begin(both)
        same(both, query(statement), quick=None)
        same(both, query("COMMIT"), quick=0)
    same(both, query("DROP TABLE e"), quick=0)
    begin(both)
    same(both, query("COMMIT AND CHAIN"), quick=0)
    same(both, query("COMMIT"), quick=None)
    same(both, query("COMMIT"), quick=0)  # with a warning


async def test_what_the_session_runs_is_known_to_others(both):
    begin(both)
    same(both, query(UPDATE.format("uno", 1)), quick=1)
    for client in both:
        assert client.session.evaluation.query_text == UPDATE.format("uno", 1)
    same(both, query("CREATE TABLE other (a int)"), quick=0)
    same(both, query(UPDATE.format("dos", 1)), quick=0)
    for client in both:
        assert client.session.evaluation.query_text == UPDATE.format("dos", 1)
    same(both, query("ROLLBACK"), quick=0)


async def test_writes_that_call_triggers_go_the_long_way(both):
    body = "BEGIN new.b := new.b || '!'; RETURN new; END"
    same(both, query(UPDATE.format("before", 1)), quick=None)
    same(both, query(f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"), quick=0)
    same(both, query("CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"), quick=0)
    for _ in range(2):
        same(both, query(UPDATE.format("uno", 1)), quick=0)
    same(both, query(INSERT.format(7, "seven")), quick=0)
    assert b"uno!" in rows(both)
    same(both, query("DROP TRIGGER g ON t"), quick=0)
    for quick in (None, 1):
        same(both, query(UPDATE.format("after", 1)), quick=quick)

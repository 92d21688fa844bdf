"""Do prepared transactions outlive the server, and do clients with prepared statements read the past?"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.clients.conftest import RunningServer, start


def test_prepared_transactions_survive_a_kill(tmp_path: Path) -> None:
    server = start(tmp_path)
    with psycopg.connect(server.dsn, autocommit=True) as client:
        client.execute("create table t (id int primary key, v numeric)")
        client.execute("insert into t values (1, 1.5)")
        for gid, statement in (
            ("kept", "update t set v = 2.25 where id = 1"),
            ("dropped", "insert into t values (3, 3)"),
            ("definitions", "create table made (a int primary key); insert into made select generate_series(1, 2000)"),
        ):
            client.execute("begin")
            client.execute(statement)
            client.execute(f"prepare transaction '{gid}'")
    server.stop(signal.SIGKILL)
    server = start(tmp_path)
    try:
        with psycopg.connect(server.dsn, autocommit=True) as client:
            gids = client.execute("select gid from pg_prepared_xacts order by gid").fetchall()
            assert gids == [("definitions",), ("dropped",), ("kept",)]
            client.execute("set lock_timeout = 100")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                client.execute("create table made (b int)")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                client.execute("update t set v = 0 where id = 1")
            client.execute("commit prepared 'kept'")
            client.execute("rollback prepared 'dropped'")
            client.execute("commit prepared 'definitions'")
        server.stop(signal.SIGKILL)
        server = start(tmp_path)
        with psycopg.connect(server.dsn, autocommit=True) as client:
            rows = client.execute("select id, v::text from t").fetchall()
            assert rows == [(1, "2.25")]
            assert client.execute("select count(*), max(a) from made").fetchall() == [(2000, 2000)]
            assert client.execute("select count(*) from pg_prepared_xacts").fetchall() == [(0,)]
            client.execute("update t set v = 0 where id = 1")
    finally:
        server.stop()


def test_prepared_statements_follow_as_of(server: RunningServer) -> None:
    with psycopg.connect(server.dsn, autocommit=True, prepare_threshold=0) as client:
        client.execute("create table past_of (id int primary key, v int)")
        client.execute("insert into past_of values (1, 10)")
        client.execute("select pg_create_restore_point('before')")
        client.execute("update past_of set v = 11")

        def value() -> int:
            row = client.execute("select v from past_of where id = %s", (1,), binary=True).fetchone()
            assert row is not None
            return int(row[0])

        for _ in range(3):
            assert value() == 11
        client.execute("set datacave.as_of = 'before'")
        for _ in range(3):
            assert value() == 10
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            client.execute("update past_of set v = %s", (0,))
        client.execute("reset datacave.as_of")
        for _ in range(3):
            assert value() == 11
        client.execute("select drop_restore_point('before')")


def test_a_statement_is_described_by_the_columns_that_a_change_under_way_leaves(server: RunningServer) -> None:
    with (
        psycopg.connect(server.dsn) as changing,
        psycopg.connect(server.dsn, autocommit=True) as client,
        ThreadPoolExecutor() as threads,
    ):
        client.execute("create table described (k int primary key)")
        client.execute("insert into described values (1)")
        for change, commits, width in (("add a int", True, 2), ("drop a", False, 2), ("drop a", True, 1)):
            changing.execute(f"alter table described {change}")
            found = threads.submit(client.execute, "select * from described where k > %s", (0,))
            while not changing.execute("select 1 from pg_stat_activity where wait_event_type = 'Lock'").fetchone():
                assert not found.done()
            if commits:
                changing.commit()
            else:
                changing.rollback()
            assert [len(row) for row in found.result(20)] == [width]
            with pytest.raises(psycopg.errors.UndefinedColumn):
                client.execute("select missing from described where k > %s", (0,))

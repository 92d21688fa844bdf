"""Raw messages: COPY that fails in the middle, pipelines with errors, portals in portions, what is refused and goes on.

`python -m tests.clients.wire_stories` compares with a running PostgreSQL and recorded what is read here.
"""

from __future__ import annotations

import struct
from typing import Any

import psycopg
import pytest

from bench.servers import Target
from tests.clients.wire_stories import SYNC, answers_of, message, parse, play, query, recorded


@pytest.fixture(scope="module")
def target(server: Any) -> Target:
    return Target("Datacave", server.port, server.user, server.database, server.process.pid)


def test_stories_go_as_recorded(target: Target, psql: str) -> None:
    assert answers_of(target) == recorded()


def test_function_calls_are_refused_and_the_session_goes_on(target: Target) -> None:
    call = message(b"F", struct.pack(">IHHHIiH", 1598, 1, 1, 1, 4, 5, 1))
    assert play(target, (call, query("SELECT 1"), query("BEGIN"), call, query("ROLLBACK"))) == (
        "E(ERROR 0A000) Z(I)\nT(1) D(00010000000131) C(SELECT 1) Z(I)\n"
        "C(BEGIN) Z(T)\nE(ERROR 0A000) Z(E)\nC(ROLLBACK) Z(I)\nZ(I)"
    )
    assert play(target, (parse("SELECT nothing") + call + SYNC,)) == "E(ERROR 42703) Z(I)\nZ(I)"


@pytest.mark.parametrize("replication", ["true", "database", "on"])
def test_replication_connections_are_refused_by_name(server: Any, replication: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="replication connections are not supported"):
        psycopg.connect(server.dsn, replication=replication)


@pytest.mark.parametrize("form", ["TEXT", "CSV", "BINARY"])
def test_a_copy_is_cancelled_lost_and_leaves_nothing(server: Any, form: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as watcher:
        watcher.execute(f"CREATE TABLE lost_{form} (id int)")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            wire = connection.pgconn
            wire.exec_(f"COPY lost_{form} FROM STDIN (FORMAT {form})".encode())
            head = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
            first = head + b"\0\1\0\0\0\4\0\0\0\1" if form == "BINARY" else b"1\n"
            wire.put_copy_data(first)
            connection.cancel()
            wire.put_copy_end()
            result = wire.get_result()
            assert result is not None and result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57014"
            assert wire.get_result() is None
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
            wire.exec_(f"COPY lost_{form} FROM STDIN (FORMAT {form})".encode())
            wire.put_copy_data(first)
            wire.finish()
        copies = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY lost%' AND pid <> pg_backend_pid()"
        while watcher.execute(copies).fetchall() != [(0,)]:
            pass
        assert watcher.execute(f"SELECT count(*) FROM lost_{form}").fetchall() == [(0,)]

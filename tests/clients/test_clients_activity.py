"""Does pg_stat_activity tell what each session is doing, while it waits and while it rests?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from bench.servers import Target
from tests.clients.twins import datacave

ASKED_MAX = 20_000
SHOWN = "SELECT state, wait_event_type, wait_event, xact_start IS NOT NULL FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with datacave() as target:
        yield target


def connect(target: Target) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=target.port, user=target.user, dbname=target.database, autocommit=True
    )


def test_a_statement_that_sleeps_is_active(target: Target) -> None:
    with connect(target) as watcher, connect(target) as sleeper, ThreadPoolExecutor(1) as threads:
        pid = sleeper.info.backend_pid
        slept = threads.submit(sleeper.execute, "SELECT pg_sleep(600)")
        for _ in range(ASKED_MAX):
            shown = watcher.execute(SHOWN, (pid,)).fetchone()
            if shown != ("idle", "Client", "ClientRead", False):
                break
        watcher.execute("SELECT pg_cancel_backend(%s)", (pid,))
        assert isinstance(slept.exception(), psycopg.errors.QueryCanceled)
        assert shown == ("active", "Timeout", "PgSleep", True)


def test_sessions_that_rest(target: Target) -> None:
    with connect(target) as watcher, connect(target) as other:

        def state() -> tuple[object, ...] | None:
            return watcher.execute(SHOWN, (other.info.backend_pid,)).fetchone()

        assert state() == ("idle", "Client", "ClientRead", False)
        other.execute("BEGIN")
        other.execute("SELECT 1")
        assert state() == ("idle in transaction", "Client", "ClientRead", True)
        with pytest.raises(psycopg.errors.DivisionByZero):
            other.execute("SELECT 1 / 0")
        assert (state() or ())[:3] == ("idle in transaction (aborted)", "Client", "ClientRead")
        other.execute("ROLLBACK")
        assert state() == ("idle", "Client", "ClientRead", False)

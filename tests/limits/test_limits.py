"""Does memory stay bounded, and does a server survive sizes nobody expects? The figures: python -m tests.limits."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.clients.conftest import RunningServer
from tests.limits.__main__ import serve
from tests.limits.measures import before_login, heavy, hostile, streamed, unread


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    found = serve(tmp_path_factory.mktemp("limits"))
    with psycopg.connect(found.dsn, autocommit=True) as client:
        client.execute("alter role admin set work_mem = '4MB'")
    yield found
    found.stop()


def test_results_that_nobody_reads_stay_with_the_statement(server: RunningServer) -> None:
    assert unread(server.dsn, server.process.pid, 10, 100, 0.5).mib < 128


def test_a_streamed_result_takes_no_memory(server: RunningServer) -> None:
    assert streamed(server.dsn, server.process.pid, 100).mib < 64


def test_heavy_statements_put_rows_aside(server: RunningServer) -> None:
    grown = heavy(server.dsn, server.process.pid, 40)
    # A row of 500 bytes takes more than that in memory: 40 MB of them would not fit.
    assert max(growth.mib for growth in grown.values()) < 40
    with psycopg.connect(server.dsn, autocommit=True) as client:
        counted = client.execute("select sum(temp_files), sum(temp_bytes) from pg_stat_database").fetchone()
    assert counted is not None and counted[0] >= len(grown) - 1 and counted[1] > 200_000_000


def test_sizes_nobody_expects_get_an_answer(server: RunningServer) -> None:
    answers = {name: answer for name, (_, answer) in hostile(server.dsn, 0.04).items()}
    assert len(answers) == 8 and set(answers.values()) <= {"1 rows", "0 rows", "54001"}, answers
    with psycopg.connect(server.dsn) as client:
        assert client.execute("select 1").fetchone() == (1,)


def test_strangers_cannot_make_it_grow(server: RunningServer) -> None:
    assert before_login(server.host, server.port, server.process.pid, "ann", 30).mib < 16

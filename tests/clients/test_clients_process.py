"""The server process: start, stop, restart, refusals."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_admin_address_answers(server: Any) -> None:
    assert get(f"http://{server.metrics}/health") == (200, '{"status": "ok"}')
    assert get(f"http://{server.metrics}/ready") == (200, '{"status": "ok"}')
    status, text = get(f"http://{server.metrics}/metrics")
    assert status == 200
    assert "datacave_storage_wal_syncs_total " in text
    assert "datacave_connections_total " in text


def test_the_printed_psql_line_works(start_server: Any, psql: str) -> None:
    server = start_server()
    line = f'psql "host=127.0.0.1 port={server.port} user=admin dbname=default"'
    done = subprocess.run(f'{line} -X -A -t -c "SELECT 1 + 1"', shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_cleanly(start_server: Any, number: int) -> None:
    server = start_server()
    with psycopg.connect(server.dsn) as connection:
        connection.execute("SELECT 1")
        connection.commit()
        server.process.send_signal(number)
        assert server.process.wait(30) == 0
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")
    assert "Traceback" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_acknowledged_rows_survive_a_restart(start_server: Any, number: int) -> None:
    first = start_server()
    with psycopg.connect(first.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        for key in range(10):
            connection.execute("INSERT INTO t VALUES (%s, %s)", (key, f"row {key}"))
    first.stop(number)
    second = start_server()
    with psycopg.connect(second.dsn) as connection:
        rows = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    assert rows == [(key, f"row {key}") for key in range(10)]


def test_a_second_server_on_the_directory_is_refused(start_server: Any) -> None:
    server = start_server()
    command = [sys.executable, "-m", "datacave_server", "serve", "--listen", "127.0.0.1:0"]
    done = subprocess.run(
        [*command, "--metrics-listen", "127.0.0.1:0", "--data-dir", str(server.data_dir)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert f"{server.data_dir}/server.lock: the directory is in use by process {server.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nobody_else_can_read_the_data(server: Any) -> None:
    paths = [Path(server.data_dir), *Path(server.data_dir).rglob("*")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}


def test_json_log(start_server: Any) -> None:
    server = start_server(environment={"DATACAVE_LOG__FORMAT": "json"})
    assert server.stop() == 0
    messages = [json.loads(line)["message"] for line in server.log.splitlines()]
    assert messages[-1] == "the server has stopped"


def test_a_running_statement_finishes_before_the_server_stops(start_server: Any) -> None:
    server = start_server()
    with psycopg.connect(server.dsn, autocommit=True) as other:
        other.execute("CREATE TABLE t (a int)")
    connection = psycopg.connect(server.dsn, autocommit=True)
    connection.pgconn.send_query(b"INSERT INTO t SELECT 1 FROM pg_sleep(1)")
    # The server takes what arrives in turn: once a later client has its answer, the statement is under way.
    with psycopg.connect(server.dsn) as later:
        assert later.execute("SELECT 1").fetchone() == (1,)
    server.process.send_signal(signal.SIGTERM)
    answer = connection.pgconn.get_result()
    assert answer is not None
    assert answer.command_status == b"INSERT 0 1", answer.error_message
    assert server.process.wait(30) == 0
    again = start_server()
    with psycopg.connect(again.dsn) as reader:
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)

"""COPY with files and programs of the server's machine: what comes back, who may, and how it fails."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from tests.clients.conftest import ORACLE

ROWS = 30_000


@pytest.fixture
def connection(server: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn, autocommit=True) as made:
        made.execute("DROP TABLE IF EXISTS items, again")
        made.execute("CREATE TABLE items (id integer PRIMARY KEY, name text, made timestamptz)")
        made.execute("CREATE TABLE again (LIKE items)")
        made.execute(
            "INSERT INTO items SELECT n, CASE WHEN n % 7 > 0 THEN 'item, \"' || n END, now() "
            f"FROM generate_series(1, {ROWS}) n"
        )
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which a server of any user can write."""
    for path in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        path.chmod(0o777)
    return tmp_path


def copy(connection: psycopg.Connection[Any], statement: str, file: str | Path) -> str:
    return connection.execute(sql.SQL(statement).format(file=str(file))).statusmessage or ""


@pytest.mark.parametrize("options", ["", "(FORMAT csv, HEADER match, FORCE_NULL (name))", "(FORMAT binary)"])
def test_a_table_survives_a_file(connection: psycopg.Connection[Any], folder: Path, options: str) -> None:
    out = options.replace(" match, FORCE_NULL (name)", ", FORCE_QUOTE (name)")
    assert copy(connection, f"COPY items TO {{file}} {out}", folder / "items") == f"COPY {ROWS}"
    assert copy(connection, f"COPY again FROM {{file}} {options}", folder / "items") == f"COPY {ROWS}"
    assert connection.execute("TABLE items EXCEPT TABLE again").fetchall() == []
    mode = (folder / "items").stat().st_mode
    assert mode & 0o022 == 0


def test_a_file_is_replaced_and_a_query_may_be_written(connection: psycopg.Connection[Any], folder: Path) -> None:
    copy(connection, "COPY items TO {file}", folder / "numbers")
    copy(connection, "COPY (SELECT n, n * n FROM generate_series(1, 3) n) TO {file}", folder / "numbers")
    assert (folder / "numbers").read_text() == "1\t1\n2\t4\n3\t9\n"


def test_programs(connection: psycopg.Connection[Any], folder: Path) -> None:
    target = folder / "sorted"
    assert copy(connection, "COPY (VALUES (2), (1)) TO PROGRAM {file}", f"sort > {target}") == "COPY 2"
    assert target.read_text() == "1\n2\n"
    assert copy(connection, "COPY again (id) FROM PROGRAM {file}", "seq 1 20000") == "COPY 20000"
    assert connection.execute("SELECT count(*), sum(id) FROM again").fetchone() == (20000, 200010000)


@pytest.mark.parametrize(
    ("statement", "command", "detail"),
    [
        ("COPY again (id) FROM PROGRAM {file}", "echo 1; exit 3", "child process exited with exit code 3"),
        ("COPY again (id) FROM PROGRAM {file}", "no_such_program_here", "command not found"),
        ("COPY again (id) FROM PROGRAM {file}", "kill -9 $$", "child process was terminated by signal 9: Killed"),
        ("COPY items TO PROGRAM {file}", "exit 2", "child process exited with exit code 2"),
        ("COPY items TO PROGRAM {file}", "cat > /dev/null; exit 4", "child process exited with exit code 4"),
    ],
)
def test_a_program_that_fails(connection: psycopg.Connection[Any], statement: str, command: str, detail: str) -> None:
    with pytest.raises(errors.ExternalRoutineException) as caught:
        copy(connection, statement, command)
    assert caught.value.diag.message_detail == detail
    assert connection.execute("SELECT count(*) FROM again").fetchone() == (0,)


def test_what_cannot_be_opened(connection: psycopg.Connection[Any], folder: Path) -> None:
    missing = folder / "missing" / "file"
    with pytest.raises(errors.UndefinedFile, match="for reading: No such file") as caught:
        copy(connection, "COPY items FROM {file}", missing)
    assert "client-side facility such as psql's \\copy" in (caught.value.diag.message_hint or "")
    with pytest.raises(errors.UndefinedFile, match="for writing: No such file"):
        copy(connection, "COPY items TO {file}", missing)
    with pytest.raises(errors.InvalidName, match="relative path not allowed"):
        copy(connection, "COPY items TO {file}", "items")
    with pytest.raises(errors.WrongObjectType, match="is a directory"):
        copy(connection, "COPY items FROM {file}", folder)
    with pytest.raises(errors.WrongObjectType):
        copy(connection, "COPY items TO {file}", folder)


def test_a_bad_line_names_itself_and_leaves_nothing(connection: psycopg.Connection[Any], folder: Path) -> None:
    (folder / "bad").write_text("1\tone\t\\N\nx\ttwo\t\\N\n")
    with pytest.raises(errors.InvalidTextRepresentation) as caught:
        copy(connection, "COPY again FROM {file}", folder / "bad")
    assert caught.value.diag.context == 'COPY again, line 2, column id: "x"'
    assert connection.execute("SELECT count(*) FROM again").fetchone() == (0,)


@pytest.mark.parametrize(
    ("statement", "role"),
    [
        ("COPY again FROM {file}", "pg_read_server_files"),
        ("COPY again TO {file}", "pg_write_server_files"),
        ("COPY again FROM PROGRAM {file}", "pg_execute_server_program"),
        ("COPY again TO PROGRAM {file}", "pg_execute_server_program"),
    ],
)
def test_it_takes_a_role(connection: psycopg.Connection[Any], folder: Path, statement: str, role: str) -> None:
    (folder / "empty").touch()
    (folder / "empty").chmod(0o666)
    file = "true" if "PROGRAM" in statement else folder / "empty"
    connection.execute("DROP ROLE IF EXISTS clerk")
    connection.execute("CREATE ROLE clerk")
    try:
        connection.execute("GRANT ALL ON again TO clerk")
        connection.execute("SET ROLE clerk")
        with pytest.raises(errors.InsufficientPrivilege, match=f"privileges of the {role} role") as caught:
            copy(connection, statement, file)
        assert caught.value.diag.message_hint == (
            "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."
        )
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("GRANT {} TO clerk").format(sql.Identifier(role)))
        connection.execute("SET ROLE clerk")
        assert copy(connection, statement, file) == "COPY 0"
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY clerk")
        connection.execute("DROP ROLE clerk")


def test_a_silent_pipe_holds_up_nobody_and_can_be_given_up(
    connection: psycopg.Connection[Any], server: Any, folder: Path
) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    results: list[BaseException | None] = []

    def wait_for_data(statement: str, file: str | Path) -> None:
        try:
            with psycopg.connect(server.dsn, autocommit=True) as other:
                copy(other, statement, file)
            results.append(None)
        except BaseException as error:
            results.append(error)

    cases = [("COPY again FROM {file}", str(pipe))] * 6 + [("COPY again FROM PROGRAM {file}", "sleep 300")]
    threads = [threading.Thread(target=wait_for_data, args=case) for case in cases]
    for thread in threads:
        thread.start()
    try:
        running = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY again FROM%'"
        while len(found := connection.execute(running).fetchall()) < len(cases):
            time.sleep(0.05)
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (ROWS,)
        for (pid,) in found:
            connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
        if not ORACLE:  # PostgreSQL waits for the other end of a pipe
            for thread in threads:
                thread.join()
    finally:
        # Whoever still opens the pipe finds somebody at its other end.
        descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        for thread in threads:
            thread.join()
        os.close(descriptor)
    allowed = {errors.QueryCanceled, errors.ExternalRoutineException} if ORACLE else {errors.QueryCanceled}
    assert len(results) == len(cases)
    assert {type(result) for result in results} <= allowed

"""A person at psql's prompt: the tab key, passwords, editors, Ctrl-C, repeated queries, rows typed by hand.

`python -m tests.clients.terminal` compares what the tab key offers with a running PostgreSQL and recorded what is read
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.servers import Target
from tests.clients.conftest import SecureServer
from tests.clients.psql_commands import open_works
from tests.clients.terminal import LINES, MARK, RECORDED, Terminal, offered

CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture(scope="module")
def target(server: Any, psql: str) -> Target:
    """A server with the objects of shop/works.sql."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    open_works(target)
    return target


@pytest.fixture
def terminal(target: Target, tmp_path: Path) -> Iterator[Terminal]:
    """psql at its prompt, with an editor that writes what lies in the file `edited`."""
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/given\ncat {tmp_path}/edited > "$1"\n', encoding="ascii")
    editor.chmod(0o700)
    made = Terminal(target, {"PSQL_EDITOR": str(editor)}, "-v", "PROMPT1=%x> ", "-v", "PROMPT2=%R> ")
    made.until("> ")
    yield made
    made.close()


def test_the_tab_key_offers_what_postgresql_offers(target: Target) -> None:
    wanted = RECORDED.read_text(encoding="utf-8").removesuffix("\n").split(f"\n{MARK}\n")
    found = offered(target, LINES)
    assert dict(zip(LINES, found, strict=True)) == dict(zip(LINES, wanted, strict=True))


def test_a_statement_is_cancelled_by_ctrl_c(terminal: Terminal, server: Any) -> None:
    terminal.type("BEGIN;\n")
    terminal.until("BEGIN\n*> ")
    terminal.type("SELECT pg_sleep(60);\n")
    sleeps = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(60)%' AND pid <> pg_backend_pid()"
    with psycopg.connect(server.dsn, autocommit=True) as other:
        while other.execute(sleeps).fetchall() == [(0,)]:
            pass
    terminal.type(CTRL_C)
    assert "Cancel request sent\nERROR:  canceling statement due to user request" in terminal.until("\n!> ")
    terminal.type("ROLLBACK;\n")
    terminal.until("ROLLBACK\n> ")


def test_a_query_is_watched_until_ctrl_c(terminal: Terminal) -> None:
    terminal.type("SELECT 1 AS it \\watch 0.1\n")
    for _ in range(3):
        assert "(every 0.1s)" in terminal.until("(1 row)")
    terminal.type(CTRL_C)
    terminal.until("\n> ")


def test_the_query_is_edited(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "edited").write_text("SELECT 6 * 7 AS answer;\n", encoding="ascii")
    terminal.type("SELECT 1\n")
    terminal.until("-> ")
    terminal.type("\\e\n")
    assert " answer \n--------\n     42\n" in terminal.until("(1 row)")
    assert (tmp_path / "given").read_text(encoding="ascii") == "SELECT 1\n"


def test_a_function_is_edited(terminal: Terminal, tmp_path: Path) -> None:
    body = "CREATE OR REPLACE FUNCTION works.thrice(integer)\n RETURNS integer\n LANGUAGE sql\nAS $function$"
    terminal.type("CREATE FUNCTION works.thrice(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 2';\n")
    terminal.until("CREATE FUNCTION\n")
    (tmp_path / "edited").write_text(f"{body} SELECT $1 * 3 $function$\n", encoding="ascii")
    terminal.type("\\ef works.thrice\n")
    terminal.until("-> ")
    terminal.type(";\n")
    terminal.until("CREATE FUNCTION\n")
    assert (tmp_path / "given").read_text(encoding="ascii") == f"{body}SELECT $1 * 2$function$\n"
    terminal.type("SELECT works.thrice(5);\n")
    assert "     15\n" in terminal.until("(1 row)")


def test_a_view_is_edited(terminal: Terminal, tmp_path: Path) -> None:
    terminal.type("CREATE VIEW works.seen AS SELECT id FROM works.jobs;\n")
    terminal.until("CREATE VIEW\n")
    text = "CREATE OR REPLACE VIEW works.seen AS\n SELECT jobs.id,\n    jobs.name\n   FROM works.jobs\n"
    (tmp_path / "edited").write_text(text, encoding="ascii")
    terminal.type("\\ev works.seen\n")
    terminal.until("-> ")
    terminal.type(";\n")
    terminal.until("CREATE VIEW\n")
    given = "CREATE OR REPLACE VIEW works.seen AS\n SELECT jobs.id\n   FROM works.jobs\n"
    assert (tmp_path / "given").read_text(encoding="ascii") == given
    terminal.type("\\sv works.seen\n")
    assert text in terminal.until("works.jobs\n")


def test_rows_are_typed_in_and_given_up(terminal: Terminal) -> None:
    terminal.type("COPY works.base FROM STDIN;\n")
    terminal.until("a line by itself, or an EOF signal.\n")
    terminal.type("1\tone\n2\ttwo\n\\.\n")
    terminal.until("COPY 2\n")
    terminal.type("COPY works.base FROM STDIN;\n")
    terminal.until("or an EOF signal.\n")
    terminal.type("three\n")
    terminal.type(CTRL_C)
    assert "ERROR:  COPY from stdin failed: canceled by user" in terminal.until("\n> ")
    terminal.type("COPY works.base FROM STDIN;\n")
    terminal.until("or an EOF signal.\n")
    terminal.type("three\tx\n\\.\n")
    assert 'CONTEXT:  COPY base, line 1, column id: "three"' in terminal.until("\n> ")
    terminal.type("SELECT count(*) FROM works.base;\n")
    assert "     2\n" in terminal.until("(1 row)")


def test_notifications_are_shown_between_statements(terminal: Terminal) -> None:
    terminal.type("LISTEN bell; NOTIFY bell, 'ding';\n")
    assert 'Asynchronous notification "bell" with payload "ding" received' in terminal.until("with PID")


def test_passwords_are_set_as_verifiers(secure_server: SecureServer) -> None:
    server = secure_server.server
    with psycopg.connect(server.dsn, password=secure_server.password, sslmode="require", autocommit=True) as admin:
        admin.execute("CREATE ROLE newcomer LOGIN")
        target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
        terminal = Terminal(target, {"PGPASSWORD": secure_server.password, "PGSSLMODE": "require"})
        try:
            terminal.until("=# ")
            terminal.type("\\password newcomer\n")
            terminal.until('Enter new password for user "newcomer": ')
            terminal.type("Gehe1m wörd\n")
            terminal.until("Enter it again: ")
            terminal.type("Gehe1m wörd\n")
            terminal.until("=# ")
        finally:
            terminal.close()
        stored = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'newcomer'").fetchall()
        assert str(stored[0][0]).startswith("SCRAM-SHA-256$4096:")
    newcomer = f"host={server.host} port={server.port} user=newcomer dbname={server.database}"
    with psycopg.connect(newcomer, password="Gehe1m wörd", sslmode="require") as connection:
        assert connection.execute("SELECT current_user").fetchall() == [("newcomer",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(newcomer, password="other", sslmode="require")
    assert "Gehe1m" not in server.log

"""psql talks to the server as it talks to PostgreSQL 15."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest


def run_psql(psql: str, server: Any, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs a script on standard input, without the user's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    command = [psql, "-X", "-q", "-A", "-t", *options, "-d", server.dsn]
    return subprocess.run(
        command, input=script, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def answer(psql: str, server: Any, script: str, *options: str) -> str:
    done = run_psql(psql, server, script, "-v", "ON_ERROR_STOP=1", *options)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def test_a_statement(server: Any, psql: str) -> None:
    assert answer(psql, server, "SELECT 1, 'a', NULL, true;") == "1|a||t\n"


def test_a_table_lives(server: Any, psql: str) -> None:
    script = """
        CREATE TABLE shop (id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2));
        INSERT INTO shop VALUES (1, 'tea', 3.50), (2, 'milk', 0.99), (3, 'salt', NULL);
        UPDATE shop SET price = price * 2 WHERE id = 1;
        DELETE FROM shop WHERE name = 'milk';
        SELECT * FROM shop ORDER BY id;
        DROP TABLE shop;
    """
    assert answer(psql, server, script) == "1|tea|7.00\n3|salt|\n"


def test_command_tags(server: Any, psql: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    script = (
        "CREATE TABLE tags (a int);INSERT INTO tags VALUES (1), (2);UPDATE tags SET a = 3;SELECT * FROM tags;"
        "DELETE FROM tags WHERE a = 4;BEGIN;COMMIT;DROP TABLE tags;"
    )
    done = subprocess.run(
        [psql, "-X", "-t", "-A", "-d", server.dsn],
        input=script,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "CREATE TABLE",
        "INSERT 0 2",
        "UPDATE 2",
        "3",
        "3",
        "DELETE 0",
        "BEGIN",
        "COMMIT",
        "DROP TABLE",
    ]


def test_a_rollback_undoes(server: Any, psql: str) -> None:
    script = """
        CREATE TABLE undone (a int);
        INSERT INTO undone VALUES (1);
        BEGIN; INSERT INTO undone VALUES (2); ROLLBACK;
        BEGIN; INSERT INTO undone VALUES (3); SAVEPOINT s; INSERT INTO undone VALUES (4); ROLLBACK TO s; COMMIT;
        SELECT a FROM undone ORDER BY a;
        DROP TABLE undone;
    """
    assert answer(psql, server, script) == "1\n3\n"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM nowhere;", 'ERROR:  42P01: relation "nowhere" does not exist\nLINE 1: SELECT * FROM nowhere;'),
        ("SELECT 1/0;", "ERROR:  22012: division by zero"),
        ("SELEC 1;", 'ERROR:  42601: syntax error at or near "SELEC"\nLINE 1: SELEC 1;\n        ^'),
        ("SELECT 'x'::int;", 'ERROR:  22P02: invalid input syntax for type integer: "x"'),
    ],
)
def test_errors_are_shown_as_postgresql_shows_them(server: Any, psql: str, statement: str, message: str) -> None:
    done = run_psql(psql, server, f"\\set VERBOSITY verbose\n{statement}\nSELECT 'still there';")
    assert done.stderr.startswith(message)
    assert done.stdout == "still there\n"


def test_a_failed_transaction_refuses_until_its_end(server: Any, psql: str) -> None:
    done = run_psql(psql, server, "BEGIN; SELECT 1/0; SELECT 1; ROLLBACK; SELECT 2;")
    assert "current transaction is aborted, commands ignored until end of transaction block" in done.stderr
    assert done.stdout == "2\n"


def test_several_statements_in_one_message_are_one_transaction(server: Any, psql: str) -> None:
    run_psql(psql, server, "", "-c", "CREATE TABLE together (a int)")
    done = run_psql(psql, server, "", "-c", "INSERT INTO together VALUES (1); SELECT 1/0")
    assert "division by zero" in done.stderr
    assert answer(psql, server, "SELECT count(*) FROM together; DROP TABLE together;") == "0\n"


def test_copy_in_and_out(server: Any, psql: str) -> None:
    script = "CREATE TABLE copied (a int, b text);\n\\copy copied FROM STDIN\n1\tone\n2\t\\N\n\\.\n"
    assert answer(psql, server, f"{script}\\copy copied TO STDOUT\nDROP TABLE copied;") == "1\tone\n2\t\\N\n"


def test_conninfo_and_version(server: Any, psql: str) -> None:
    assert answer(psql, server, "\\echo :SERVER_VERSION_NUM")[:2] == "15"
    assert f'on host "127.0.0.1" at port "{server.port}"' in answer(psql, server, "\\conninfo")


def test_describe_table(server: Any, psql: str) -> None:
    script = "CREATE TABLE described (id int PRIMARY KEY, name text NOT NULL);\n\\d described\nDROP TABLE described;"
    assert answer(psql, server, script, "-P", "tuples_only=off") == (
        'Table "public.described"\nColumn|Type|Collation|Nullable|Default\n'
        "id|integer||not null|\nname|text||not null|\n"
        'Indexes:\n    "described_pkey" PRIMARY KEY, btree (id)\n'
    )

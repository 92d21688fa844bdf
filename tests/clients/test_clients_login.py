"""Logging in with real clients: methods, TLS, channel binding, refusals."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from tests.clients.conftest import StartServer, make_self_signed, sign_for


def psql_login(psql: str, dsn: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a statement that tells who has logged in; never asks for a password."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if password is not None:
        environment["PGPASSWORD"] = password
    command = [psql, "-X", "-w", "-A", "-t", "-d", dsn, "-c", "SELECT current_user"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_trust_on_loopback(server: Any, psql: str) -> None:
    done = psql_login(psql, server.dsn)
    assert (done.stdout, done.stderr) == ("admin\n", "")


def test_a_query_that_comes_with_the_start_is_answered(server: Any) -> None:
    start = b"\0\3\0\0user\0admin\0database\0default\0\0"
    query = b"SELECT 42\0"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(struct.pack(">i", 4 + len(start)) + start + b"Q" + struct.pack(">i", 4 + len(query)) + query)
        heard = b""
        while not heard.endswith(b"SELECT 1\0Z\0\0\0\5I"):
            more = connection.recv(65536)
            assert more, "the server has hung up"
            heard += more
    assert b"\0\0\0\x0242C" in heard


def test_a_role_that_does_not_exist(server: Any, psql: str) -> None:
    done = psql_login(psql, f"{server.dsn} user=nobody")
    assert done.returncode == 2
    assert 'FATAL:  role "nobody" does not exist' in done.stderr


def test_a_database_that_does_not_exist(server: Any, psql: str) -> None:
    done = psql_login(psql, f"{server.dsn} dbname=nothing")
    assert done.returncode == 2
    assert 'FATAL:  database "nothing" does not exist' in done.stderr


def test_tls_is_declined_where_there_is_none(server: Any, psql: str) -> None:
    assert psql_login(psql, f"{server.dsn} sslmode=prefer").stdout == "admin\n"
    done = psql_login(psql, f"{server.dsn} sslmode=require")
    assert "server does not support SSL, but SSL was required" in done.stderr


def test_scram_over_tls(secure_server: Any, psql: str) -> None:
    dsn = f"{secure_server.server.dsn} sslmode=verify-full host=localhost sslrootcert={secure_server.certificate}"
    done = psql_login(psql, dsn, secure_server.password)
    assert (done.stdout, done.stderr) == ("admin\n", "")
    wrong = psql_login(psql, dsn, "wrong")
    assert wrong.returncode == 2
    assert 'FATAL:  password authentication failed for user "admin"' in wrong.stderr


def test_a_stranger_is_told_what_a_wrong_password_is_told(secure_server: Any, psql: str) -> None:
    done = psql_login(psql, f"{secure_server.server.dsn} user=zoe", secure_server.password)
    assert 'FATAL:  password authentication failed for user "zoe"' in done.stderr


def test_channel_binding(secure_server: Any, psql: str) -> None:
    dsn = f"{secure_server.server.dsn} sslmode=require channel_binding=require"
    assert psql_login(psql, dsn, secure_server.password).stdout == "admin\n"


def test_clear_text_password_over_tls(secure_server: Any, psql: str) -> None:
    dsn = f"{secure_server.server.dsn} user=bob"
    assert psql_login(psql, f"{dsn} sslmode=require", secure_server.password).stdout == "bob\n"
    wrong = psql_login(psql, f"{dsn} sslmode=require", "wrong")
    assert 'FATAL:  password authentication failed for user "bob"' in wrong.stderr
    plain = psql_login(psql, f"{dsn} sslmode=disable", secure_server.password)
    assert 'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "bob"' in plain.stderr


def test_a_rule_that_rejects(secure_server: Any, psql: str) -> None:
    done = psql_login(psql, f"{secure_server.server.dsn} user=eve", secure_server.password)
    assert 'FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "eve"' in done.stderr


def test_drivers_log_in_by_scram_over_tls(secure_server: Any) -> None:
    server, password = secure_server.server, secure_server.password
    with psycopg.connect(server.dsn, password=password, sslmode="require") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn, password="wrong")


async def test_asyncpg_logs_in_by_scram(secure_server: Any) -> None:
    server = secure_server.server
    where = {"host": server.host, "port": server.port, "user": server.user, "database": server.database}
    connection = await asyncpg.connect(**where, password=secure_server.password, ssl="require")
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**where, password="wrong", ssl="require")


def test_logins_are_audited_without_passwords(secure_server: Any, psql: str) -> None:
    server = secure_server.server
    psql_login(psql, server.dsn, secure_server.password)
    psql_login(psql, server.dsn, "wr0ng-passw0rd")
    text = (Path(server.data_dir) / "audit" / "audit.jsonl").read_text()
    logins = [json.loads(line) for line in text.splitlines() if '"login"' in line]
    assert {(record["user"], record["outcome"]) for record in logins} >= {("admin", "ok"), ("admin", "refused")}
    everything = text + server.log
    assert "wr0ng-passw0rd" not in everything
    assert secure_server.password not in everything


def test_client_certificates(start_server: StartServer, tmp_path: Path, psql: str) -> None:
    authority, authority_key = make_self_signed(tmp_path)
    (tmp_path / "strange").mkdir()
    strange, strange_key = make_self_signed(tmp_path / "strange")
    config = tmp_path / "datacave.toml"
    config.write_text(
        f'[security.tls]\ncert_file = "{authority}"\nkey_file = "{authority_key}"\nclient_ca_file = "{authority}"\n'
        'client_certificates = "optional"\n'
        '[[security.auth.users]]\nname = "admin"\nsuperuser = true\n'
        '[[security.auth.rules]]\naddress = "all"\nmethod = "cert"\nuser = "admin"\n'
        '[[security.auth.rules]]\naddress = "all"\nmethod = "cert"\nuser = "localhost"\n'
    )
    server = start_server("--config", str(config))

    def log_in(user: str, *files: Path) -> str:
        own = f" sslcert={files[0]} sslkey={files[1]}" if files else " sslcert=none"
        done = psql_login(psql, f"{server.dsn} user={user} sslmode=require{own}")
        return done.stdout or done.stderr

    assert 'role "localhost" does not exist' in log_in("localhost", authority, authority_key)
    assert 'FATAL:  certificate authentication failed for user "admin"' in log_in("admin", authority, authority_key)
    assert "FATAL:  connection requires a valid client certificate" in log_in("admin")
    assert "FATAL:  no pg_hba.conf entry" in psql_login(psql, f"{server.dsn} sslmode=disable").stderr
    assert "admin\n" not in log_in("admin", strange, strange_key)
    own, own_key = sign_for("admin", authority, authority_key, tmp_path)
    assert log_in("admin", own, own_key) == "admin\n"
    assert 'authentication failed for user "localhost"' in log_in("localhost", own, own_key)

"""What a client can use up, before and after it has logged in."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Any

import psycopg
import pytest

from bench.servers import Target
from tests.clients.hostile_bytes import attacked


def startup(user: str = "admin", database: str = "default") -> bytes:
    body = struct.pack(">I", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
    return struct.pack(">I", len(body) + 4) + body


def read_to_end(connection: socket.socket) -> bytes:
    connection.settimeout(30)
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def error_fields(data: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse that the data begins with."""
    assert data[:1] == b"E", data
    (length,) = struct.unpack(">I", data[1:5])
    return {field[:1].decode(): field[1:].decode() for field in data[5 : length + 1].split(b"\0") if field}


def test_who_says_nothing_is_sent_away(start_server: Any) -> None:
    server = start_server(environment={"DATACAVE_LIMITS__LOGIN_SECONDS": "300ms"})
    with socket.create_connection((server.host, server.port)) as silent:
        assert read_to_end(silent) == b""
    with socket.create_connection((server.host, server.port)) as slow:
        slow.sendall(startup()[:10])
        assert read_to_end(slow) == b""
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_one_connection_too_many_is_refused(start_server: Any) -> None:
    server = start_server(environment={"DATACAVE_LIMITS__MAX_CONNECTIONS": "2"})
    with psycopg.connect(server.dsn) as first:
        with psycopg.connect(server.dsn), pytest.raises(psycopg.OperationalError, match="sorry, too many clients"):
            psycopg.connect(server.dsn)
        with psycopg.connect(server.dsn) as third:
            assert third.execute("SELECT 1").fetchone() == (1,)
        assert first.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("length", [7, 10_001, 0x7FFFFFFF, 0x80000000])
def test_a_start_up_packet_of_a_wrong_length_is_refused(server: Any, length: int) -> None:
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(struct.pack(">II", length, 196608))
        assert error_fields(read_to_end(connection))["C"] == "08P01"


@pytest.mark.parametrize("length", [3, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_message_of_a_wrong_length_ends_the_session_only(server: Any, length: int) -> None:
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(startup())
        answer = b""
        while not answer.endswith(b"Z\0\0\0\5I"):
            answer += connection.recv(65536)
        connection.sendall(b"Q" + struct.pack(">I", length) + b"SELECT 1\0")
        fields = error_fields(read_to_end(connection))
        assert (fields["S"], fields["C"]) == ("FATAL", "08P01")
    with psycopg.connect(server.dsn) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_random_bytes_do_no_harm(server: Any) -> None:
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", bytes(100), b"\xff" * 100):
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(noise)
            connection.shutdown(socket.SHUT_WR)
            read_to_end(connection)
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(psycopg.pq.version() < 180000, reason="libpq knows protocol 3.2 from version 18 on")
@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_the_protocol_that_a_client_asks_for_is_spoken_and_cancelled(server: Any, version: str) -> None:
    dsn = f"{server.dsn} min_protocol_version={version} max_protocol_version={version}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.pgconn.full_protocol_version == int(version[0]) * 10000 + int(version[2])
        timer = threading.Timer(0.1, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")
        timer.join()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("command", ["exec_", "exec_params"])
@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_a_block_has_failed_once_a_waiting_statement_is_cancelled(server: Any, command: str, way: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection, psycopg.connect(server.dsn) as other:
        wire = connection.pgconn
        wire.exec_(b"BEGIN")
        if way == "timeout":
            wire.exec_(b"SET LOCAL statement_timeout = '50ms'")
        getattr(wire, f"send_{command}".replace("exec_", "query").replace("queryparams", "query_params"))(
            b"SELECT pg_sleep(60)", *([None] if command == "exec_params" else [])
        )
        if way == "cancel":
            sleeps = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
            while other.execute(sleeps).fetchall() == [(0,)]:
                pass
            connection.cancel()
        result = wire.get_result()
        assert result is not None and result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57014"
        assert wire.get_result() is None
        assert wire.transaction_status == psycopg.pq.TransactionStatus.INERROR
        assert wire.exec_(b"SELECT 1").error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"25P02"
        assert wire.exec_(b"ROLLBACK").command_status == b"ROLLBACK"


def test_a_statement_is_cancelled_by_its_key_only(server: Any) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        process_id = connection.info.backend_pid
        with socket.create_connection((server.host, server.port)) as stranger:
            stranger.sendall(struct.pack(">IIII", 16, 80877102, process_id, 12345))
            assert read_to_end(stranger) == b""
        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.cancel_safe()
        assert connection.execute("SELECT 2").fetchone() == (2,)


def test_hostile_bytes_are_refused_in_order(server: Any) -> None:
    """A sample; `python -m tests.clients.hostile_bytes` sends 10,000."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    findings = asyncio.run(attacked(target, 200, seed=7))
    assert findings.faults == []
    assert findings.ended["closed"] == 200

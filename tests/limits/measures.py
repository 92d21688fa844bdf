"""What the limits command and its tests measure: a server's memory while clients ask for much, and hostile sizes."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

MIB = 1 << 20
READY = b"Z\0\0\0\5I"


@dataclass
class Growth:
    """By how many MiB a process grew at most, and for how many seconds it was watched."""

    mib: float = 0.0
    seconds: float = 0.0


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


@contextmanager
def growth_of(pid: int) -> Iterator[Growth]:
    """The growth of a process's resident memory over what it has now, filled in at the end."""
    found = Growth()
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before, begun = _status(pid, "VmRSS"), time.monotonic()
    yield found
    found.mib = _status(pid, "VmHWM") - before
    found.seconds = time.monotonic() - begun


def ask(dsn: str, statement: str) -> socket.socket:
    """A connection that has sent a query and read nothing of its answer."""
    with psycopg.connect(dsn) as client:
        host, port, user = client.info.host, client.info.port, client.info.user
        database = client.info.dbname
    found = socket.create_connection((host, port), 30)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    body = struct.pack("!i", 196608) + b"\0".join((b"user", user.encode(), b"database", database.encode(), b"", b""))
    found.sendall(struct.pack("!i", len(body) + 4) + body)
    greeting = b""
    while not greeting.endswith(READY):
        greeting += found.recv(4096)
    text = statement.encode() + b"\0"
    found.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
    return found


def unread(dsn: str, pid: int, count: int, mib: int, seconds: float) -> Growth:
    """Many clients ask for big results and do not read them."""
    statement = f"select repeat('x', 10000) from generate_series(1, {mib * 100})"
    with growth_of(pid) as found:
        clients = [ask(dsn, statement) for _ in range(count)]
        time.sleep(seconds)
    for client in clients:
        client.close()
    return found


def streamed(dsn: str, pid: int, mib: int) -> Growth:
    """One client reads a big result as fast as it can."""
    with growth_of(pid) as found:
        client = ask(dsn, f"select repeat('x', 10000) from generate_series(1, {mib * 105})")
        buffer, left = bytearray(1 << 20), mib * MIB
        while left > 0 and (read := client.recv_into(buffer)):
            left -= read
    client.close()
    assert left <= 0, "the result ended early"
    return found


def heavy(dsn: str, pid: int, mib: int) -> dict[str, Growth]:
    """Statements that have to look at all of a lot of wide rows before they can answer."""
    rows = f"(select i, md5(i::text) || repeat('x', 468) as s from generate_series(1, {mib * 2000}) i) x"
    statements = {
        "distinct": f"select count(*) from (select distinct s from {rows}) y",
        "sort": f"select max(length(s)) from (select s from {rows} order by s offset 1) y",
        "group by": f"select count(*) from (select s, count(*) from {rows} group by s) y",
        "count distinct": f"select count(distinct s) from {rows}",
        "hash join": f"select count(*) from (select * from {rows}) a join (select * from {rows}) b on a.s = b.s",
        "common table": f"with c as materialized (select * from {rows}) select count(*) from c a, "
        "(select count(*) from c) b",
        "window": f"select count(*) from (select row_number() over (partition by s) from {rows}) y",
    }
    found = {}
    with psycopg.connect(dsn, autocommit=True) as client:
        for name, statement in statements.items():
            with growth_of(pid) as growth:
                client.execute(statement).fetchall()
            found[name] = growth
    return found


def hostile(dsn: str, scale: float) -> dict[str, tuple[float, str]]:
    """Sizes nobody expects: (seconds, the answer or the SQLSTATE) of each. `scale` 1 is the goal's size."""
    few = max(1, int(100_000 * scale))
    nested = max(1, int(5_000 * scale))
    wide = int(50 * MIB * scale)
    parameters = min(65_535, max(1, int(65_535 * scale)))
    statements: dict[str, tuple[str, list[int]]] = {
        "IN list": (f"select 1 where {few} in ({', '.join(map(str, range(1, few + 1)))})", []),
        "VALUES list": (f"select count(*) from (values {', '.join(f'({n})' for n in range(few))}) v", []),
        "big statement": (f"select length('{'x' * wide}')", []),
        "many parameters": (
            f"select 1 where {parameters} in ({', '.join(['%s'] * parameters)})",
            list(range(parameters)),
        ),
        "nested parentheses": (f"select {'(' * nested}1{')' * nested}", []),
        "long sum": (f"select {' + '.join(['1'] * nested)}", []),
        "many columns": (f"select {', '.join(['1'] * min(nested, 1664))}", []),
        "long AND": (f"select 1 where {' and '.join(['1 = 1'] * nested)}", []),
    }
    found = {}
    with psycopg.connect(dsn, autocommit=True) as client:
        for name, (statement, values) in statements.items():
            begun = time.monotonic()
            try:
                cursor = client.execute(statement, values or None)
                answer = f"{len(cursor.fetchall())} rows"
            except psycopg.Error as error:
                answer = error.sqlstate or type(error).__name__
            found[name] = (time.monotonic() - begun, answer)
            if client.closed:
                break
    return found


def before_login(host: str, port: int, pid: int, user: str, count: int) -> Growth:
    """Clients that have not logged in declare messages of 16 MB and send a part of them."""
    body = struct.pack("!i", 196608) + b"\0".join((b"user", user.encode(), b"", b""))
    clients = []
    with growth_of(pid) as found:
        for _ in range(count):
            client = socket.create_connection((host, port), 30)
            client.sendall(struct.pack("!i", len(body) + 4) + body)
            client.recv(1024)
            clients.append(client)
        for client in clients:
            with suppress(ConnectionError):  # refused at the header
                client.sendall(b"p" + struct.pack("!i", 16 * MIB) + bytes(1 << 20))
        time.sleep(1)
    for client in clients:
        client.close()
    return found

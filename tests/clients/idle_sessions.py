"""Idle sessions: what a connected client costs the server, and how fast clients log in.

Run: python -m tests.clients.idle_sessions [sessions]
Opens sessions that each have run a query and prepared a statement, and prints the memory that the server holds for
one, logins a second, and what the next one gets when the limit is reached.
"""

from __future__ import annotations

import resource
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

from bench.servers import Target, running_datacave

SESSIONS = 2000
TARGET_BYTES = 64 * 1024


def resident_bytes(pid: int) -> int:
    """The memory of a process that is its own: without files that are mapped."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not say how much memory a process has")


def message(kind: bytes, body: bytes) -> bytes:
    """A message of the protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


class Session:
    """A connection that speaks just enough of the protocol, and holds next to nothing itself."""

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port), timeout=30)
        words = b"user\0" + target.user.encode() + b"\0database\0" + target.database.encode() + b"\0\0"
        self.socket.sendall(message(b"", struct.pack("!I", 196608) + words))
        self.answer = self._until_ready()

    def work(self) -> None:
        """A query and a prepared statement, as a pool's connections have behind them."""
        self.socket.sendall(message(b"Q", b"SELECT count(*) FROM pg_class WHERE oid < 100\0"))
        self._until_ready()
        self.socket.sendall(message(b"P", b"s\0SELECT $1::int + 1\0\0\0") + message(b"S", b""))
        self._until_ready()

    def _until_ready(self) -> bytes:
        """Reads until the server is ready for a query, or has closed the connection."""
        data = b""
        while not data.endswith(b"Z\0\0\0\5I"):
            part = self.socket.recv(65536)
            if not part:
                break
            data += part
        return data


def main() -> int:
    """Measures; the exit code says whether a session costs more than it may."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "datacave.toml"
        config.write_text(f"[limits]\nmax_connections = {count + 50}\n", encoding="utf-8")
        with running_datacave(folder, ("--config", str(config))) as target:
            warm = [Session(target) for _ in range(50)]
            for one in warm:
                one.work()
            before, start = resident_bytes(target.pid), time.monotonic()
            sessions = [Session(target) for _ in range(count)]
            seconds = time.monotonic() - start
            logged_in = (resident_bytes(target.pid) - before) / count
            for one in sessions:
                one.work()
            used = (resident_bytes(target.pid) - before) / count
            refused = Session(target).answer
    print(f"{count} sessions, {count / seconds:.0f} logins a second")
    print(f"a session that only logged in: {logged_in / 1024:.1f} KiB; one that worked: {used / 1024:.1f} KiB")
    print("the next one is refused with 53300" if b"53300" in refused else f"the next one got {refused!r}")
    return int(used > TARGET_BYTES or b"53300" not in refused)


if __name__ == "__main__":
    sys.exit(main())

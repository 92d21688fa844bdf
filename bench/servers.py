"""Servers to measure: each a process of its own, with a fresh folder, on a free port, stopped at the end.

Both serve the same way: plain TCP on 127.0.0.1, no TLS, no password, default settings, every commit durable before it
is answered.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import cpu_seconds

START_SECONDS = 60
STOP_SECONDS = 60
PORT_LINE = re.compile(r"ready on \S+:(\d+);")
POSTGRESQL_FOLDERS = ("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/usr/local/pgsql/bin")
UNPRIVILEGED_USERS = ("postgres", "nobody")


class NotInstalled(Exception):
    """A program that a measurement needs is not on this machine. The message says which."""


class StartFailed(Exception):
    """A server did not start. The message holds its log."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server and how to reach it."""

    name: str
    port: int
    user: str
    database: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for libpq's programs."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return clean | {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGSSLMODE": "disable",
            "PGGSSENCMODE": "disable",
        }

    def cpu_seconds(self) -> float | None:
        """Processor time of the server until now, all its processes together; None where it cannot be known."""
        return cpu_seconds(self.pid)


def find_program(name: str) -> Path:
    """A program of PostgreSQL 15. Raises NotInstalled."""
    for folder in POSTGRESQL_FOLDERS:
        if (path := Path(folder, name)).is_file():
            return path
    if (found := shutil.which(name)) is None:
        raise NotInstalled(f"{name} of PostgreSQL 15 was not found on the PATH or in {', '.join(POSTGRESQL_FOLDERS)}")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    if not re.search(r"\) 15\.", said):
        raise NotInstalled(f"{found} is not of PostgreSQL 15: {said.strip()}")
    return Path(found)


@contextlib.contextmanager
def running_datacave(
    folder: Path, arguments: Sequence[str] = (), start_seconds: float = START_SECONDS
) -> Iterator[Target]:
    """`datacave serve` with its data in `folder`. Raises StartFailed with the server's log if it does not start within
    `start_seconds`."""
    log = folder / "datacave.log"
    listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir", str(folder / "datacave")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATACAVE_", "PG"))}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "datacave_server", "serve", "--log-level", "warning", *listen, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=clean,
            text=True,
        )
    # A start that fails may leave a process that neither ends nor says anything.
    too_late = threading.Timer(start_seconds, process.kill)
    too_late.start()
    with contextlib.ExitStack() as started, stopping(process, signal.SIGTERM):
        started.callback(too_late.cancel)
        assert process.stdout is not None
        for line in process.stdout:
            if match := PORT_LINE.search(line):
                too_late.cancel()
                yield Target("Datacave", int(match[1]), "admin", "default", process.pid)
                if (code := process.poll()) is not None:
                    print(f"datacave serve has ended by itself with exit code {code}:\n{log.read_text()}")
                return
        raise StartFailed(f"datacave serve did not start:\n{log.read_text()}")


@contextlib.contextmanager
def running_postgresql(folder: Path, superuser: str = "postgres") -> Iterator[Target]:
    """PostgreSQL 15 with its data in `folder`/postgresql, as an unprivileged user when we are root.

    Raises NotInstalled or StartFailed.
    """
    initdb, postgres = find_program("initdb"), find_program("postgres")
    data, log = folder / "postgresql", folder / "postgresql.log"
    data.mkdir(mode=0o700)
    user = unprivileged_user() if os.geteuid() == 0 else None
    if user is not None:
        # The server must reach its own folder, which lies in one of ours.
        for above in (folder, *folder.parents):
            if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o011)
        shutil.chown(data, user.pw_name)
    owner = None if user is None else user.pw_uid
    group = None if user is None else user.pw_gid
    with log.open("wb") as output:
        made = subprocess.run(
            [initdb, "-D", data, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            stdout=output,
            stderr=output,
            user=owner,
            group=group,
            cwd="/",
            check=False,
        )
        if made.returncode != 0:
            raise StartFailed(f"initdb failed:\n{log.read_text()}")
        port = free_port()
        process = subprocess.Popen(
            [postgres, "-D", data, "-p", str(port), "-k", data, "-c", "listen_addresses=127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=owner,
            group=group,
            cwd="/",
        )
    with stopping(process, signal.SIGINT):
        target = Target("PostgreSQL", port, superuser, "postgres", process.pid)
        wait_until_ready(target, process, log)
        yield target


def unprivileged_user() -> pwd.struct_passwd:
    """A user that PostgreSQL may run as. Raises StartFailed."""
    for name in UNPRIVILEGED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise StartFailed(f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED_USERS)}")


def wait_until_ready(target: Target, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once statements are answered. Raises StartFailed with the server's log."""
    deadline = time.monotonic() + START_SECONDS
    command = [str(find_program("psql")), "-X", "-q", "-A", "-t", "-c", "SELECT 1"]
    while process.poll() is None and time.monotonic() < deadline:
        if subprocess.run(command, env=target.environment, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise StartFailed(f"{target.name} did not start:\n{log.read_text()}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def stopping(process: subprocess.Popen[bytes] | subprocess.Popen[str], number: int) -> Iterator[None]:
    """Stops the process by a signal at the end, and by force if it does not stop."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

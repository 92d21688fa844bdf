"""Directory: a removed file, a mode that is too open and a second server are refused by name, with nothing changed."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import psycopg

from tests.clients.conftest import RunningServer, serve_command, start

SETTINGS = {"DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "64KiB", "DATACAVE_WAL__SEGMENT_BYTES": "64KiB"}


def refusal(folder: Path) -> str:
    """What a server says that does not start."""
    done = subprocess.run(serve_command(folder), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, f"the server started, or ended with {done.returncode}: {done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    return done.stderr


def filled(folder: Path) -> RunningServer:
    """A running server with some tables, log and manifest."""
    server = start(folder, environment=SETTINGS)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        for first in range(0, 2_000, 100):
            connection.execute(
                "INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(%s::int, %s::int) n", (first, first + 99)
            )
    return server


def directory(folder: Path) -> str:
    """What was measured. Raises AssertionError if a fault is not refused by name."""
    server = filled(folder)
    data = server.data_dir
    text = refusal(folder)
    assert "the directory is in use" in text and str(server.process.pid) in text
    paths = [data, *data.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert server.stop() == 0
    data.chmod(0o755)
    text = refusal(folder)
    assert str(data) in text and "0755" in text
    data.chmod(0o700)
    storage = next(path.parent for path in data.rglob("CURRENT"))
    victims = [
        *sorted((storage / "tables").glob("*.sst"))[:3],
        *sorted((storage / "wal").iterdir())[:1],
        *storage.glob("MANIFEST-*"),
        storage / "CURRENT",
    ]
    for victim in victims:
        aside = folder / "aside"
        victim.rename(aside)
        text = refusal(folder)
        assert victim.name in text, f"{victim} is missing: {text}"
        aside.rename(victim)
    server = start(folder, environment=SETTINGS)
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2_000,)
    assert server.stop() == 0
    return f"second server and mode 0755 refused by name; {len(victims)} files removed in turn, each named; files 0600"

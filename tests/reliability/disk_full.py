"""Disk full: writes answer 53100, the server stays up, reads go on, and writes come back when there is space again.

The database lies on a small file system in memory of its own, which takes the right to mount one.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import errors

from tests.clients.conftest import start

DISK_MIB, BALLAST_MIB = 24, 4
SETTINGS = {
    "DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "512KiB",
    "DATACAVE_WAL__SEGMENT_BYTES": "1MiB",
    "DATACAVE_COMPACTION__TABLE_BYTES_MAX": "1MiB",
}
ROW_BYTES = 4_000
REFUSED = 10
"""So many writes in a row are refused before there is space again."""
RETURN_SECONDS_MAX = 20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own at folder/disk."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def value_of(number: int) -> str:
    """A row's text, which compresses badly."""
    chance = number * 2654435761 % 2**32
    return "".join(f"{(chance * (at + 1)) % 2**32:08x}" for at in range(ROW_BYTES // 8))


def fill(connection: psycopg.Connection[tuple[object, ...]], first: int, acknowledged: list[int]) -> int:
    """Inserts rows until the disk is full, and for a while after it; how many were refused."""
    refused = 0
    for number in range(first, first + 100 * DISK_MIB * 1024 * 1024 // ROW_BYTES):
        try:
            connection.execute("INSERT INTO t VALUES (%s, %s)", (number, value_of(number)))
            acknowledged.append(number)
        except errors.DiskFull:
            refused += 1
            if refused == REFUSED:
                return refused
    raise AssertionError("the disk never was full")


def check(connection: psycopg.Connection[tuple[object, ...]], acknowledged: list[int]) -> None:
    """All acknowledged rows are there, and no others."""
    rows = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    assert [row[0] for row in rows] == acknowledged
    assert all(row[1] == value_of(int(str(row[0]))) for row in rows)


def disk_full(folder: Path, rounds: int) -> str:
    """One server whose disk fills up again and again; what was measured. Raises AssertionError if it misbehaves."""
    acknowledged: list[int] = []
    refused, seconds = 0, 0.0
    with small_disk(folder) as disk:
        arguments = ["--data-dir", str(disk / "data")]
        server = start(folder, arguments, SETTINGS)
        try:
            ballast = [disk / f"ballast{number}" for number in range(rounds)]
            for piece in ballast:
                piece.write_bytes(bytes(BALLAST_MIB * 1024 * 1024))
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
                next_number = 0
                for piece in ballast:
                    refused += fill(connection, next_number, acknowledged)
                    next_number = 1 + max(acknowledged)
                    check(connection, acknowledged)
                    with psycopg.connect(server.dsn, autocommit=True) as another:
                        assert another.execute("SELECT count(*) FROM t").fetchone() == (len(acknowledged),)
                    assert server.process.poll() is None
                    piece.unlink()
                    began = time.monotonic()
                    while True:
                        try:
                            connection.execute("INSERT INTO t VALUES (%s, %s)", (next_number, value_of(next_number)))
                            break
                        except errors.DiskFull:
                            assert time.monotonic() - began < RETURN_SECONDS_MAX, "writes do not come back"
                            time.sleep(0.05)
                    seconds = max(seconds, time.monotonic() - began)
                    acknowledged.append(next_number)
                    next_number += 1
            server.stop(signal.SIGKILL)
            server = start(folder, arguments, SETTINGS)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                check(connection, acknowledged)
            assert server.stop() == 0
        finally:
            server.process.kill()
            server.process.wait()
    return f"{rounds} times full: {refused} writes refused with 53100, back after at most {seconds:.1f} s, 0 lost"

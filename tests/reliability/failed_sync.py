"""Failed sync: the first fsync that fails stops the server, which names the file, and is never tried again.

After the fault a new server recovers from the log: everything acknowledged is there.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import psycopg

from tests.clients.conftest import start
from tests.reliability.failing_syncs import FailingSyncs

SETTINGS = {"DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "256KiB", "DATACAVE_WAL__SEGMENT_BYTES": "1MiB"}
STOP_SECONDS_MAX = 20
ROWS_MAX = 5_000
KINDS = {"log": "/wal/", "table": "/tables/", "manifest": "/MANIFEST-"}


def failed_sync(folder: Path, kind: str) -> str:
    """One server, one kind of file; what was measured. Raises AssertionError where the server does not behave."""
    syncs = FailingSyncs(folder)
    server = start(folder, environment={**SETTINGS, **syncs.environment})
    acknowledged: list[int] = []
    with contextlib.suppress(psycopg.Error), psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        for number in range(ROWS_MAX):
            if number == 50:
                syncs.begin(KINDS[kind])
            connection.execute("INSERT INTO t VALUES (%s, %s)", (number, f"{number} " * 100))
            acknowledged.append(number)
    try:
        code = server.process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise AssertionError(f"the server goes on after a failed sync of a {kind} file") from None
    failed = syncs.end()
    assert failed, f"no sync of a {kind} file was asked for"
    names = [path.removeprefix(f"{server.data_dir}/") for path in failed]
    assert len(set(names)) == len(names), f"a failed sync was tried again: {names}"
    assert code != 0, "the server ended as if all were well"
    known = [Path(name).name.removesuffix(".tmp") for name in names]
    assert any(name in server.log for name in known), f"the log names none of {names}"
    again = start(folder, environment=SETTINGS)
    with psycopg.connect(again.dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    assert again.stop() == 0
    found = [row[0] for row in rows]
    assert found[: len(acknowledged)] == acknowledged, "acknowledged rows are lost"
    assert len(found) <= len(acknowledged) + 1 and all(row == (row[0], f"{row[0]} " * 100) for row in rows)
    return f"{kind}: stopped with {code} after {names[0]}; {len(acknowledged)} acknowledged rows, 0 lost; no sync twice"

"""Does `datacave key rotate` put a server under load under another key, so that the old one can be thrown away?"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import psycopg
import pytest

from datacave_lsm.format import HEADER_BYTES, FileHeader
from datacave_server.config import ConfigError, load
from datacave_server.storage import master_keys
from tests.clients.conftest import start

KEYS = {name: bytes([number]) * 16 + bytes(range(16)) for number, name in enumerate("abc", 1)}
SETTINGS = {
    "DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "64KiB",
    "DATACAVE_WAL__SEGMENT_BYTES": "64KiB",
    "DATACAVE_COMPACTION__TABLE_BYTES_MAX": "64KiB",
    "MASTER_KEY_C": KEYS["c"].hex(),
}
WRITERS = 3


def configure(folder: Path, active: str, ids: str = "abc") -> Path:
    """A configuration whose keys come from itself, from a file, and from the environment."""
    (folder / "b.key").write_text(KEYS["b"].hex() + "\n")
    places = {
        "a": f'hex = "{KEYS["a"].hex()}"',
        "b": f'file = "{folder / "b.key"}"',
        "c": 'environment = "MASTER_KEY_C"',
    }
    keys = [f'[[security.encryption.keys]]\nid = "{name}"\n{places[name]}\n' for name in ids]
    path = folder / "datacave.toml"
    path.write_text(f'[security.encryption]\nactive_key = "{active}"\n{"".join(keys)}')
    return path


def keys_in_use(data: Path) -> dict[str, str]:
    """The master key of every file of the storage, by name; files come and go meanwhile."""
    found = {}
    for path in (data / "store").rglob("*"):
        if path.suffix in (".sst", ".log", ".spare") or path.name.startswith("MANIFEST"):
            try:
                head = path.read_bytes()[:HEADER_BYTES]
            except FileNotFoundError:
                continue
            found[path.name] = FileHeader.decode(head, path.name).key_id
    return found


def write(dsn: str, writer: int, acknowledged: list[int], stop: threading.Event) -> None:
    """Rows with numbers of this writer's own, and changes of the ones before."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        number = writer
        while not stop.is_set():
            connection.execute("INSERT INTO t VALUES (%s, %s)", (number, f"{number} " * 60))
            connection.execute("UPDATE t SET v = v || 'x' WHERE id = %s", (number,))
            acknowledged.append(number)
            number += WRITERS


def test_the_old_keys_can_be_thrown_away(tmp_path: Path) -> None:
    environment = SETTINGS | {"DATACAVE_CONFIG": str(configure(tmp_path, "a"))}
    server = start(tmp_path, environment=environment)
    acknowledged: list[list[int]] = [[] for _ in range(WRITERS)]
    stop = threading.Event()
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        writers = [
            threading.Thread(target=write, args=(server.dsn, number, acknowledged[number], stop))
            for number in range(WRITERS)
        ]
        for each in writers:
            each.start()
        for active in "bc":
            enough = sum(map(len, acknowledged)) + 150
            wait_until(lambda enough=enough: sum(map(len, acknowledged)) >= enough)
            configure(tmp_path, active)
            command = [sys.executable, "-m", "datacave_server", "key", "rotate", "--data-dir", str(server.data_dir)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert f'live files are under master key "{active}"' in done.stdout
            waiting = [Path(line.split(" ")[0]).name for line in done.stdout.splitlines()[1:]]
            others = {name: key for name, key in keys_in_use(server.data_dir).items() if key != active}
            assert set(others) <= set(waiting)
        enough = sum(map(len, acknowledged)) + 50
        wait_until(lambda: sum(map(len, acknowledged)) >= enough)
        assert all(each.is_alive() for each in writers)
        stop.set()
        for each in writers:
            each.join()
        assert server.stop() == 0
        assert set(keys_in_use(server.data_dir).values()) == {"c"}
        # Nobody has the old keys any more.
        configure(tmp_path, "c", "c")
        (tmp_path / "b.key").unlink()
        server = start(tmp_path, environment=environment)
        with psycopg.connect(server.dsn) as connection:
            rows = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
        assert rows == [(number, f"{number} " * 60 + "x") for number in sorted(chain(*acknowledged))]
        assert server.stop() == 0
    finally:
        stop.set()
        server.process.kill()
        server.process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition that has to come."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_every_byte_of_a_key_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed one is refused by its key's name, or another key, which opens nothing, or it is the same key."""
    monkeypatch.setenv("MASTER_KEY_C", KEYS["c"].hex())
    config = load(configure(tmp_path, "b")).config
    path = tmp_path / "b.key"
    content = path.read_bytes()
    assert master_keys(config) == KEYS
    same = 0
    for at in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            try:
                found = master_keys(config)["b"]
            except ConfigError as error:
                assert 'key "b"' in str(error)
                continue
            if found == KEYS["b"]:
                same += 1
                assert content[at] == ord("\n") or chr(content[at]).isalpha()
    assert same < len(content)

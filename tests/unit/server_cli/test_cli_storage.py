"""Do inspect, check and restore tell the truth about the files of a database?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datacave_core.memory import SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, KeyRing
from datacave_server.cli import main
from datacave_server.files import OsFileSystem

PREFIX = b"\0\0\0\1\0\0"
KEY = bytes(range(32))
OPTIONS = EngineOptions(level0_trigger_files=2)


class Database:
    """A database with two tables, a log with three commits, and a checkpoint."""

    def __init__(self, folder: Path, ring: KeyRing | None = None) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.engine = self.open(OsFileSystem(self.store), ring)
        for part in range(3):
            for number in range(40):
                self.engine.commit({PREFIX + b"%d%03d" % (part, number): (b"value %d" % number,)})
            self.settle(self.engine.flush())
        for number in range(3):
            self.engine.commit({PREFIX + b"log%d" % number: (b"in the log",), PREFIX + b"0000": None})
        self.settle(self.engine.checkpoint("checkpoints/one").finished)
        self.settle(self.engine.close())

    def open(self, files: OsFileSystem, ring: KeyRing | None) -> Engine:
        return Engine.open(files, self.scheduler.clock, self.scheduler, SeededRandomness(0), OPTIONS, ring)

    def settle(self, event) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def tables(self) -> list[Path]:
        return sorted((self.store / "tables").iterdir())


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATACAVE_CONFIG", raising=False)
    return Database(tmp_path / "data")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments], lambda coroutine: 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_check_finds_a_whole_database_sound(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (database.folder, database.store, database.store / "checkpoints" / "one"):
        code, out, _ = run(capsys, "check", folder)
        assert (code, "NOT SOUND" in out) == (0, False)
        assert "120 versions" in out
        assert "with 3 commits" in out
    code, out, _ = run(capsys, "check", "--json", database.folder)
    report = json.loads(out)
    assert report["sound"]
    assert report["findings"] == []
    assert (report["entries"], report["log_commits"]) == (120, 3)


def test_check_names_every_damaged_or_missing_file(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    tables, logs = database.tables(), sorted((database.store / "wal").iterdir())
    manifest = next(path for path in database.store.iterdir() if path.name.startswith("MANIFEST"))
    for path in (*tables, *logs, manifest, database.store / "CURRENT"):
        content = path.read_bytes()
        for offset in (10, 130, len(content) // 2, len(content) - 20):
            if offset >= len(content) or offset < 0:
                continue
            path.write_bytes(content[:offset] + bytes([content[offset] ^ 0x10]) + content[offset + 1 :])
            code, out, _ = run(capsys, "check", database.folder)
            # The manifest's last record says only that the database was closed in order.
            assert code == 1 or (path == manifest and offset == len(content) - 20), (path, offset)
            assert path.name in out or path == manifest or code == 1
        path.unlink()
        code, out, _ = run(capsys, "check", database.folder)
        assert (code, path.name in out or path == manifest) == (1, True)
        path.write_bytes(content)
    assert run(capsys, "check", database.folder)[0] == 0


def test_check_mentions_files_that_do_not_belong(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    (database.store / "tables" / "0000009999.sst").write_bytes(b"orphan")
    (database.store / "stray").write_bytes(b"")
    (database.store / "temporary").mkdir(exist_ok=True)
    (database.store / "temporary" / "7.spill").write_bytes(b"")
    code, out, _ = run(capsys, "check", database.folder)
    assert code == 0
    assert "note: tables/0000009999.sst: no manifest names this file" in out
    assert "note: stray: the engine does not need this file" in out
    assert "note: temporary/7.spill: a statement of before put this aside; the next start removes it" in out
    assert "note: temporary: " not in out


def test_check_refuses_a_database_in_use(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    release = OsFileSystem(database.store).lock("LOCK")
    try:
        code, _, err = run(capsys, "check", database.folder)
    finally:
        release()
    assert code == 1
    assert "in use" in err


def test_inspect_shows_every_kind_of_file(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "inspect", "--json", database.folder)
    facts = json.loads(out)
    assert sum(level["entries"] for level in facts["levels"]) == 120
    assert {f"{table['number']:010d}.sst" for table in facts["tables"]} == {path.name for path in database.tables()}
    rows = []
    for path in database.tables():
        table = json.loads(run(capsys, "inspect", "--json", "--records", path)[1])
        assert table["kind"] == "table"
        assert table["bytes"] == path.stat().st_size == table["parts"][-1]["offset"] + table["parts"][-1]["bytes"]
        rows += [(bytes.fromhex(row["key"])[6:], bytes.fromhex(row["row"][0])) for row in table["rows"]]
    assert sorted(rows) == [(b"%d%03d" % (part, n), b"value %d" % n) for part in range(3) for n in range(40)]
    (log,) = (database.store / "wal").iterdir()
    segment = json.loads(run(capsys, "inspect", "--json", "--records", log)[1])
    assert (segment["commits"], segment["writes"], segment["torn_tail"]) == (3, 6, False)
    last = [entry for record in segment["records"] for entry in record["contents"]][-1]["writes"]
    assert last == {(PREFIX + b"log2").hex(): [b"in the log".hex()], (PREFIX + b"0000").hex(): None}
    manifest = next(path for path in database.store.iterdir() if path.name.startswith("MANIFEST"))
    edits = json.loads(run(capsys, "inspect", "--json", manifest)[1])["edits"]
    assert edits[-1]["closed"] == [int(log.stem), log.stat().st_size]
    text = run(capsys, "inspect", manifest)[1]
    assert "kind: manifest" in text
    assert "edits:" in text


def test_a_sealed_file_shows_its_header_without_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database(tmp_path / "data", KeyRing({"k": KEY}, "k"))
    path = database.tables()[0]
    code, out, _ = run(capsys, "inspect", path)
    assert code == 0
    assert "master_key: k" in out
    assert "unreadable:" in out
    assert run(capsys, "check", database.folder)[0] == 1
    config = tmp_path / "keys.toml"
    config.write_text(
        f'[security.encryption]\nactive_key = "k"\n[[security.encryption.keys]]\nid = "k"\nhex = "{KEY.hex()}"\n'
    )
    code, out, _ = run(capsys, "inspect", path, "--config", config)
    assert "entries: " in out
    assert run(capsys, "check", database.folder, "--config", config)[0] == 0


def test_restore_makes_a_database_of_a_checkpoint(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    checkpoint = database.store / "checkpoints" / "one"
    code, out, _ = run(capsys, "restore", checkpoint, tmp_path / "new")
    assert code == 0
    assert "restored" in out
    assert (tmp_path / "new" / "server.lock").exists()
    engine = database.open(OsFileSystem(tmp_path / "new" / "store"), None)
    rows = [key[6:] for batch in engine.scan(PREFIX, None, 2**62) for key, _ in batch]
    assert len(rows) == 119 + 3
    database.settle(engine.close())
    assert run(capsys, "check", tmp_path / "new")[0] == 0
    code, _, err = run(capsys, "restore", checkpoint, tmp_path / "new")
    assert code == 1
    assert "not empty" in err


def test_restore_refuses_a_damaged_checkpoint(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    checkpoint = database.store / "checkpoints" / "one"
    table = next((checkpoint / "tables").iterdir())
    content = table.read_bytes()
    table.write_bytes(content[:140] + b"\xff" + content[141:])
    code, out, _ = run(capsys, "restore", checkpoint, tmp_path / "new")
    assert code == 1
    assert table.name in out
    assert not (tmp_path / "new").exists()

"""Do check, inspect and restore say of every kind of damage which file it is, where, and what to do?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datacave_lsm import KeyRing, Seals
from datacave_lsm.format import FileHeader, FileKind
from datacave_lsm.version import Levels, Manifest
from datacave_lsm.version.manifest import current_manifest, read_manifest
from datacave_server.files import OsFileSystem
from tests.unit.server_cli.test_cli_storage import KEY, PREFIX, Database, run

RING = KeyRing({"k": KEY}, "k")
WHAT_TO_DO = ("Restore the file from a backup", "Remove it if it does not belong", "A newer program has written it")
KINDS = ("table", "log", "manifest")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "sealed"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and the configuration that opens it."""
    folder = tmp_path_factory.mktemp("home")
    keys = ""
    if request.param:
        keys = f'active_key = "k"\n[[security.encryption.keys]]\nid = "k"\nhex = "{KEY.hex()}"\n'
    (folder / "config.toml").write_text(f"[security.encryption]\n{keys}")
    (folder / "other.toml").write_text(f"[security.encryption]\n{keys.replace(KEY.hex(), bytes(32).hex())}")
    Database(folder / "data", RING if request.param else None)
    return folder


@pytest.fixture(params=["data/store", "data/store/checkpoints/one"], ids=["database", "checkpoint"])
def store(request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the database or of its checkpoint, to be damaged."""
    monkeypatch.delenv("DATACAVE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("config.toml", "other.toml"):
        shutil.copy(home / name, tmp_path)
    return Path(shutil.copytree(home / request.param, tmp_path / "store"))


def file_of(store: Path, kind: str) -> Path:
    """One file of a kind."""
    found = {"table": "tables/*.sst", "log": "wal/*.log", "manifest": "MANIFEST-*", "current": "CURRENT"}[kind]
    return sorted(store.glob(found))[0]


def damages(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What can become of a file, and what is said of it."""
    head, body = content[:128], content[128:]
    header = FileHeader.decode(head, "")
    at = len(content) - 40

    def under(changed: FileHeader) -> bytes:
        return changed.encode() + body

    yield "at byte 0 fails its checksum", content[:20] + bytes([content[20] ^ 1]) + content[21:]
    yield "at byte ", content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    yield "bytes", content[: len(content) - 30]
    yield "128 bytes", content[:50]
    yield "128 bytes", b""
    yield "is not a Datacave file", b"%PDF-1.4 something else" * 20
    yield "has format version 9", under(replace(header, version=9))
    yield "holds file id 999", under(replace(header, file_id=999))
    yield "is of kind spill", under(FileHeader(FileKind.SPILL, header.file_id, header.key_id, header.wrapped_key))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_damage(kind: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(store, kind)
    content = path.read_bytes()
    for what, damaged in damages(content):
        path.write_bytes(damaged)
        code, out, err = run(capsys, "check", store, "--config", "config.toml")
        if kind == "manifest" and what in ("at byte ", "bytes") and code == 0:
            continue  # its last record: that it was closed in order
        first = out.splitlines()[0]
        assert (code, err) == (1, ""), (what, out)
        assert path.name in first, (what, out)
        assert what in first or what in ("bytes", "128 bytes"), (what, out)
        assert any(f"hint: {each}" in out for each in WHAT_TO_DO), out
        assert "NOT SOUND" in out
        code, out, err = run(capsys, "check", "--json", store, "--config", "config.toml")
        report = json.loads(out)
        assert (code, report["sound"], err) == (1, False, "")
        assert path.name in report["findings"][0]["file"]
        assert report["findings"][0]["hint"]
        for arguments in (["--json"], ["--records"]):
            # A file by itself may be whole, only not what its name says, or its end may be missing.
            code, out, err = run(capsys, "inspect", *arguments, path, "--config", "config.toml")
            assert (code == 0) == (err == "")
            assert code in (0, 1)
            if code:
                assert path.name in err and "hint: " in err and "Traceback" not in err
                assert out == ""
            else:
                assert out
            code, out, err = run(capsys, "inspect", *arguments, store, "--config", "config.toml")
            assert code == 0 or (kind == "manifest" and path.name in err and "hint: " in err)
        code, out, _ = run(capsys, "restore", store, "new", "--config", "config.toml")
        assert code == 1
        assert not Path("new").exists()
    path.write_bytes(content)
    assert run(capsys, "check", store, "--config", "config.toml")[0] == 0


@pytest.mark.parametrize("kind", [*KINDS, "current"])
def test_a_missing_file(kind: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(store, kind)
    path.unlink()
    code, out, err = run(capsys, "check", store, "--config", "config.toml")
    assert (code, err) == (1, "")
    assert path.name in out.splitlines()[0] and "missing" in out.splitlines()[0]
    assert "hint: Restore the file from a backup" in out
    code, out, err = run(capsys, "inspect", path, "--config", "config.toml")
    assert (code, out) == (1, "")
    assert path.name in err and "no such file" in err


def test_damage_in_current(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store / "CURRENT"
    content = path.read_bytes()
    code, out, _ = run(capsys, "inspect", path)
    assert code == 0
    assert f"manifest: {file_of(store, 'manifest').name}" in out
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        code, out, _ = run(capsys, "check", store, "--config", "config.toml")
        assert code == 1
        assert out.startswith('error: CURRENT: file "CURRENT" is damaged')
    code, _, err = run(capsys, "inspect", path)
    assert code == 1
    assert "CURRENT" in err and "hint: " in err


def test_a_wrong_key_and_none(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed = FileHeader.decode(file_of(store, "table").read_bytes()[:128], "").sealed
    for arguments, what in (([], "there is no key ring"), (["--config", "other.toml"], "sealed with another key")):
        for command in ("check", "inspect"):
            code, out, err = run(capsys, command, store, *arguments)
            if sealed:
                assert (code, out) == (1, "")
                assert "MANIFEST" in err and what in err and "hint: " in err
            else:
                assert code == 0


def test_an_unfinished_checkpoint(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "UNFINISHED").touch()
    code, out, _ = run(capsys, "check", store, "--config", "config.toml")
    assert code == 1
    assert "UNFINISHED: the directory holds a checkpoint that was not finished" in out
    assert "hint: Make another checkpoint" in out


def test_levels_that_hide_newer_rows_under_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATACAVE_CONFIG", raising=False)
    database = Database(tmp_path / "data")
    files = OsFileSystem(database.store)
    engine = database.open(files, None)
    for value in (b"older", b"newer"):
        engine.commit({PREFIX + b"key": (value,)})
        database.settle(engine.flush())
        if value == b"older":
            database.settle(engine.compact())
    database.settle(engine.close())
    assert run(capsys, "check", database.folder)[0] == 0
    name = current_manifest(files)
    assert name is not None
    state = read_manifest(files, name, Seals(), 7)
    (newer,) = state.levels.files[0]
    older = next(file for file in state.levels.all_files() if file.overlaps(PREFIX + b"key", None) and file != newer)
    others = tuple([file for file in state.levels.all_files() if file not in (newer, older)])
    state.levels = Levels(((older,), (), (), (newer,), (), (), others))
    Manifest(files, Seals(), 9_000, state.snapshot()).close()
    code, out, _ = run(capsys, "check", database.folder)
    assert code == 1
    assert f"key {(PREFIX + b'key').hex()}" in out and "is not older than its version in" in out
    state.levels = Levels(((newer, replace(older, max_timestamp=newer.max_timestamp)), *[()] * 6))
    Manifest(files, Seals(), 9_001, state.snapshot()).close()
    code, out, _ = run(capsys, "check", database.folder)
    assert code == 1
    assert "its commits overlap with those of table" in out

"""The commands do what their help says, and say what is wrong without a traceback."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datacave_core.version import VERSION
from datacave_protocol import parse_verifier, verify_password
from datacave_server.audit import AuditLog
from datacave_server.cli import main
from datacave_server.clock import SystemClock
from datacave_server.config import KEYS, load, render_example
from datacave_server.files import OsFileSystem


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, and no settings from outside."""
    for name in [name for name in os.environ if name.startswith("DATACAVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    return main(arguments, asyncio.run)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0
    assert capsys.readouterr().out == f"datacave {VERSION}\n"


def test_the_program_starts_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "datacave_server", "version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"datacave {VERSION}\n", "")


@pytest.mark.parametrize(
    "arguments", [(), ("frobnicate",), ("serve", "--lisen", "x"), ("config",), ("audit", "verify")]
)
def test_wrong_arguments_exit_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert "usage: datacave" in capsys.readouterr().err


def test_init_writes_a_private_file_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init") == 0
    file = folder / "datacave.toml"
    assert file.read_text() == render_example()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("# mine\n")
    assert run("init") == 1
    assert capsys.readouterr().err == "datacave: error: datacave.toml: the file exists; --force overwrites it\n"
    assert file.read_text() == "# mine\n"
    assert run("init", "--force") == 0
    assert file.read_text() == render_example()


def test_config_show_tells_where_values_come_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "datacave.toml").write_text('[server]\ndrain_seconds = "3s"\n')
    monkeypatch.setenv("DATACAVE_LOG__FORMAT", "json")
    assert run("config", "show", "--listen", "localhost:1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(KEYS)
    assert 'server.drain_seconds = "3s"  # datacave.toml:2' in lines
    assert 'log.format = "json"  # DATACAVE_LOG__FORMAT' in lines
    assert 'server.listen = "localhost:1"  # --listen' in lines
    assert 'metrics.listen = "127.0.0.1:9433"  # default' in lines


def test_config_show_as_toml_is_a_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "show", "--toml", "--log-level", "debug") == 0
    file = folder / "shown.toml"
    file.write_text(capsys.readouterr().out)
    assert load(file).config.log.level == "debug"


def test_secrets_are_hidden_unless_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = "ab" * 32
    (folder / "datacave.toml").write_text(f'[[security.encryption.keys]]\nid = "k"\nhex = "{digits}"\n')
    for more, shown in (((), False), (("--toml",), False), (("--with-secrets",), True)):
        assert run("config", "show", *more) == 0
        out = capsys.readouterr().out
        assert (digits in out) is shown
        assert ("(hidden)" in out) is not shown


def test_a_broken_configuration_exits_with_2_and_names_the_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.toml").write_text("[server]\nlisen = 1\n")
    assert run("serve", "--config", "mine.toml") == 2
    assert (
        capsys.readouterr().err
        == 'datacave: error: mine.toml:2: unknown key "server.lisen"; did you mean "server.listen"?\n'
    )


def test_a_password_from_a_pipe_becomes_its_verifier() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "datacave_server", "gen-password-hash"],
        input="s\u00e9cret \n",
        capture_output=True,
        text=True,
        check=True,
    )
    verifier = parse_verifier(done.stdout.strip())
    assert verify_password(verifier, "s\u00e9cret ")
    assert not verify_password(verifier, "secret")


def test_a_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["one", "one", "one", "two"])
    monkeypatch.setattr("datacave_server.cli.password.getpass", lambda prompt: next(answers))
    assert run("gen-password-hash") == 0
    assert verify_password(parse_verifier(capsys.readouterr().out.strip()), "one")
    assert run("gen-password-hash") == 2
    assert capsys.readouterr().err == "datacave: error: the passwords differ\n"


def test_a_password_may_be_an_argument_and_not_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("gen-password-hash", "--password", "x") == 0
    assert verify_password(parse_verifier(capsys.readouterr().out.strip()), "x")
    assert run("gen-password-hash", "--password", "") == 2
    assert "the password is empty" in capsys.readouterr().err


def test_audit_verify_exits_by_what_it_finds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = OsFileSystem(folder / "audit")
    log = AuditLog(files, "a.jsonl", SystemClock())
    log.record("login", user="ann")
    log.record("login", user="bob")
    log.close()
    assert run("audit", "verify", "audit/a.jsonl") == 0
    assert capsys.readouterr().out == "audit/a.jsonl: whole\n"
    path = folder / "audit" / "a.jsonl"
    path.write_text(path.read_text().replace("bob", "eve"))
    assert run("audit", "verify", "audit/a.jsonl") == 1
    assert capsys.readouterr().out == "audit/a.jsonl: line 2 does not fit its hash and the line before\n"
    assert run("audit", "verify", "none") == 1
    assert capsys.readouterr().err == "datacave: error: none: there is no such file\n"

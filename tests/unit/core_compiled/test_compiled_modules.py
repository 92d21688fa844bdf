"""Modules that are compiled as they stand: all of them or none, and the sources give the same answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datacave_core import compiled_modules
from datacave_core.compiled import PLAIN_VARIABLE
from datacave_core.compiled_modules import MODULES, usable

ROOT = Path(__file__).parents[3]
ORIGINS = f"import importlib; print(*[importlib.import_module(name).__file__ for name in {MODULES!r}])"


def run_plainly(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {PLAIN_VARIABLE: "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_environment_chooses_the_sources() -> None:
    assert all(origin.endswith(".py") for origin in run_plainly("-c", ORIGINS).split())


def test_the_sources_pass_the_same_tests() -> None:
    folders = ["tests/unit/core_transaction", "tests/unit/server_point"]
    run_plainly("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *folders)


def test_what_is_older_than_its_source_or_not_there_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_modules, "_ROOT", tmp_path)
    built = tmp_path / f"a{compiled_modules.EXTENSION_SUFFIXES[0]}"

    def touch(path: Path, seconds: int) -> None:
        path.touch()
        os.utime(path, (seconds, seconds))

    touch(tmp_path / "a.py", 300)
    assert not usable("a")
    touch(built, 200)
    assert usable("a")  # as in an installed package
    touch(tmp_path / "a.pxd", 100)
    assert not usable("a")
    touch(tmp_path / "a.py", 100)
    assert usable("a")
    touch(tmp_path / "a.pxd", 300)
    assert not usable("a")

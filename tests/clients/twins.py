"""Twins: Datacave and PostgreSQL 15 side by side, each with user admin and database default, for comparisons.

The comparisons of this folder are commands (`python -m tests.clients.dumps` and its kin): they need PostgreSQL's
server. What they record lies beside them as text, and tests compare Datacave with that on every machine.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.servers import Target, find_program, running_datacave, running_postgresql

SHOP = Path(__file__).parent / "shop"
ROLES = "CREATE ROLE reader NOLOGIN; CREATE ROLE keeper NOLOGIN;"


@contextlib.contextmanager
def datacave() -> Iterator[Target]:
    """A Datacave of its own."""
    with tempfile.TemporaryDirectory() as folder, running_datacave(Path(folder)) as target:
        yield target


@contextlib.contextmanager
def postgresql() -> Iterator[Target]:
    """A PostgreSQL 15 of its own. Raises bench.servers.NotInstalled."""
    with tempfile.TemporaryDirectory() as folder, running_postgresql(Path(folder), "admin") as target:
        psql(target, 'CREATE DATABASE "default"')
        yield replace(target, database="default")


@contextlib.contextmanager
def twins() -> Iterator[tuple[Target, Target]]:
    """(Datacave, PostgreSQL)."""
    with datacave() as ours, postgresql() as theirs:
        yield ours, theirs


def run(target: Target, program: str, *arguments: str | Path, given: str | None = None) -> str:
    """What a program of PostgreSQL 15 says about a server. Raises RuntimeError with its errors."""
    done = subprocess.run(
        [find_program(program), *arguments],
        input=given,
        env=target.environment | {"PSQLRC": "/dev/null", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} against {target.name}: {done.stderr}")
    return done.stdout


def psql(target: Target, script: str, options: Sequence[str] = ("-q", "-v", "ON_ERROR_STOP=1")) -> str:
    """What psql prints for a script; stops at the first error."""
    return run(target, "psql", "-X", *options, given=script)


def open_shop(target: Target, rows: bool = True) -> None:
    """Makes the objects of the shop, and their rows."""
    psql(target, ROLES + (SHOP / "schema.sql").read_text(encoding="utf-8"))
    if rows:
        psql(target, (SHOP / "rows.sql").read_text(encoding="utf-8"))

"""Frameworks and drivers of other languages: what their programs print against Datacave and against PostgreSQL 15.

Run: python -m tests.clients.frameworks [--install] [--record] [NAME...]
Each program of frameworks/ works for a while in a database of its own on either server (migrations, what it reads of
the schema, records, errors, transactions) and prints one line per question; the lines must be the same. --install gets
what the programs need with apt-get and npm, as root on Debian. With --record PostgreSQL's lines are written to
frameworks/recorded, which the tests read. The exit code is the number of programs that differ.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.servers import Target
from tests.clients.twins import psql, twins

FOLDER = Path(__file__).parent / "frameworks"
RECORDED = FOLDER / "recorded"
NODE_FOLDER = Path(sys.prefix) / "frameworks"
DPKG = Path("/var/lib/dpkg/info")
GO_SOURCES = Path("/usr/share/gocode")
SECONDS_MAX = 120
_RANDOM_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Framework(NamedTuple):
    """A program: its source, what runs it, and the packages of Debian and of npm that it needs."""

    source: str
    runner: str
    packages: tuple[str, ...]
    modules: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether this machine has what the program needs."""
        if shutil.which(self.runner) is None:
            return False
        if self.modules:
            return all((NODE_FOLDER / "node_modules" / module).is_dir() for module in self.modules)
        return all(any(DPKG.glob(f"{package}[.:]*list")) for package in self.packages)


def _node(source: str, *modules: str) -> Framework:
    return Framework(source, "node", ("nodejs", "npm"), ("pg", *modules))


FRAMEWORKS = {
    "rails": Framework("rails.rb", "ruby", ("ruby-activerecord", "ruby-pg")),
    "laravel": Framework(
        "laravel.php",
        "php",
        ("php-illuminate-database", "php-illuminate-events", "php-doctrine-dbal", "php-cli", "php-pgsql"),
    ),
    "typeorm": _node("typeorm.js", "typeorm", "reflect-metadata"),
    "sequelize": _node("sequelize.js", "sequelize"),
    "knex": _node("knex.js", "knex", "pg-query-stream"),
    "drizzle": _node("drizzle.js", "drizzle-orm"),
    "pgx": Framework("pgx.go", "go", ("golang-go", "golang-github-jackc-pgx-v4-dev", "golang-github-lib-pq-dev")),
    "dbd_pg": Framework("dbd_pg.pl", "perl", ("libdbd-pg-perl",)),
}


def printed(framework: Framework, target: Target) -> list[str]:
    """What a program prints in an empty database of a server. The last line says how it ended if it failed."""
    name = f"frameworks_{framework.source.partition('.')[0]}"
    psql(target, f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name};")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            _command(framework, Path(folder)),
            cwd=folder,
            env=target.environment
            | {"PGDATABASE": name, "LC_ALL": "C.UTF-8", "NODE_PATH": str(NODE_FOLDER / "node_modules")},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    lines = [_RANDOM_UUID.sub("UUID", line.rstrip()) for line in done.stdout.splitlines()]
    return lines if done.returncode == 0 else [*lines, f"failed: {done.stderr}"]


def _command(framework: Framework, folder: Path) -> list[str]:
    source = str(shutil.copy(FOLDER / framework.source, folder))
    if framework.runner != "go":
        return [framework.runner, source]
    program = folder / "program"
    subprocess.run(
        ["go", "build", "-o", program, source],
        cwd=folder,
        env=dict(os.environ, GO111MODULE="off", GOPATH=str(GO_SOURCES), GOFLAGS="", GOCACHE=str(NODE_FOLDER / "go")),
        check=True,
    )
    return [str(program)]


def recorded(name: str) -> list[str]:
    """What a program printed against PostgreSQL."""
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def install() -> None:
    """Gets what the programs need."""
    packages = sorted({package for one in FRAMEWORKS.values() if not one.is_installed for package in one.packages})
    silent = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if packages:
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=silent, check=True
        )
    NODE_FOLDER.mkdir(exist_ok=True)
    shutil.copy(FOLDER / "package.json", NODE_FOLDER)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=NODE_FOLDER, check=True)


def main() -> int:
    """Prints what differs."""
    options = {argument for argument in sys.argv[1:] if argument.startswith("--")}
    names = [argument for argument in sys.argv[1:] if argument in FRAMEWORKS] or list(FRAMEWORKS)
    if "--install" in options:
        install()
    failed = 0
    with twins() as targets:
        for name in names:
            framework = FRAMEWORKS[name]
            if not framework.is_installed:
                print(f"{name}: not installed on this machine", flush=True)
                failed += 1
                continue
            ours, theirs = (printed(framework, target) for target in targets)
            if "--record" in options:
                RECORDED.mkdir(exist_ok=True)
                (RECORDED / f"{name}.txt").write_text("\n".join(theirs) + "\n", encoding="utf-8")
            lost = "\n".join(difflib.unified_diff(theirs, ours, "PostgreSQL", "Datacave", lineterm="", n=0))
            print(f"{name}: {lost or f'{len(theirs)} lines are the same'}", flush=True)
            failed += bool(lost)
    return failed


if __name__ == "__main__":
    sys.exit(main())

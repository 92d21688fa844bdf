"""Programs that clients need beside Python: where they are, and how a machine gets them.

Run: python -m tests.clients.programs
installs what is missing with apt-get, npm and pip, as root on Debian; `make clients` does so before it runs the tests.
On a machine without them the tests of those clients are skipped, and pytest's summary says which and why.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

NODE_PACKAGE = Path(__file__).parent / "node" / "package.json"
NODE_FOLDER = Path(sys.prefix) / "node"
DBT = Path(sys.prefix) / "dbt" / "bin" / "dbt"
DBT_PACKAGES = ("dbt-core<1.10", "dbt-postgres<1.10")
INSTALL_SECONDS_MAX = 600
ODBC_DRIVER = "psqlodbcw.so"
JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")
LIBRARIES = (Path("/usr/lib/x86_64-linux-gnu/odbc"), Path("/usr/lib/aarch64-linux-gnu/odbc"), Path("/usr/lib64"))


def odbc_driver() -> Path | None:
    """psqlODBC's library."""
    return next((path for folder in LIBRARIES if (path := folder / ODBC_DRIVER).is_file()), None)


def missing() -> Iterator[tuple[str, str]]:
    """(what is missing, the Debian package it comes in)."""
    for program, package in (
        ("psql", "postgresql-client-15"),
        ("pgbench", "postgresql-15"),
        ("javac", "default-jdk-headless"),
        ("node", "nodejs"),
        ("npm", "npm"),
    ):
        if shutil.which(program) is None:
            yield program, package
    if not JDBC_DRIVER.is_file():
        yield "the JDBC driver", "libpostgresql-jdbc-java"
    if odbc_driver() is None:
        yield "the ODBC driver", "odbc-postgresql"


def need(program: str, package: str) -> str:
    """The path of a program; skips the test where there is none."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed on this machine (package {package}; make clients installs it)")
    return found


def node_modules() -> Path:
    """The folder with node-postgres in it; skips the test where nobody has installed it."""
    need("node", "nodejs")
    if not (NODE_FOLDER / "node_modules" / "pg").is_dir():
        pytest.skip("node-postgres is not installed (make clients installs it)")
    return NODE_FOLDER / "node_modules"


def dbt_program() -> Path:
    """The dbt of an environment of its own, whose packages suit no other; skips the test where there is none."""
    if not DBT.is_file():
        pytest.skip("dbt is not installed (make clients installs it)")
    return DBT


def main() -> int:
    """Installs what is missing; the exit code is how much still is."""
    packages = [package for _, package in missing()]
    if packages and shutil.which("apt-get") is not None:
        silent = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-qq"], install):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(command, env=silent, check=False, timeout=INSTALL_SECONDS_MAX)
    if shutil.which("npm") is not None:
        NODE_FOLDER.mkdir(exist_ok=True)
        shutil.copy(NODE_PACKAGE, NODE_FOLDER)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=NODE_FOLDER, check=False)
    if not DBT.is_file():
        venv.create(DBT.parents[1], with_pip=True)
        subprocess.run([DBT.parent / "pip", "install", "--quiet", *DBT_PACKAGES], check=False)
    left = list(missing())
    for what, package in left:
        print(f"{what} is still missing (package {package})")
    return len(left)


if __name__ == "__main__":
    sys.exit(main())

"""The PostgreSQL JDBC driver against the server: the checks of `jdbc/DayOfWork.java`, over TLS with a password."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.servers import Target
from tests.clients.jdbc_metadata import RECORDED, answers, compiled, differing, said
from tests.clients.orders import as_csv, make_orders
from tests.clients.twins import open_shop

SOURCE = Path(__file__).parent / "jdbc" / "DayOfWork.java"
DRIVER = Path(os.environ.get("POSTGRESQL_JDBC_JAR", "/usr/share/java/postgresql.jar"))
ORDERS = 100_000
CHECKS = re.findall(r'day\.check\("(\w+)"', SOURCE.read_text(encoding="utf-8"))
LINE = re.compile(r"(ok|failed) (\w+)(?:: (.*))?")


@pytest.fixture(scope="module")
def outcomes(secure_server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each check said: "ok", or why it failed. All run in one Java process."""
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("java and javac are not installed on this machine (package default-jdk-headless)")
    if not DRIVER.is_file():
        pytest.skip(f"{DRIVER} is missing: install libpostgresql-jdbc-java, or set POSTGRESQL_JDBC_JAR")
    folder = tmp_path_factory.mktemp("jdbc")
    subprocess.run(["javac", "-cp", DRIVER, "-d", folder, SOURCE], check=True, timeout=120)
    orders = folder / "orders.csv"
    orders.write_bytes(as_csv(make_orders(ORDERS)).encode())
    server = secure_server.server
    url = f"jdbc:postgresql://localhost:{server.port}/{server.database}"
    tls = f"sslmode=verify-full&sslrootcert={secure_server.certificate}"
    arguments = [f"{url}?{tls}", server.user, secure_server.password, str(orders), str(ORDERS)]
    done = subprocess.run(
        ["java", "-cp", f"{folder}:{DRIVER}", "DayOfWork", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    said = {}
    for line in done.stdout.splitlines():
        match = LINE.fullmatch(line)
        assert match is not None, line
        said[match[2]] = match[1] if match[3] is None else match[3]
    return said


@pytest.mark.parametrize("check", CHECKS)
def test_a_day_of_work(outcomes: dict[str, str], check: str) -> None:
    assert outcomes[check] == "ok"


@pytest.fixture(scope="module")
def metadata(server: Any, psql: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Where what DatabaseMetaData says about the shop differs from what was recorded of PostgreSQL."""
    folder = tmp_path_factory.mktemp("metadata")
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    open_shop(target)
    return differing(said(target, compiled(folder)), RECORDED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("question", answers(RECORDED.read_text(encoding="utf-8")))
def test_metadata_is_what_was_recorded(outcomes: object, metadata: dict[str, list[str]], question: str) -> None:
    assert metadata.get(question, []) == []

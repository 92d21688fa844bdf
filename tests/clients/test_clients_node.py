"""node-postgres 8: the checks of node/day_of_work.js, in a process of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import need, node_modules

SOURCE = Path(__file__).parent / "node" / "day_of_work.js"
CHECKS = re.findall(r"^  async (\w+)\(", SOURCE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each check said: "ok", or why it failed."""
    modules, node = node_modules(), need("node", "nodejs")
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(SOURCE, folder)
    where = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGDATABASE": server.database}
    done = subprocess.run(
        [node, SOURCE.name],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(modules), **where},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    return {head.split()[1]: why or head.split()[0] for head, _, why in lines}


@pytest.mark.parametrize("check", CHECKS)
def test_a_day_of_work(outcomes: dict[str, str], check: str) -> None:
    assert outcomes[check] == "ok"

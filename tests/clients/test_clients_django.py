"""Django 5 with psycopg 3: the checks of django_shop/day_of_work.py, in a process of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHOP = Path(__file__).parent / "django_shop"
NAMES = re.search(r"^CHECKS = \((.*?)\)", (SHOP / "day_of_work.py").read_text(encoding="utf-8"), re.M | re.S)
CHECKS = re.findall(r"\w+", NAMES[1]) if NAMES is not None else []
LINE = re.compile(r"(ok|failed) (\w+)(?:: (.*))?")


@pytest.fixture(scope="module")
def outcomes(server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each check said: "ok", or why it failed."""
    folder = tmp_path_factory.mktemp("django") / "project"
    shutil.copytree(SHOP, folder)
    where = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGDATABASE": server.database}
    done = subprocess.run(
        [sys.executable, "day_of_work.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "settings", **where},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = {}
    for match in map(LINE.fullmatch, done.stdout.splitlines()):
        if match is not None:
            said[match[2]] = match[1] if match[3] is None else match[3].replace("\\n", "\n")
    return said


@pytest.mark.parametrize("check", CHECKS)
def test_a_day_of_work(outcomes: dict[str, str], check: str) -> None:
    assert outcomes[check] == "ok"

"""dbt: seeds, tables, views, incremental and materialized views, snapshots, tests and documentation, run twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import dbt_program

PROJECT = Path(__file__).parent / "dbt_shop"


@pytest.fixture(scope="module")
def project(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after it was built twice, so that what is incremental has had something to add to."""
    dbt = dbt_program()
    folder = tmp_path_factory.mktemp("dbt") / "project"
    shutil.copytree(PROJECT, folder)
    where = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGDATABASE": server.database}
    switches = {"DBT_PROFILES_DIR": ".", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(folder)}
    for command in (["build"], ["build"], ["docs", "generate"]):
        done = subprocess.run(
            [dbt, "--no-use-colors", *command],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **switches, **where},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_everything_was_built(project: Path) -> None:
    with (project / "target" / "catalog.json").open(encoding="utf-8") as file:
        nodes = json.load(file)["nodes"]
    names = {name.rpartition(".")[2] for name in nodes}
    assert names == {"buyers", "by_town", "early", "grown", "history", "kept"}
    comment = nodes["model.shop.by_town"]["columns"]["town"]["comment"]
    assert comment == "where they live; it's a name"

"""Are short histories of a running server free of what their level forbids? Longer ones: python -m tests.histories."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.histories.checker import FORBIDDEN
from tests.histories.run import run_workload
from tests.histories.workloads import WORKLOADS
from tests.regress.server import Server

SEED = 11
TRANSACTIONS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.remove()


@pytest.mark.parametrize("level", FORBIDDEN)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_short_history_shows_nothing_forbidden(server: Server, name: str, level: str) -> None:
    result = asyncio.run(run_workload(name, level, TRANSACTIONS, SEED, lambda: server.port))
    assert result.wrong == []
    assert result.committed >= TRANSACTIONS


def test_a_history_across_a_kill_shows_nothing_forbidden(server: Server) -> None:
    result = asyncio.run(
        run_workload(
            "append", "serializable", 2 * TRANSACTIONS, SEED, lambda: server.port, kill=server.restart, kills=1
        )
    )
    assert result.wrong == []

"""psql's backslash commands over a schema of every kind of object: do they show what PostgreSQL's psql session shows?

`python -m tests.clients.psql_commands` compares with a running PostgreSQL and recorded what is read here.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.servers import Target
from tests.clients.psql_commands import SHOP_CHAPTER, by_command, shown


@pytest.fixture(scope="module")
def ours(server: Any, psql: str) -> dict[str, list[str]]:
    """What psql shows for each command."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    SHOP_CHAPTER.open(target)
    return by_command(SHOP_CHAPTER.commands, shown(target, SHOP_CHAPTER.commands))


RECORDS = SHOP_CHAPTER.records()


@pytest.mark.parametrize("command", RECORDS)
def test_a_command_shows_what_was_recorded(ours: dict[str, list[str]], command: str) -> None:
    assert ours[command] == RECORDS[command]

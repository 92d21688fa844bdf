"""psql's backslash commands over a schema of every kind of object: do they show what PostgreSQL's psql session shows?

`python -m tests.clients.psql_commands` compares with a running PostgreSQL and recorded what is read here.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.servers import Target
from tests.clients.psql_commands import COMMANDS, MARK, RECORDED, shown
from tests.clients.twins import open_shop


@pytest.fixture(scope="module")
def ours(server: Any, psql: str) -> dict[str, list[str]]:
    """What psql shows for each command; some stand in the list twice."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    open_shop(target)
    return by_command(shown(target))


def by_command(texts: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for command, text in zip(COMMANDS, texts, strict=True):
        found.setdefault(command, []).append(text)
    return found


RECORDS = by_command(RECORDED.read_text(encoding="utf-8").split(f"{MARK}\n"))


@pytest.mark.parametrize("command", RECORDS)
def test_a_command_shows_what_was_recorded(ours: dict[str, list[str]], command: str) -> None:
    assert ours[command] == RECORDS[command]

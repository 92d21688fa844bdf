"""The catalog queries of DBeaver, pgAdmin 4, DataGrip, Metabase and Grafana: answered as PostgreSQL 15 answers them?

`python -m tests.clients.tools` asks a running PostgreSQL and recorded what is read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.servers import Target
from tests.clients.answers import Asked, differences
from tests.clients.tools import filled, questions, recorded
from tests.clients.twins import open_shop

RECORDED = recorded()


@pytest.fixture(scope="module")
def asked(server: Any, psql: str) -> Iterator[Asked]:
    """A connection to a server with the shop."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    open_shop(target)
    made = Asked(target)
    made.learn()
    yield made
    made.connection.close()


@pytest.mark.parametrize(("title", "query"), list(questions()))
def test_a_question_has_the_recorded_answer(asked: Asked, title: str, query: str) -> None:
    assert differences(asked.answer(filled(asked, query)), RECORDED[title]) == []

"""Binary values of every type, in and out, and what is said to wrong bytes: as PostgreSQL does?

`python -m tests.clients.binary_values` compares with a running PostgreSQL and recorded what is read here.
"""

from __future__ import annotations

from typing import Any

from bench.servers import Target
from tests.clients.binary_values import answers, recorded
from tests.clients.psql_commands import open_works


def test_values_and_wrong_bytes_are_answered_as_recorded(server: Any, psql: str) -> None:
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    open_works(target)
    assert answers(target) == recorded()

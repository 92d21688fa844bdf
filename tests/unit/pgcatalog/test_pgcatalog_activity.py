"""What does pg_stat_activity show of a session whose connection says what it waits for?"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.pgcatalog.test_pgcatalog_relations import open_session, run


@dataclass
class Work:
    """A connection as the view asks it."""

    busy: bool
    wait_reason: str | None


@pytest.mark.parametrize(
    "work, shown",
    [
        (Work(True, "IO:WALSync"), ("active", "IO", "WALSync")),
        (Work(True, None), ("active", None, None)),
        (Work(False, None), ("idle", "Client", "ClientRead")),
        (None, ("idle", "Client", "ClientRead")),
    ],
)
def test_wait(work: Work | None, shown: tuple[str | None, ...]) -> None:
    session = open_session()
    other = session.database.connect("admin")
    other.under_way = work
    found = run(
        session, f"SELECT state, wait_event_type, wait_event FROM pg_stat_activity WHERE pid = {other.process_id}"
    )
    assert found == [shown]

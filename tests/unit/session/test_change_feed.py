"""Does a change feed give the same in slices as at once?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql.session import change_feed
from datacave_sql.session.change_feed import ChangeFeed, changed_table
from datacave_sql.session.database import Database
from tests.unit.statements import run


@pytest.mark.parametrize("slice_changes", [1, 7, 100])
def test_slices_are_whole_commits_in_their_order(slice_changes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimulatedClock()
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(1))
    session = database.connect("admin")
    run(session, "CREATE TABLE t (id int PRIMARY KEY, v int)")
    start = database.store.newest_timestamp
    chance = random.Random(slice_changes)
    for _ in range(60):
        low, high = sorted(chance.sample(range(20), 2))
        run(
            session,
            chance.choice(
                [
                    f"INSERT INTO t SELECT i, 0 FROM generate_series({low}, {high}) i ON CONFLICT DO NOTHING",
                    f"UPDATE t SET v = v + 1 WHERE id BETWEEN {low} AND {high}",
                    f"DELETE FROM t WHERE id BETWEEN {low} AND {high}",
                ]
            ),
        )
    feed = ChangeFeed(database, session.home, changed_table(session, "t"))
    whole = list(feed.changes(start, feed.newest))
    monkeypatch.setattr(change_feed, "SLICE_CHANGES", slice_changes)
    after, sliced = start, []
    for end, changes in feed.slices(start, feed.newest):
        part = list(changes)
        assert all(after < change.commit_timestamp <= end for change in part)
        sliced += part
        after = end
    assert sliced == whole and after == feed.newest
    assert [one.commit_timestamp for one in whole] == sorted(one.commit_timestamp for one in whole)
    present: dict[str, str] = {}
    for change in whole:
        key = (change.new or change.old or "").split(",")[0]
        if change.old is not None:
            assert present.pop(key) == change.old
        if change.new is not None:
            present[key] = change.new
    assert len(present) == len([row for batch in database.store.scan(*_range(session), feed.newest) for row in batch])


def _range(session: Any) -> tuple[bytes, bytes | None]:
    table = next(one for one in session.home.catalog.tables.values() if one.name == "t")
    low, high = session.home.state.access(table).table_range
    return low, high

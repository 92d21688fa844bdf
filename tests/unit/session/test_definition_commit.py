"""Is a change of definitions committed once it is in the log, whatever becomes of its session?"""

from __future__ import annotations

import pytest

from datacave_core.errors import QueryCanceled
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import TURN, Wait
from datacave_sql.session.database import Database
from tests.unit.statements import run


@pytest.mark.parametrize("end", ["waits", "is canceled", "disconnects", "disconnects at once"])
def test_a_definition_in_the_log_stays(end: str) -> None:
    clock = SimulatedClock()
    store = MemoryStore(clock, hold_durability=True)
    database = Database.open(store, clock, SeededRandomness(1))
    store.make_durable()
    session, other = database.connect("admin"), database.connect("admin")
    for sql in ("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"):
        steps = session.simple_query(sql)
        for step in steps:
            if isinstance(step, Wait):
                store.make_durable()
    steps = session.simple_query("ALTER TABLE t ADD COLUMN r float8 DEFAULT random()")
    wait = next(step for step in steps if isinstance(step, Wait) and not step.done and step is not TURN)
    # Until it is on disk nobody sees it, and nobody reads the table.
    assert wait.reason != "Lock:relation"
    blocked = other.simple_query("SELECT * FROM t ORDER BY id")
    assert isinstance(next(blocked), Wait)
    if end == "is canceled":
        with pytest.raises(QueryCanceled):
            steps.throw(QueryCanceled("canceling statement due to user request"))
    elif end == "disconnects":
        steps.close()
        session.close()
    elif end == "disconnects at once":
        session.close()
        steps.close()
    store.make_durable()
    if end == "waits":
        assert list(steps)
    found = [row for step in blocked if isinstance(step, list) for row in step]
    assert [(key, value is None) for key, value in found] == [(1, False), (2, False)]
    for _ in range(5):
        database.reclaimer.step()
    assert run(other, "SELECT count(*) FROM t WHERE r IS NOT NULL") == [(2,)]
    assert database.transactions.locks.locks() == []

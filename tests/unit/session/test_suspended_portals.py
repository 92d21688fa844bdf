"""Do portals that are run piece by piece leave the rest of the transaction alone?"""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import Wait
from datacave_sql import Complete, Database, Session
from datacave_sql.session.replies import Suspended
from tests.unit.statements import run


def connected() -> Session:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")
    run(session, "create table t as select generate_series(1, 5000) as a; create table log (a int)")
    return session


def opened(session: Session, sql: str) -> Any:
    session.prepare("", sql, ())
    return session.bind("p", session.prepared_statement(""), ())


def fetched(portal: Any, rows: int) -> tuple[list[tuple[Any, ...]], Any]:
    found: list[tuple[Any, ...]] = []
    for step in portal.execute(rows):
        if isinstance(step, list):
            found += step
        elif not isinstance(step, Wait):
            return found, step
    raise AssertionError("it never ended")


def test_what_was_written_since_a_portal_was_opened_stays_when_it_is_closed():
    session = connected()
    run(session, "begin")
    portal = opened(session, "select a from t")
    rows, end = fetched(portal, 2)
    assert len(rows) == 2 and isinstance(end, Suspended)
    run(session, "insert into log values (1)")
    session.close_portal("p")
    run(session, "commit")
    assert run(session, "select a from log") == [(1,)]


def test_an_error_in_a_portal_undoes_nothing_that_came_before_a_later_savepoint():
    session = connected()
    run(session, "begin")
    portal = opened(session, "select 1 / (a - 3000) from t")
    fetched(portal, 2)
    run(session, "insert into log values (1); savepoint s; insert into log values (2)")
    with pytest.raises(DatacaveError) as error:
        fetched(portal, 0)
    assert error.value.sqlstate == "22012"
    session.failed = True
    run(session, "rollback to s; commit")
    assert run(session, "select a from log") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "tag"),
    [
        ("insert into log select a from t where a <= 10 returning a", "INSERT 0 10"),
        ("with w as (insert into log select a from t where a <= 10 returning a) select a from w", "SELECT 8"),
    ],
)
def test_what_writes_is_done_whole_at_the_first_row(sql: str, tag: str):
    session = connected()
    run(session, "begin")
    portal = opened(session, sql)
    rows, end = fetched(portal, 2)
    assert (rows, type(end)) == ([(1,), (2,)], Suspended)
    assert run(session, "select count(*) from log") == [(10,)]
    rows, end = fetched(portal, 0)
    assert len(rows) == 8 and isinstance(end, Complete) and end.tag == tag
    session.close_portal("p")
    run(session, "commit")
    assert run(session, "select count(*) from log") == [(10,)]


def test_writes_by_key_since_a_portal_was_opened_stay_too():
    session = connected()
    run(session, "create table k (a int primary key, b int); begin")
    portal = opened(session, "select a from t")
    fetched(portal, 2)
    session.prepare("w", "insert into k values ($1, $2)", (23, 23))
    written = session.bind("w", session.prepared_statement("w"), (1, 2))
    assert fetched(written, 0)[1].tag == "INSERT 0 1"
    session.close_portal("p")
    run(session, "commit")
    assert run(session, "select a, b from k") == [(1, 2)]

"""Are rows under a storage id that was given up deleted, and no others?"""

from __future__ import annotations

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database
from tests.unit.statements import run


def opened(store: MemoryStore, clock: SimulatedClock) -> Database:
    return Database.open(store, clock, SeededRandomness(1))


def reclaim_all(database: Database) -> None:
    while database.reclaimer.step():
        pass


def test_a_storage_id_is_not_given_out_again_after_a_rollback() -> None:
    clock = SimulatedClock()
    database = opened(MemoryStore(clock), clock)
    session = database.connect("admin")
    run(session, "create table t (a int not null); insert into t values (1)")
    run(session, "begin; alter table t add primary key (a); rollback")
    run(session, "begin; savepoint s; alter table t add primary key (a); rollback to s; commit")
    run(session, "alter table t add primary key (a)")
    assert database.reclaimer.pending
    reclaim_all(database)
    assert run(session, "select a from t") == [(1,)]


def test_what_a_lost_process_left_is_deleted_and_nothing_else() -> None:
    clock = SimulatedClock()
    store = MemoryStore(clock)
    lost = opened(store, clock).connect("admin")
    run(lost, "create table t (a int not null); insert into t values (1)")
    run(lost, "begin; alter table t add primary key (a)")
    database = opened(store, clock)
    session = database.connect("admin")
    assert database.reclaimer.pending
    run(session, "create table u (a int); insert into u values (2); alter table t add primary key (a)")
    reclaim_all(database)
    assert run(session, "select t.a, u.a from t, u") == [(1, 2)]

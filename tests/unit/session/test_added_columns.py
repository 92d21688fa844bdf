"""Does ALTER TABLE ADD COLUMN with one value for all rows write none of them, and read them right ever after?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import Commit, Prepared
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_sql import Database, Session

ROWS = 1_000_000


class Node:
    """A database on an engine on a simulated disk, which counts the rows that are written."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.written = 0
        self.open()

    def open(self) -> None:
        files, clock = MemoryFileSystem(self.disk), self.scheduler.clock
        engine = Engine.open(files, clock, self.scheduler, SeededRandomness(1), EngineOptions())
        self.engine = engine
        commit, prepare = engine.commit, engine.prepare

        def counted_commit(writes: Mapping[bytes, Row | None], **options: Any) -> Commit:
            self.written += len(writes)
            return commit(writes, **options)

        def counted_prepare(writes: Mapping[bytes, Row | None]) -> Steps[Prepared]:
            self.written += len(writes)
            return (yield from prepare(writes))

        class Counted:
            """The engine, with the two methods that rows go through."""

            def __getattr__(self, name: str) -> Any:
                return getattr(engine, name)

        store: Any = Counted()
        store.commit, store.prepare = counted_commit, counted_prepare
        self.database = Database.open(store, clock, SeededRandomness(1))

    def settle(self, event: Wait) -> None:
        while not event.done:
            self.scheduler.run_for(0.3)
        event.raise_error()

    def crash(self) -> None:
        self.disk.crash()
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        self.open()

    def run(self, session: Session, sql: str) -> list[Any]:
        rows: list[Any] = []
        steps: Iterator[Any] = session.simple_query(sql)
        for step in steps:
            if isinstance(step, Wait):
                if step is not TURN:
                    self.settle(step)
            elif isinstance(step, list):
                rows += step
        return rows


def test_a_million_rows_stay_as_they_are() -> None:
    node = Node()
    session = node.database.connect("admin")
    node.run(session, f"create table t (a int); insert into t select * from generate_series(1, {ROWS})")
    assert node.written >= ROWS
    before, node.written = node.written, 0
    node.run(session, "alter table t add column b int not null default 7, add column c timestamptz default now()")
    node.run(session, "alter table t add column d text")
    assert 0 < node.written < 20
    assert node.run(session, "select count(*), sum(b), count(distinct c), count(d) from t") == [(ROWS, 7 * ROWS, 1, 0)]
    assert node.run(session, "select b, d from t where a = 4711") == [(7, None)]
    node.run(session, "update t set b = 8 where a <= 1000")
    node.settle(node.engine.compact())
    node.crash()
    session = node.database.connect("admin")
    assert node.run(session, "select count(*), sum(b), count(distinct c) from t") == [(ROWS, 7 * ROWS + 1000, 1)]
    assert before >= ROWS


def test_a_volatile_default_is_computed_for_each_row() -> None:
    node = Node()
    session = node.database.connect("admin")
    node.run(session, "create table t (a int); insert into t select * from generate_series(1, 500)")
    node.written = 0
    node.run(session, "alter table t add column r float8 default random()")
    assert node.written > 500
    assert node.run(session, "select count(distinct r) from t") == [(500,)]


@pytest.mark.parametrize("flushed", [False, True])
def test_an_addition_that_a_crash_took_back_leaves_nothing(flushed: bool) -> None:
    node = Node()
    session = node.database.connect("admin")
    node.run(session, "create table t (a int primary key, b text); insert into t values (1, 'x'), (2, 'y')")
    node.run(session, "begin; alter table t add column c int default 5; insert into t values (3, 'z')")
    if flushed:
        node.settle(node.engine.flush())
    node.crash()
    session = node.database.connect("admin")
    assert node.run(session, "select * from t order by a") == [(1, "x"), (2, "y")]
    node.run(session, "insert into t values (4, 'w')")
    node.run(session, "alter table t add column c text default 'new'")
    expected = [(1, "x", "new"), (2, "y", "new"), (4, "w", "new")]
    assert node.run(session, "select * from t order by a") == expected
    node.settle(node.engine.flush())
    node.settle(node.engine.compact())
    node.crash()
    session = node.database.connect("admin")
    assert node.run(session, "select * from t order by a") == expected


def test_one_session_adds_after_another_failed() -> None:
    node = Node()
    session, other = node.database.connect("admin"), node.database.connect("admin")
    node.run(session, "create table t (a int); insert into t values (1)")
    node.run(session, "begin; alter table t add column c int default 5")
    with pytest.raises(DatacaveError, match="division by zero"):
        node.run(session, "select 1/0")
    node.run(other, "insert into t values (2)")
    node.run(other, "begin; alter table t add column c text default 'other'; insert into t values (3)")
    node.run(session, "rollback")
    expected = [(1, "other"), (2, "other"), (3, "other")]
    assert node.run(other, "select * from t order by a") == expected
    node.run(other, "commit")
    assert node.run(session, "select * from t order by a") == expected

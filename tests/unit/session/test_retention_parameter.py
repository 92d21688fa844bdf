"""Do tables keep their past as long as their parameter says, with the definitions that it takes to read it?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datacave_core.errors import SnapshotTooOld
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import TURN, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_sql import Database, Session

Rows = list[tuple[object, ...]]


class Node:
    """A database over an engine that keeps versions for a minute by default."""

    def __init__(self) -> None:
        self.files = MemoryFileSystem()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.session = self.open()

    def open(self) -> Session:
        clock, options = self.scheduler.clock, EngineOptions(retention_seconds=60)
        self.engine = Engine.open(self.files, clock, self.scheduler, SeededRandomness(0), options)
        self.database = Database.open(self.engine, clock, SeededRandomness(1))
        self.session = self.database.connect("admin")
        return self.session

    def run(self, sql: str) -> Rows:
        rows: Rows = []
        steps: Iterator[object] = self.session.simple_query(sql)
        for step in steps:
            if isinstance(step, Wait) and step is not TURN and not step.done:
                self.settle(step)
            if isinstance(step, list):
                rows += step
        return rows

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def pass_time(self, seconds: float) -> None:
        """Time goes by, and everything is merged."""
        self.scheduler.run_for(seconds)
        self.run("insert into clock values (1)")
        while self.database.reclaimer.step():
            pass
        self.settle(self.engine.flush())
        self.settle(self.engine.compact())

    def restart(self) -> None:
        self.session.close()
        self.settle(self.engine.close())
        self.open()


@pytest.fixture
def node() -> Node:
    node = Node()
    node.run("create table clock (n int)")
    node.run("create table kept (id int primary key, v text) with (retention = '1 day'); create index on kept (v)")
    node.run("create table brief (id int primary key, v text) with (retention = '10 seconds')")
    node.run("create table plain (id int primary key, v text)")
    return node


def test_each_table_is_read_as_far_back_as_it_is_kept(node: Node) -> None:
    tables = ("kept", "brief", "plain")
    for table in tables:
        node.run(f"insert into {table} values (1, 'old')")
    (moment,) = node.run("select commit_timestamp()")[0]
    for table in tables:
        node.run(f"update {table} set v = 'new'")
    node.pass_time(30)
    readable = {table: f"select v from {table} as of system time {moment}" for table in tables}
    assert node.run(readable["kept"]) == node.run(readable["plain"]) == [("old",)]
    with pytest.raises(SnapshotTooOld, match="no longer kept") as caught:
        node.run(readable["brief"])
    earliest = node.engine.oldest_readable(
        node.database.homes[node.session.home.oid]
        .state.access(next(one for one in node.session.home.catalog.tables.values() if one.name == "brief"))
        .prefix
    )
    assert f"commit timestamp {earliest}" in str(caught.value.detail)
    node.pass_time(3_600)
    with pytest.raises(SnapshotTooOld):
        node.run(readable["plain"])
    for _ in range(2):
        assert node.run(readable["kept"] + " where v = 'old'") == [("old",)]
        assert node.run("select v, system_end is null from kept for system_time all order by system_begin") == [
            ("old", False),
            ("new", True),
        ]
        assert node.run("select v from row_history('plain', 1)") == [("new",)]
        assert [row[1] for row in node.run(f"select * from table_changes('kept', {moment})")] == ["update"]
        with pytest.raises(SnapshotTooOld):
            node.run(f"select * from table_changes('plain', {moment})")
        node.restart()


def test_a_session_in_the_past_reads_what_is_kept_and_is_told_of_the_rest(node: Node) -> None:
    node.run("insert into kept values (1, 'old'); insert into plain values (1, 'old')")
    (moment,) = node.run("select commit_timestamp()")[0]
    node.run("update kept set v = 'new'; update plain set v = 'new'")
    node.pass_time(600)
    node.run(f"set datacave.as_of = '{moment}'")
    assert node.run("select v from kept") == [("old",)]
    with pytest.raises(SnapshotTooOld):
        node.run("select v from plain")
    node.run("reset datacave.as_of")
    assert node.run("select v from plain") == [("new",)]


def test_a_dropped_or_emptied_table_stays_readable_as_long_as_it_was_to_be_kept(node: Node) -> None:
    node.run("create table emptied (id int primary key) with (retention = '1 day'); insert into emptied values (5)")
    node.run("insert into kept values (1, 'old')")
    (moment,) = node.run("select commit_timestamp()")[0]
    node.run("drop table kept; truncate emptied")
    node.pass_time(3_600)
    node.restart()
    node.pass_time(3_600)
    assert node.run(f"select v from kept as of system time {moment}") == [("old",)]
    assert node.run(f"select id from emptied as of system time {moment}") == [(5,)]
    node.run("drop table emptied")
    node.pass_time(90_000)
    node.run("create table other (a int)")  # the definitions need not be kept as long any more
    node.pass_time(90_000)
    node.run("drop table other")
    node.pass_time(90_000)
    with pytest.raises(SnapshotTooOld):
        node.run(f"select v from kept as of system time {moment}")
    assert {kept.microseconds for kept in node.engine.retentions().values()} == {10_000_000}


def test_a_table_without_a_retention_any_more_keeps_what_the_others_keep(node: Node) -> None:
    node.run("insert into kept values (1, 'old')")
    (moment,) = node.run("select commit_timestamp()")[0]
    node.run("update kept set v = 'new'; alter table kept reset (retention)")
    node.pass_time(600)
    with pytest.raises(SnapshotTooOld):
        node.run(f"select v from kept as of system time {moment}")
    assert len(node.engine.retentions()) == 1
    node.run("create database elsewhere")
    node.session = node.database.connect("admin", "elsewhere")
    node.run("create table far (id int) with (retention = '2 days')")
    assert 2 * 86_400_000_000 in {kept.microseconds for kept in node.engine.retentions().values()}

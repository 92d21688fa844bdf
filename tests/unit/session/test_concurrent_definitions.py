"""Do transactions that change different definitions go on side by side, and wait where they touch the same?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import TURN, Wait
from datacave_sql import Database, Session


class Client:
    """A session whose statements may wait."""

    def __init__(self, database: Database) -> None:
        self.session: Session = database.connect("admin")
        self.steps: Iterator[Any] | None = None
        self.rows: list[Any] = []

    def start(self, sql: str) -> bool:
        """Runs a statement until its end (True) or until it waits."""
        self.rows = []
        self.steps = self.session.simple_query(sql)
        return self.go_on()

    def go_on(self) -> bool:
        assert self.steps is not None
        for step in self.steps:
            if isinstance(step, list):
                self.rows += step
            elif isinstance(step, Wait) and step is not TURN and not step.done:
                self.wait = step
                return False
        self.steps = None
        return True

    def run(self, sql: str) -> list[Any]:
        assert self.start(sql), "it waits"
        return self.rows

    def blocked(self, sql: str) -> None:
        assert not self.start(sql), "it does not wait"

    def resume(self) -> list[Any]:
        assert self.wait.done, "nobody has let it go on"
        assert self.go_on(), "it waits again"
        return self.rows


class House:
    """A database with two clients."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.store = MemoryStore(self.clock)
        self.open()

    def open(self) -> None:
        self.database = Database.open(self.store, self.clock, SeededRandomness(1))
        self.one, self.other = Client(self.database), Client(self.database)


@pytest.fixture
def house() -> House:
    found = House()
    found.one.run(
        "create table t (a int, b text); insert into t values (1, 'x');"
        "create table u (a int primary key); insert into u values (1); create schema s; create type mood as enum ('ok')"
    )
    return found


def test_different_tables_do_not_wait(house: House) -> None:
    one, other = house.one, house.other
    one.run("begin; create table first (a serial primary key, b text unique); alter table t add column c int default 1")
    other.run(
        "begin; create table second (a serial primary key); create index on u (a); create view v as select * from u"
    )
    one.run("insert into first (b) values ('x'); create function f() returns int language sql as 'select 1'")
    other.run("insert into second default values; create type pair as (a int, b int); create schema more")
    one.run("commit")
    assert other.run("select f(), c from t") == [(1, 1)]
    other.run("alter table first add column d int; commit")
    assert one.run("select a, b, d from first") == [(1, "x", None)]
    assert one.run("select (select count(*) from v), (select a from second)") == [(1, 1)]
    oids = one.run("select oid from pg_class where oid >= 16384")
    assert len(set(oids)) == len(oids)
    house.open()
    assert house.one.run("select a, b, d from first") == [(1, "x", None)]
    assert house.one.run("select (select count(*) from v), (select a from second), f()") == [(1, 1, 1)]
    house.one.run("create table third (a int)")
    assert house.one.run("select 'third'::regclass::oid > all (select oid from pg_class where relname <> 'third')") == [
        (True,)
    ]


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("create table n (a int)", "create table n (b int)", "42P07"),
        ("create table n (a int)", "create view n as select 1", "42P07"),
        ("create index n on t (a)", "create table n (b int)", "42P07"),
        ("create schema n", "create schema n", "42P06"),
        ("create type n as enum ()", "create type n as (a int)", "42710"),
        ("drop table t", "drop table t", "42P01"),
        ("drop table t", "alter table t add column c int", "42P01"),
        ("drop table t", "create view w as select * from t", "42P01"),
        ("drop table t", "comment on table t is 'x'", "42P01"),
        ("drop table u", "create table r (a int references u)", "42P01"),
        ("drop table t", "create table r () inherits (t)", "42P01"),
        ("alter table t rename to n", "create table n (a int)", "42P07"),
        ("alter table t rename to n", "alter table t add column c int", "42P01"),
        ("alter table t drop column b", "create view w as select b from t", "42703"),
        ("drop schema s", "create table s.n (a int)", "3F000"),
        ("drop type mood", "create table n (a mood)", "42704"),
        ("create view w as select b from t", "drop table t", "2BP01"),
        ("create table r (a int references u)", "drop table u", "2BP01"),
        ("create table s.n (a int)", "drop schema s", "2BP01"),
        ("create table n (a mood)", "drop type mood", "2BP01"),
        ("alter table t add column c int", "alter table t add column c int", "42701"),
    ],
)
def test_the_second_waits_for_the_first(house: House, first: str, second: str, code: str, end: str) -> None:
    one, other = house.one, house.other
    one.run(f"begin; {first}")
    other.blocked(second)
    one.run(end)
    if end == "commit":
        with pytest.raises(DatacaveError) as refused:
            other.resume()
        assert refused.value.sqlstate == code
    else:
        other.resume()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("create index on t (a)", "create index on t (b)"),
        ("grant select on t to public", "grant insert on t to public"),
        ("alter type mood add value 'sad'", "alter type mood add value 'glad'"),
        ("comment on table t is 'one'", "comment on table t is 'other'"),
        ("alter table t add column c int", "alter table t add column d int"),
        ("create table low partition of p for values in (1)", "create table high partition of p for values in (2)"),
    ],
)
def test_both_changes_of_one_object_count(house: House, first: str, second: str) -> None:
    one, other = house.one, house.other
    one.run("create table p (a int) partition by list (a)")
    one.run(f"begin; {first}")
    if not other.start(second):
        one.run("commit")
        other.resume()
    else:
        one.run("commit")
    counts = one.run(
        "select (select count(*) from pg_index where indrelid = 't'::regclass),"
        " (select relacl::text like '%=ar/%' from pg_class where relname = 't'), (select count(*) from pg_enum),"
        " obj_description('t'::regclass), (select relnatts from pg_class where relname = 't'),"
        " (select count(*) from pg_inherits)"
    )[0]
    assert counts != (0, None, 1, None, 2, 0)
    assert {2, True, 3, "other", 4} & {counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]}


def test_a_block_sees_what_others_commit_meanwhile(house: House) -> None:
    one, other = house.one, house.other
    one.run("begin; create table mine (a int); savepoint p; create table gone (a int)")
    other.run("create table theirs (a int); insert into theirs values (5); alter table u add column b int default 6")
    assert one.run("select theirs.a, u.b from theirs, u") == [(5, 6)]
    one.run("rollback to p")
    assert one.run("select theirs.a, u.b from theirs, u") == [(5, 6)]
    one.run("insert into u values (2, 7); insert into mine select a from theirs; commit")
    assert other.run("select mine.a, u.b from mine, u order by 2") == [(5, 6), (5, 7)]


def test_commands_on_roles_keep_others_out(house: House) -> None:
    one, other = house.one, house.other
    one.run("begin; create role r")
    other.blocked("create table n (a int)")
    one.run("commit")
    other.resume()
    other.run("begin; create table m (a int)")
    one.blocked("drop role r")
    other.run("commit")
    one.resume()


@pytest.mark.parametrize("seed", range(6))
def test_random_changes_side_by_side(seed: int) -> None:
    house = House()
    chance = random.Random(seed)
    clients = [Client(house.database) for _ in range(4)]
    made = 0
    for _ in range(150):
        client = chance.choice(clients)
        if client.steps is not None:
            if not client.wait.done:
                continue
            act = client.go_on
        else:
            table = f"t{chance.randrange(4)}"
            made += 1
            sql = chance.choice(
                [
                    f"create table {table} (a serial primary key)",
                    f"drop table {table} cascade",
                    f"alter table {table} add column c{made} int default {made}",
                    f"create view v{made} as select * from {table}",
                    f"create index on {table} (a)",
                    f"insert into {table} default values",
                    f"alter table {table} rename to t{chance.randrange(4)}",
                    "begin",
                    "commit",
                    "rollback",
                ]
            )

            def act(sql: str = sql, client: Client = client) -> bool:
                return client.start(sql)

        try:
            act()
        except DatacaveError as error:
            client.steps = None
            assert error.sqlstate in ("42P07", "42P01", "25P02", "40P01", "2BP01", "42703"), error
    for client in clients:
        client.session.close()
    present = house.one.run("select relname, oid, relkind from pg_class where oid >= 16384 order by 2")
    house.open()
    assert house.one.run("select relname, oid, relkind from pg_class where oid >= 16384 order by 2") == present
    for name, _, kind in present:
        if kind in "rv":
            house.one.run(f"select * from {name}")


def test_a_change_that_cannot_be_made_beside_others_fails_instead_of_being_tried_forever(house: House) -> None:
    one = house.one
    one.run("BEGIN")
    one.run("CREATE VIEW v AS SELECT * FROM t")
    # What locks forbid: the table goes although an open transaction's view reads it.
    home = one.session.home
    table = next(table for table in home.catalog.tables.values() if table.name == "t")
    house.database.install_catalog(home, home.catalog.without(table))
    with pytest.raises(DatacaveError, match="tuple concurrently updated"):
        one.start("CREATE TABLE later (id int)")
    one.run("ROLLBACK")
    one.run("CREATE TABLE later (id int)")
    assert house.other.run("SELECT count(*) FROM later") == [(0,)]

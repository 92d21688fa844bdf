"""Do changes of definitions that are prepared outlive a crash, and end as if nothing had happened in between?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import TURN, Wait
from datacave_sql import Database
from tests.unit.statements import run


class Node:
    """A database that can be opened again over what its store keeps."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.store = MemoryStore(self.clock)
        self.open()

    def open(self) -> None:
        self.database = Database.open(self.store, self.clock, SeededRandomness(1))
        self.session = self.database.connect("admin")

    def run(self, sql: str) -> list[tuple[object, ...]]:
        return run(self.session, sql)

    def reclaim(self) -> None:
        while self.database.reclaimer.step():
            pass

    def prefixes(self) -> set[bytes]:
        """The key prefixes of tables that hold anything."""
        low = (100).to_bytes(4, "big")
        return {key[:6] for batch in self.store.scan(low, None, self.store.newest_timestamp) for key, _ in batch}


CHANGES = """
    begin;
    create table made (a int primary key, b text);
    insert into made values (1, 'x');
    create index on made (b);
    alter table wide add column c int default 5;
    insert into wide values (3, 3);
    alter table keyed add primary key (a);
    drop table gone;
    drop index old_b;
    create sequence counting start 7;
    alter sequence kept restart with 100;
    create view seen as select * from made;
    create type mood as enum ('ok');
    truncate emptied;
    insert into emptied values (2);
    prepare transaction 'ddl'
"""


def prepared() -> Node:
    node = Node()
    node.run(
        "create table wide (a int, b int); insert into wide values (1, 1), (2, 2);"
        "create table keyed (a int not null); insert into keyed values (2), (1);"
        "create table gone (a serial, b int); insert into gone (b) values (1);"
        "create table old (a int, b int); create index old_b on old (b); insert into old values (1, 2);"
        "create sequence kept; select nextval('kept');"
        "create table emptied (a int); insert into emptied values (1)"
    )
    node.run(CHANGES)
    return node


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_prepared_is_committed(restart: bool) -> None:
    node = prepared()
    if restart:
        node.open()
        node.reclaim()
        node.open()
    run = node.run
    assert run("select count(*) from pg_class where relname in ('made', 'seen', 'counting')") == [(0,)]
    run("commit prepared 'ddl'")
    node.reclaim()
    assert run("select * from seen") == run("select * from made where b = 'x'") == [(1, "x")]
    assert run("select * from wide order by a") == [(1, 1, 5), (2, 2, 5), (3, 3, 5)]
    assert run("select * from keyed order by a") == [(1,), (2,)]
    assert run("select * from emptied") == [(2,)]
    assert run("select nextval('counting'), nextval('kept'), 'ok'::mood::text") == [(7, 100, "ok")]
    for name in ("gone", "old_b"):
        with pytest.raises(DatacaveError, match="does not exist"):
            run(f"select * from {name}" if name == "gone" else f"drop index {name}")
    catalog = node.session.home.catalog
    known = {
        table.storage_id.to_bytes(4, "big") + number.to_bytes(2, "big")
        for table in catalog.tables.values()
        for number in (0, *(index.index_number for index in table.indexes))
    }
    assert node.prefixes() <= known
    oids = [*catalog.tables, *catalog.sequences, *catalog.types]
    run("create table after_all (a int)")
    assert max(oids) < node.session.home.catalog.find_table("public", "after_all").oid  # type: ignore[union-attr]
    node.open()
    assert node.run("select * from made") == [(1, "x")]


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_prepared_is_rolled_back(restart: bool) -> None:
    node = prepared()
    before = {table.storage_id for table in node.session.home.catalog.tables.values()}
    if restart:
        node.open()
    run = node.run
    run("rollback prepared 'ddl'")
    node.reclaim()
    assert {int.from_bytes(prefix[:4], "big") for prefix in node.prefixes()} <= before
    assert run("select count(*) from pg_class where relname in ('made', 'seen', 'counting')") == [(0,)]
    assert run("select b from gone") == run("select 1") == [(1,)]
    assert run("select * from wide order by a") == [(1, 1), (2, 2)]
    run("alter table wide add column c text default 'other'; insert into keyed values (2)")
    assert run("select * from wide order by a") == [(1, 1, "other"), (2, 2, "other")]
    assert run("select nextval('kept')") == [(2,)] if not restart else [(34,)]
    assert run("select * from emptied") == [(1,)]


@pytest.mark.parametrize("restart", [False, True])
def test_others_wait_for_what_is_prepared(restart: bool) -> None:
    node = prepared()
    if restart:
        node.open()
    for statement in ("select * from wide", "insert into gone (b) values (2)", "create table made (x int)"):
        steps = node.database.connect("admin").simple_query(statement)
        step = next(steps)
        assert isinstance(step, Wait) and not step.done and step is not TURN
        steps.close()

"""Does REINDEX write the entries of an index again, however wrong they are, and beside others?"""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database
from tests.unit.statements import run


class House:
    """A table with indexes of all kinds, whose entries can be damaged."""

    def __init__(self) -> None:
        clock = SimulatedClock()
        self.store = MemoryStore(clock)
        self.database = Database.open(self.store, clock, SeededRandomness(1))
        self.session = self.database.connect("admin")
        run(
            self.session,
            "create table t (id int primary key, a int, b text, c int[]);"
            "create index t_a on t (a); create unique index t_b on t (upper(b)) where a > 0;"
            "create index t_c on t using gin (c);"
            "insert into t select i, i, 'x' || i, array[i, i + 1] from generate_series(1, 50) i;"
            "set enable_seqscan = off",
        )

    def range(self, name: str) -> tuple[bytes, bytes | None]:
        catalog = self.session.home.catalog
        table = next(one for one in catalog.tables.values() if any(index.name == name for index in one.indexes))
        index = next(one for one in table.indexes if one.name == name)
        low = table_prefix(table.storage_id, index.index_number)
        return low, prefix_end(low)

    def entries(self, name: str) -> list[Any]:
        low, high = self.range(name)
        pairs = [pair for batch in self.store.scan(low, high, self.store.newest_timestamp) for pair in batch]
        return [(key[6:], row) for key, row in pairs]

    def damage(self, name: str) -> None:
        """Half of the entries are lost, and what is left finds another row."""
        low, high = self.range(name)
        pairs = [pair for batch in self.store.scan(low, high, self.store.newest_timestamp) for pair in batch]
        rows = [row for _, row in pairs]
        self.store.commit(
            {key: None if at % 2 else rows[(at + 10) % len(rows)] for at, (key, _) in enumerate(pairs)},
            wait_durable=False,
        )
        self.database.homes[self.session.home.oid].plans_by_text.clear()

    def reclaim(self) -> None:
        while self.database.reclaimer.step():
            pass


@pytest.mark.parametrize(
    "command",
    [
        "index {}",
        "index concurrently {}",
        "table t",
        "table concurrently t",
        "schema public",
        "schema concurrently public",
        'database "default"',
        'database concurrently "default"',
    ],
)
@pytest.mark.parametrize("name", ["t_a", "t_b", "t_c"])
def test_wrong_entries_are_put_right(command: str, name: str) -> None:
    house = House()
    right = [entry for entry, _ in house.entries(name)]
    house.damage(name)
    before = house.range(name)
    assert [entry for entry, _ in house.entries(name)] != right
    run(house.session, "reindex " + command.format(name))
    assert [entry for entry, _ in house.entries(name)] == right
    assert house.range(name) != before
    house.reclaim()
    assert not list(house.store.scan(*before, house.store.newest_timestamp))
    run(house.session, "insert into t values (100, 100, 'new', '{100}'); delete from t where id = 1")
    assert run(house.session, "select id from t where a = 100") == [(100,)]
    assert run(house.session, "select id from t where a > 0 and upper(b) = 'NEW'") == [(100,)]
    assert run(house.session, "select id from t where c @> '{100}'") == [(100,)]
    assert run(house.session, "select count(*) from pg_index where indrelid = 't'::regclass and indisvalid") == [(4,)]


def test_the_clustered_index_is_rebuilt_with_its_table() -> None:
    house = House()
    before = house.range("t_pkey")
    run(house.session, "reindex index t_pkey")
    assert house.range("t_pkey") != before
    assert run(house.session, "select count(*), sum(id) from t where a > 0") == [(50, 1275)]


@pytest.mark.parametrize("concurrently", ["", " CONCURRENTLY"])
def test_progress_names_the_command(concurrently: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    progress, seen = house.session.progress, []
    begin = type(progress).begin

    def noted(command: str, *of: int) -> Any:
        seen.append(command)
        return begin(progress, command, *of)

    monkeypatch.setattr(type(progress), "begin", lambda _, *of: noted(*of))
    run(house.session, f"reindex index{concurrently} t_a")
    assert seen == [f"REINDEX{concurrently}"] and progress.current is None


def test_a_rebuild_is_taken_back() -> None:
    house = House()
    before = house.range("t_a")
    run(house.session, "begin; reindex index t_a; reindex table t; rollback")
    assert house.range("t_a") == before
    assert run(house.session, "select id from t where a = 7") == [(7,)]
    with pytest.raises(DatacaveError, match="REINDEX SCHEMA cannot run inside a transaction block"):
        run(house.session, "begin; reindex schema public")


@pytest.mark.parametrize("concurrently", ["", "concurrently"])
def test_older_snapshots_do_not_read_by_new_entries(concurrently: str) -> None:
    house = House()
    older = house.database.connect("admin")
    run(older, "set enable_seqscan = off; begin isolation level repeatable read; select 1 from pg_class limit 1")
    run(older, "select count(*) from t")
    if concurrently:
        run(older, "commit; begin isolation level repeatable read; select 1")
    run(house.session, "update t set a = a + 1000 where id > 40")
    run(house.session, f"reindex index {concurrently} t_a")
    house.reclaim()
    if not concurrently:
        assert run(older, "select id from t where a = 45") == [(45,)]
        assert run(older, "select count(*) from t where a > 1000") == [(0,)]
    run(older, "commit")
    assert run(older, "select id from t where a = 1045") == [(45,)]


def test_duplicates_are_found() -> None:
    house = House()
    house.damage("t_b")

    low, high = house.range("t_b")
    keys = [key for batch in house.store.scan(low, high, house.store.newest_timestamp) for key, _ in batch]
    house.store.commit(dict.fromkeys(keys), wait_durable=False)
    run(house.session, "insert into t values (200, 5, 'x2', '{}')")
    with pytest.raises(DatacaveError, match='could not create unique index "t_b"'):
        run(house.session, "reindex index t_b")


def test_partitions_are_rebuilt() -> None:
    house = House()
    run(
        house.session,
        "create table p (k int, v int) partition by range (k); create index p_v on p (v);"
        "create table low partition of p for values from (0) to (10);"
        "create table high partition of p for values from (10) to (20); insert into p values (1, 1), (11, 11)",
    )
    before = {name: house.range(name) for name in ("low_v_idx", "high_v_idx")}
    for command in ("reindex index p_v", "reindex table p", "reindex table concurrently p"):
        run(house.session, command)
        now = {name: house.range(name) for name in before}
        assert all(now[name] != before[name] for name in now), command
        before = now
    assert run(house.session, "select k from p where v = 11") == [(11,)]

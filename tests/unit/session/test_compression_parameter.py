"""Does the store always know which compression the tables want, also that of a table which is being made?"""

from __future__ import annotations

from datacave_core.compression import Compression, TableCompression
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database
from tests.unit.statements import run

LZ4, NONE, ZSTD = (TableCompression(method) for method in (Compression.LZ4, Compression.NONE, Compression.ZSTD))


def opened(store: MemoryStore, clock: SimulatedClock) -> Database:
    return Database.open(store, clock, SeededRandomness(1))


def test_the_store_follows_the_tables() -> None:
    clock = SimulatedClock()
    store = MemoryStore(clock)
    database = opened(store, clock)
    session = database.connect("admin")

    def chosen() -> list[TableCompression]:
        return [choice for _, choice in sorted(store.compressions().items())]

    run(session, "create table a (v text) with (compression = none); create table b (v text)")
    assert chosen() == [NONE]
    run(session, "alter table b set (compression = 'zstd:3')")
    assert chosen() == [NONE, ZSTD]
    before = set(store.compressions())
    run(session, "truncate a")
    assert chosen() == [ZSTD, NONE] and len(before & set(store.compressions())) == 1
    run(session, "create database elsewhere")
    far = database.connect("admin", "elsewhere")
    run(far, "create table c with (compression = lz4) as select 'text' as v")
    run(session, "create table d (a int)")
    assert chosen() == [ZSTD, NONE, LZ4]
    kept = dict(store.compressions())
    session.close()
    far.close()

    session = opened(store, clock).connect("admin")
    assert store.compressions() == kept
    run(session, "drop table a; alter table b reset (compression)")
    assert chosen() == [LZ4]
    run(session, "drop database elsewhere")
    assert chosen() == []


def test_a_new_tables_choice_counts_within_its_own_transaction_and_ends_with_it() -> None:
    clock = SimulatedClock()
    store = MemoryStore(clock)
    database = opened(store, clock)
    one = database.connect("admin")
    run(one, "create database elsewhere")
    other = database.connect("admin", "elsewhere")
    run(one, "begin; create table a (v text) with (compression = none)")
    assert list(store.compressions().values()) == [NONE]
    run(one, "alter table a set (compression = lz4)")
    run(other, "create table b (v text)")
    assert list(store.compressions().values()) == [LZ4]
    run(one, "commit")
    assert list(store.compressions().values()) == [LZ4]
    run(one, "begin; alter table a set (compression = zstd); create table c (v text) with (compression = none)")
    assert sorted(store.compressions().values(), key=repr) == [LZ4, NONE]  # other transactions still write into a
    run(one, "rollback")
    run(other, "drop table b")
    assert list(store.compressions().values()) == [LZ4]

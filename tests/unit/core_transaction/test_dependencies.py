"""Which SERIALIZABLE transactions fail: dangerous structures only, and all of them."""

from __future__ import annotations

import pytest

from datacave_core.errors import SerializationFailure
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import Isolation, LockOwner, Transaction, TransactionManager
from datacave_core.transaction import dependencies as module
from datacave_core.wait import Wait

T1 = table_prefix(16384)


class World:
    """Keys x, y and z with 0 each."""

    def __init__(self, *, hold_durability: bool = False) -> None:
        self.clock = SimulatedClock()
        self.store = MemoryStore(self.clock, hold_durability=hold_durability)
        self.manager = TransactionManager(self.store, self.clock)
        self.store.commit({T1 + name: (0,) for name in (b"x", b"y", b"z")})
        self.store.make_durable()

    def begin(
        self, *, read_only: bool = False, deferrable: bool = False, isolation: Isolation = Isolation.SERIALIZABLE
    ) -> Transaction:
        transaction = self.manager.begin(isolation, read_only, deferrable, LockOwner())
        if not deferrable:
            transaction.statement_snapshot()
        return transaction

    @property
    def remembered(self) -> tuple[int, int]:
        return self.manager.dependencies.counts()


def read(transaction: Transaction, name: bytes) -> int:
    row = transaction.get(T1 + name)
    return 0 if row is None else row[0]


def write(transaction: Transaction, name: bytes, value: int = 1) -> None:
    transaction.put(T1 + name, (value,))


def test_one_antidependency_is_no_reason_to_fail() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    read(first, b"x")
    write(second, b"x")
    second.commit()
    write(first, b"y")
    assert first.commit() is not None
    assert world.remembered == (0, 0)


def test_transactions_of_other_levels_do_not_count() -> None:
    world = World()
    first, second = world.begin(), world.begin(isolation=Isolation.REPEATABLE_READ)
    read(first, b"x")
    read(second, b"y")
    write(first, b"y")
    write(second, b"x")
    assert first.commit() is not None and second.commit() is not None


def test_write_skew_fails_the_one_that_comes_second() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    for one in (first, second):
        read(one, b"x")
        read(one, b"y")
    write(first, b"x")
    write(second, b"y")
    first.commit()
    with pytest.raises(SerializationFailure, match="read/write dependencies"):
        second.commit()
    assert second.ended and world.remembered == (0, 0)


def test_who_has_to_fail_cannot_go_on_by_trying_again() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    read(first, b"x")
    write(first, b"y")
    write(second, b"x")
    read(second, b"z")
    mark = second.savepoint()
    first.commit()
    for _ in range(2):
        with pytest.raises(SerializationFailure):
            read(second, b"y")
        second.rollback_to(mark)
    with pytest.raises(SerializationFailure):
        second.commit()


def test_a_pivot_whose_successor_commits_last_goes_on() -> None:
    world = World()
    first, pivot, last = world.begin(), world.begin(), world.begin()
    read(first, b"x")
    read(pivot, b"y")
    write(pivot, b"x")
    write(last, b"y")
    assert first.commit() is None
    assert pivot.commit() is not None
    assert last.commit() is not None


def test_the_anomaly_of_a_read_only_transaction() -> None:
    """A. Fekete, E. O'Neil, P. O'Neil, "A Read-Only Transaction Anomaly Under Snapshot Isolation", 2004."""
    for order_seen in (True, False):
        world = World()
        batch = world.begin()
        read(batch, b"x")
        if not order_seen:
            report = world.begin(read_only=True)
        deposit = world.begin()
        write(deposit, b"x", 20)
        deposit.commit()
        if order_seen:
            report = world.begin(read_only=True)
        read(report, b"x")
        read(report, b"y")
        report.commit()
        if order_seen:
            with pytest.raises(SerializationFailure):
                write(batch, b"y", -11)
                batch.commit()
        else:
            write(batch, b"y", -11)
            assert batch.commit() is not None


def test_a_pivot_that_is_prepared_cannot_fail_so_others_do() -> None:
    world = World()
    pivot, other = world.begin(), world.begin()
    read(pivot, b"x")
    write(pivot, b"y")
    pivot.prepare("p", 10, 5)
    read(other, b"y")
    with pytest.raises(SerializationFailure):
        write(other, b"x")
    other.rollback()
    world.manager.finish_prepared(world.manager.prepared["p"], commit=True)
    assert world.remembered == (0, 0)


def test_a_prepared_transaction_is_remembered_over_a_restart() -> None:
    world = World()
    pivot = world.begin()
    read(pivot, b"x")
    write(pivot, b"y")
    pivot.prepare("p", 10, 5)
    world.store.make_durable()
    world.manager = TransactionManager(world.store, world.clock)
    other = world.begin()
    with pytest.raises(SerializationFailure):
        read(other, b"y")
        write(other, b"x")
        other.commit()
    unrelated = world.begin()
    read(unrelated, b"x")
    write(unrelated, b"z")
    assert unrelated.commit() is not None


def test_a_rolled_back_write_is_no_conflict() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    mark = first.savepoint()
    write(first, b"x")
    first.rollback_to(mark)
    read(second, b"x")
    write(second, b"y")
    read(first, b"y")
    assert first.commit() is None and second.commit() is not None


def test_a_safe_snapshot_is_waited_for() -> None:
    world = World()
    writer = world.begin()
    read(writer, b"x")
    deposit = world.begin()
    write(deposit, b"x")
    deposit.commit()
    report = world.begin(read_only=True, deferrable=True)
    steps = report.safe_snapshot()
    wait = next(steps)
    assert isinstance(wait, Wait) and not wait.done and wait.reason == "IPC:SafeSnapshot"
    write(writer, b"y")
    writer.commit()
    assert wait.done
    # The first snapshot was unsafe: it would have shown the deposit without the writer that comes before it.
    assert list(steps) == [] and read(report, b"y") == 1
    assert not report.waits_for_safety and world.remembered == (0, 0)


def test_a_commit_that_is_not_visible_yet_makes_a_snapshot_unsafe() -> None:
    world = World(hold_durability=True)
    writer = world.begin()
    read(writer, b"x")
    deposit = world.begin()
    write(deposit, b"x")
    deposit.commit()
    world.store.make_durable()
    write(writer, b"y")
    commit = writer.commit()
    assert commit is not None and not commit.durable.done
    report = world.begin(read_only=True, deferrable=True)
    steps = report.safe_snapshot()
    assert next(steps) is commit.durable
    world.store.make_durable()
    assert list(steps) == [] and read(report, b"y") == 1


def test_nobody_waits_where_nobody_writes() -> None:
    world = World()
    report = world.begin(read_only=True, deferrable=True)
    assert list(report.safe_snapshot()) == [] and world.remembered == (0, 0)


def test_many_writes_at_once_meet_readers_and_are_met() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    names = [b"n%d" % number for number in range(200)]
    read(first, b"n150")
    list(second.scan(T1 + b"y", prefix_end(T1 + b"y")))
    second.put_all({T1 + name: (1,) for name in names})
    second.commit()
    write(first, b"z")
    with pytest.raises(SerializationFailure):
        write(first, b"y")


def test_old_transactions_are_summarized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_MAX", 3)
    for reads_old in (True, False):
        world = World()
        long_lived = world.begin()
        read(long_lived, b"x")
        for value in range(10):
            short = world.begin()
            read(short, b"z")
            write(short, b"x", value)
            short.commit()
        assert world.remembered == (1, 3)
        if reads_old:
            with pytest.raises(SerializationFailure):
                write(long_lived, b"z")
                long_lived.commit()
            long_lived.rollback()
        else:
            read(long_lived, b"y")
            assert long_lived.commit() is None
        assert world.remembered == (0, 0)

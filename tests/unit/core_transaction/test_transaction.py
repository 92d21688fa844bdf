"""Does one transaction see, keep, undo and refuse what its isolation level says?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from datacave_core.errors import DatacaveError, DiskFull, SerializationFailure, SnapshotTooOld
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import (
    KEY_SHARE,
    NEWEST,
    NO_KEY_UPDATE,
    SKIPPED,
    UPDATE,
    Isolation,
    LockOwner,
    Transaction,
    TransactionManager,
    WaitPolicy,
)
from datacave_core.wait import Steps, Wait

T1, T2 = table_prefix(16384), table_prefix(16385)
RC, RR, SER = Isolation.READ_COMMITTED, Isolation.REPEATABLE_READ, Isolation.SERIALIZABLE
LAYOUT = Layout(2, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))


def key(number: int, prefix: bytes = T1) -> bytes:
    return prefix + number.to_bytes(8, "big")


class World:
    """A store with rows 0, 10, ..., 90 and a manager."""

    def __init__(self, *, hold_durability: bool = False) -> None:
        self.clock = SimulatedClock()
        self.store = MemoryStore(self.clock, hold_durability=hold_durability)
        self.manager = TransactionManager(self.store, self.clock)
        self.manager.set_layout(T1, LAYOUT)
        self.store.commit({key(n): (n, f"row {n}") for n in range(0, 100, 10)})
        self.store.make_durable()

    def begin(self, isolation: Isolation = RC, owner: LockOwner | None = None) -> Transaction:
        transaction = self.manager.begin(isolation, owner=owner)
        transaction.statement_snapshot()
        return transaction

    def write(self, number: int, text: str | None) -> int:
        """Another session changes a row and commits."""
        commit = self.store.commit({key(number): None if text is None else (number, text)})
        return commit.timestamp


def numbers(batches: Iterator[list[tuple[bytes, Any]]]) -> list[int]:
    return [row[0] for batch in batches for _, row in batch]


def whole(transaction: Transaction, **options: Any) -> list[int]:
    return numbers(transaction.scan(T1, prefix_end(T1), **options))


def finish(steps: Steps[None]) -> None:
    assert list(steps) == []


# Snapshots


def test_read_committed_sees_a_new_snapshot_per_statement() -> None:
    world = World()
    transaction = world.begin()
    world.write(0, "new")
    assert transaction.get(key(0)) == (0, "row 0")
    transaction.statement_snapshot()
    assert transaction.get(key(0)) == (0, "new")


@pytest.mark.parametrize("isolation", [RR, SER])
def test_the_others_keep_the_snapshot_of_their_first_statement(isolation: Isolation) -> None:
    world = World()
    transaction = world.manager.begin(isolation)
    world.write(0, "before the first statement")
    transaction.statement_snapshot()
    world.write(0, "after")
    transaction.statement_snapshot()
    assert transaction.get(key(0)) == (0, "before the first statement")
    assert transaction.get_at(key(0), world.store.newest_timestamp) == (0, "after")


def test_a_fixed_snapshot_is_kept_readable_until_the_end() -> None:
    world = World()
    transaction = world.begin(RR)
    newest = world.write(0, "new")
    world.store.forget(newest)
    assert transaction.get(key(0)) == (0, "row 0")
    transaction.rollback()
    world.store.forget(newest)
    with pytest.raises(SnapshotTooOld):
        world.store.get(key(0), newest - 1)


def test_a_statement_that_scans_keeps_its_snapshot_readable() -> None:
    world = World()
    transaction = world.begin(RC)
    assert len(whole(transaction)) == 10
    newest = world.write(0, "new")
    world.store.forget(newest)
    assert transaction.get(key(0)) == (0, "row 0")
    transaction.statement_snapshot()
    world.store.forget(newest)
    assert world.store.oldest_readable() == newest


def test_a_session_sees_its_own_commit_before_it_is_durable() -> None:
    world = World(hold_durability=True)
    owner = LockOwner(1)
    first = world.begin(owner=owner)
    first.put(key(0), (0, "mine"))
    commit = first.commit()
    assert commit is not None and not commit.durable.done
    mine, other = world.begin(owner=owner), world.begin()
    assert mine.get(key(0)) == (0, "mine") and other.get(key(0)) == (0, "row 0")
    assert mine.must_be_durable_before_rows == commit.timestamp and other.must_be_durable_before_rows == 0
    assert world.manager.durable_wait(mine.must_be_durable_before_rows) is commit.durable
    world.store.make_durable()
    assert world.manager.durable_wait(mine.must_be_durable_before_rows) is None


def test_whoever_reads_what_is_not_durable_owes_the_wait() -> None:
    world = World(hold_durability=True)
    first = world.begin()
    first.put(key(0), (0, "young"))
    commit = first.commit()
    second = world.begin()
    version = second.get_latest_version(key(10))
    assert version is not None and second.must_be_durable_before_rows == 0
    assert second.get_latest(key(0)) == (0, "young")
    assert commit is not None and second.must_be_durable_before_rows == commit.timestamp
    third = world.begin()
    third.put(key(20), (20, "later"))
    later = third.commit()
    assert later is not None
    assert world.manager.durable_wait(commit.timestamp) is commit.durable
    assert world.manager.durable_wait(commit.timestamp + 1) is later.durable


def test_the_past_is_read_only_and_checked() -> None:
    world = World()
    before = world.store.newest_timestamp
    world.write(0, "new")
    transaction = world.manager.begin()
    transaction.read_as_of(before)
    transaction.statement_snapshot()
    assert transaction.read_only and transaction.get(key(0)) == (0, "row 0")
    transaction.rollback()
    world.store.forget(before + 1)
    with pytest.raises(DatacaveError) as caught:
        world.manager.begin().read_as_of(before)
    assert caught.value.sqlstate == "72000" and str(before + 1) in str(caught.value.detail)
    with pytest.raises(DatacaveError) as caught:
        world.manager.check_past(world.clock.now_microseconds() + 1_000_000)
    assert caught.value.sqlstate == "22023"


def test_set_transaction_comes_first_or_fails() -> None:
    world = World()
    transaction = world.manager.begin()
    transaction.change(isolation=SER, read_only=True, deferrable=True)
    assert (transaction.isolation, transaction.read_only, transaction.deferrable) == (SER, True, True)
    transaction.statement_snapshot()
    transaction.change(isolation=SER, read_only=True, deferrable=True)
    for late in ({"isolation": RC}, {"read_only": False}, {"deferrable": False}):
        with pytest.raises(DatacaveError) as caught:
            transaction.change(**late)
        assert caught.value.sqlstate == "25001"


# Own writes


def test_own_writes_come_first() -> None:
    transaction = World().begin()
    transaction.put(key(5), (5, "new"))
    transaction.put(key(0), (0, "changed"))
    transaction.delete(key(10))
    assert transaction.get(key(5)) == (5, "new")
    assert transaction.get(key(10)) is None
    version = transaction.get_latest_version(key(0))
    assert version is not None and (version.timestamp, version.row) == (NEWEST, (0, "changed"))
    assert transaction.get_latest(key(10)) is None and transaction.get_latest(key(11)) is None


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch_rows", [1, 3, 1024])
def test_scans_merge_own_writes(reverse: bool, batch_rows: int) -> None:
    transaction = World().begin()
    for number in (95, 5, 1, 55, 101):
        transaction.put(key(number), (number, "new"))
    transaction.put(key(30), (30, "changed"))
    for number in (0, 50, 90, 95, 77):
        transaction.delete(key(number))
    transaction.put(key(7, T2), (7, "other table"))
    expected = sorted([1, 5, 55, 101, *range(10, 90, 10)], reverse=reverse)
    expected.remove(50)
    batches = list(transaction.scan(T1, prefix_end(T1), reverse, batch_rows))
    assert all(batches)
    assert numbers(iter(batches)) == expected
    assert dict(pair for batch in batches for pair in batch)[key(30)] == (30, "changed")
    assert numbers(transaction.scan(key(30), key(80), reverse)) == [n for n in expected if 30 <= n < 80]
    assert numbers(transaction.scan(T2, prefix_end(T2), reverse)) == [7]
    assert len(numbers(transaction.scan(T1, None, reverse))) == len(expected) + 1


def test_a_scan_shows_own_writes_as_they_stood_when_it_began() -> None:
    transaction = World().begin()
    transaction.put(key(1), (1, "a"))
    scan = transaction.scan(T1, key(15))
    transaction.put(key(2), (2, "b"))
    transaction.delete(key(1))
    assert numbers(scan) == [0, 1, 10]
    assert numbers(transaction.scan(T1, key(15))) == [0, 2, 10]


def test_column_scans_merge_own_writes() -> None:
    transaction = World().begin()
    plain = list(transaction.scan_columns(T1, prefix_end(T1), [0]))
    assert [batch.keys for batch in plain] == [None]
    transaction.put(key(5), (5, None))
    transaction.put(key(30), (31, "changed"))
    transaction.delete(key(0))
    seen: list[tuple[Any, Any]] = []
    for batch in transaction.scan_columns(T1, prefix_end(T1), [1, 0], with_keys=True):
        texts, ids = batch.columns
        assert batch.keys is not None and len(batch.keys) == batch.row_count == len(texts.values)
        for place in range(batch.row_count):
            null = texts.nulls is not None and texts.nulls[place]
            seen.append((int(ids.values[place]), None if null else texts.values[place]))
    expected = [(n, f"row {n}") for n in range(10, 100, 10) if n != 30] + [(5, None), (31, "changed")]
    assert sorted(seen) == sorted(expected)
    without_keys = list(transaction.scan_columns(T1, prefix_end(T1), [0]))
    assert [batch.keys for batch in without_keys] == [None, None]
    for number in range(0, 100, 10):
        transaction.delete(key(number))
    assert sum(batch.row_count for batch in transaction.scan_columns(T1, prefix_end(T1), [0])) == 1


def test_scans_of_the_past_ignore_own_writes() -> None:
    world = World()
    before = world.store.newest_timestamp
    world.write(5, "later")
    transaction = world.begin()
    transaction.put(key(1), (1, "own"))
    assert whole(transaction, timestamp=before) == list(range(0, 100, 10))
    assert sum(b.row_count for b in transaction.scan_columns(T1, None, [0], timestamp=before)) == 10


def test_savepoints_undo_writes_locks_and_checks() -> None:
    world = World()
    transaction = world.begin()
    transaction.put(key(1), (1, "kept"))
    mark = transaction.savepoint()
    transaction.put(key(1), (1, "lost"))
    transaction.put(key(2), (2, "lost"))
    assert whole(transaction)[:3] == [0, 1, 2]
    transaction.put_all({key(3): (3, "lost"), key(4): (4, "lost")})
    transaction.put_all({key(3): (3, "lost again"), key(6): None})
    transaction.lock(key(2), UPDATE)
    transaction.before_commit.append(lambda: iter(()))  # type: ignore[arg-type, return-value]
    inner = transaction.savepoint()
    transaction.delete(key(0))
    transaction.rollback_to(inner)
    assert transaction.get(key(0)) == (0, "row 0") and transaction.get(key(3)) == (3, "lost again")
    assert whole(transaction)[:5] == [0, 1, 2, 3, 4]
    for _ in range(2):
        transaction.rollback_to(mark)
        assert transaction.writes == {key(1): (1, "kept")}
        assert whole(transaction)[:2] == [0, 1]
    assert transaction.before_commit == []
    assert world.manager.locks.locks() == []
    transaction.release(mark)
    transaction.put(key(2), (2, "now"))
    assert whole(transaction)[:3] == [0, 1, 2]
    transaction.commit()
    assert world.begin().get(key(1)) == (1, "kept")


# Conflicts


def test_first_updater_wins() -> None:
    world = World()
    snapshot = world.begin(RR)
    committed = world.begin(RC)
    world.write(0, "new")
    world.write(10, None)
    committed.check_write(key(0))
    for number, what in ((0, "update"), (10, "delete")):
        with pytest.raises(SerializationFailure) as caught:
            snapshot.check_write(key(number))
        assert (caught.value.sqlstate, caught.value.retryable) == ("40001", True)
        assert caught.value.message == f"could not serialize access due to concurrent {what}"
    snapshot.check_write(key(20))
    snapshot.check_write(key(999))
    snapshot.put(key(20), (20, "mine"))
    snapshot.check_write(key(20))


def reads(kind: str, transaction: Transaction) -> None:
    if kind == "key":
        transaction.get(key(50))
    elif kind == "absent key":
        transaction.get(key(51))
    elif kind == "scan":
        whole(transaction)
    elif kind == "reverse scan":
        whole(transaction, reverse=True)
    elif kind == "column scan":
        for _ in range(2):
            list(transaction.scan_columns(T1, prefix_end(T1), [0]))


@pytest.mark.parametrize("kind", ["key", "absent key", "scan", "reverse scan", "column scan"])
@pytest.mark.parametrize("change", ["update", "delete", "insert"])
@pytest.mark.parametrize("read_first", [True, False])
def test_of_two_who_have_read_what_the_other_wrote_one_fails(kind: str, change: str, read_first: bool) -> None:
    for isolation in (SER, RR):
        world = World()
        transaction, other = world.begin(isolation), world.begin(isolation)
        number = 51 if change == "insert" else 50

        def write(other: Transaction = other, number: int = number) -> None:
            other.get(key(1))
            if change == "delete":
                other.delete(key(number))
            else:
                other.put(key(number), (number, "theirs"))
            other.commit()

        untouched = "insert" if kind == "key" else ("update", "delete") if kind == "absent key" else ()
        steps = [lambda mine=transaction: reads(kind, mine), write]
        if not read_first:
            steps.reverse()
        if isolation is SER and change not in untouched:
            with pytest.raises(SerializationFailure) as caught:
                for step in steps:
                    step()
                transaction.put(key(1), (1, "mine"))
            assert caught.value.message.startswith("could not serialize access due to read/write dependencies")
            transaction.rollback()
            assert world.begin().get(key(1)) is None
        else:
            for step in steps:
                step()
            transaction.put(key(1), (1, "mine"))
            assert transaction.commit() is not None


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_that_stopped_early_depends_only_on_what_it_read(reverse: bool) -> None:
    for number, conflict in ((5, not reverse), (95, reverse), (50, False)):
        world = World()
        transaction, other = world.begin(SER), world.begin(SER)
        next(transaction.scan(T1, prefix_end(T1), reverse, batch_rows=2))
        other.get(key(1, T2))
        other.put(key(number), (number, "theirs"))
        other.commit()
        if conflict:
            with pytest.raises(SerializationFailure):
                transaction.put(key(1, T2), (1, "mine"))
        else:
            transaction.put(key(1, T2), (1, "mine"))
            assert transaction.commit() is not None


# Locks


def test_locks_last_until_the_end() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    assert first.lock(key(0), NO_KEY_UPDATE) is None
    wait = second.lock(key(0), NO_KEY_UPDATE)
    assert wait is not None and wait.reason == "Lock:tuple"
    first.put(key(0), (0, "first"))
    first.commit()
    assert wait.done and second.get_latest(key(0)) == (0, "first")
    second.rollback()
    second.rollback()
    assert world.manager.locks.locks() == [] and world.manager.active == set()


def test_nowait_and_skip_locked() -> None:
    world = World()
    first, second = world.begin(), world.begin()
    first.lock(key(0), UPDATE)
    assert second.lock(key(0), KEY_SHARE, WaitPolicy.SKIP_LOCKED) is SKIPPED
    assert second.lock(key(10), KEY_SHARE, WaitPolicy.SKIP_LOCKED) is None
    with pytest.raises(DatacaveError) as caught:
        second.lock(key(0), KEY_SHARE, WaitPolicy.NOWAIT, "t")
    assert caught.value.sqlstate == "55P03"
    assert caught.value.message == 'could not obtain lock on row in relation "t"'


def test_many_locks_and_a_wait_that_is_given_up() -> None:
    world = World()
    first, second, third = world.begin(), world.begin(), world.begin()
    first.lock(key(2), UPDATE)
    keys = [key(n) for n in range(4)]
    wait = second.lock_all(keys, UPDATE)
    assert wait is not None and world.manager.locks.held_mode(second.owner, key(3)) == 0
    second.cancel_wait()
    assert third.lock(key(2), UPDATE) is not None
    first.rollback()
    third.rollback()
    assert second.lock_all(keys, UPDATE) is None
    assert world.manager.locks.held_mode(second.owner, key(3)) == UPDATE


def test_rollback_gives_up_a_wait() -> None:
    world = World()
    first, second, third = world.begin(), world.begin(), world.begin()
    first.lock(key(0), KEY_SHARE)
    second.lock(key(0), UPDATE)
    wait = third.lock(key(0), KEY_SHARE)
    assert wait is not None
    second.rollback()
    assert wait.done


# The end


def test_nothing_written_is_no_commit() -> None:
    world = World()
    transaction = world.begin()
    newest = world.store.newest_timestamp
    assert transaction.commit() is None and world.store.newest_timestamp == newest
    with pytest.raises(DatacaveError, match="ended"):
        transaction.commit()


def test_a_commit_that_fails_is_rolled_back() -> None:
    world = World()
    transaction = world.begin()
    transaction.lock(key(0), UPDATE)
    transaction.put(key(0), (0, "x"))

    def fail(*_: Any, **__: Any) -> None:
        raise DiskFull("disk full")

    world.store.commit = fail  # type: ignore[assignment, method-assign]
    with pytest.raises(DiskFull):
        transaction.commit()
    assert transaction.ended and world.manager.locks.locks() == [] and world.begin().get(key(0)) == (0, "row 0")


def test_deferred_checks_run_before_the_commit_and_may_add_more() -> None:
    world = World()
    transaction = world.begin()
    transaction.put(key(0), (0, "x"))
    ran: list[str] = []

    def second() -> Steps[None]:
        ran.append("second")
        yield from ()

    def first() -> Steps[None]:
        ran.append("first")
        transaction.before_commit.append(second)
        yield from ()

    transaction.before_commit.append(first)
    finish(transaction.prepare_commit())
    assert ran == ["first", "second"]
    assert transaction.commit() is not None


def test_deferred_checks_are_never_skipped() -> None:
    transaction = World().begin()
    transaction.put(key(0), (0, "x"))
    transaction.before_commit.append(lambda: iter(()))  # type: ignore[arg-type, return-value]
    with pytest.raises(DatacaveError, match="deferred"):
        transaction.commit()
    assert transaction.ended


def test_a_writer_waits_while_the_store_has_fallen_behind() -> None:
    world = World()
    delays: list[Wait | None] = [Wait("IO:Flush"), Wait("IO:Flush"), None]
    world.store.write_delay = lambda: delays.pop(0)  # type: ignore[method-assign]
    reader = world.begin()
    finish(reader.prepare_commit())
    assert len(delays) == 3
    writer = world.begin()
    writer.put(key(0), (0, "x"))
    waits = []
    for wait in writer.prepare_commit():
        waits.append(wait)
        wait.finish()
    assert len(waits) == 2 and delays == []


def test_commit_without_waiting_for_the_disk() -> None:
    world = World(hold_durability=True)
    transaction = world.begin()
    transaction.put(key(0), (0, "x"))
    commit = transaction.commit(wait_durable=False)
    assert commit is not None and world.store.visible_timestamp == commit.timestamp


def test_writes_outside_transactions() -> None:
    world = World(hold_durability=True)
    commit = world.manager.write_now({key(1, T2): (5,)})
    assert world.manager.durable_wait(commit.timestamp) is commit.durable
    world.store.make_durable()
    assert world.begin().get(key(1, T2)) == (5,)


def test_the_commit_of_a_prepared_move_leaves_the_others_known() -> None:
    world = World()
    mover = world.begin()
    mover.move(key(10), key(11), (11, "row 10"))
    mover.prepare("p", 10, 5)
    waiter, other = world.begin(), world.begin()
    other.move(key(20), key(21), (21, "row 20"))
    assert other.commit() is not None
    prepared = world.manager.prepared["p"]
    world.manager.finish_prepared(prepared, commit=True)
    world.manager.release_prepared(prepared)
    assert waiter.place_of(key(20)) == key(21)
    assert waiter.place_of(key(10)) == key(11)

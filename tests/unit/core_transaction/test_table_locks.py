"""Do table locks conflict as PostgreSQL's do, stay out of the way while all are weak, and leave nothing behind?"""

from __future__ import annotations

import random
from itertools import product

import pytest

from datacave_core.errors import DatacaveError, DeadlockDetected
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import (
    UPDATE,
    LockOwner,
    TableLockMode,
    Transaction,
    TransactionManager,
    WaitPolicy,
    mode_name,
    table_lock_key,
)

M = TableLockMode
WEAK = (M.ACCESS_SHARE, M.ROW_SHARE, M.ROW_EXCLUSIVE)
# PostgreSQL 15, table 13.2: the modes each mode conflicts with.
CONFLICTS = {
    M.ACCESS_SHARE: {M.ACCESS_EXCLUSIVE},
    M.ROW_SHARE: {M.EXCLUSIVE, M.ACCESS_EXCLUSIVE},
    M.ROW_EXCLUSIVE: {M.SHARE, M.SHARE_ROW_EXCLUSIVE, M.EXCLUSIVE, M.ACCESS_EXCLUSIVE},
    M.SHARE_UPDATE_EXCLUSIVE: {
        M.SHARE_UPDATE_EXCLUSIVE,
        M.SHARE,
        M.SHARE_ROW_EXCLUSIVE,
        M.EXCLUSIVE,
        M.ACCESS_EXCLUSIVE,
    },
    M.SHARE: {
        M.ROW_EXCLUSIVE,
        M.SHARE_UPDATE_EXCLUSIVE,
        M.SHARE_ROW_EXCLUSIVE,
        M.EXCLUSIVE,
        M.ACCESS_EXCLUSIVE,
    },
    M.SHARE_ROW_EXCLUSIVE: set(M) - {M.ACCESS_SHARE, M.ROW_SHARE},
    M.EXCLUSIVE: set(M) - {M.ACCESS_SHARE},
    M.ACCESS_EXCLUSIVE: set(M),
}
T = 16384


def manager() -> TransactionManager:
    clock = SimulatedClock()
    return TransactionManager(MemoryStore(clock), clock)


def begin(world: TransactionManager, count: int) -> list[Transaction]:
    return [world.begin(owner=LockOwner(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize(("held", "asked"), list(product(M, M)))
def test_conflicts_are_those_of_postgresql(held: TableLockMode, asked: TableLockMode) -> None:
    a, b = begin(manager(), 2)
    assert a.lock_table(T, held) is None
    conflict = asked in CONFLICTS[held]
    if conflict:
        with pytest.raises(DatacaveError) as caught:
            b.lock_table(T, asked, WaitPolicy.NOWAIT, "t")
        assert (caught.value.sqlstate, caught.value.message) == ("55P03", 'could not obtain lock on relation "t"')
        wait = b.lock_table(T, asked)
        assert wait is not None and not wait.done and wait.reason == "Lock:relation"
        a.commit()
        assert wait.done
    else:
        assert b.lock_table(T, asked, WaitPolicy.NOWAIT) is None
    assert b.lock_table(T, asked) is None
    assert b.lock_table(T + 1, M.ACCESS_EXCLUSIVE) is None
    b.rollback()
    a.rollback()
    assert a.manager.locks.locks() == []


def test_weak_locks_stay_out_of_the_lock_table() -> None:
    world = manager()
    for transaction in begin(world, 5):
        for mode in WEAK:
            assert transaction.lock_table(T, mode) is None
    assert world.locks.locks() == []
    strong, weak, late = begin(world, 3)
    wait = strong.lock_table(T, M.SHARE_ROW_EXCLUSIVE)
    assert wait is not None and len(world.locks.locks()) == 6
    assert weak.lock_table(T, M.ROW_SHARE) is None
    behind = late.lock_table(T, M.ROW_EXCLUSIVE)
    assert behind is not None
    for transaction in list(world.active):
        if transaction not in (strong, late):
            transaction.rollback()
    assert wait.done and not behind.done
    strong.commit()
    assert behind.done
    late.commit()
    (again,) = begin(world, 1)
    assert again.lock_table(T, M.ROW_EXCLUSIVE) is None
    assert world.locks.locks() == []


def test_one_transaction_holds_several_modes() -> None:
    world = manager()
    a, b = begin(world, 2)
    for mode in (M.ROW_EXCLUSIVE, M.SHARE, M.ACCESS_SHARE):
        assert a.lock_table(T, mode) is None
    held = world.locks.held_mode(a.owner, table_lock_key(T))
    assert held == M.ROW_EXCLUSIVE | M.SHARE | M.ACCESS_SHARE and mode_name(held) == "ShareLock"
    assert b.lock_table(T, M.ACCESS_SHARE) is None
    assert b.lock_table(T, M.ROW_EXCLUSIVE) is not None


def test_a_cancelled_wait_holds_nothing() -> None:
    world = manager()
    a, b, c = begin(world, 3)
    assert a.lock_table(T, M.ROW_EXCLUSIVE) is None
    assert b.lock_table(T, M.ACCESS_EXCLUSIVE) is not None
    b.cancel_wait()
    assert c.lock_table(T, M.ROW_EXCLUSIVE) is None
    assert b.lock_table(T, M.ACCESS_EXCLUSIVE) is not None
    b.rollback()
    a.rollback()
    c.rollback()
    assert world.locks.locks() == []


def test_nowait_leaves_no_trace() -> None:
    world = manager()
    a, b = begin(world, 2)
    assert a.lock_table(T, M.EXCLUSIVE, WaitPolicy.NOWAIT) is None
    assert a.lock_table(T, M.EXCLUSIVE, WaitPolicy.NOWAIT) is None
    a.rollback()
    assert b.lock_table(T, M.ROW_EXCLUSIVE) is None and world.locks.locks() == []


def test_tables_and_rows_share_one_graph_of_waits() -> None:
    world = manager()
    a, b = begin(world, 2)
    assert a.lock_table(T, M.ROW_EXCLUSIVE) is None
    assert a.lock(b"row", UPDATE) is None
    assert b.lock_table(T + 1, M.SHARE) is None
    assert b.lock_table(T, M.ACCESS_EXCLUSIVE) is not None
    with pytest.raises(DeadlockDetected) as caught:
        a.lock_table(T + 1, M.ROW_EXCLUSIVE)
    assert caught.value.detail == (
        f"Process 1 waits for RowExclusiveLock on relation {T + 1}; blocked by process 2.\n"
        f"Process 2 waits for AccessExclusiveLock on relation {T}; blocked by process 1."
    )


def test_a_savepoint_takes_table_locks_back() -> None:
    world = manager()
    a, b = begin(world, 2)
    assert a.lock_table(T, M.ACCESS_SHARE) is None
    mark = a.savepoint()
    assert a.lock_tables([(T, M.ACCESS_EXCLUSIVE), (T + 1, M.ACCESS_SHARE)]) is None
    wait = b.lock_table(T, M.ROW_SHARE)
    assert wait is not None and not wait.done
    a.rollback_to(mark)
    assert wait.done and a.owner.tables == {T: M.ACCESS_SHARE}
    assert b.lock_table(T + 1, M.ACCESS_EXCLUSIVE) is None
    a.rollback()
    b.rollback()
    assert world.locks.locks() == [] and not world.table_locks.contended


@pytest.mark.parametrize("seed", range(40))
def test_random_locking_never_grants_a_conflict_nor_forgets_a_waiter(seed: int) -> None:
    chance = random.Random(seed)
    world = manager()
    owners = [LockOwner(number) for number in range(6)]
    transactions = {owner: world.begin(owner=owner) for owner in owners}
    for _ in range(200):
        owner = chance.choice(owners)
        transaction = transactions[owner]
        if owner.waiting is not None:
            if chance.random() < 0.3:
                transaction.cancel_wait()
        elif chance.random() < 0.25:
            transaction.rollback()
            transactions[owner] = world.begin(owner=owner)
        else:
            mode = chance.choice(list(M) if chance.random() < 0.4 else list(WEAK))
            try:
                transaction.lock_table(T + chance.randrange(2), mode)
            except DeadlockDetected:
                transaction.rollback()
                transactions[owner] = world.begin(owner=owner)
        for first, second in product(owners, owners):
            for table in first.tables.keys() & second.tables.keys():
                if first is not second:
                    held = [mode for mode in M if mode & first.tables[table]]
                    assert not any(mode & second.tables[table] for each in held for mode in CONFLICTS[each])
        for each in owners:
            assert (each.waiting is not None) == bool(world.locks.blockers(each))
            for table, modes in each.tables.items():
                if world.locks.knows(table_lock_key(table)):
                    assert world.locks.held_mode(each, table_lock_key(table)) == modes
    for transaction in transactions.values():
        transaction.rollback()
    assert world.locks.locks() == [] and not any(owner.tables or owner.waiting for owner in owners)

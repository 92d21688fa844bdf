"""Do advisory locks count, share, and end with what they belong to?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DeadlockDetected, QueryCanceled
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import (
    AdvisoryLocks,
    LockOwner,
    LockTable,
    TransactionManager,
    advisory_key,
    advisory_key_pair,
)
from datacave_core.wait import Steps, Wait

K = advisory_key(5, 42)


def run(steps: Steps[None]) -> Wait | None:
    """Runs until the first wait."""
    return next(steps, None)


def two() -> tuple[LockTable, AdvisoryLocks, AdvisoryLocks, LockOwner, LockOwner]:
    table = LockTable()
    a, b = LockOwner(1), LockOwner(2)
    return table, AdvisoryLocks(table, a), AdvisoryLocks(table, b), a, b


def test_keys_of_one_and_of_two_numbers_differ() -> None:
    keys = {advisory_key(5, 42), advisory_key(5, -1), advisory_key(6, 42), advisory_key_pair(5, 0, 42)}
    assert len(keys) == 4 and advisory_key_pair(5, -1, -1) != advisory_key(5, -1)


def test_a_session_gives_up_as_often_as_it_took() -> None:
    _, first, second, *_ = two()
    assert run(first.lock(K)) is None
    assert first.try_lock(K)
    assert not second.try_lock(K)
    assert first.unlock(K) and not second.try_lock(K)
    assert first.unlock(K) and second.try_lock(K)
    assert not first.unlock(K)
    assert not second.unlock(K, shared=True)


def test_shared_locks_get_along() -> None:
    _, first, second, *_ = two()
    assert first.try_lock(K, shared=True) and second.try_lock(K, shared=True)
    assert not second.try_lock(K)
    first.unlock(K, shared=True)
    assert second.try_lock(K)
    second.unlock(K)
    assert first.try_lock(K, shared=True)  # second is back to sharing


def test_transaction_locks_end_with_it_and_session_locks_stay() -> None:
    clock = SimulatedClock()
    manager = TransactionManager(MemoryStore(clock), clock)
    a, b = LockOwner(1), LockOwner(2)
    first, second = AdvisoryLocks(manager.locks, a), AdvisoryLocks(manager.locks, b)
    transaction = manager.begin(owner=a)
    assert first.try_lock(K, shared=True) and first.try_lock(K, transaction=True)
    mark = transaction.savepoint()
    other = advisory_key(5, 43)
    assert first.try_lock(other, transaction=True)
    transaction.rollback_to(mark)
    assert second.try_lock(other)
    assert not second.try_lock(K, shared=True)
    transaction.commit()
    assert second.try_lock(K, shared=True) and not second.try_lock(K)
    first.unlock_all()
    assert second.try_lock(K)


def test_unlock_all_leaves_the_transaction_its_locks() -> None:
    _, first, second, *_ = two()
    assert first.try_lock(K, transaction=True) and first.try_lock(K)
    first.unlock_all()
    assert not second.try_lock(K)


def test_waiting_and_cancelling() -> None:
    table, first, second, _, b = two()
    assert first.try_lock(K)
    steps = second.lock(K)
    wait = next(steps)
    assert not wait.done and wait.reason == "Lock:advisory"
    with pytest.raises(QueryCanceled):
        steps.throw(QueryCanceled("canceling statement due to user request"))
    first.unlock(K)
    assert table.locks() == [] and b.waiting is None


def test_cancelled_just_after_the_grant() -> None:
    table, first, second, _, b = two()
    assert first.try_lock(K)
    steps = second.lock(K)
    wait = next(steps)
    first.unlock(K)
    assert wait.done
    steps.close()
    assert table.locks() == [] and b.acquired == []


def test_granted_after_a_wait() -> None:
    _, first, second, _, b = two()
    assert first.try_lock(K)
    steps = second.lock(K)
    next(steps)
    first.unlock(K)
    assert run(steps) is None
    assert b.acquired == [] and not first.try_lock(K)
    assert second.unlock(K) and first.try_lock(K)


def test_deadlock_names_the_key() -> None:
    _, first, second, *_ = two()
    other = advisory_key_pair(5, 1, 2)
    assert first.try_lock(K) and second.try_lock(other)
    waiting = first.lock(other)
    assert run(waiting) is not None
    with pytest.raises(DeadlockDetected) as caught:
        run(second.lock(K))
    assert caught.value.detail == (
        "Process 2 waits for ExclusiveLock on advisory lock [5,0,42,1]; blocked by process 1.\n"
        "Process 1 waits for ExclusiveLock on advisory lock [5,1,2,2]; blocked by process 2."
    )

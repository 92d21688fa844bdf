"""The ends of big transactions come in steps, and nothing gets into their way."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.keycode import table_prefix
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import (
    UPDATE,
    Isolation,
    LockOwner,
    Transaction,
    TransactionManager,
    committed,
    failed,
    released,
    roll_back,
    taken_back,
    undisturbed,
)
from datacave_core.transaction.ending import ROWS_PER_STEP
from datacave_core.wait import TURN, Steps

PREFIX = table_prefix(16384)
KEYS = [PREFIX + number.to_bytes(8, "big") for number in range(3 * ROWS_PER_STEP)]


def new_manager() -> TransactionManager:
    clock = SimulatedClock()
    return TransactionManager(MemoryStore(clock), clock)


def begin(manager: TransactionManager, keys: list[bytes]) -> Transaction:
    """A transaction that has locked and written keys."""
    transaction: Transaction = manager.begin(Isolation.READ_COMMITTED, owner=LockOwner())
    transaction.statement_snapshot()
    write(transaction, keys)
    return transaction


def write(transaction: Transaction, keys: list[bytes]) -> None:
    assert transaction.lock_all(keys, UPDATE) is None
    half = len(keys) // 2
    transaction.put_all({key: (key,) for key in keys[:half]})
    for key in keys[half:]:
        transaction.put(key, (key,))


def locked(manager: TransactionManager) -> int:
    return sum(manager.locks.knows(key) for key in KEYS)


def walk(steps: Steps[None]) -> int:
    """Runs steps to their end; how many there were."""
    count = 0
    for step in steps:
        assert step is TURN
        count += 1
    return count


def test_what_a_statement_has_written_is_taken_back_in_steps() -> None:
    manager = new_manager()
    transaction = begin(manager, KEYS[:10])
    mark = transaction.savepoint()
    write(transaction, KEYS[10:])
    assert walk(taken_back(transaction, mark)) >= 3
    assert list(transaction.writes) == KEYS[:10]
    assert locked(manager) == 10
    transaction.rollback()
    assert locked(manager) == 0


def test_a_statement_that_ends_its_transaction_gives_up_locks_and_no_more() -> None:
    manager = new_manager()
    transaction = begin(manager, KEYS)
    assert walk(failed(transaction, (0, 0, 0, 0, 0, 0), ends=True)) >= 2
    assert len(transaction.writes) == len(KEYS)
    assert locked(manager) <= ROWS_PER_STEP
    roll_back(transaction)
    assert locked(manager) == 0


def test_a_small_statement_is_taken_back_at_once() -> None:
    manager = new_manager()
    transaction = begin(manager, KEYS[:10])
    mark = transaction.savepoint()
    write(transaction, KEYS[10:20])
    assert walk(failed(transaction, mark, ends=True)) == 0
    assert list(transaction.writes) == KEYS[:10]
    transaction.rollback()


def test_locks_go_in_steps_after_a_commit() -> None:
    manager = new_manager()
    transaction = begin(manager, KEYS)
    walk(transaction.prepare_commit())
    transaction.commit(keep_locks=True)
    assert locked(manager) == len(KEYS)
    assert walk(committed(transaction)) >= 2
    assert locked(manager) == 0
    assert transaction.ended


def test_neither_cancellation_nor_the_end_of_the_session_keeps_an_end_from_being_done() -> None:
    manager = new_manager()
    transaction = begin(manager, KEYS)
    steps = undisturbed(released(transaction))
    next(steps)
    assert steps.throw(DatacaveError("canceled")) is TURN
    steps.close()
    assert locked(manager) <= ROWS_PER_STEP
    transaction.commit(keep_locks=True)
    after = committed(transaction)
    with pytest.raises(StopIteration):
        next(after)
    assert locked(manager) == 0

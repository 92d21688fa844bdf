"""Endings: how a transaction that has written much ends without holding up others.

Locks are released, and writes taken back, some at a time; what is no longer needed is freed bit by bit. Others may go
on as soon as the locks that they want are free.
"""

from __future__ import annotations

from datacave_core.disposal import discard
from datacave_core.errors import DatacaveError
from datacave_core.transaction.transaction import Mark, Transaction
from datacave_core.wait import TURN, Steps

ROWS_PER_STEP = 4096


def is_long(transaction: Transaction) -> bool:
    """Whether the end of a transaction is worth being done in steps."""
    return len(transaction.owner.acquired) > ROWS_PER_STEP or len(transaction.writes) > ROWS_PER_STEP


def roll_back(transaction: Transaction) -> None:
    """Takes everything back at once, but for the freeing."""
    writes = transaction._writes
    rows = writes.rows if transaction._prepared is None else None  # else they are the store's
    transaction.rollback()
    discard(writes.undo, rows)


def released(transaction: Transaction) -> Steps[None]:
    """Releases the row locks of a transaction that is about to end, as if it had ended already."""
    owner, locks = transaction.owner, transaction.manager.locks
    while (count := len(owner.acquired)) > ROWS_PER_STEP:
        locks.release_to(owner, count - ROWS_PER_STEP, len(owner.transaction_advisory))
        yield TURN


def committed(transaction: Transaction) -> Steps[None]:
    """What is left to do after a commit that has kept the locks."""
    undo = transaction._writes.undo
    try:
        yield from undisturbed(released(transaction))
    finally:
        transaction.release_locks()
        discard(undo)


def taken_back(transaction: Transaction, mark: Mark) -> Steps[None]:
    """`Transaction.rollback_to` in steps."""
    writes = transaction._writes
    undo, acquired = mark[:2]
    while (place := len(writes.undo)) > undo:
        rows = 0
        while place > undo and rows < ROWS_PER_STEP:
            place -= 1
            key, earlier = writes.undo[place]
            rows += 1 if key is not None else len(earlier)
        writes.undo_to(place)
        if place > undo:
            yield TURN
    owner, locks = transaction.owner, transaction.manager.locks
    while (count := len(owner.acquired)) > acquired + ROWS_PER_STEP:
        locks.release_to(owner, count - ROWS_PER_STEP, len(owner.transaction_advisory))
        yield TURN
    transaction.rollback_to(mark)


def failed(transaction: Transaction, mark: Mark, *, ends: bool) -> Steps[None]:
    """Takes back a statement that has failed; where that `ends` the transaction, a big one needs no more than that its
    locks are released."""
    transaction.cancel_wait()
    if not is_long(transaction):
        transaction.rollback_to(mark)
    else:
        yield from undisturbed(released(transaction) if ends else taken_back(transaction, mark))


def undisturbed(steps: Steps[None]) -> Steps[None]:
    """Steps that are done in any case: a cancellation comes too late, and the end of the session finds them done."""
    for wait in steps:
        try:
            yield wait
        except DatacaveError:
            continue  # what is being ended has been decided
        except GeneratorExit:
            for _ in steps:
                pass
            raise

"""Loads: new rows that a transaction has handed to the store as columns, past its write set and the row locks.

They stay out of the transaction's sight: before another statement of it looks, and wherever a key between the first and
the last one is in the store or locked by somebody else, `settle` inserts them row by row, with all that this entails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from datacave_core.keycode import key_successor
from datacave_core.ports import Load, Store
from datacave_core.transaction.lock_table import LockOwner, LockTable
from datacave_core.values import Row
from datacave_core.wait import Steps

Insert: TypeAlias = Callable[[list[Row]], Steps[None]]
"""Inserts rows, as the store keeps them, one by one into the transaction."""


class Loads:
    """The loads of one transaction that have not been settled."""

    __slots__ = ("_locks", "_owner", "_pending", "_store")

    def __init__(self, store: Store, locks: LockTable, owner: LockOwner) -> None:
        self._store = store
        self._locks = locks
        self._owner = owner
        self._pending: list[tuple[Load, Insert]] = []

    def __bool__(self) -> bool:
        return bool(self._pending)

    def add(self, load: Load, insert: Insert) -> None:
        """Lets a load take effect with the transaction."""
        self._pending.append((load, insert))

    def take_back(self, load: Load) -> None:
        """Forgets a load that its owner goes on with."""
        self._pending = [pair for pair in self._pending if pair[0] is not load]

    def finished(self) -> list[Load]:
        """All of them, for the commit."""
        return [load for load, _ in self._pending]

    def conflict(self, load: Load) -> bool:
        """Whether somebody has, or has locked, a key between the first and the last one."""
        if load.bounds is None:
            return False
        low, high = load.bounds[0], key_successor(load.bounds[1])
        return self._store.newest_in_range(low, high, 0) is not None or self._locks.held_by_others(
            low, high, self._owner
        )

    def settle(self, *, conflicts_only: bool = False) -> Steps[bool]:
        """Inserts the rows of loads (of those with a conflict) one by one; whether there were any."""
        settled = False
        pending, self._pending = self._pending, []
        try:
            while pending:
                load, insert = pending.pop(0)
                if conflicts_only and not self.conflict(load):
                    self._pending.append((load, insert))
                    continue
                settled = True
                yield from insert_all(load, insert)
        finally:
            for load, _ in pending:
                load.give_up()
        return settled

    def give_up(self) -> None:
        """Forgets all of them."""
        pending, self._pending = self._pending, []
        for load, _ in pending:
            load.give_up()


def insert_all(load: Load, insert: Insert) -> Steps[None]:
    """Inserts the rows of a load one by one instead."""
    try:
        yield from load.finish()
        for rows in load.rows():
            yield from insert(rows)
    finally:
        load.give_up()

"""TransactionManager: starts the transactions of one node."""

from __future__ import annotations

from datacave_core.transaction.isolation import Isolation
from datacave_core.transaction.lock_table import LockOwner
from datacave_core.transaction.shared import SharedState
from datacave_core.transaction.transaction import Transaction


class TransactionManager(SharedState):
    """What the transactions of one node share, and where they begin."""

    __slots__ = ()

    def begin(
        self,
        isolation: Isolation = Isolation.READ_COMMITTED,
        read_only: bool = False,
        deferrable: bool = False,
        owner: LockOwner | None = None,
    ) -> Transaction:
        """Starts a transaction. `owner` is the session; without one the transaction is a session of its own."""
        return Transaction(self, isolation, read_only, deferrable, owner if owner is not None else LockOwner())

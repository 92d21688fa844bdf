"""Transactions over any Store: snapshots, locks, isolation levels, savepoints."""

from datacave_core.transaction.advisory import AdvisoryLocks, advisory_key, advisory_key_pair
from datacave_core.transaction.lock_table import (
    KEY_SHARE,
    NO_KEY_UPDATE,
    SHARE,
    UPDATE,
    LockMode,
    LockOwner,
    LockTable,
    LockWait,
)
from datacave_core.transaction.transaction import (
    NEWEST,
    SKIPPED,
    Isolation,
    Mark,
    Transaction,
    TransactionManager,
    WaitPolicy,
)

__all__ = [
    "KEY_SHARE",
    "NEWEST",
    "NO_KEY_UPDATE",
    "SHARE",
    "SKIPPED",
    "UPDATE",
    "AdvisoryLocks",
    "Isolation",
    "LockMode",
    "LockOwner",
    "LockTable",
    "LockWait",
    "Mark",
    "Transaction",
    "TransactionManager",
    "WaitPolicy",
    "advisory_key",
    "advisory_key_pair",
]

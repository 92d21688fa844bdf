"""Transactions over any Store: snapshots, locks, isolation levels, savepoints."""

from datacave_core.transaction.advisory import AdvisoryLocks, advisory_key, advisory_key_pair
from datacave_core.transaction.ending import committed, failed, is_long, released, roll_back, taken_back, undisturbed
from datacave_core.transaction.isolation import SKIPPED, Isolation, WaitPolicy
from datacave_core.transaction.lock_table import LockOwner, LockTable, LockWait
from datacave_core.transaction.manager import TransactionManager
from datacave_core.transaction.modes import (
    KEY_SHARE,
    NO_KEY_UPDATE,
    SHARE,
    UPDATE,
    LockMode,
    TableLockMode,
    mode_name,
)
from datacave_core.transaction.moves import ELSEWHERE
from datacave_core.transaction.prepared import PreparedTransaction
from datacave_core.transaction.table_locks import table_lock_key
from datacave_core.transaction.transaction import NEWEST, Mark, Transaction

__all__ = [
    "ELSEWHERE",
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
    "PreparedTransaction",
    "TableLockMode",
    "Transaction",
    "TransactionManager",
    "WaitPolicy",
    "advisory_key",
    "advisory_key_pair",
    "committed",
    "failed",
    "is_long",
    "mode_name",
    "released",
    "roll_back",
    "table_lock_key",
    "taken_back",
    "undisturbed",
]

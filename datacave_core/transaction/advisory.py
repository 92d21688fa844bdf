"""Advisory locks of one session: pg_advisory_lock and its kin over the lock table.

A session may hold a key several times and must give it up as often; the transaction's holds end with it. A session
never conflicts with itself.
"""

from __future__ import annotations

from datacave_core.transaction.lock_table import LockOwner, LockTable
from datacave_core.transaction.modes import ADVISORY_PREFIX, SHARE, UPDATE
from datacave_core.wait import Steps, wait_for


def advisory_key(database_oid: int, number: int) -> bytes:
    """The lock key of one bigint."""
    return ADVISORY_PREFIX + database_oid.to_bytes(4, "big") + (number % 2**64).to_bytes(8, "big") + b"\x01"


def advisory_key_pair(database_oid: int, first: int, second: int) -> bytes:
    """The lock key of two integers; never that of a bigint."""
    return (
        ADVISORY_PREFIX
        + database_oid.to_bytes(4, "big")
        + (first % 2**32).to_bytes(4, "big")
        + (second % 2**32).to_bytes(4, "big")
        + b"\x02"
    )


class AdvisoryLocks:
    """The advisory locks of one session."""

    __slots__ = ("_locks", "_owner")

    def __init__(self, locks: LockTable, owner: LockOwner) -> None:
        self._locks = locks
        self._owner = owner

    def lock(self, key: bytes, *, shared: bool = False, transaction: bool = False) -> Steps[None]:
        """Takes a lock for the session, or until the transaction ends. Raises DeadlockDetected."""
        mode = SHARE if shared else UPDATE
        owner = self._owner
        wait = self._locks.acquire_unlisted(owner, key, mode)
        if wait is not None:
            try:
                yield from wait_for(wait)
            except BaseException:
                if owner.waiting is wait:
                    self._locks.cancel_wait(owner)
                else:
                    # Granted just before the cancellation; nothing has counted it yet.
                    self._locks.settle_advisory(owner, key)
                raise
        self._count(key, mode, transaction)

    def try_lock(self, key: bytes, *, shared: bool = False, transaction: bool = False) -> bool:
        """Takes a lock if that needs no wait."""
        mode = SHARE if shared else UPDATE
        owner = self._owner
        if not self._locks.is_free(owner, key, mode) or self._locks.acquire_unlisted(owner, key, mode) is not None:
            return False
        self._count(key, mode, transaction)
        return True

    def unlock(self, key: bytes, *, shared: bool = False) -> bool:
        """Gives up one of the session's holds; False (with a warning due) if it has none in that mode."""
        held = self._owner.session_advisory
        mode = SHARE if shared else UPDATE
        count = held.get((key, mode), 0)
        if not count:
            return False
        if count > 1:
            held[key, mode] = count - 1
        else:
            del held[key, mode]
            self._locks.settle_advisory(self._owner, key)
        return True

    def unlock_all(self) -> None:
        """Gives up all of the session's holds; the transaction's stay."""
        held = self._owner.session_advisory
        keys = {key for key, _ in held}
        held.clear()
        for key in keys:
            self._locks.settle_advisory(self._owner, key)

    def _count(self, key: bytes, mode: int, transaction: bool) -> None:
        owner = self._owner
        if transaction:
            owner.transaction_advisory.append((key, mode))
        else:
            owner.session_advisory[key, mode] = owner.session_advisory.get((key, mode), 0) + 1

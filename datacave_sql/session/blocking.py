"""Blocking: which sessions hold up which, by their process ids; 0 stands for a prepared transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PREPARED_PID = 0


def blocking_pids(database: Any, pid: int) -> list[int]:
    """Those who hold, or asked before for, a lock that a session waits for."""
    session = database.sessions.get(pid)
    if session is None:
        return []
    sessions = {other.owner: other.process_id for other in list(database.sessions.values())}
    blockers = dict.fromkeys(database.transactions.locks.blockers(session.owner))
    return [sessions.get(owner, PREPARED_PID) for owner in blockers]


def snapshot_blocking_pids(database: Any, pid: int) -> list[int]:
    """Those whose ends a DEFERRABLE transaction waits for, before it knows that its snapshot is safe."""
    session = database.sessions.get(pid)
    transaction = session.transaction if session is not None else None
    serial = transaction.serial if transaction is not None else None
    if serial is None or serial.safety is None or serial.safety.done:
        return []
    active: Iterable[Any] = [one for one in list(database.sessions.values()) if one.transaction is not None]
    found = {one.transaction.serial: one.process_id for one in active}
    return sorted(found.get(one, PREPARED_PID) for one in serial.possible_unsafe)

"""LOCK TABLE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import TableLockMode, WaitPolicy
from datacave_core.wait import Wait, wait_for
from datacave_sql.bind.statements import LockTable
from datacave_sql.session.replies import Complete, Reply

Steps = Iterator[Reply | Wait]


def lock_table(session: Any, bound: LockTable, parameters: Sequence[Any]) -> Steps:
    """LOCK TABLE: held until the transaction ends. Raises 25P01 outside a block, 55P03 with NOWAIT."""
    if not (session.in_block or session.in_function):
        raise DatacaveError(
            "LOCK TABLE can only be used in transaction blocks", sqlstate=sqlstate.NO_ACTIVE_SQL_TRANSACTION
        )
    transaction = session.begin_statement()
    mode = TableLockMode[bound.mode.upper().replace(" ", "_")]
    policy = WaitPolicy.NOWAIT if bound.nowait else WaitPolicy.BLOCK
    for table in bound.tables:
        wait = transaction.lock_table(table.oid, mode, policy, table.name)
        if wait is not None:
            yield from wait_for(wait)
    yield Complete("LOCK TABLE")

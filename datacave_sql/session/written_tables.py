"""Written tables: what happens before a query writes or locks rows: a read-only transaction refuses, the tables' locks
are shared."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import TableLockMode, Transaction
from datacave_core.wait import Steps, wait_for
from datacave_sql.session.compiled import CompiledQuery

ROW_SHARE = int(TableLockMode.ROW_SHARE)
ROW_EXCLUSIVE = int(TableLockMode.ROW_EXCLUSIVE)


def share_written_tables(session: Any, compiled: CompiledQuery, transaction: Transaction) -> Steps[None]:
    """Shares the locks of the tables that a query writes. Raises 25006 in a read-only transaction."""
    if compiled.locked and transaction.read_only:
        raise DatacaveError(
            "cannot execute SELECT FOR UPDATE in a read-only transaction",
            sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION,
        )
    if compiled.written and transaction.read_only and not _only_temporary(compiled):
        raise DatacaveError(
            f"cannot execute {compiled.kind.upper()} in a read-only transaction",
            sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION,
        )
    for mode, tables in ((ROW_SHARE, compiled.locked), (ROW_EXCLUSIVE, compiled.written)):
        for oid in tables:
            wait = transaction.lock_table(oid, mode)
            if wait is not None:
                yield from wait_for(wait)


def _only_temporary(compiled: CompiledQuery) -> bool:
    tables = compiled.catalog.tables
    return all(oid in tables and tables[oid].persistence == "t" for oid in compiled.written)

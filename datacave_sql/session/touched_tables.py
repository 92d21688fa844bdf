"""Touched tables: what happens before a query runs: a read-only transaction refuses to write, the tables' locks are
shared, so that their definitions stay."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import Transaction
from datacave_core.wait import Steps, Wait, wait_for
from datacave_sql.session.compiled import CompiledQuery


def check_may_write(compiled: CompiledQuery) -> None:
    """Raises 25006 for a query that writes or locks rows, because its transaction is read-only."""
    if compiled.locked:
        raise DatacaveError(
            "cannot execute SELECT FOR UPDATE in a read-only transaction",
            sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION,
        )
    if compiled.written and not _only_temporary(compiled):
        raise DatacaveError(
            f"cannot execute {compiled.kind.upper()} in a read-only transaction",
            sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION,
        )


def wait_for_tables(
    session: Any, compiled: CompiledQuery, transaction: Transaction, wait: Wait | None, *, may_change: bool
) -> Steps[CompiledQuery]:
    """Waits for the locks of a query's tables, the first of which is `wait`; gives its plan for what they are then.

    `may_change` says whether the columns of the result may be others.
    """
    while True:
        if wait is not None:
            yield from wait_for(wait)
        if compiled.catalog is not session.catalog_snapshot:
            compiled = session.compiler.again(compiled, may_change=may_change)
        wait = transaction.lock_tables(compiled.tables)
        if wait is None:
            return compiled


def _only_temporary(compiled: CompiledQuery) -> bool:
    tables = compiled.catalog.tables
    return all(oid in tables and tables[oid].persistence == "t" for oid in compiled.written)

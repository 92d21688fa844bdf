"""VACUUM and ANALYZE.

Old versions are removed by the storage's own merges once nobody can read them, so VACUUM has nothing to wait for; it
starts the removal of dropped rows and, with ANALYZE, takes new statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table, has_privileges_of
from datacave_core.wait import TURN, Wait
from datacave_sql.bind.statements import Vacuum
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.session.analyze import analyze_table
from datacave_sql.session.definition_locks import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]


def _may_maintain(session: Any, table: Table) -> bool:
    catalog, role = session.rights_catalog, session.evaluation.current_role
    database = catalog.databases[session.evaluation.database_oid]
    return any(has_privileges_of(catalog, role.oid, oid) for oid in (table.owner_oid, database.owner_oid))


def _maintainable(session: Any, tables: Sequence[Table], analyze_only: bool) -> list[Table]:
    """The tables whose owner, or whose database's, the current role is; a warning tells of the others."""
    chosen = []
    deed = "analyze" if analyze_only else "vacuum"
    for table in tables:
        if table.kind not in ("r", "p", "m"):
            warn(session, f'skipping "{table.name}" --- cannot {deed} non-tables or special system tables')
        elif _may_maintain(session, table):
            chosen.append(table)
        else:
            warn(session, f'skipping "{table.name}" --- only table or database owner can {deed} it')
    return chosen


def vacuum(session: Any, bound: Vacuum, parameters: Sequence[Any]) -> Steps:
    """VACUUM, ANALYZE. Raises 25001 for VACUUM inside a transaction block."""
    if not bound.analyze_only:
        refuse_in_block(session, "VACUUM")
    transaction = session.begin_statement()
    context = ExecutionContext(session, transaction, ())
    analyze = bound.analyze_only or "analyze" in bound.options
    mode = ACCESS_EXCLUSIVE if "full" in bound.options else SHARE_UPDATE_EXCLUSIVE
    deed = "analyze" if bound.analyze_only else "vacuum"
    tables = bound.tables or tuple(
        table for table in session.catalog_snapshot.tables.values() if table.kind in ("r", "m")
    )
    statistics = session.evaluation.statistics
    table_locks = transaction.manager.table_locks
    for one in _maintainable(session, tables, bound.analyze_only):
        mark = transaction.savepoint()
        if "skip_locked" in bound.options and not table_locks.is_free(transaction.owner, one.oid, mode):
            warn(session, f'skipping {deed} of "{one.name}" --- lock not available', sqlstate.LOCK_NOT_AVAILABLE)
            continue
        yield from session.lock_table(one.oid, mode)
        table = session.catalog_snapshot.tables.get(one.oid)
        if table is None:
            message = f'skipping {deed} of "{one.name}" --- relation no longer exists'
            warn(session, message, sqlstate.UNDEFINED_TABLE)
            continue
        if not bound.analyze_only:
            statistics.note_vacuum(table.oid)
        if analyze and table.storage_id:
            transaction.statement_snapshot()
            yield from analyze_table(session, table)
        elif not bound.analyze_only:
            transaction.rollback_to(mark)  # others need not wait for the rest
        if context.slice_over():
            yield TURN
    yield Complete("ANALYZE" if bound.analyze_only else "VACUUM")

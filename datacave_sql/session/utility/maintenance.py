"""VACUUM and ANALYZE.

Old versions are removed by the storage's own merges once nobody can read them, so VACUUM has nothing to wait for; it
starts the removal of dropped rows and, with ANALYZE, takes new statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql.bind.statements import Vacuum
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.session.analyze import analyze_table
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block

Steps = Iterator[Reply | Wait]


def vacuum(session: Any, bound: Vacuum, parameters: Sequence[Any]) -> Steps:
    """VACUUM, ANALYZE. Raises 25001 for VACUUM inside a transaction block."""
    if not bound.analyze_only:
        refuse_in_block(session, "VACUUM")
    transaction = session.begin_statement()
    transaction.statement_snapshot()
    context = ExecutionContext(session, transaction, ())
    analyze = bound.analyze_only or any(
        option.name in ("analyze", "analyse") and option.value not in ("off", "false", "0") for option in bound.options
    )
    if analyze:
        tables = bound.tables or tuple(
            table for table in session.catalog_snapshot.tables.values() if table.kind in ("r", "m")
        )
        for table in tables:
            if table.storage_id:
                yield from analyze_table(session, table)
            if context.slice_over():
                yield TURN
    yield Complete("ANALYZE" if bound.analyze_only else "VACUUM")

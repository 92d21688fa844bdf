"""TRUNCATE: the table goes on under a new storage id; the old rows are deleted once the transaction has committed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import Truncate
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.triggers import AfterQueue, before_statement, note_statement
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.pending_events import refuse_pending_events
from datacave_sql.session.utility.sequences import restart
from datacave_sql.table.triggers import triggers_of

Steps = Iterator[Reply | Wait]


def truncate(session: Any, bound: Truncate) -> Steps:
    """TRUNCATE of several tables. Raises 0A000 when a table outside the list refers to one of them."""
    named = {table.oid for table in bound.tables}
    catalog = session.catalog_snapshot
    for table in bound.tables:
        for referring, _, _ in catalog.references_to(table):
            if referring.oid not in named:
                raise DatacaveError(
                    "cannot truncate a table referenced in a foreign key constraint",
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                    detail=f'Table "{referring.name}" references "{table.name}".',
                    hint=f'Truncate table "{referring.name}" at the same time, or use TRUNCATE ... CASCADE.',
                )
    for table in bound.tables:
        refuse_pending_events(session, table, "TRUNCATE")
        yield from session.lock_table(table.oid)
    fired = [found for table in bound.tables if (found := triggers_of(catalog, table)) is not None]
    context = ExecutionContext(session, session.transaction, ())
    for found in fired:
        yield from before_statement(context, found, "t", None)
    numbers = Numbers(session.catalog_snapshot)
    emptied = [replace(table, storage_id=numbers.take()) for table in bound.tables if table.storage_id]
    catalog = numbers.catalog.with_objects(emptied)
    session.set_catalog(catalog)
    session.database.register_layouts(emptied, catalog)
    old = [table.storage_id for table in bound.tables if table.storage_id]
    session.after_commit(lambda: session.database.reclaimer.add(old))
    if bound.restart_identity:
        sequences = [one for table in bound.tables for one in catalog.sequences_owned_by(table.oid)]
        for sequence in sequences:
            restart(session, sequence, sequence.start)
    if fired:
        queue = AfterQueue(context)
        for found in fired:
            note_statement(queue, found, "t", None, None)
        yield from queue.fire()
    yield Complete("TRUNCATE TABLE")

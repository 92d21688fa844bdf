"""CREATE INDEX, ALTER INDEX, REINDEX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import AlterIndex, CreateIndex, Reindex
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.table_rows import build_index

Steps = Iterator[Reply | Wait]


def create_index(session: Any, bound: CreateIndex) -> Steps:
    """CREATE INDEX: writers wait until the entries of all rows are there and the transaction has ended."""
    if bound.concurrently and session.in_block:
        raise DatacaveError(
            "CREATE INDEX CONCURRENTLY cannot run inside a transaction block", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION
        )
    yield from session.lock_table_alone(bound.table.oid)
    numbers = Numbers(session.catalog_snapshot)
    table = numbers.with_index(bound.table, bound.index)
    yield from add_built_index(session, numbers, table)
    yield Complete("CREATE INDEX")


def add_built_index(session: Any, numbers: Numbers, table: Table) -> Iterator[Wait]:
    """Puts a table whose last index is new into the catalog and writes the entries of that index."""
    catalog = numbers.catalog.with_table(table)
    session.set_catalog(catalog)
    session.database.register_layouts((table,), catalog)
    access = session.catalog_state.access(table)
    yield from build_index(session, access, access.indexes[-1])


def alter_index(session: Any, bound: AlterIndex) -> Steps:
    """ALTER INDEX .. SET: only what is written down about the index changes."""
    catalog = session.catalog_snapshot
    indexes = tuple(bound.index if one.oid == bound.index.oid else one for one in bound.table.indexes)
    session.set_catalog(catalog.with_table(replace(bound.table, indexes=indexes)))
    yield Complete("ALTER INDEX")


def reindex(session: Any, bound: Reindex, parameters: Any) -> Steps:
    """REINDEX: an index is never out of step with its table and does not grow stale, so there is nothing to do."""
    session.begin_statement()
    yield Complete("REINDEX")

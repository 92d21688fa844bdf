"""Foreign keys of definitions: whether stored rows keep them."""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Constraint, Table
from datacave_core.keycode import split_prefix
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.foreign_keys import check_present, mixed_key, removed_key
from datacave_sql.exec.newest_rows import newest_rows
from datacave_sql.exec.referenced_keys import ReferencedKeys, key_values


def check_stored_references(session: Any, table: Table, constraint: Constraint) -> Steps[None]:
    """Checks a new foreign key against the rows that are there. Raises 23503."""
    context = ExecutionContext(session, session.transaction, ())
    seen: dict[tuple[Any, ...], None] = {}
    for batch in newest_rows(session.transaction, session.catalog_state.access(table)):
        for _, row in batch:
            key = tuple([row[number - 1] for number in constraint.columns])
            if None not in key:
                seen[key] = None
            elif constraint.match == "f" and any(value is not None for value in key):
                raise mixed_key(context, table, constraint)
        if context.slice_over():
            yield TURN
    yield from check_present(context, table, constraint, seen, snapshot_counts=False)


def check_detached(session: Any, table: Table) -> Steps[None]:
    """Raises 23503 where a partition that is to leave has a row that another table refers to."""
    catalog = session.catalog_snapshot
    storages = {one.storage_id for one in (table, *catalog.descendants_of(table.oid)) if one.storage_id}
    context = ExecutionContext(session, session.transaction, ())
    for referring, constraint, _ in catalog.references_to(table):
        if constraint.referenced_table_oid == table.oid or not referring.storage_id:
            continue
        referenced = ReferencedKeys(context, referring, constraint)
        for batch in newest_rows(session.transaction, session.catalog_state.access(referring)):
            for _, row in batch:
                key = key_values(row, constraint.columns)
                place = None if None in key else referenced.place(key)
                if place is not None and split_prefix(place[1])[0] in storages:
                    raise removed_key(context, referring, constraint, key, table)
            if context.slice_over():
                yield TURN

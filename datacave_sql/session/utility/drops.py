"""DROP of tables, views, indexes, sequences, schemas and types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Schema, Sequence, Table, sequence_value_key
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import DropObjects
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.utility.dependencies import Collector, describe
from datacave_sql.session.utility.pending_events import refuse_pending_events
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]


def drop_objects(session: Any, bound: DropObjects) -> Steps:
    """DROP. Raises 2BP01 while others depend on an object and CASCADE is not written."""
    for message, code in bound.notices:
        tell(session, "NOTICE", message, code)
    if bound.concurrently:
        refuse_in_block(session, "DROP INDEX CONCURRENTLY")
    catalog = session.catalog_snapshot
    collector = Collector(catalog)
    what = ""
    # What the statement names is no dependent of what else it names.
    named = {one.oid for one in bound.objects if not isinstance(one, tuple)}
    for one in bound.objects:
        if isinstance(one, tuple):
            table, index = one
            collector.add_index(table, index)
            what = what or describe(catalog, index)
            continue
        if isinstance(one, Sequence) and one.identity and one.owned_by_table_oid not in named:
            table = catalog.tables[one.owned_by_table_oid]
            column = table.column(one.owned_by_column).name
            raise DatacaveError(
                f"cannot drop sequence {one.name} because column {column} of table {table.name} requires it",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint=f"You can drop column {column} of table {table.name} instead.",
            )
        collector.add(one)
        what = what or describe(catalog, one)
    told = collector.removal.told
    told[:] = [pair for pair in told if not _is_named(bound, catalog, pair[0])]
    if len(bound.objects) > 1:
        what = "desired object(s)"
    collector.check(what, bound.cascade)
    for message, detail in collector.notices():
        tell(session, "NOTICE", message, sqlstate.SUCCESSFUL_COMPLETION, detail=detail)
    yield from remove(session, collector)
    yield Complete(f"DROP {bound.kind.upper()}")


def _is_named(bound: DropObjects, catalog: Any, dependent: str) -> bool:
    for one in bound.objects:
        if isinstance(one, tuple):
            continue
        if dependent == describe(catalog, one):
            return True
        if isinstance(one, Table) and dependent.endswith((f" on table {one.name}", f" of table {one.name}")):
            return True
    return False


def remove(session: Any, collector: Collector) -> Iterator[Wait]:
    """Takes everything collected out of the catalog; the rows go once the transaction has committed."""
    removal = collector.removal
    tables = [one for one in removal.objects.values() if isinstance(one, Table)]
    for table in tables:
        refuse_pending_events(session, table, "DROP TABLE")
    for oid in [*(table.oid for table in tables if table.storage_id), *removal.indexes, *removal.columns]:
        yield from session.lock_table(oid)
    schemas = {one.oid for one in removal.objects.values() if isinstance(one, Schema)}
    changed = removal.apply()
    defaults = [one for one in changed.default_privileges.values() if one.schema_oid in schemas]
    session.set_catalog(changed.without(*defaults) if defaults else changed)
    storage_ids = [table.storage_id for table in tables]
    sequences = [one.oid for one in removal.objects.values() if isinstance(one, Sequence)]

    catalog = removal.catalog
    entries = [
        (catalog.tables[oid].storage_id, index.index_number)
        for oid, gone in removal.indexes.items()
        if oid not in removal.objects
        for index in catalog.tables[oid].indexes
        if index.oid in gone
    ]

    def after() -> None:
        reclaimer = session.database.reclaimer
        reclaimer.add(storage_ids)
        for storage_id, number in entries:
            reclaimer.add_index(storage_id, number)
        for oid in sequences:
            session.database.sequences.forget(oid)
        if sequences:
            gone = {sequence_value_key(oid): None for oid in sequences}
            session.database.transactions.write_now(gone, wait_durable=False)

    session.after_commit(after)

"""CREATE INDEX, ALTER INDEX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.catalog import Catalog, Index, Table
from datacave_core.wait import Wait
from datacave_sql.bind.partition_parts import index_name, is_part, part_of_index
from datacave_sql.bind.statements import AlterIndex, CreateIndex
from datacave_sql.session.definition_locks import SHARE
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.utility.concurrent_index import create_concurrently
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.pending_events import refuse_pending_events
from datacave_sql.session.utility.table_rows import build_index

Steps = Iterator[Reply | Wait]


def create_index(session: Any, bound: CreateIndex) -> Steps:
    """CREATE INDEX: writers wait until the entries of all rows are there and the transaction has ended, unless it is
    built CONCURRENTLY."""
    if bound.concurrently:
        refuse_in_block(session, "CREATE INDEX CONCURRENTLY")
    refuse_pending_events(session, bound.table, "CREATE INDEX")
    if bound.concurrently and bound.table.persistence != "t":
        yield from create_concurrently(session, bound.table, bound.index)
        yield Complete("CREATE INDEX")
        return
    yield from session.lock_table(bound.table.oid, SHARE)
    numbers = Numbers(session.catalog_snapshot)
    if bound.table.kind == "p":
        children = session.catalog_snapshot.children_of(bound.table.oid)
        index = replace(bound.index, valid=not (bound.only and children))
        table = numbers.with_index(bound.table, index)
        session.set_catalog(numbers.catalog.with_table(table))
        if not bound.only:
            yield from add_parts(session, table, table.indexes[-1])
    else:
        table = numbers.with_index(bound.table, bound.index)
        yield from add_built_index(session, numbers, table)
    yield Complete("CREATE INDEX")


def add_parts(session: Any, parent: Table, index: Index) -> Iterator[Wait]:
    """Gives every partition its part of an index: one that it has already, or a new one."""
    for oid in [child.oid for child in session.catalog_snapshot.children_of(parent.oid)]:
        yield from session.lock_table(oid, SHARE)
        catalog = session.catalog_snapshot
        child = catalog.tables[oid]
        numbers = {column.number: child.columns_by_name[column.name].number for column in parent.live_columns}
        own = next((one for one in child.indexes if is_part(index, one, numbers)), None)
        if own is not None:
            tied = replace(own, parent_oid=index.oid)
            session.set_catalog(
                catalog.with_table(
                    replace(child, indexes=tuple(tied if one.oid == own.oid else one for one in child.indexes))
                )
            )
            continue
        words = [parent.column(key.column).name if key.column else "expr" for key in index.keys]
        schema_oid = child.schema_oid

        def taken(name: str, schema_oid: int = schema_oid) -> bool:
            return (schema_oid, name) in session.catalog_snapshot.relation_names

        part = part_of_index(index, numbers, index_name(child.name, index, words, taken))
        made = Numbers(catalog)
        table = made.with_index(child, replace(part, valid=True))
        if table.storage_id:
            yield from add_built_index(session, made, table)
        else:
            session.set_catalog(made.catalog.with_table(table))
            yield from add_parts(session, table, table.indexes[-1])


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
    catalog = catalog.with_table(replace(bound.table, indexes=indexes))
    if bound.index.parent_oid:
        catalog = _validated(catalog, bound.index.parent_oid)
    session.set_catalog(catalog)
    yield Complete("ALTER INDEX")


def _validated(catalog: Catalog, oid: int) -> Catalog:
    """The index of a partitioned table is valid once every partition has its part."""
    found = catalog.index_by_oid(oid)
    if found is None or found[1].valid:
        return catalog
    table, index = found
    for child in catalog.children_of(table.oid):
        if not any(one.parent_oid == oid and one.valid for one in child.indexes):
            return catalog
    valid = replace(index, valid=True)
    catalog = catalog.with_table(
        replace(table, indexes=tuple(valid if one.oid == oid else one for one in table.indexes))
    )
    return _validated(catalog, index.parent_oid) if index.parent_oid else catalog

"""REINDEX: the entries of indexes are written again, under a new index number, from the rows of their table.

The clustered index is the table itself: to rebuild it means to write the rows again in the order of its keys, and with
them the entries of all other indexes. CONCURRENTLY builds an index beside the old one, which then takes its place; a
clustered index is left as it is, because it has no entries that could be out of step with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import PG_CATALOG_OID, Index, Table
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import Reindex
from datacave_sql.session.definition_locks import SHARE
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.utility.concurrent_index import create_concurrently, rebuild_concurrently
from datacave_sql.session.utility.table_rows import build_index, rewrite
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]


def reindex(session: Any, bound: Reindex, parameters: Any) -> Steps:
    """REINDEX. Several tables are rebuilt in a transaction each. Raises 25001 in a block, as PostgreSQL."""
    partitioned = any(table.kind == "p" for table in (*bound.tables, *(table for table, _ in bound.indexes)))
    wide = bound.schema is not None or bound.whole_database or partitioned
    if bound.concurrently or wide:
        refuse_in_block(session, "REINDEX CONCURRENTLY" if bound.concurrently else _command(bound))
    session.begin_statement()
    has_system = bound.whole_database or (bound.schema is not None and bound.schema.oid == PG_CATALOG_OID)
    if bound.concurrently and has_system:
        skipped = "cannot reindex system catalogs concurrently, skipping all"
        tell(session, "WARNING", skipped, sqlstate.FEATURE_NOT_SUPPORTED)
    wanted = _wanted(session, bound)
    for position, (table_oid, index_oids) in enumerate(wanted):
        if position:
            yield from session.commit()
            session.begin_statement()
        if bound.concurrently:
            for oid in index_oids:
                yield from _concurrently(session, table_oid, oid)
        else:
            yield from _rebuild(session, table_oid, index_oids)
    yield Complete("REINDEX")


def _command(bound: Reindex) -> str:
    if bound.whole_database:
        return "REINDEX DATABASE"
    if bound.schema is not None:
        return "REINDEX SCHEMA"
    return "REINDEX INDEX" if bound.indexes else "REINDEX TABLE"


def _wanted(session: Any, bound: Reindex) -> list[tuple[int, tuple[int, ...]]]:
    """Tables by oid with the oids of their indexes to rebuild; for partitioned ones those of their partitions."""
    catalog = session.catalog_snapshot
    found: dict[int, tuple[int, ...]] = {}
    waiting: list[tuple[Table, Index]] = list(bound.indexes)
    while waiting:
        table, index = waiting.pop(0)
        if table.storage_id:
            found[table.oid] = (*found.get(table.oid, ()), index.oid)
        waiting += [
            (child, part)
            for child in catalog.children_of(table.oid)
            for part in child.indexes
            if part.parent_oid == index.oid
        ]
    named = {one.oid for one in bound.tables}
    named |= {below.oid for one in bound.tables if one.kind == "p" for below in catalog.descendants_of(one.oid)}
    for oid, table in sorted(catalog.tables.items()):
        in_schema = bound.schema is not None and table.schema_oid == bound.schema.oid
        if table.storage_id and table.indexes and (oid in named or bound.whole_database or in_schema):
            found[oid] = tuple(index.oid for index in table.indexes)
    return list(found.items())


def _rebuild(session: Any, table_oid: int, index_oids: tuple[int, ...]) -> Iterator[Wait]:
    """Writes the entries of indexes again; writers of the table wait meanwhile. Raises 23505."""

    def change() -> Iterator[Wait]:
        yield from session.share_catalog()
        table = session.catalog_snapshot.tables.get(table_oid)
        if table is None:
            return
        chosen = [one for one in table.indexes if one.oid in index_oids]
        if any(not one.index_number for one in chosen):
            yield from session.lock_table(table_oid)
            indexes = tuple(replace(one, valid=True) if one.oid in index_oids else one for one in table.indexes)
            yield from rewrite(session, table, replace(table, indexes=indexes), None)
            return
        yield from session.lock_table(table_oid, SHARE)
        for index in chosen:
            yield from _rebuild_one(session, table_oid, index)

    yield from session.run_beside_others(change)


def _rebuild_one(session: Any, table_oid: int, index: Index) -> Iterator[Wait]:
    catalog = session.catalog_snapshot
    table = catalog.tables[table_oid]
    new = replace(index, index_number=table.next_index_number, valid=True)
    table = replace(
        table,
        indexes=tuple(new if one.oid == new.oid else one for one in table.indexes),
        next_index_number=table.next_index_number + 1,
    )
    catalog = catalog.with_table(table)
    session.set_catalog(catalog)
    session.database.register_layouts((table,), catalog)
    access = session.catalog_state.access(session.catalog_snapshot.tables[table_oid])
    built = next(one for one in access.indexes if one.index.oid == new.oid)
    yield from build_index(session, access, built, "REINDEX")
    _give_up_entries(session, table.storage_id, index.index_number)


def _give_up_entries(session: Any, storage_id: int, index_number: int) -> None:
    session.after_commit(lambda: session.database.reclaimer.add_index(storage_id, index_number))


def _concurrently(session: Any, table_oid: int, index_oid: int) -> Iterator[Wait]:
    """Builds an index beside the old one and puts it in its place."""
    catalog = session.catalog_snapshot
    table: Table | None = catalog.tables.get(table_oid)
    index = next((one for one in table.indexes if one.oid == index_oid), None) if table is not None else None
    if table is None or index is None or not index.index_number:
        return
    if not index.valid and not index.constraint_oid:
        yield from rebuild_concurrently(session, table, index)
        yield from session.commit()
        session.begin_statement()
        return
    if index.exclusion:
        tell(
            session,
            "WARNING",
            f'cannot reindex exclusion constraint index "{catalog.schemas[table.schema_oid].name}.{index.name}"'
            " concurrently, skipping",
            sqlstate.FEATURE_NOT_SUPPORTED,
        )
        return
    name = _free_name(session, table, index)
    beside = replace(index, oid=0, name=name, primary=False, constraint_oid=0, parent_oid=0)
    yield from create_concurrently(session, table, beside, "REINDEX CONCURRENTLY")

    def swap() -> Iterator[Wait]:
        catalog = yield from session.share_catalog()
        found = catalog.tables.get(table_oid)
        new = next((one for one in found.indexes if one.name == name), None) if found is not None else None
        if new is None or not any(one.oid == index_oid for one in found.indexes):
            raise DatacaveError(f'index "{index.name}" has been dropped', sqlstate=sqlstate.UNDEFINED_OBJECT)
        indexes = tuple(
            replace(one, index_number=new.index_number, valid=True) if one.oid == index_oid else one
            for one in found.indexes
            if one is not new
        )
        session.set_catalog(catalog.with_table(replace(found, indexes=indexes)))
        _give_up_entries(session, found.storage_id, index.index_number)

    yield from session.run_beside_others(swap)
    yield from session.commit()
    session.begin_statement()


def _free_name(session: Any, table: Table, index: Index) -> str:
    names = session.catalog_snapshot.relation_names
    name, number = f"{index.name}_ccnew", 0
    while (table.schema_oid, name) in names:
        number += 1
        name = f"{index.name}_ccnew{number}"
    return name

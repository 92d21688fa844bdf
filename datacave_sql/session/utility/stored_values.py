"""Stored values of user types: found in every table, written again when the type changes what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Table, TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.newest_rows import newest_rows
from datacave_sql.session.utility.table_rows import rewrite

Change = Callable[[Any], Any]


def change_stored(session: Any, type_oid: int, array_oid: int, name: str, change: Change) -> Steps[None]:
    """Writes every stored value of a type again, also those in arrays of it. Raises 0A000 for deeper ones."""
    oids = (type_oid, array_oid)
    catalog = session.catalog_snapshot
    for other in catalog.types.values():
        if other.base_type_oid in oids or any(column.type_oid in oids for column in other.attributes):
            raise FeatureNotSupported(f'"{name}" cannot be changed while type "{other.name}" is made of it')
    for oid in [table.oid for table in catalog.tables_needing(*oids)]:
        table = session.catalog_snapshot.tables[oid]
        slots = [
            (column.number - 1, column.type_oid == array_oid)
            for column in table.live_columns
            if column.type_oid in oids
        ]
        if slots and table.storage_id:
            yield from session.lock_table(oid)
            yield from rewrite(session, table, table, partial(_converted, slots, change))


def _converted(slots: list[tuple[int, bool]], change: Change, rows: list[Row]) -> list[Row]:
    converted = []
    for row in rows:
        values = list(row)
        for slot, is_array in slots:
            value = values[slot]
            if value is not None:
                values[slot] = (
                    value._replace(elements=tuple(None if one is None else change(one) for one in value.elements))
                    if is_array
                    else change(value)
                )
        converted.append(tuple(values))
    return converted


def columns_of_domain(catalog: Catalog, definition: TypeDefinition) -> Iterator[tuple[Table, list[int]]]:
    """Tables with columns of a domain or of a domain over it, and the slots of these. Raises 0A000 for columns that
    hold its values inside."""
    family = {definition.oid}
    while True:
        over = {one.oid for one in catalog.types.values() if one.kind == "d" and one.base_type_oid in family}
        if over <= family:
            break
        family |= over
    arrays = {catalog.types[oid].array_oid for oid in family}
    holders = arrays | {
        one.oid
        for one in catalog.types.values()
        if any(column.type_oid in family | arrays and not column.dropped for column in one.attributes)
    }
    holders |= {one.array_oid for one in catalog.types.values() if one.oid in holders}
    holders |= {one.oid for one in catalog.types.values() if one.base_type_oid in holders}
    for table in catalog.tables_needing(*family, *holders):
        if not table.storage_id:
            continue
        slots = []
        for column in table.live_columns:
            if column.type_oid in holders:
                raise DatacaveError(
                    f'cannot alter type "{definition.name}" because column "{table.name}.{column.name}" uses it',
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                )
            if column.type_oid in family:
                slots.append(column.number - 1)
        if slots:
            yield table, slots


def check_stored(
    session: Any, definition: TypeDefinition, holds: Callable[[Any], bool], words: str, code: str
) -> Steps[None]:
    """Raises with `words` about the column whose stored values do not hold."""
    for table, slots in list(columns_of_domain(session.catalog_snapshot, definition)):
        yield from session.lock_table(table.oid)
        context = ExecutionContext(session, session.transaction, ())
        for batch in newest_rows(session.transaction, session.catalog_state.access(table)):
            for slot in slots:
                if not all(holds(row[slot]) for _, row in batch):
                    column = table.columns[slot].name
                    raise DatacaveError(
                        f'column "{column}" of table "{table.name}" {words}',
                        sqlstate=code,
                        table=table.name,
                        column=column,
                    )
            if context.slice_over():
                yield TURN

"""Past types: rows of the past under the types of today.

AS OF SYSTEM TIME in a query, and FOR SYSTEM_TIME, find a table as it was, but its values are told by the types that
there are now. A row with other columns than the table's row type has today is a mere record; a column of a type that
has been dropped, or has other attributes now, cannot be read so. A whole transaction in the past reads the types of
then.
"""

from __future__ import annotations

from collections.abc import Iterable

from datacave_core.catalog import FIRST_USER_OID, Column, Table
from datacave_core.types import oids
from datacave_sql.bind.state import Binding


def row_type(b: Binding, table: Table) -> int:
    """The type of a table's whole row."""
    if b.catalog is not b.environment.catalog:
        present = b.environment.catalog.tables.get(table.oid)
        if present is None or present.columns != table.columns:
            return oids.RECORD
    return table.row_type_oid or oids.RECORD


def unreadable_columns(b: Binding, table: Table) -> frozenset[int]:
    """Numbers of the columns whose types have changed since the moment that is read."""
    if b.catalog is b.environment.catalog:
        return frozenset()
    return frozenset(column.number for column in table.live_columns if _has_changed(b, column.type_oid))


def _has_changed(b: Binding, type_oid: int) -> bool:
    if type_oid < FIRST_USER_OID:
        return False
    past, present = b.catalog, b.environment.catalog
    if type_oid in past.array_types:
        return type_oid not in present.array_types or _has_changed(b, past.array_types[type_oid])
    was = past.types.get(type_oid)
    if was is None:
        return _fields(past.tables.values(), type_oid) != _fields(present.tables.values(), type_oid)
    now = present.types.get(type_oid)
    return now is None or now.attributes != was.attributes or _has_changed(b, was.base_type_oid)


def _fields(tables: Iterable[Table], row_type_oid: int) -> tuple[Column, ...] | None:
    """The columns of the table with a row type."""
    return next((table.columns for table in tables if table.row_type_oid == row_type_oid), None)

"""Foreign keys of definitions: which ones can be kept, and whether stored rows keep them."""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Catalog, Constraint, Table
from datacave_core.errors import FeatureNotSupported
from datacave_core.keycode import key_kind
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.foreign_keys import check_present, mixed_key
from datacave_sql.exec.newest_rows import newest_rows


def check_supported(catalog: Catalog, table: Table, constraint: Constraint) -> None:
    """Raises 0A000 for foreign keys between types whose keys are written differently."""
    target = catalog.tables.get(constraint.referenced_table_oid) or table
    for number, other in zip(constraint.columns, constraint.referenced_columns, strict=True):
        column, referenced = table.column(number), target.column(other)
        if column.type_oid != referenced.type_oid and key_kind(column.type_oid) != key_kind(referenced.type_oid):
            raise FeatureNotSupported(
                f'foreign key "{constraint.name}" between columns of different types is not supported',
                hint="Give both columns the same type.",
            )


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
    yield from check_present(context, table, constraint, seen)

"""Users of columns: what keeps a column's type, and a table's row type, as it is."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Column, Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind.stored_query import reads_column


def refuse_used(catalog: Catalog, table: Table, column: Column) -> None:
    """Raises 0A000 for a column whose type others hold on to: views that read it, columns of the table's row type."""
    for view in catalog.tables_needing(table.oid):
        if view.kind in ("v", "m") and reads_column(view, table.oid, column.number):
            kind = "materialized view" if view.kind == "m" else "view"
            raise DatacaveError(
                "cannot alter type of a column used by a view or rule",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                detail=f'rule _RETURN on {kind} {view.name} depends on column "{column.name}"',
            )
    refuse_used_rows(catalog, table)


def refuse_used_rows(catalog: Catalog, table: Table) -> None:
    """Raises 0A000 for a table whose rows are values of a column somewhere: these would need new values too."""
    if not table.row_type_oid:
        return
    for user in catalog.tables_needing(table.row_type_oid, table.row_array_type_oid):
        for other in user.live_columns:
            if other.type_oid in (table.row_type_oid, table.row_array_type_oid):
                raise DatacaveError(
                    f'cannot alter table "{table.name}" because column "{user.name}.{other.name}" uses its row type',
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                )

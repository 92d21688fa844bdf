"""Disclosure: what the detail of an error may show of a row: no more than the current role could have read.

A table whose policies count for the role shows nothing; without SELECT on the whole table, the columns that may be
read are shown with their names, as PostgreSQL does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datacave_core.catalog import Catalog, Column, Role, Table, allows, allows_on, has_privileges_of


def readable_columns(session: Any, table: Table) -> tuple[bool, list[Column]]:
    """(whether the whole table may be read, the columns that may be)."""
    catalog: Catalog = session.catalog_snapshot
    role: Role = session.evaluation.current_role
    if role.superuser:
        return True, list(table.live_columns)
    if table.row_security and not role.bypass_row_security:
        owns = has_privileges_of(catalog, role.oid, table.owner_oid)
        if not owns or table.force_row_security:
            return False, []
    if allows_on(catalog, role.oid, "table", table, "r"):
        return True, list(table.live_columns)
    return False, [
        column
        for column in table.live_columns
        if column.privileges and allows(catalog, role.oid, "column", table.owner_oid, column.privileges, "r")
    ]


def may_show(session: Any, table: Table, numbers: Iterable[int]) -> bool:
    """Whether the values of some columns may be shown; 0 stands for an expression over any of them."""
    whole, columns = readable_columns(session, table)
    return whole or {*numbers} <= {column.number for column in columns}

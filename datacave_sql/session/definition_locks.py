"""Definition locks: which tables a change of definitions locks, and how strongly (PostgreSQL 15, section 13.3.1).

They are taken before the right to change the catalog: who waits for readers of one table must not hold up changes of
others meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core.catalog import Constraint, Table, definition_lock
from datacave_core.transaction import NO_KEY_UPDATE, TableLockMode
from datacave_core.wait import Steps, wait_for
from datacave_sql.bind import statements as bound
from datacave_sql.bind import table_changes
from datacave_sql.bind.bound_rules import ChangeTriggers
from datacave_sql.session.compiled import touched_tables

SHARE_UPDATE_EXCLUSIVE = int(TableLockMode.SHARE_UPDATE_EXCLUSIVE)
SHARE = int(TableLockMode.SHARE)
SHARE_ROW_EXCLUSIVE = int(TableLockMode.SHARE_ROW_EXCLUSIVE)
EXCLUSIVE = int(TableLockMode.EXCLUSIVE)
ACCESS_EXCLUSIVE = int(TableLockMode.ACCESS_EXCLUSIVE)

Locks = Iterator[tuple[int, int]]


def lock_for_definition(session: Any, statement: Any) -> Steps[None]:
    """Locks the tables that a bound statement is going to change."""
    find = _LOCKS.get(type(statement))
    if find is not None and not session.transaction.read_only:
        for oid, mode in find(session.catalog_snapshot, statement):
            yield from session.lock_table(oid, mode)
        if type(statement) is bound.CreateIndex:
            # The lock of the table is shared by those who create indexes, its definition is not.
            wait = session.transaction.lock(definition_lock(statement.table), NO_KEY_UPDATE)
            if wait is not None:
                yield from wait_for(wait)


def alter_table_mode(statement: table_changes.AlterTable) -> int:
    """The lock of a table that is altered."""
    return max((_action_mode(action) for action in statement.actions), default=ACCESS_EXCLUSIVE)


def _action_mode(action: Any) -> int:
    if isinstance(action, table_changes.AddConstraint) and _is_foreign_key(action.constraint):
        return SHARE_ROW_EXCLUSIVE
    if isinstance(action, table_changes.SetTriggers):
        return SHARE_ROW_EXCLUSIVE
    if isinstance(action, table_changes.ReplaceConstraint) and action.validate:
        return SHARE_UPDATE_EXCLUSIVE
    if isinstance(action, table_changes.SetTableOptions | table_changes.SetClusterIndex):
        return SHARE_UPDATE_EXCLUSIVE
    return ACCESS_EXCLUSIVE


def _of_triggers(catalog: Any, statement: ChangeTriggers) -> Locks:
    yield statement.table.oid, SHARE_ROW_EXCLUSIVE if statement.tag == "CREATE TRIGGER" else ACCESS_EXCLUSIVE


def _is_foreign_key(constraint: Constraint) -> bool:
    return bool(constraint.referenced_table_oid)


def _of_referenced(catalog: Any, constraint: Constraint) -> Locks:
    """Who writes the rows that a new foreign key refers to, or those of a partition of theirs, has to know of it."""
    oid = constraint.referenced_table_oid
    for table in (catalog.tables[oid], *catalog.descendants_of(oid)) if oid in catalog.tables else ():
        yield table.oid, SHARE_ROW_EXCLUSIVE


def _of_create_table(catalog: Any, statement: bound.CreateTable) -> Locks:
    for constraint in statement.table.constraints:
        if _is_foreign_key(constraint):
            yield from _of_referenced(catalog, constraint)
    if statement.check_default is not None:
        for leaf, _, _ in statement.check_default.leaves:
            yield leaf.oid, ACCESS_EXCLUSIVE


def _of_alter_table(catalog: Any, statement: table_changes.AlterTable) -> Locks:
    for one in (statement, *statement.below):
        if one.table.storage_id:
            yield one.table.oid, alter_table_mode(one)
        for action in one.actions:
            if isinstance(action, table_changes.AddConstraint) and _is_foreign_key(action.constraint):
                yield from _of_referenced(catalog, action.constraint)
            elif isinstance(action, table_changes.CheckDefault):
                # Rows that go to the default partition now may belong to the new one.
                for leaf, _, _ in action.leaves:
                    yield leaf.oid, ACCESS_EXCLUSIVE


def _of_create_index(catalog: Any, statement: bound.CreateIndex) -> Locks:
    if not statement.concurrently:
        yield statement.table.oid, SHARE


def _of_drop(catalog: Any, statement: bound.DropObjects) -> Locks:
    for one in statement.objects:
        table = one[0] if isinstance(one, tuple) else one
        if isinstance(table, Table) and table.storage_id:
            yield table.oid, ACCESS_EXCLUSIVE


def _of_truncate(catalog: Any, statement: bound.Truncate) -> Locks:
    for table in statement.tables:
        yield table.oid, ACCESS_EXCLUSIVE


def _of_rename(catalog: Any, statement: bound.RenameObject) -> Locks:
    if isinstance(statement.target, tuple):
        yield statement.target[0].oid, SHARE_UPDATE_EXCLUSIVE
    elif isinstance(statement.target, Table) and statement.target.storage_id:
        yield statement.target.oid, ACCESS_EXCLUSIVE


def _of_target(catalog: Any, statement: bound.SetObjectSchema) -> Locks:
    if isinstance(statement.target, Table) and statement.target.storage_id:
        yield statement.target.oid, ACCESS_EXCLUSIVE


def _of_query(catalog: Any, statement: bound.CreateTableAs) -> Locks:
    if statement.query is not None:
        yield from touched_tables(statement.query.plan)


def _of_refreshed(catalog: Any, statement: bound.RefreshMaterializedView) -> Locks:
    yield statement.table.oid, ACCESS_EXCLUSIVE
    yield from touched_tables(statement.query.plan)


_LOCKS: dict[type, Callable[[Any, Any], Locks]] = {
    ChangeTriggers: _of_triggers,
    table_changes.AlterTable: _of_alter_table,
    bound.CreateTable: _of_create_table,
    bound.CreateIndex: _of_create_index,
    bound.DropObjects: _of_drop,
    bound.Truncate: _of_truncate,
    bound.RenameObject: _of_rename,
    bound.SetObjectSchema: _of_target,
    bound.RefreshMaterializedView: _of_refreshed,
    bound.CreateTableAs: _of_query,
}

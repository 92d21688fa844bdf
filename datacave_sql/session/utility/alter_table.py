"""ALTER TABLE: actions in their order on one definition; rows are looked at or written again only where that is needed.

A new column whose value is the same in all rows changes nothing but the definition: rows that were written before it
are completed when they are read. A column with a value of its own in each row, a new type, and a primary key that comes
or goes (the rows lie in its order) need a new storage id and all rows written again under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Sequence, Table, layout_of, switched_keys
from datacave_core.errors import DatacaveError
from datacave_core.keycode import table_prefix
from datacave_core.layout import Layout
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.bind import table_changes
from datacave_sql.bind.constraints import constrained_index
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.newest_rows import newest_rows
from datacave_sql.expr import nodes as n
from datacave_sql.pgcatalog.internal_triggers import first_system_trigger
from datacave_sql.plan.planning import is_volatile
from datacave_sql.session.definition_locks import alter_table_mode
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.column_users import refuse_used, refuse_used_rows
from datacave_sql.session.utility.dependencies import Collector
from datacave_sql.session.utility.drops import remove
from datacave_sql.session.utility.foreign_keys import check_detached, check_stored_references
from datacave_sql.session.utility.indexes import add_parts
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.owned import handed_over
from datacave_sql.session.utility.pending_events import refuse_pending_events
from datacave_sql.session.utility.sequences import restart
from datacave_sql.session.utility.stored_values import change_stored
from datacave_sql.session.utility.table_rows import (
    build_index,
    check_partition_rows,
    check_primary_key,
    contains_nulls,
    rewrite,
    row_function,
)
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]
Convert = Callable[[list[Row]], list[Row]]


def alter_table(session: Any, statement: table_changes.AlterTable) -> Steps:
    """Runs the actions one after the other."""
    for message, code in statement.notices:
        tell(session, "NOTICE", message, code)
    for one in (statement, *statement.below):
        refuse_pending_events(session, one.table, "ALTER TABLE")
        if one.table.storage_id:
            yield from session.lock_table(one.table.oid, alter_table_mode(one))
    yield from run_actions(session, statement)
    for below in statement.below:
        for message, code in below.notices:
            tell(session, "NOTICE", message, code)
        yield from run_actions(session, below)
    yield Complete(statement.tag)


def run_actions(session: Any, statement: table_changes.AlterTable) -> Iterator[Wait]:
    """The actions on one table."""
    change = _TableChange(session, statement)
    before = session.catalog_snapshot.tables[change.oid]
    for action in statement.actions:
        yield from _ACTIONS[type(action)](change, action)
    after = session.catalog_snapshot.tables.get(change.oid)
    if after is not None and after.row_type_oid and _shape(before) != _shape(after):
        places = {number: place for place, number in enumerate(_shape(before))}
        wanted = [places.get(number) for number in _shape(after)]
        yield from change_stored(
            session,
            after.row_type_oid,
            after.row_array_type_oid,
            after.name,
            lambda value: tuple(None if place is None else value[place] for place in wanted),
        )


def _shape(table: Table) -> list[int]:
    """The numbers of the columns that values of the row type have, in order."""
    return [column.number for column in table.live_columns]


class _TableChange:
    """A table while its actions run; the session's catalog always holds what has been done so far."""

    def __init__(self, session: Any, statement: table_changes.AlterTable) -> None:
        self.session = session
        self.oid = statement.table.oid
        self.row_columns = statement.row_columns

    @property
    def table(self) -> Table:
        table: Table = self.session.catalog_snapshot.tables[self.oid]
        return table

    def install(self, table: Table, numbers: Numbers | None = None, *others: Any) -> None:
        """Makes a definition the present one."""
        catalog = self.session.catalog_snapshot if numbers is None else numbers.catalog
        catalog = catalog.with_objects((table, *others))
        self.session.set_catalog(catalog)
        self.session.database.register_layouts((table,), catalog)

    def rewrite(self, old: Table, new: Table, convert: Convert | None) -> Iterator[Wait]:
        """Writes the rows of `old` again as `new`, which gets a storage id of its own."""
        if not old.storage_id:
            self.install(new)
            return
        yield from rewrite(self.session, old, new, convert)

    def batches(self) -> Iterator[list[Row] | Wait]:
        """The rows that are there, in batches."""
        session = self.session
        if not self.table.storage_id:
            return
        context = ExecutionContext(session, session.transaction, ())
        for batch in newest_rows(session.transaction, session.catalog_state.access(self.table)):
            yield [row for _, row in batch]
            if context.slice_over():
                yield TURN

    def has_rows(self) -> bool:
        """Whether the table has any row."""
        if not self.table.storage_id:
            return False
        access = self.session.catalog_state.access(self.table)
        return next(newest_rows(self.session.transaction, access), None) is not None

    def own_sequence(self, numbers: Numbers, sequence: Sequence, column: int) -> Sequence:
        """Numbers a sequence that belongs to a column."""
        table = self.table
        return replace(
            numbers.sequence(sequence, table.owner_oid),
            schema_oid=table.schema_oid,
            persistence=table.persistence,
            owned_by_table_oid=table.oid,
            owned_by_column=column,
        )


def _add_column(change: _TableChange, action: table_changes.AddColumn) -> Iterator[Wait]:
    table = change.table
    column = action.column
    numbers = Numbers(change.session.catalog_snapshot)
    extra: list[Any] = []
    if action.sequence is not None:
        extra.append(change.own_sequence(numbers, action.sequence, column.number))
    change.install(table, numbers, *extra)
    expression = action.generated if action.generated is not None else action.default
    if expression is not None:
        refuse_used_rows(change.session.catalog_snapshot, table)
    if expression is None or (not n.columns_used(expression) and not is_volatile(expression)):
        yield from _add_same(change, column, expression)
        return
    new = replace(table, columns=(*table.columns, column))
    yield from change.rewrite(table, new, _filled(change, column, expression))


def _add_same(change: _TableChange, column: Column, expression: n.Expression | None) -> Iterator[Wait]:
    """A column with one value for all rows that are there, which is computed now and not written. Raises 23502.

    Until the commit the table is this transaction's alone; what had to be flushed meanwhile has the column, and that is
    no harm if it is taken back (see Layout).
    """
    session, table = change.session, change.table
    value = None if expression is None else row_function(session, [expression], ())(())[0]
    if not table.storage_id:
        change.install(replace(table, columns=(*table.columns, column)))
        return
    if value is None and column.not_null and change.has_rows():
        raise contains_nulls(table, column.name)
    database = session.database
    column = replace(column, missing=value, added=database.row_ids.allocator(table.storage_id)())
    prefix, width = table_prefix(table.storage_id, 0), len(table.columns)

    def take_back() -> None:
        # A later statement of somebody else may have added another column at this place.
        present = database.transactions.layout_of(prefix)
        if any(one.added == column.added for one in present.columns):
            narrow = Layout(width, present.columns[:width])
            database.transactions.set_layout(prefix, narrow)
            if session.transaction is not None:
                session.transaction.fit_rows(prefix, narrow, width)

    session.after_rollback(take_back)
    new = replace(table, columns=(*table.columns, column))
    layout = layout_of(new, session.catalog_snapshot.types)
    yield from database.transactions.evolve_layout(prefix, layout)
    session.transaction.fit_rows(prefix, layout, width)
    change.install(new)


def _filled(change: _TableChange, column: Column, expression: n.Expression) -> Convert:
    """What gives rows their value of a new column. Raises 23502."""
    slot = column.number - 1
    compute = row_function(change.session, [expression], change.row_columns)

    def convert(rows: list[Row]) -> list[Row]:
        converted = [row + compute((*row, None)) for row in rows]
        if column.not_null and any(row[slot] is None for row in converted):
            raise contains_nulls(change.table, column.name)
        return converted

    return convert


def _drop_column(change: _TableChange, action: table_changes.DropColumn) -> Iterator[Wait]:
    session = change.session
    table = change.table
    collector = Collector(session.catalog_snapshot)
    column = action.column
    collector.add_column(table, column)
    collector.check(f"column {column.name} of table {table.name}", action.cascade)
    for message, detail in collector.notices():
        tell(session, "NOTICE", message, sqlstate.SUCCESSFUL_COMPLETION, detail=detail)
    clustered = table.clustered_index
    rekeyed = clustered is not None and clustered.oid in collector.removal.indexes.get(table.oid, ())
    yield from remove(session, collector)
    if rekeyed:
        yield from change.rewrite(table, change.table, _blank(column.number - 1))


def _blank(slot: int) -> Convert:
    return lambda rows: [(*row[:slot], None, *row[slot + 1 :]) for row in rows]


def _alter_types(change: _TableChange, action: table_changes.AlterColumnTypes) -> Iterator[Wait]:
    """New types of columns; every USING reads the row as it was."""
    session = change.session
    old = change.table
    columns = {one.column.number: _with_storage(one.column, old.column(one.column.number)) for one in action.changes}
    for one in action.changes:
        refuse_used(session.catalog_snapshot, old, one.column)
    new = replace(old, columns=tuple(columns.get(column.number, column) for column in old.columns))
    computed = [(one.column.number - 1, one.using) for one in action.changes if one.using is not None]
    if not computed:
        types = session.catalog_snapshot.types
        if layout_of(new, types) != layout_of(old, types):
            yield from change.rewrite(old, new, None)
        else:
            change.install(new)
        return
    compute = row_function(session, [using for _, using in computed], change.row_columns)
    slots = [slot for slot, _ in computed]

    def convert(rows: list[Row]) -> list[Row]:
        converted = []
        for row in rows:
            values = list(row)
            for slot, value in zip(slots, compute(row), strict=True):
                values[slot] = value
            converted.append(tuple(values))
        return converted

    yield from change.rewrite(old, new, convert)


def _with_storage(column: Column, present: Column) -> Column:
    return replace(column, missing=present.missing, added=present.added)


def _with_column(table: Table, column: Any) -> tuple[Any, ...]:
    return tuple(column if one.number == column.number else one for one in table.columns)


def _replace_column(change: _TableChange, action: table_changes.ReplaceColumn) -> Iterator[Wait]:
    session = change.session
    table = change.table
    present = table.column(action.column.number)
    # The type is another action's business, which may have run before.
    column = replace(action.column, type_oid=present.type_oid, typmod=present.typmod, collation=present.collation)
    column = _with_storage(column, present)
    if action.check_not_null:
        slot = column.number - 1
        for rows in change.batches():
            if isinstance(rows, Wait):
                yield rows
            elif any(row[slot] is None for row in rows):
                raise contains_nulls(table, column.name)
    numbers = Numbers(session.catalog_snapshot)
    extra: list[Any] = []
    if action.sequence is not None:
        extra.append(change.own_sequence(numbers, action.sequence, column.number))
    if action.replace_sequence is not None:
        extra.append(action.replace_sequence)
        session.database.sequences.forget(action.replace_sequence.oid)
        if action.restart is not None:
            restart(session, action.replace_sequence, action.restart)
    before = table.column(column.number)
    rebuilt = [index for index in table.indexes if before.not_null != column.not_null and _uses(index, column.number)]
    changed = replace(table, columns=_with_column(table, column))
    if rebuilt:
        # Keys of columns that may be NULL are written differently.
        change.install(table, numbers, *extra)
        yield from change.rewrite(table, changed, None)
    else:
        change.install(changed, numbers, *extra)
    if action.drop_sequence is not None:
        gone = action.drop_sequence
        session.set_catalog(session.catalog_snapshot.without(gone))
        session.after_commit(lambda: session.database.sequences.forget(gone.oid))


def _uses(index: Any, number: int) -> bool:
    return any(key.column == number for key in index.keys)


def _add_constraint(change: _TableChange, action: table_changes.AddConstraint) -> Iterator[Wait]:
    session = change.session
    table = change.table
    if action.part_of is not None:
        action = _as_part(change, action, *action.part_of)
        if action.constraint.oid:
            tied = replace(action.constraint, inherit_count=1, is_local=False)
            change.install(
                replace(table, constraints=tuple(tied if one.oid == tied.oid else one for one in table.constraints))
            )
            return
    numbers = Numbers(session.catalog_snapshot)
    if action.condition is not None and action.constraint.validated:
        yield from _check_rows(change, action.constraint.name, action.condition)
    if action.index is not None:
        if action.index.primary:
            yield from _add_primary_key(change, action)
            return
        table = numbers.with_index(table, action.index)
        table = numbers.with_constraint(table, action.constraint)
        change.install(table, numbers)
        if not table.storage_id:
            return
        access = session.catalog_state.access(table)
        yield from build_index(session, access, access.indexes[-1])
        return
    made = action.constraint
    if made.index_oid and made.kind in ("p", "u"):
        indexes = tuple(constrained_index(one, made) if one.oid == made.index_oid else one for one in table.indexes)
        table = replace(table, indexes=indexes)
    new = numbers.with_constraint(table, made)
    change.install(new, numbers)
    if action.constraint.kind == "f" and action.constraint.validated:
        yield from check_stored_references(session, new, new.constraints[-1])


def _as_part(
    change: _TableChange, action: table_changes.AddConstraint, parent_oid: int, name: str
) -> table_changes.AddConstraint:
    """The constraint of a partition with the oids of what it is a part of."""
    parent = change.session.catalog_snapshot.tables[parent_oid]
    whole = next(one for one in parent.constraints if one.name == name)
    constraint = replace(action.constraint, parent_oid=whole.oid)
    if constraint.kind == "f":
        constraint = replace(constraint, referenced_table_oid=whole.referenced_table_oid, index_oid=whole.index_oid)
    index = replace(action.index, parent_oid=whole.index_oid) if action.index is not None else None
    return replace(action, constraint=constraint, index=index)


def _replace_parts(change: _TableChange, action: table_changes.ReplaceParts) -> Iterator[Wait]:
    yield from ()
    table = change.table
    if action.parents is not None and action.bound is None and table.partition_bound is not None:
        yield from check_detached(change.session, table)
    by_number = {column.number: column for column in action.columns}
    by_name = {constraint.name: constraint for constraint in action.constraints}
    columns = tuple(
        replace(
            column, inherit_count=by_number[column.number].inherit_count, is_local=by_number[column.number].is_local
        )
        if column.number in by_number
        else column
        for column in table.columns
    )
    constraints = tuple(
        replace(
            one,
            inherit_count=by_name[one.name].inherit_count,
            is_local=by_name[one.name].is_local,
            parent_oid=by_name[one.name].parent_oid,
        )
        if one.name in by_name
        else one
        for one in table.constraints
    )
    new = replace(table, columns=columns, constraints=constraints)
    if action.parents is not None:
        indexes = tuple(
            replace(one, parent_oid=0) if one.oid in action.untied_indexes else one for one in table.indexes
        )
        new = replace(new, parents=action.parents, partition_bound=action.bound, indexes=indexes)
    change.install(new)


def _tie_parts(change: _TableChange, action: table_changes.TieParts) -> Iterator[Wait]:
    yield from ()
    table = change.table
    of_index = {oid: (parent, constraint) for oid, parent, constraint in action.indexes}
    of_key = dict(action.foreign_keys)
    indexes = tuple(
        replace(one, parent_oid=of_index[one.oid][0]) if one.oid in of_index else one for one in table.indexes
    )
    of_constraint = {one.constraint_oid: of_index[one.oid][1] for one in table.indexes if one.oid in of_index}
    constraints = tuple(
        replace(one, parent_oid=parent, inherit_count=1, is_local=False)
        if (parent := of_key.get(one.oid) or of_constraint.get(one.oid))
        else one
        for one in table.constraints
    )
    change.install(replace(table, indexes=indexes, constraints=constraints))


def _add_index_part(change: _TableChange, action: table_changes.AddIndexPart) -> Iterator[Wait]:
    numbers = Numbers(change.session.catalog_snapshot)
    table = numbers.with_index(change.table, action.index)
    change.install(table, numbers)
    if table.storage_id:
        access = change.session.catalog_state.access(table)
        yield from build_index(change.session, access, access.indexes[-1])
    elif table.kind == "p":
        yield from add_parts(change.session, table, table.indexes[-1])


def _check_partition(change: _TableChange, action: table_changes.CheckPartition) -> Iterator[Wait]:
    yield from check_partition_rows(change.session, change.table, action.tests, change.row_columns, action.message)


def _check_default(change: _TableChange, action: table_changes.CheckDefault) -> Iterator[Wait]:
    for table, tests, columns in action.leaves:
        yield from check_partition_rows(change.session, table, tests, columns, action.message)


def _set_cluster_index(change: _TableChange, action: table_changes.SetClusterIndex) -> Iterator[Wait]:
    yield from ()
    change.install(replace(change.table, cluster_index_oid=action.index_oid))


def _set_of_type(change: _TableChange, action: table_changes.SetOfType) -> Iterator[Wait]:
    yield from ()
    change.install(replace(change.table, of_type_oid=action.type_oid))


def _set_replica_identity(change: _TableChange, action: table_changes.SetReplicaIdentity) -> Iterator[Wait]:
    yield from ()
    change.install(replace(change.table, replica_identity=action.identity, replica_index_oid=action.index_oid))


def _check_rows(change: _TableChange, name: str, condition: n.Expression) -> Iterator[Wait]:
    holds = row_function(change.session, [condition], change.row_columns)
    for rows in change.batches():
        if isinstance(rows, Wait):
            yield rows
        elif any(holds(row)[0] is False for row in rows):
            raise DatacaveError(
                f'check constraint "{name}" of relation "{change.table.name}" is violated by some row',
                sqlstate=sqlstate.CHECK_VIOLATION,
                table=change.table.name,
                constraint=name,
            )


def _add_primary_key(change: _TableChange, action: table_changes.AddConstraint) -> Iterator[Wait]:
    """The rows are written again in the order of the key, so that it needs no entries of its own."""
    table = change.table
    index = action.index
    assert index is not None
    numbers = Numbers(change.session.catalog_snapshot)
    key_columns = {key.column for key in index.keys}
    columns = tuple(
        replace(column, not_null=True) if column.number in key_columns else column for column in table.columns
    )
    new = numbers.with_index(
        replace(table, columns=columns), index, clustered=table.clustered_index is None and not index.deferrable
    )
    new = numbers.with_constraint(new, action.constraint)
    change.install(table, numbers)

    def convert(rows: list[Row]) -> list[Row]:
        check_primary_key(rows, table, index)
        return rows

    yield from change.rewrite(table, new, convert)


def _drop_constraint(change: _TableChange, action: table_changes.DropConstraint) -> Iterator[Wait]:
    session = change.session
    table = change.table
    collector = Collector(session.catalog_snapshot)
    collector.add_constraint(table, action.constraint)
    collector.check(f"constraint {action.constraint.name} on table {table.name}", action.cascade)
    for message, detail in collector.notices():
        tell(session, "NOTICE", message, sqlstate.SUCCESSFUL_COMPLETION, detail=detail)
    clustered = table.clustered_index
    rekeyed = clustered is not None and clustered.oid == action.constraint.index_oid
    yield from remove(session, collector)
    if rekeyed:
        yield from change.rewrite(table, change.table, None)


def _replace_constraint(change: _TableChange, action: table_changes.ReplaceConstraint) -> Iterator[Wait]:
    table = change.table
    constraint = action.constraint
    if action.validate and action.condition is not None:
        yield from _check_rows(change, constraint.name, action.condition)
    new = replace(
        table, constraints=tuple(constraint if one.oid == constraint.oid else one for one in table.constraints)
    )
    change.install(new)
    if action.validate and constraint.kind == "f":
        yield from check_stored_references(change.session, new, constraint)


def _set_options(change: _TableChange, action: table_changes.SetTableOptions) -> Iterator[Wait]:
    yield from ()
    change.install(replace(change.table, options=action.options))


def _set_owner(change: _TableChange, action: table_changes.SetOwner) -> Iterator[Wait]:
    yield from ()
    new, table = action.role_oid, change.table
    owned = [
        replace(one, owner_oid=new, privileges=handed_over(one.privileges, one.owner_oid, new))
        for one in change.session.catalog_snapshot.sequences_owned_by(change.oid)
    ]
    privileges = handed_over(table.privileges, table.owner_oid, new)
    change.install(replace(table, owner_oid=new, privileges=privileges), None, *owned)


def _set_triggers(change: _TableChange, action: table_changes.SetTriggers) -> Iterator[Wait]:
    yield from ()
    table = change.table
    if action.keys and not change.session.evaluation.current_role.superuser:
        raise DatacaveError(
            f'permission denied: "{first_system_trigger(change.session.catalog_snapshot, table)}" is a system trigger',
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
        )
    switches = switched_keys(table, action.keys, action.letter)
    change.install(replace(table, triggers=action.triggers, key_switches=switches))


def _set_rules(change: _TableChange, action: table_changes.SetRules) -> Iterator[Wait]:
    yield from ()
    change.install(replace(change.table, rules=action.rules))


def _set_row_security(change: _TableChange, action: table_changes.SetRowSecurity) -> Iterator[Wait]:
    yield from ()
    table = change.table
    change.install(
        replace(
            table,
            row_security=table.row_security if action.enabled is None else action.enabled,
            force_row_security=table.force_row_security if action.forced is None else action.forced,
        )
    )


def _set_persistence(change: _TableChange, action: table_changes.SetPersistence) -> Iterator[Wait]:
    yield from ()
    owned = change.session.catalog_snapshot.sequences_owned_by(change.oid)
    sequences = [replace(one, persistence=action.persistence) for one in owned]
    change.install(replace(change.table, persistence=action.persistence), None, *sequences)


_ACTIONS: dict[type, Callable[[_TableChange, Any], Iterator[Wait]]] = {
    table_changes.AddColumn: _add_column,
    table_changes.DropColumn: _drop_column,
    table_changes.AlterColumnTypes: _alter_types,
    table_changes.ReplaceColumn: _replace_column,
    table_changes.AddConstraint: _add_constraint,
    table_changes.DropConstraint: _drop_constraint,
    table_changes.ReplaceConstraint: _replace_constraint,
    table_changes.ReplaceParts: _replace_parts,
    table_changes.TieParts: _tie_parts,
    table_changes.AddIndexPart: _add_index_part,
    table_changes.CheckPartition: _check_partition,
    table_changes.CheckDefault: _check_default,
    table_changes.SetReplicaIdentity: _set_replica_identity,
    table_changes.SetClusterIndex: _set_cluster_index,
    table_changes.SetOfType: _set_of_type,
    table_changes.SetTableOptions: _set_options,
    table_changes.SetOwner: _set_owner,
    table_changes.SetPersistence: _set_persistence,
    table_changes.SetRowSecurity: _set_row_security,
    table_changes.SetRules: _set_rules,
    table_changes.SetTriggers: _set_triggers,
}

"""ALTER TABLE: INHERIT and NO INHERIT, ATTACH and DETACH PARTITION."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, Index, PartitionBound, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import (
    alter_constraints,
    descendants,
    inheritance,
    partition_bounds,
    partition_parts,
    partitions,
    relations,
    table_changes,
)
from datacave_sql.bind.alteration import Alteration, wrong_kind
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def inherit(a: Alteration, action: ast.InheritParent) -> None:
    """INHERIT parent, NO INHERIT parent."""
    parent = relations.require_table(a.b, action.parent, action.position)
    if action.remove:
        if a.table.partition_bound is not None:
            raise wrong_kind("cannot change inheritance of a partition")
        if parent.oid not in a.table.parents:
            raise DatacaveError(
                f'relation "{parent.name}" is not a parent of relation "{a.table.name}"',
                sqlstate=sqlstate.UNDEFINED_TABLE,
            )
        leave(a, parent)
        return
    if a.table.of_type_oid:
        raise wrong_kind("cannot change inheritance of typed table")
    if a.table.partition_bound is not None:
        raise wrong_kind("cannot change inheritance of a partition")
    if a.table.kind == "p":
        raise wrong_kind("cannot change inheritance of partitioned table")
    if parent.partition_key is not None:
        raise wrong_kind(f'cannot inherit from partitioned table "{parent.name}"')
    if parent.partition_bound is not None:
        raise wrong_kind("cannot inherit from a partition")
    if parent.kind != "r":
        raise wrong_kind(f'"{parent.name}" is not a table')
    inheritance.check_persistence(parent, a.table.persistence, "inherit from")
    if parent.oid in a.table.parents:
        raise DatacaveError(
            f'relation "{parent.name}" would be inherited from more than once', sqlstate=sqlstate.DUPLICATE_TABLE
        )
    _check_circle(a, parent, a.table)
    join(a, parent)


def _check_circle(a: Alteration, parent: Table, child: Table) -> None:
    if parent.oid == child.oid or descendants.is_below(a.b.catalog, parent, child.oid):
        raise DatacaveError(
            "circular inheritance not allowed",
            sqlstate=sqlstate.DUPLICATE_TABLE,
            detail=f'"{parent.name}" is already a child of "{child.name}".',
        )


def join(a: Alteration, parent: Table, bound: PartitionBound | None = None) -> None:
    """Makes the table a child of a parent. Raises 42804 for what it lacks."""
    columns = _matched_columns(a, parent, bound is not None)
    checks = _matched_checks(a, parent, bound is not None)
    a.actions.append(table_changes.ReplaceParts(columns, checks, (*a.table.parents, parent.oid), bound))
    for column in columns:
        a.put_column(column)
    changed = {one.oid: one for one in checks}
    a.table = replace(
        a.table,
        parents=(*a.table.parents, parent.oid),
        partition_bound=bound,
        constraints=tuple(changed.get(one.oid, one) for one in a.table.constraints),
    )


def _matched_columns(a: Alteration, parent: Table, partition: bool) -> tuple[Column, ...]:
    found = []
    for column in parent.live_columns:
        theirs = a.table.columns_by_name.get(column.name)
        if theirs is None:
            raise DatacaveError(f'child table is missing column "{column.name}"', sqlstate=sqlstate.DATATYPE_MISMATCH)
        if (theirs.type_oid, theirs.typmod) != (column.type_oid, column.typmod):
            raise DatacaveError(
                f'child table "{a.table.name}" has different type for column "{column.name}"',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        if theirs.collation != column.collation:
            raise DatacaveError(
                f'child table "{a.table.name}" has different collation for column "{column.name}"',
                sqlstate=sqlstate.COLLATION_MISMATCH,
            )
        if column.not_null and not theirs.not_null:
            raise DatacaveError(
                f'column "{column.name}" in child table must be marked NOT NULL', sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        if column.generated and not theirs.generated:
            raise DatacaveError(
                f'column "{column.name}" in child table must be a generated column',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        if column.generated and theirs.default != column.default:
            raise DatacaveError(
                f'column "{column.name}" in child table has a conflicting generation expression',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        local = theirs.is_local and not partition
        found.append(replace(theirs, inherit_count=theirs.inherit_count + 1, is_local=local))
    return tuple(found)


def _matched_checks(a: Alteration, parent: Table, partition: bool) -> tuple[Constraint, ...]:
    found = []
    for constraint in parent.constraints:
        if constraint.kind != "c" or constraint.no_inherit:
            continue
        theirs = next((one for one in a.table.constraints if one.kind == "c" and one.name == constraint.name), None)
        if theirs is None:
            raise DatacaveError(
                f'child table is missing constraint "{constraint.name}"', sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        if theirs.expression != constraint.expression and not inheritance.same_check(
            replace(theirs, no_inherit=False), constraint
        ):
            raise DatacaveError(
                f'child table "{a.table.name}" has different definition for check constraint "{constraint.name}"',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        if theirs.no_inherit:
            raise DatacaveError(
                f'constraint "{constraint.name}" conflicts with non-inherited constraint on child table '
                f'"{a.table.name}"',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
            )
        if not theirs.validated:
            raise DatacaveError(
                f'constraint "{constraint.name}" conflicts with NOT VALID constraint on child table "{a.table.name}"',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
            )
        local = theirs.is_local and not partition
        found.append(replace(theirs, inherit_count=theirs.inherit_count + 1, is_local=local))
    return tuple(found)


def leave(a: Alteration, parent: Table) -> None:
    """Takes the table out of a parent's children; what it had from there becomes its own."""
    names = {column.name for column in parent.live_columns}
    columns = tuple(
        replace(one, inherit_count=one.inherit_count - 1, is_local=one.is_local or one.inherit_count == 1)
        for one in a.table.live_columns
        if one.name in names and one.inherit_count
    )
    checks = {one.name for one in parent.constraints if one.kind == "c" and not one.no_inherit}
    keys = {one.oid for one in parent.constraints if one.kind != "c"}
    constraints = tuple(
        replace(one, inherit_count=one.inherit_count - 1, is_local=one.is_local or one.inherit_count == 1, parent_oid=0)
        for one in a.table.constraints
        if one.inherit_count and ((one.kind == "c" and one.name in checks) or one.parent_oid in keys)
    )
    parents = tuple(oid for oid in a.table.parents if oid != parent.oid)
    indexes = tuple(index.oid for index in a.table.indexes if index.parent_oid)
    a.actions.append(table_changes.ReplaceParts(columns, constraints, parents, None, indexes))
    a.table = replace(a.table, parents=parents, partition_bound=None)


# --- partitions ------------------------------------------------------------------------------------------------------


def attach(a: Alteration, action: ast.AttachPartition) -> None:
    """ATTACH PARTITION. Raises 42809, 42804, 42P17, and where it runs 23514 for rows that do not belong there."""
    b, parent = a.b, a.table
    if parent.kind != "p":
        raise DatacaveError(f'table "{parent.name}" is not partitioned', sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)
    table = relations.require_table(b, action.table, action.position)
    _check_attachable(a, parent, table)
    assert action.bound is not None
    bound = partition_bounds.bind_bound(b, parent, action.bound)
    partition_bounds.check_bound(b, parent, table.name, bound, action.bound.position)
    child = a.known.get(table.oid) or Alteration(b, table, True, a.known)
    join(child, parent, bound)
    _attach_parts(a, child)
    siblings = [one for one in partition_bounds.ordered_partitions(b, parent) if one.oid != table.oid]
    bounds = [*(one.partition_bound for one in siblings), bound]
    for leaf in descendants.leaves_of(b, table) if table.kind == "p" else [table]:
        child_of = child if leaf.oid == table.oid else (a.known.get(leaf.oid) or Alteration(b, leaf, True, a.known))
        scope = child_of.scope("partition bounds")
        test = l.PartitionTest(parent, partitions.key_expressions(b, parent, scope), tuple(bounds), len(siblings))
        columns = {column.name: row for column, row in zip(leaf.columns, child_of.rows, strict=True)}
        # The tests of the parent name its columns; the leaf has the same ones, in an order of its own.
        row = tuple(columns.get(column.name, child_of.rows[0]) for column in parent.columns)
        tests = (test, *descendants.tests_of(b, parent, row))
        child_of.actions.append(
            table_changes.CheckPartition(
                tests, f'partition constraint of relation "{leaf.name}" is violated by some row'
            )
        )
    default = next((one for one in siblings if one.partition_bound and one.partition_bound.kind == "d"), None)
    if default is not None and bound.kind != "d":
        a.actions.append(descendants.check_default(b, parent, default, tuple(bounds), siblings.index(default)))


def _check_attachable(a: Alteration, parent: Table, table: Table) -> None:
    if table.kind not in ("r", "p"):
        raise wrong_kind(f'"{table.name}" is not a table')
    if table.partition_bound is not None:
        raise wrong_kind(f'"{table.name}" is already a partition')
    if table.of_type_oid:
        raise wrong_kind("cannot attach a typed table as partition")
    if table.parents:
        raise wrong_kind("cannot attach inheritance child as partition")
    if table.kind == "r" and a.b.catalog.children_of(table.oid):
        raise wrong_kind("cannot attach inheritance parent as partition")
    _check_circle(a, parent, table)
    partition_parts.check_persistence(parent, table.persistence, "attach")
    for constraint in parent.constraints:
        if constraint.kind == "f" and constraint.referenced_table_oid == table.oid:
            raise FeatureNotSupported(
                f'cannot attach table "{table.name}" as a partition because it is referenced by foreign key '
                f'"{constraint.name}"'
            )
    names = parent.columns_by_name
    for column in table.live_columns:
        if column.name not in names:
            raise DatacaveError(
                f'table "{table.name}" contains column "{column.name}" not found in parent "{parent.name}"',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                detail="The new partition may contain only the columns present in parent.",
            )


def _attach_parts(a: Alteration, child: Alteration) -> None:
    """Ties indexes and foreign keys of the new partition to those of the parent, and makes those that lack."""
    parent = a.table
    numbers = {c.number: child.table.columns_by_name[c.name].number for c in parent.live_columns}
    taken: set[int] = set()
    ties: list[tuple[int, int, int]] = []
    made: list[Index] = []
    for index in parent.indexes:
        match = next(
            (
                one
                for one in child.table.indexes
                if one.oid not in taken and partition_parts.is_part(index, one, numbers)
            ),
            None,
        )
        if match is not None:
            taken.add(match.oid)
            ties.append((match.oid, index.oid, index.constraint_oid))
        else:
            made.append(index)
    keys: list[tuple[int, int]] = []
    lacking: list[Constraint] = []
    for constraint in parent.constraints:
        if constraint.kind != "f":
            continue
        part = partition_parts.part_of_constraint(constraint, numbers, constraint.name)
        own = next((one for one in child.table.constraints if partition_parts.same_reference(part, one)), None)
        if own is not None:
            keys.append((own.oid, constraint.oid))
        else:
            lacking.append(constraint)
    child.actions.append(table_changes.TieParts(tuple(ties), tuple(keys)))
    for index in made:
        owner = next((one for one in parent.constraints if one.oid == index.constraint_oid), None)
        words = [parent.column(key.column).name if key.column else "expr" for key in index.keys]

        def in_use(word: str) -> bool:
            return word in child.names or (child.table.schema_oid, word) in child.b.catalog.relation_names

        name = partition_parts.index_name(child.table.name, index, words, in_use)
        child.names.add(name)
        theirs = partition_parts.part_of_index(index, numbers, name)
        if owner is None:
            child.actions.append(table_changes.AddIndexPart(theirs))
        else:
            _add_constraint(child, partition_parts.part_of_constraint(owner, numbers, name), theirs)
    for constraint in lacking:
        _add_constraint(child, partition_parts.part_of_constraint(constraint, numbers, constraint.name), None)


def _add_constraint(child: Alteration, constraint: Constraint, index: Index | None) -> None:
    action = table_changes.AddConstraint(constraint, index)
    child.actions.append(action)
    if child.table.kind == "p":
        for below in child.children():
            alter_constraints.add_part(child, below, action)


def detach(a: Alteration, action: ast.DetachPartition) -> None:
    """DETACH PARTITION; CONCURRENTLY does the same, as nobody has to wait longer for it."""
    if a.table.kind != "p":
        raise DatacaveError(f'table "{a.table.name}" is not partitioned', sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)
    table = relations.require_table(a.b, action.table, action.position)
    if table.parents != (a.table.oid,):
        raise DatacaveError(
            f'relation "{table.name}" is not a partition of relation "{a.table.name}"',
            sqlstate=sqlstate.UNDEFINED_TABLE,
        )
    if action.mode == "finalize":
        raise DatacaveError(
            f'partition "{table.name}" in progress of being detached does not exist',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    if action.mode == "concurrently":
        siblings = a.b.catalog.children_of(a.table.oid)
        if any(one.partition_bound is not None and one.partition_bound.kind == "d" for one in siblings):
            raise DatacaveError(
                "cannot detach partitions concurrently when a default partition exists",
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            )
    child = a.known.get(table.oid) or Alteration(a.b, table, True, a.known)
    leave(child, a.table)

"""ALTER TABLE of constraints: ADD, DROP, ALTER, VALIDATE; tables below follow, partitions with keys too."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Constraint
from datacave_core.errors import DatacaveError
from datacave_sql.bind import coercion, constraints, inheritance, partition_parts, row_rules, table_changes
from datacave_sql.bind.alteration import NOT_ONLY, Alteration, invalid
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast


def add_constraint(a: Alteration, written: ast.Constraint) -> None:
    """ADD CONSTRAINT."""
    if isinstance(written, ast.NotNullConstraint | ast.NullConstraint):
        return
    if isinstance(written, ast.CheckConstraint):
        _add_check(a, written)
        return
    if a.table.kind == "p" and isinstance(written, ast.ExclusionConstraint):
        raise partition_parts.no_exclusion()
    made, index = constraints.bind_constraint(a.b, a.table, written, a.names)
    if index is not None:
        partition_parts.check_unique(a.table, index)
    if made.kind == "f" and a.table.kind == "p" and not made.validated:
        target = a.b.catalog.tables.get(made.referenced_table_oid, a.table)
        raise DatacaveError(
            f'cannot add NOT VALID foreign key on partitioned table "{a.table.name}" referencing relation '
            f'"{target.name}"',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail="This feature is not yet supported on partitioned tables.",
        )
    if a.table.kind == "p" and a.has_children and not a.recurses and made.kind == "f":
        raise DatacaveError(
            f'cannot use ONLY for foreign key on partitioned table "{a.table.name}" referencing relation '
            f'"{a.b.catalog.tables.get(made.referenced_table_oid, a.table).name}"',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    if made.index_oid and made.kind in ("p", "u"):
        _with_index(a, made)
    _append(a, table_changes.AddConstraint(made, index))
    if a.table.kind == "p" and a.recurses:
        for child in a.children():
            add_part(a, child, table_changes.AddConstraint(made, index))


def _with_index(a: Alteration, made: Constraint) -> None:
    """An index that is there becomes that of a constraint: it gets its name, and a primary key lets no NULL in."""
    index = a.table.index(made.index_oid)
    if index.name != made.name:
        a.notice(f'ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index "{index.name}" to "{made.name}"')
    for number in made.columns if made.kind == "p" else ():
        column = a.table.column(number)
        if not column.not_null:
            a.replace_column(replace(column, not_null=True), check_not_null=True)
    changed = constraints.constrained_index(index, made)
    a.table = replace(a.table, indexes=tuple(changed if one.oid == changed.oid else one for one in a.table.indexes))


def _append(a: Alteration, action: table_changes.AddConstraint) -> None:
    made, index = action.constraint, action.index
    if made.kind == "p":
        keys = index.keys if index is not None else ()
        for key in keys:
            column = a.table.column(key.column)
            if not column.not_null:
                a.put_column(replace(column, not_null=True))
    a.actions.append(action)
    indexes = a.table.indexes if index is None else (*a.table.indexes, index)
    a.table = replace(a.table, indexes=indexes, constraints=(*a.table.constraints, made))


def add_part(parent: Alteration, child: Alteration, action: table_changes.AddConstraint) -> None:
    """The part that a partition gets of a key or foreign key of its parent."""
    numbers = {column.number: child.table.columns_by_name[column.name].number for column in parent.table.live_columns}
    made, index = action.constraint, action.index
    part_of = (parent.table.oid, made.name)
    name = made.name
    part = None
    if index is not None:
        words = [parent.table.column(key.column).name if key.column else "expr" for key in index.keys]

        def taken(word: str) -> bool:
            return word in child.names or (child.table.schema_oid, word) in child.b.catalog.relation_names

        described = replace(index, constraint_oid=1)
        part = partition_parts.part_of_index(index, numbers, partition_parts.index_name(
            child.table.name, described, words, taken))  # fmt: skip
        child.names.add(part.name)
        name = part.name
    constraint = partition_parts.part_of_constraint(made, numbers, name)
    own = next((one for one in child.table.constraints if partition_parts.same_reference(constraint, one)), None)
    if own is not None and not any(one.name == own.name for one in parent.table.constraints if one.oid == 0):
        # It has the foreign key already, and so have its partitions.
        child.actions.append(table_changes.AddConstraint(own, part_of=part_of))
        return
    theirs = table_changes.AddConstraint(constraint, part, part_of=part_of)
    _append(child, theirs)
    if child.table.kind == "p":
        for below in child.children():
            add_part(child, below, theirs)


def _add_check(a: Alteration, written: ast.CheckConstraint, below: bool = False) -> None:
    known = a.constraint(written.name) if written.name is not None else None
    if known is not None and below:
        declared, _ = constraints.bind_constraint(
            a.b, replace(a.table, constraints=tuple(c for c in a.table.constraints if c is not known)), written, a.names
        )
        if known.no_inherit:
            raise DatacaveError(
                f'constraint "{written.name}" conflicts with non-inherited constraint on relation "{a.table.name}"',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
            )
        if known.kind != "c" or not inheritance.same_check(known, declared):
            raise DatacaveError(
                f'constraint "{written.name}" for relation "{a.table.name}" already exists',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
            )
        a.notice(f'merging constraint "{written.name}" with inherited definition')
        local = known.is_local and a.table.partition_bound is None
        a.replace_parts((), (replace(known, inherit_count=known.inherit_count + 1, is_local=local),))
        return
    if known is not None and known.inherit_count and not known.is_local:
        declared, _ = constraints.bind_constraint(
            a.b, replace(a.table, constraints=tuple(c for c in a.table.constraints if c is not known)), written, a.names
        )
        merged = inheritance.merge_check(a.b, a.table, known, declared)
        a.notice(f'merging constraint "{written.name}" with inherited definition')
        a.replace_parts((), (merged,))
        return
    if a.table.kind == "p" and written.no_inherit:
        raise invalid(f'cannot add NO INHERIT constraint to partitioned table "{a.table.name}"')
    made, _ = constraints.bind_constraint(a.b, a.table, written, a.names)
    if below:
        made = replace(made, inherit_count=1, is_local=False)
    condition = coercion.to_boolean(a.b, a.b.expression(written.expression, a.scope("check constraints")), "CHECK")
    if a.has_children and not a.recurses and not written.no_inherit:
        raise invalid("constraint must be added to child tables too")
    _append(a, table_changes.AddConstraint(made, None, condition if a.table.kind != "p" else None))
    if not written.no_inherit:
        named = replace(written, name=made.name)
        for child in a.children():
            _add_check(child, named, True)


def add(a: Alteration, action: ast.AddConstraint) -> None:
    """ADD CONSTRAINT as an action."""
    add_constraint(a, action.constraint)


def missing(a: Alteration, name: str) -> DatacaveError:
    """42704."""
    return DatacaveError(
        f'constraint "{name}" of relation "{a.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
    )


def drop(a: Alteration, action: ast.DropConstraint) -> None:
    """DROP CONSTRAINT."""
    found = a.constraint(action.name)
    if found is None:
        if not action.if_exists:
            raise missing(a, action.name)
        a.notice(f"{missing(a, action.name).message}, skipping")
        return
    if found.inherit_count:
        raise invalid(f'cannot drop inherited constraint "{action.name}" of relation "{a.table.name}"')
    _drop(a, found, action.cascade)


def _drop(a: Alteration, found: Constraint, cascade: bool) -> None:
    if a.table.kind == "p" and a.has_children and not a.recurses:
        raise invalid("cannot remove constraint from only the partitioned table when partitions exist", NOT_ONLY)
    for child in a.children():
        if found.kind == "c":
            theirs = None if found.no_inherit else child.constraint(found.name)
        else:
            theirs = next((one for one in child.table.constraints if found.oid and one.parent_oid == found.oid), None)
        if theirs is None or not theirs.inherit_count:
            continue
        if found.kind != "c" or (a.recurses and theirs.inherit_count == 1 and not theirs.is_local):
            _drop(child, theirs, cascade)
        else:
            local = theirs.is_local or not a.recurses
            child.replace_parts((), (replace(theirs, inherit_count=theirs.inherit_count - 1, is_local=local),))
    a.actions.append(table_changes.DropConstraint(found, cascade))
    a.table = replace(
        a.table,
        constraints=tuple(c for c in a.table.constraints if c is not found),
        indexes=tuple(
            i for i in a.table.indexes if not found.index_oid or found.kind == "f" or i.oid != found.index_oid
        ),
    )


def alter(a: Alteration, action: ast.AlterConstraint) -> None:
    """ALTER CONSTRAINT .. DEFERRABLE."""
    found = a.constraint(action.name)
    if found is None:
        raise missing(a, action.name)
    if found.kind != "f":
        raise DatacaveError(
            f'constraint "{action.name}" of relation "{a.table.name}" is not a foreign key constraint',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    if found.parent_oid:
        raise DatacaveError(
            f'cannot alter constraint "{action.name}" on relation "{a.table.name}"',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            detail=f'Constraint "{action.name}" is derived from a constraint of the parent.',
            hint="You may alter the constraint it derives from instead.",
        )
    _alter(a, found, action)


def _alter(a: Alteration, found: Constraint, action: ast.AlterConstraint) -> None:
    deferrable = bool(action.deferrable or action.initially_deferred)
    changed = replace(found, deferrable=deferrable, initially_deferred=bool(action.initially_deferred))
    a.actions.append(table_changes.ReplaceConstraint(changed))
    for child in a.children():
        part = next((one for one in child.table.constraints if one.parent_oid == found.oid), None)
        if part is not None:
            _alter(child, part, action)


def validate(a: Alteration, action: ast.ValidateConstraint) -> None:
    """VALIDATE CONSTRAINT."""
    found = a.constraint(action.name)
    if found is None:
        raise missing(a, action.name)
    if found.kind not in ("c", "f"):
        raise DatacaveError(
            f'constraint "{action.name}" of relation "{a.table.name}" is not a foreign key or check constraint',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    if found.kind == "c" and a.has_children and not a.recurses and not found.no_inherit:
        raise invalid("constraint must be validated on child tables too")
    if found.kind == "c" and not found.no_inherit and not found.validated:
        for child in a.children():
            theirs = child.constraint(found.name)
            if theirs is not None and not theirs.validated:
                validate(child, action)
    condition: n.Expression | None = None
    if found.kind == "c" and found.expression is not None:
        scope = a.scope("check constraints")
        e = row_rules.stored_expression(a.b, found.expression, scope, row_rules.schema_name(a.b, a.table))
        condition = coercion.to_boolean(a.b, e, "CHECK")
    a.actions.append(table_changes.ReplaceConstraint(replace(found, validated=True), not found.validated, condition))

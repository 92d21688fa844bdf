"""ALTER TABLE of columns: ADD, DROP, TYPE, DEFAULT, NOT NULL, EXPRESSION, IDENTITY, STORAGE, STATISTICS."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion, constraints, create_table, row_rules, sequences, table_changes, typenames
from datacave_sql.bind.alter_constraints import add_constraint
from datacave_sql.bind.alteration import NOT_ONLY, Alteration, invalid, wrong_kind
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.create_table import TableDraft
from datacave_sql.bind.names import SYSTEM_COLUMNS
from datacave_sql.bind.operators import builtin
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def add_column(a: Alteration, action: ast.AddColumn, below: bool = False) -> None:
    """ADD COLUMN. A table below that has the column already merges the two."""
    b, definition = a.b, action.column
    _check_addable(a, definition, below)
    known = a.table.columns_by_name.get(definition.name)
    if known is not None and below:
        _merge_added(a, known, definition)
        return
    if known is not None or definition.name in SYSTEM_COLUMNS:
        message = f'column "{definition.name}" of relation "{a.table.name}" already exists'
        if known is None:
            message = f'column name "{definition.name}" conflicts with a system column name'
        elif action.if_not_exists:
            a.notice(f"{message}, skipping", sqlstate.DUPLICATE_COLUMN)
            return
        raise DatacaveError(message, sqlstate=sqlstate.DUPLICATE_COLUMN)
    draft = a.draft()
    draft.names |= a.names
    column = create_table.add_column(b, draft, definition)
    if a.table.row_type_oid and _contains(b, column.type_oid, a.table.row_type_oid):
        raise invalid(f"composite type {a.table.name} cannot be made a member of itself")
    if below:
        column = replace(column, inherit_count=1, is_local=False)
    a.table = replace(a.table, columns=(*a.table.columns, column))
    a.rows.append(l.OutputColumn(b.new_id(), column.name, column.type_oid, column.typmod, a.table.oid, column.number))
    default, generated = None, None
    sequence = draft.sequences[0].sequence if draft.sequences else None
    if sequence is not None:
        a.names.add(sequence.name)
        sequence = replace(sequence, owned_by_table_oid=a.table.oid)
        default = _next_value(b, draft, sequence.name, column)
    elif column.generated:
        expression = next(c for _, c in draft.column_constraints if isinstance(c, ast.GeneratedConstraint)).expression
        generated = _generated(a, column, expression)
    else:
        default = row_rules.default_value(b, a.table, column)
        if isinstance(default, n.Constant) and default.value is None:
            default = None
    a.actions.append(table_changes.AddColumn(column, default, generated, sequence))
    if a.recurses:
        inherited = replace(
            action,
            column=replace(definition, constraints=tuple(c for c in definition.constraints if _is_of_column(c))),
        )
        for child in a.children():
            add_column(child, inherited, True)
    if below:
        return
    for _, constraint in draft.column_constraints:
        if isinstance(constraint, ast.UniqueConstraint | ast.ForeignKeyConstraint):
            add_constraint(a, replace(constraint, columns=(column.name,)))
        elif not isinstance(constraint, ast.GeneratedConstraint):
            add_constraint(a, constraint)


def _contains(b: Binding, type_oid: int, wanted: int) -> bool:
    """Whether values of a type hold values of another, directly or deeper."""
    seen: set[int] = set()
    waiting = [type_oid]
    while waiting:
        one = b.types.base(waiting.pop())
        if one == wanted:
            return True
        if one in seen:
            continue
        seen.add(one)
        element = b.types.element(one)
        if element:
            waiting.append(element)
        waiting += [attribute.type for attribute in b.types.attributes(one)]
    return False


def _is_of_column(constraint: ast.Constraint) -> bool:
    return isinstance(
        constraint, ast.NotNullConstraint | ast.NullConstraint | ast.DefaultConstraint | ast.GeneratedConstraint
    )


def _check_addable(a: Alteration, definition: ast.ColumnDefinition, below: bool) -> None:
    if a.table.of_type_oid:
        raise wrong_kind("cannot add column to typed table")
    if a.table.partition_bound is not None and not below:
        raise wrong_kind("cannot add column to a partition")
    if a.has_children:
        if not a.recurses:
            raise invalid("column must be added to child tables too")
        if any(isinstance(one, ast.IdentityConstraint) for one in definition.constraints):
            raise invalid("cannot recursively add identity column to table that has child tables")


def _merge_added(a: Alteration, known: Column, definition: ast.ColumnDefinition) -> None:
    found, _ = create_table.column_type(a.b, definition)
    if (known.type_oid, known.typmod) != (found.oid, found.typmod):
        raise DatacaveError(
            f'child table "{a.table.name}" has different type for column "{known.name}"',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
        )
    a.notice(f'merging definition of column "{known.name}" for child "{a.table.name}"')
    a.replace_parts((replace(known, inherit_count=known.inherit_count + 1),))


def _next_value(b: Binding, draft: TableDraft, name: str, column: Column) -> n.Expression:
    """nextval of a sequence that is made with the column: it is found by its name when the rows are written."""
    schema = "pg_temp" if draft.persistence == "t" else draft.schema.name
    text = n.Constant(f"{quote_identifier(schema)}.{quote_identifier(name)}", oids.TEXT)
    sequence = n.FunctionCall(builtin("regclass", (oids.TEXT,)), (text,), oids.REGCLASS)
    call = n.FunctionCall(builtin("nextval", (oids.REGCLASS,)), (sequence,), oids.INT8)
    return row_rules.assigned(b, call, column)


def _generated(a: Alteration, column: Column, node: ast.Expression) -> n.Expression:
    constraints.check_generated(a.b, a.table, column, node)
    bound = a.b.expression(node, a.scope("column generation expressions"))
    return row_rules.assigned(a.b, bound, column)


def drop_column(a: Alteration, action: ast.DropColumn, below: bool = False) -> None:
    """DROP COLUMN. Tables below lose the column unless they have it from elsewhere too."""
    if a.table.of_type_oid and not below:
        raise wrong_kind("cannot drop column from typed table")
    column = a.table.columns_by_name.get(action.column)
    if column is None:
        if action.column in SYSTEM_COLUMNS:
            raise DatacaveError(f'cannot drop system column "{action.column}"', sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
        message = f'column "{action.column}" of relation "{a.table.name}" does not exist'
        if action.if_exists:
            a.notice(f"{message}, skipping")
            return
        raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_COLUMN)
    if column.inherit_count and not below:
        raise invalid(f'cannot drop inherited column "{column.name}"')
    if a.in_partition_key(column):
        raise invalid(
            f'cannot drop column "{column.name}" because it is part of the partition key of relation "{a.table.name}"'
        )
    if a.table.kind == "p" and a.has_children and not a.recurses:
        raise invalid("cannot drop column from only the partitioned table when partitions exist", NOT_ONLY)
    for child in a.children():
        theirs = child.table.columns_by_name.get(column.name)
        if theirs is None or not theirs.inherit_count:
            continue
        if not a.recurses:
            child.replace_parts((replace(theirs, inherit_count=theirs.inherit_count - 1, is_local=True),))
        elif theirs.inherit_count == 1 and not theirs.is_local:
            drop_column(child, action, True)
        else:
            child.replace_parts((replace(theirs, inherit_count=theirs.inherit_count - 1),))
    a.actions.append(table_changes.DropColumn(column, action.cascade))
    number = column.number
    a.put_column(replace(column, dropped=True, not_null=False, default=None, generated="", identity=""))
    a.table = replace(
        a.table,
        indexes=tuple(
            index for index in a.table.indexes if number not in (*(k.column for k in index.keys), *index.included)
        ),
        constraints=tuple(c for c in a.table.constraints if number not in c.columns),
    )


def alter_type(a: Alteration, action: ast.AlterColumnType, below: bool = False) -> None:
    """ALTER TYPE. Tables below follow, each computing its own values."""
    if a.table.of_type_oid:
        raise wrong_kind("cannot alter column type of typed table")
    if action.column in SYSTEM_COLUMNS and action.column not in a.table.columns_by_name:
        raise DatacaveError(f'cannot alter system column "{action.column}"', sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    column = a.column(action.column)
    if column.inherit_count and not below:
        raise invalid(f'cannot alter inherited column "{column.name}"')
    if a.in_partition_key(column):
        raise invalid(
            f'cannot alter column "{column.name}" because it is part of the partition key of relation "{a.table.name}"'
        )
    if a.has_children and not a.recurses:
        raise invalid(f'type of inherited column "{column.name}" must be changed in child tables too')
    for child in a.children():
        theirs = child.column(column.name)
        if theirs.inherit_count > 1 and not _all_below(a, child, column.name, theirs.inherit_count):
            raise invalid(f'cannot alter inherited column "{column.name}" of relation "{child.table.name}"')
        if (theirs.type_oid, theirs.typmod) == (column.type_oid, column.typmod):
            alter_type(child, action, True)
    _change_type(a, action, column)


def _all_below(a: Alteration, child: Alteration, name: str, count: int) -> bool:
    """Whether all parents from which a table has a column are changed by the statement too."""
    changed = [oid for oid in child.table.parents if oid in a.known]
    return len([oid for oid in changed if name in a.b.catalog.tables[oid].columns_by_name]) >= count


def _change_type(a: Alteration, action: ast.AlterColumnType, column: Column) -> None:
    b = a.b
    found = typenames.resolve_type(b, action.type_name)
    typenames.require_storable(b, column.name, found.oid, action.position)
    collation = b.types.type(found.oid).collation_oid
    if action.collation is not None:
        collation = resolve_collation(b, action.collation, action.position)
    if column.generated and action.using is not None:
        raise DatacaveError(
            "cannot specify USING when altering type of generated column",
            sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
            detail=f'Column "{column.name}" is a generated column.',
        )
    scope = a.original_scope("transform expressions")
    old: n.Expression = n.ColumnReference(a.rows[column.number - 1].id, column.type_oid, column.typmod, column.name)
    source = old if action.using is None else b.expression(action.using, scope)
    value = coercion.coerce(b, source, found.oid, found.typmod, "a", action.position)
    if value is None:
        written = b.types.name(found.oid)
        if action.using is not None:
            raise DatacaveError(
                f'result of USING clause for column "{column.name}" cannot be cast automatically to type {written}',
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="You might need to add an explicit cast.",
            )
        raise DatacaveError(
            f'column "{column.name}" cannot be cast automatically to type {written}',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            hint=f'You might need to specify "USING {quote_identifier(column.name)}::{written}".',
        )
    user = next((one for one in a.table.live_columns if one.generated and _reads(a, one, column)), None)
    if user is not None and user.number != column.number:
        raise DatacaveError(
            "cannot alter type of a column used by a generated column",
            sqlstate=sqlstate.SYNTAX_ERROR,
            detail=f'Column "{column.name}" is used by generated column "{user.name}".',
        )
    changed = replace(column, type_oid=found.oid, typmod=found.typmod, collation=collation, missing=column.missing)
    _check_default(b, a.table, column, changed)
    constraints.check_retyped(b, a.table, changed)
    if any(isinstance(one, table_changes.AlterColumnType) and one.column.number == column.number for one in a.actions):
        raise DatacaveError(
            f'cannot alter type of column "{column.name}" twice', sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
        )
    a.actions.append(table_changes.AlterColumnType(changed, None if value == old else value))
    a.put_column(changed)
    if column.identity and (sequence := a.sequence_of(column)) is not None:
        retyped = ast.SequenceOption(action.position, "as", action.type_name)
        a.replace_column(
            changed, replace_sequence=sequences.apply_options(b, sequence, (retyped,), False, for_identity=True)[0]
        )
    if value != old:
        _recheck(a, changed)


def _recheck(a: Alteration, column: Column) -> None:
    """The checks over a column with a new type: they must still bind, and hold for the new values."""
    for constraint in a.table.constraints:
        if constraint.kind == "c" and column.number in constraint.columns and constraint.expression is not None:
            scope = a.scope("check constraints")
            schema = row_rules.schema_name(a.b, a.table)
            bound = row_rules.stored_expression(a.b, constraint.expression, scope, schema)
            condition = coercion.to_boolean(a.b, bound, "CHECK")
            if constraint.oid and constraint.validated and a.table.kind != "p":
                a.actions.append(table_changes.ReplaceConstraint(constraint, True, condition))
    for index in a.table.indexes:
        if index.predicate is not None:
            scope = a.scope("index predicates")
            row_rules.stored_expression(a.b, index.predicate, scope, row_rules.schema_name(a.b, a.table))


def _reads(a: Alteration, generated: Column, column: Column) -> bool:
    """Whether a generated column is computed from a column."""
    if generated.default is None:
        return False
    scope = a.scope("column generation expressions")
    bound = row_rules.stored_expression(a.b, generated.default, scope, row_rules.schema_name(a.b, a.table))
    return a.rows[column.number - 1].id in row_rules.columns_of(bound)


def _check_default(b: Binding, table: Table, column: Column, changed: Column) -> None:
    if column.default is None or column.generated:
        return
    try:
        row_rules.default_value(b, table, changed)
    except DatacaveError as error:
        if error.sqlstate != sqlstate.DATATYPE_MISMATCH:
            raise
        raise DatacaveError(
            f'default for column "{column.name}" cannot be cast automatically to type {b.types.name(changed.type_oid)}',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
        ) from None


def set_default(a: Alteration, action: ast.AlterColumnDefault) -> None:
    """SET DEFAULT, DROP DEFAULT."""
    _refuse_system(a, action.column)
    column = a.column(action.column)
    if column.identity:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is an identity column',
            sqlstate=sqlstate.SYNTAX_ERROR,
            hint=None
            if action.expression is not None
            else "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.",
        )
    if column.generated:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is a generated column',
            sqlstate=sqlstate.SYNTAX_ERROR,
            hint=None
            if action.expression is not None
            else "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.",
        )
    text = None
    if action.expression is not None:
        try:
            text = constraints.default_text(a.b, column, action.expression)
        except DatacaveError as error:
            error.position = None
            raise
    a.replace_column(replace(column, default=text))
    if a.recurses:
        for child in a.children():
            set_default(child, action)


def _refuse_system(a: Alteration, name: str) -> None:
    if name in SYSTEM_COLUMNS and name not in a.table.columns_by_name:
        raise DatacaveError(f'cannot alter system column "{name}"', sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


def set_not_null(a: Alteration, action: ast.AlterColumnNotNull, below: bool = False) -> None:
    """SET NOT NULL, DROP NOT NULL."""
    _refuse_system(a, action.column)
    column = a.column(action.column)
    if action.not_null:
        if a.table.kind == "p" and not a.recurses:
            for child in a.children():
                if not child.column(action.column).not_null:
                    raise invalid("constraint must be added to child tables too", NOT_ONLY)
        a.replace_column(replace(column, not_null=True), check_not_null=not column.not_null)
        if a.recurses:
            for child in a.children():
                set_not_null(child, action, True)
        return
    _check_droppable(a, column, below)
    a.replace_column(replace(column, not_null=False))
    if a.recurses:
        for child in a.children():
            set_not_null(child, action, True)


def _check_droppable(a: Alteration, column: Column, below: bool) -> None:
    """Raises where NOT NULL must stay."""
    if a.table.kind == "p" and a.has_children and not a.recurses:
        raise invalid("cannot remove constraint from only the partitioned table when partitions exist", NOT_ONLY)
    if column.identity:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is an identity column',
            sqlstate=sqlstate.SYNTAX_ERROR,
        )
    if column.number in a.table.primary_key:
        raise invalid(f'column "{column.name}" is in a primary key')
    identity = next((one for one in a.table.indexes if one.oid == a.table.replica_index_oid), None)
    if identity is not None and column.number in (key.column for key in identity.keys):
        raise invalid(f'column "{column.name}" is in index used as replica identity')
    if a.table.partition_bound is not None and not below:
        parent = a.b.catalog.tables[a.table.parents[0]]
        if parent.columns_by_name[column.name].not_null:
            raise invalid(f'column "{column.name}" is marked NOT NULL in parent table')


def drop_expression(a: Alteration, action: ast.DropColumnExpression, below: bool = False) -> None:
    """DROP EXPRESSION."""
    column = a.column(action.column)
    if a.has_children and not a.recurses:
        raise invalid("ALTER TABLE / DROP EXPRESSION must be applied to child tables too")
    if column.inherit_count and not below:
        raise invalid("cannot drop generation expression from inherited column")
    if not column.generated:
        message = f'column "{column.name}" of relation "{a.table.name}" is not a stored generated column'
        if action.if_exists:
            a.notice(f"{message}, skipping")
            return
        raise DatacaveError(message, sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE)
    a.replace_column(replace(column, generated="", default=None))
    for child in a.children():
        drop_expression(child, action, True)


def add_identity(a: Alteration, action: ast.AddIdentity) -> None:
    """ADD GENERATED AS IDENTITY."""
    column = a.column(action.column)
    create_table.check_identity_type(column.type_oid)
    if not column.not_null:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" must be declared NOT NULL before identity can be '
            "added",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    if column.identity:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is already an identity column',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    if column.default is not None:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" already has a default value',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    draft = a.draft()
    draft.names |= a.names
    constraint = ast.IdentityConstraint(action.position, always=action.always, options=action.options)
    changed = create_table.add_identity(a.b, draft, column, constraint)
    sequence = replace(draft.sequences[0].sequence, owned_by_table_oid=a.table.oid)
    a.names.add(sequence.name)
    a.replace_column(changed, sequence=sequence)


def set_identity(a: Alteration, action: ast.SetIdentity) -> None:
    """SET GENERATED, SET and RESTART of its sequence."""
    column = a.column(action.column)
    sequence = a.sequence_of(column)
    if column.identity and sequence is None:
        _set_new_identity(a, action, column)
        return
    if not column.identity:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is not an identity column',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    changed, restart = sequences.apply_options(a.b, sequence, action.options, False, for_identity=True)
    identity = column.identity if action.always is None else ("a" if action.always else "d")
    a.replace_column(replace(column, identity=identity), replace_sequence=changed, restart=restart)


def _set_new_identity(a: Alteration, action: ast.SetIdentity, column: Column) -> None:
    """SET of an identity that an earlier action of the same statement makes: that action makes it so at once."""
    place = next(
        place
        for place, one in enumerate(a.actions)
        if isinstance(one, table_changes.AddColumn | table_changes.ReplaceColumn)
        and one.column.number == column.number
        and one.sequence is not None
    )
    maker = a.actions[place]
    assert isinstance(maker, table_changes.AddColumn | table_changes.ReplaceColumn) and maker.sequence is not None
    changed, restart = sequences.apply_options(a.b, maker.sequence, action.options, False, for_identity=True)
    if restart is not None:
        raise DatacaveError(
            "RESTART of an identity that the same statement makes is not supported",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="Use SET START.",
            position=action.position,
        )
    identity = column.identity if action.always is None else ("a" if action.always else "d")
    column = replace(column, identity=identity)
    a.actions[place] = replace(maker, column=replace(maker.column, identity=identity), sequence=changed)
    a.put_column(column)


def drop_identity(a: Alteration, action: ast.DropIdentity) -> None:
    """DROP IDENTITY."""
    column = a.column(action.column)
    if not column.identity:
        message = f'column "{column.name}" of relation "{a.table.name}" is not an identity column'
        if action.if_exists:
            a.notice(f"{message}, skipping")
            return
        raise DatacaveError(message, sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE)
    a.replace_column(replace(column, identity=""), drop_sequence=a.sequence_of(column))


_STORAGES = {"plain": "p", "external": "e", "extended": "x", "main": "m"}
_COMPRESSIONS = {"pglz": "p", "lz4": "l", "default": ""}
STATISTICS_TARGET_MAX = 10000


def storage(a: Alteration, action: ast.AlterColumnStorage) -> None:
    """SET STORAGE, SET COMPRESSION: kept for tools that read them back; the storage engine chooses for itself."""
    if action.kind == "storage":
        mode = _STORAGES.get(action.value.lower())
        if mode is None:
            raise DatacaveError(f'invalid storage type "{action.value}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
        column = a.column(action.column)
        if mode != "p" and a.b.types.type(column.type_oid).length != -1:
            raise DatacaveError(
                f"column data type {a.b.types.name(column.type_oid)} can only have storage PLAIN",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            )
        a.replace_column(replace(column, storage=mode))
    else:
        column = a.column(action.column)
        a.replace_column(replace(column, compression=compression_method(a.b, action.value, column)))
        return
    if a.recurses:
        for child in a.children():
            storage(child, action)


def compression_method(b: Binding, name: str, column: Column) -> str:
    """The letter of a compression method. Raises 22023, 0A000."""
    method = _COMPRESSIONS.get(name.lower())
    if method is None:
        raise DatacaveError(f'invalid compression method "{name}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    if method and b.types.type(column.type_oid).length != -1:
        raise DatacaveError(
            f"column data type {b.types.name(column.type_oid)} does not support compression",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    return method


def statistics(a: Alteration, action: ast.AlterColumnStatistics) -> None:
    """SET STATISTICS."""
    if not isinstance(action.column, str):
        raise DatacaveError("cannot refer to non-index column by number", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    column = a.column(action.column)
    target = action.target
    if target < -1:
        raise DatacaveError(f"statistics target {target} is too low", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    a.replace_column(replace(column, statistics_target=min(target, STATISTICS_TARGET_MAX)))
    if a.recurses:
        for child in a.children():
            statistics(child, action)


def column_options(a: Alteration, action: ast.AlterColumnOptions) -> None:
    """SET (n_distinct = ..), RESET (..)."""
    column = a.column(action.column)
    known = dict(column.options)
    for name, value in create_table.options(action.options):
        if name not in ("n_distinct", "n_distinct_inherited"):
            raise DatacaveError(f'unrecognized parameter "{name}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
        if action.reset:
            known.pop(name, None)
        else:
            known[name] = value
    a.replace_column(replace(column, options=tuple(known.items())))

"""ALTER TABLE: every action bound against the table as the actions before it leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, Sequence, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, constraints, create_table, relations, row_rules, sequences, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.create_table import TableDraft
from datacave_sql.bind.names import Scope
from datacave_sql.bind.objects import role_oid
from datacave_sql.bind.operators import builtin
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

TAGS = {
    "table": "ALTER TABLE",
    "view": "ALTER VIEW",
    "materialized view": "ALTER MATERIALIZED VIEW",
    "sequence": "ALTER SEQUENCE",
    "index": "ALTER INDEX",
    "type": "ALTER TYPE",
    "foreign table": "ALTER FOREIGN TABLE",
}


class Alteration:
    """A table while its ALTER TABLE is bound."""

    def __init__(self, b: Binding, table: Table) -> None:
        self.b = b
        self.table = table
        self.rows = list(row_rules.row_columns(b, table))
        self.actions: list[s.AlterAction] = []
        self.notices: list[tuple[str, str]] = []
        self.names: set[str] = set()

    def column(self, name: str) -> Column:
        """A live column. Raises 42703."""
        found = self.table.columns_by_name.get(name)
        if found is None:
            raise DatacaveError(
                f'column "{name}" of relation "{self.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        return found

    def scope(self, clause: str) -> Scope:
        """The table's columns."""
        return row_rules.row_scope(self.b, self.table, tuple(self.rows), self.table.name, clause)

    def replace_column(self, column: Column, **more: Any) -> None:
        """Notes a changed column as an action."""
        self.actions.append(s.ReplaceColumn(column, **more))
        self.put_column(column)

    def put_column(self, column: Column) -> None:
        columns = tuple(column if known.number == column.number else known for known in self.table.columns)
        self.table = replace(self.table, columns=columns)

    def sequence_of(self, column: Column) -> Any:
        """The sequence behind an identity column."""
        for sequence in self.b.catalog.sequences_owned_by(self.table.oid, column.number):
            if sequence.identity:
                return sequence
        return None

    def draft(self) -> TableDraft:
        """The table as a draft, for the parts of CREATE TABLE."""
        schema = self.b.catalog.schemas[self.table.schema_oid]
        return TableDraft(schema, self.table.name, self.table.persistence, list(self.table.columns))


def bind_alter_table(b: Binding, statement: ast.AlterTable, entries: object) -> s.BoundStatement:
    """ALTER TABLE and its kin. Raises 42P01, 42703, 42809, and 0A000 for actions Datacave has not."""
    if statement.kind == "index":
        return _alter_index(b, statement)
    if statement.kind == "sequence":
        return _alter_sequence(b, statement)
    if statement.kind == "type":
        raise FeatureNotSupported(
            "changing the attributes of a composite type is not supported", hint="Make a new type."
        )
    found = relations.find_relation(b, statement.table.name, statement.table.position)
    tag = TAGS[statement.kind]
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo(tag, ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    if isinstance(found, Sequence) and isinstance(statement.actions[0], ast.OwnerTo):
        return _alter_sequence(b, statement)
    if not isinstance(found, Table):
        raise DatacaveError(f'"{statement.table.name[-1]}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    _check_kind(statement, found)
    alteration = Alteration(b, found)
    for action in statement.actions:
        bind = _ACTIONS.get(type(action))
        if bind is None:
            raise _unsupported(action)
        bind(alteration, action)
    _foreign_keys_last(alteration)
    return s.AlterTable(found, tuple(alteration.actions), tuple(alteration.rows), tuple(alteration.notices), tag)


def _foreign_keys_last(alteration: Alteration) -> None:
    """Foreign keys come after the keys they may refer to."""
    last: list[s.AlterAction] = [
        a for a in alteration.actions if isinstance(a, s.AddConstraint) and a.constraint.kind == "f"
    ]
    alteration.actions = [a for a in alteration.actions if a not in last] + last


def _check_kind(statement: ast.AlterTable, table: Table) -> None:
    wanted = {"table": "r", "view": "v", "materialized view": "m"}.get(statement.kind)
    if wanted is None or (statement.kind != "table" and table.kind != wanted):
        raise DatacaveError(f'"{table.name}" is not a {statement.kind}', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if table.kind != "r":
        for action in statement.actions:
            if not isinstance(action, ast.OwnerTo | ast.SetOptions | ast.AlterColumnDefault):
                what = {"v": "views", "m": "materialized views", "c": "composite types"}[table.kind]
                raise DatacaveError(
                    f'ALTER action cannot be performed on relation "{table.name}"',
                    sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    detail=f"This operation is not supported for {what}.",
                )


def _unsupported(action: ast.AlterAction) -> FeatureNotSupported:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(action).__name__).strip().upper()
    return FeatureNotSupported(f"ALTER TABLE action {words} is not supported", position=action.position)


# --- columns ---------------------------------------------------------------------------------------------------------


def _add_column(a: Alteration, action: ast.AddColumn) -> None:
    b, definition = a.b, action.column
    if definition.name in a.table.columns_by_name:
        message = f'column "{definition.name}" of relation "{a.table.name}" already exists'
        if action.if_not_exists:
            a.notices.append((f"{message}, skipping", sqlstate.DUPLICATE_COLUMN))
            return
        raise DatacaveError(message, sqlstate=sqlstate.DUPLICATE_COLUMN)
    draft = a.draft()
    draft.names |= a.names
    column = create_table.add_column(b, draft, definition)
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
    a.actions.append(s.AddColumn(column, default, generated, sequence))
    for _, constraint in draft.column_constraints:
        if isinstance(constraint, ast.UniqueConstraint | ast.ForeignKeyConstraint):
            _constraint(a, replace(constraint, columns=(column.name,)))
        elif not isinstance(constraint, ast.GeneratedConstraint):
            _constraint(a, constraint)


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


def _drop_column(a: Alteration, action: ast.DropColumn) -> None:
    column = a.table.columns_by_name.get(action.column)
    if column is None:
        message = f'column "{action.column}" of relation "{a.table.name}" does not exist'
        if action.if_exists:
            a.notices.append((f"{message}, skipping", "00000"))
            return
        raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_COLUMN)
    a.actions.append(s.DropColumn(column, action.cascade))
    number = column.number
    a.put_column(replace(column, dropped=True, not_null=False, default=None, generated="", identity=""))
    a.table = replace(
        a.table,
        indexes=tuple(
            index for index in a.table.indexes if number not in (*(k.column for k in index.keys), *index.included)
        ),
        constraints=tuple(c for c in a.table.constraints if number not in c.columns),
    )


def _alter_type(a: Alteration, action: ast.AlterColumnType) -> None:
    b = a.b
    column = a.column(action.column)
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
    scope = a.scope("transform expressions")
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
    changed = replace(column, type_oid=found.oid, typmod=found.typmod, collation=collation, missing=column.missing)
    _check_default(b, a.table, column, changed)
    a.actions.append(s.AlterColumnType(changed, None if value == old else value))
    a.put_column(changed)


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


def _set_default(a: Alteration, action: ast.AlterColumnDefault) -> None:
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


def _set_not_null(a: Alteration, action: ast.AlterColumnNotNull) -> None:
    column = a.column(action.column)
    if action.not_null:
        a.replace_column(replace(column, not_null=True), check_not_null=not column.not_null)
        return
    if column.identity:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is an identity column',
            sqlstate=sqlstate.SYNTAX_ERROR,
        )
    if column.number in a.table.primary_key:
        raise DatacaveError(f'column "{column.name}" is in a primary key', sqlstate=sqlstate.INVALID_TABLE_DEFINITION)
    a.replace_column(replace(column, not_null=False))


def _drop_expression(a: Alteration, action: ast.DropColumnExpression) -> None:
    column = a.column(action.column)
    if not column.generated:
        message = f'column "{column.name}" of relation "{a.table.name}" is not a stored generated column'
        if action.if_exists:
            a.notices.append((f"{message}, skipping", "00000"))
            return
        raise DatacaveError(message, sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE)
    a.replace_column(replace(column, generated="", default=None))


def _add_identity(a: Alteration, action: ast.AddIdentity) -> None:
    column = a.column(action.column)
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


def _set_identity(a: Alteration, action: ast.SetIdentity) -> None:
    column = a.column(action.column)
    sequence = a.sequence_of(column)
    if not column.identity or sequence is None:
        raise DatacaveError(
            f'column "{column.name}" of relation "{a.table.name}" is not an identity column',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    changed, restart = sequences.apply_options(a.b, sequence, action.options, False, for_identity=True)
    if restart is not None:
        raise FeatureNotSupported(
            "RESTART of an identity column is not supported here",
            hint="Use ALTER SEQUENCE ... RESTART on the column's sequence.",
            position=action.position,
        )
    identity = column.identity if action.always is None else ("a" if action.always else "d")
    a.replace_column(replace(column, identity=identity), replace_sequence=changed)


def _drop_identity(a: Alteration, action: ast.DropIdentity) -> None:
    column = a.column(action.column)
    if not column.identity:
        message = f'column "{column.name}" of relation "{a.table.name}" is not an identity column'
        if action.if_exists:
            a.notices.append((f"{message}, skipping", "00000"))
            return
        raise DatacaveError(message, sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE)
    a.replace_column(replace(column, identity=""), drop_sequence=a.sequence_of(column))


def _storage(a: Alteration, action: ast.AlterColumnStorage | ast.AlterColumnStatistics) -> None:
    """Storage hints have no meaning here; the column must exist."""
    if isinstance(action.column, str):
        a.column(action.column)


def _column_options(a: Alteration, action: ast.AlterColumnOptions) -> None:
    a.column(action.column)


# --- constraints -----------------------------------------------------------------------------------------------------


def _constraint(a: Alteration, written: ast.Constraint) -> None:
    b = a.b
    if isinstance(written, ast.NotNullConstraint | ast.NullConstraint):
        return
    made, index = constraints.bind_constraint(b, a.table, written, a.names)
    condition = None
    if isinstance(written, ast.CheckConstraint):
        condition = coercion.to_boolean(b, b.expression(written.expression, a.scope("check constraints")), "CHECK")
    if made.kind == "p" and index is not None:
        for key in index.keys:
            column = a.table.column(key.column)
            if not column.not_null:
                a.put_column(replace(column, not_null=True))
    a.actions.append(s.AddConstraint(made, index, condition))
    indexes = a.table.indexes if index is None else (*a.table.indexes, index)
    a.table = replace(a.table, indexes=indexes, constraints=(*a.table.constraints, made))


def _add_constraint(a: Alteration, action: ast.AddConstraint) -> None:
    _constraint(a, action.constraint)


def _find(a: Alteration, name: str) -> Constraint | None:
    return next((constraint for constraint in a.table.constraints if constraint.name == name), None)


def _missing(a: Alteration, name: str) -> DatacaveError:
    return DatacaveError(
        f'constraint "{name}" of relation "{a.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
    )


def _drop_constraint(a: Alteration, action: ast.DropConstraint) -> None:
    found = _find(a, action.name)
    if found is None:
        if not action.if_exists:
            raise _missing(a, action.name)
        a.notices.append((f"{_missing(a, action.name).message}, skipping", "00000"))
        return
    a.actions.append(s.DropConstraint(found, action.cascade))
    a.table = replace(
        a.table,
        constraints=tuple(c for c in a.table.constraints if c is not found),
        indexes=tuple(i for i in a.table.indexes if not found.index_oid or found.kind == "f"
                      or i.oid != found.index_oid),
    )  # fmt: skip


def _alter_constraint(a: Alteration, action: ast.AlterConstraint) -> None:
    found = _find(a, action.name)
    if found is None:
        raise _missing(a, action.name)
    if found.kind != "f":
        raise DatacaveError(
            f'constraint "{action.name}" of relation "{a.table.name}" is not a foreign key constraint',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    deferrable = bool(action.deferrable or action.initially_deferred)
    a.actions.append(
        s.ReplaceConstraint(replace(found, deferrable=deferrable, initially_deferred=bool(action.initially_deferred)))
    )


def _validate(a: Alteration, action: ast.ValidateConstraint) -> None:
    found = _find(a, action.name)
    if found is None:
        raise _missing(a, action.name)
    if found.kind not in ("c", "f"):
        raise DatacaveError(
            f'constraint "{action.name}" of relation "{a.table.name}" is not a foreign key or check constraint',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    condition = None
    if found.kind == "c" and found.expression is not None:
        scope = a.scope("check constraints")
        e = row_rules.stored_expression(a.b, found.expression, scope, row_rules.schema_name(a.b, a.table))
        condition = coercion.to_boolean(a.b, e, "CHECK")
    a.actions.append(s.ReplaceConstraint(replace(found, validated=True), not found.validated, condition))


# --- the table -------------------------------------------------------------------------------------------------------


def _set_options(a: Alteration, action: ast.SetOptions) -> None:
    known = dict(a.table.options)
    for name, value in create_table.options(action.options):
        if action.reset:
            known.pop(name, None)
        else:
            known[name] = value
    a.actions.append(s.SetTableOptions(tuple(known.items())))
    a.table = replace(a.table, options=tuple(known.items()))


def _owner(a: Alteration, action: ast.OwnerTo) -> None:
    a.actions.append(s.SetOwner(role_oid(a.b, action.role)))


_HARMLESS = frozenset(
    {"set without oids", "set without cluster", "replica identity default", "no force row level security",
     "disable row level security"}
)  # fmt: skip
"""Switches whose wanted state is the only one that Datacave has."""


def _switch(a: Alteration, action: ast.TableSwitch) -> None:
    if action.words in ("set logged", "set unlogged"):
        persistence = "p" if action.words == "set logged" else "u"
        if a.table.persistence == "t":
            raise DatacaveError(
                f'cannot change logged status of table "{a.table.name}" because it is temporary',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
        a.actions.append(s.SetPersistence(persistence))
    elif action.words.endswith("row level security"):
        _switch_row_security(a, action.words)
    elif action.words in _HARMLESS:
        return
    elif action.words in ("enable trigger", "disable trigger") and action.name in ("user", "all"):
        raise FeatureNotSupported(
            "triggers are not supported", hint="Foreign keys cannot be switched off.", position=action.position
        )
    else:
        raise FeatureNotSupported(f"{action.words.upper()} is not supported", position=action.position)


def _switch_row_security(a: Alteration, words: str) -> None:
    verb = words.removesuffix(" row level security")
    if verb in ("enable", "disable"):
        a.actions.append(s.SetRowSecurity(enabled=verb == "enable"))
    else:
        a.actions.append(s.SetRowSecurity(forced=verb == "force"))


def _alter_index(b: Binding, statement: ast.AlterTable) -> s.BoundStatement:
    found = relations.find_index(b, statement.table.name, statement.table.position)
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo("ALTER INDEX", ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    table, index = found
    for action in statement.actions:
        if isinstance(action, ast.SetOptions):
            known = dict(index.options)
            for name, value in create_table.options(action.options):
                if action.reset:
                    known.pop(name, None)
                else:
                    known[name] = value
            index = replace(index, options=tuple(known.items()))
        elif not isinstance(action, ast.AlterColumnStatistics):
            raise _unsupported(action)
    return s.AlterIndex(table, index)


def _alter_sequence(b: Binding, statement: ast.AlterTable) -> s.BoundStatement:
    found = relations.find_relation(b, statement.table.name, statement.table.position)
    if found is None:
        if statement.if_exists:
            notice = f'relation "{statement.table.name[-1]}" does not exist, skipping'
            return s.NothingToDo("ALTER SEQUENCE", ((notice, "00000"),))
        raise relations.undefined_relation(statement.table.name, None)
    if len(statement.actions) == 1 and isinstance(statement.actions[0], ast.OwnerTo):
        return s.ChangeOwner("sequence", found, role_oid(b, statement.actions[0].role), TAGS[statement.kind])
    raise _unsupported(statement.actions[0])


_ACTIONS: dict[type, Callable[[Alteration, Any], None]] = {
    ast.AddColumn: _add_column,
    ast.DropColumn: _drop_column,
    ast.AlterColumnType: _alter_type,
    ast.AlterColumnDefault: _set_default,
    ast.AlterColumnNotNull: _set_not_null,
    ast.DropColumnExpression: _drop_expression,
    ast.AddIdentity: _add_identity,
    ast.SetIdentity: _set_identity,
    ast.DropIdentity: _drop_identity,
    ast.AlterColumnStorage: _storage,
    ast.AlterColumnStatistics: _storage,
    ast.AlterColumnOptions: _column_options,
    ast.AddConstraint: _add_constraint,
    ast.DropConstraint: _drop_constraint,
    ast.AlterConstraint: _alter_constraint,
    ast.ValidateConstraint: _validate,
    ast.SetOptions: _set_options,
    ast.OwnerTo: _owner,
    ast.TableSwitch: _switch,
}

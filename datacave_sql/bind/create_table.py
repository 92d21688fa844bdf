"""CREATE TABLE: columns, types, defaults, constraints, serial and identity columns, LIKE, as a Table without oids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, ExtendedStatistics, Index, PartitionBound, Schema, Table
from datacave_core.catalog import Sequence as SequenceObject
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import (
    constraints,
    descendants,
    inheritance,
    partition_bounds,
    partition_parts,
    partitions,
    relations,
    sequences,
    table_like,
    typenames,
)
from datacave_sql.bind import statements as s
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.names import SYSTEM_COLUMNS
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.sqltext import SqlText, quote_identifier, quote_literal
from datacave_sql.bind.state import Binding
from datacave_sql.bind.storage_parameters import table_parameters
from datacave_sql.bind.table_changes import CheckDefault
from datacave_sql.parse import ast

SERIAL_TYPES = {
    "serial": oids.INT4,
    "serial4": oids.INT4,
    "bigserial": oids.INT8,
    "serial8": oids.INT8,
    "smallserial": oids.INT2,
    "serial2": oids.INT2,
}
COLUMNS_MAX = 1600


@dataclass(slots=True)
class TableDraft:
    """A table in the making. Constraints are bound when all columns are known."""

    schema: Schema
    name: str
    persistence: str = "p"
    columns: list[Column] = field(default_factory=list)
    sequences: list[s.OwnedSequence] = field(default_factory=list)
    column_constraints: list[tuple[Column, ast.Constraint]] = field(default_factory=list)
    table_constraints: list[ast.Constraint] = field(default_factory=list)
    made: list[tuple[Constraint, Index | None]] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    part_comments: list[tuple[str, str, str]] = field(default_factory=list)
    statistics: list[ExtendedStatistics] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    inherited: set[str] = field(default_factory=set)
    """Names of columns that come from a parent and have not been declared here yet."""
    constrained: set[str] = field(default_factory=set)
    conflicting: dict[str, str] = field(default_factory=dict)
    """Columns whose parents disagree about their default, with what they generate."""
    notices: list[str] = field(default_factory=list)
    partition: bool = False
    declared: int = 0
    """How many columns have been written out so far."""
    of_type_oid: int = 0

    def table(self, **changes: Any) -> Table:
        """The table as far as it is known."""
        return Table(0, self.schema.oid, self.name, tuple(self.columns), persistence=self.persistence, **changes)


def bind_create_table(b: Binding, statement: ast.CreateTable, helpers: object) -> s.BoundStatement:
    """The table to make. Raises 42P07, 42701, 42P16, 42704, and 0A000 for what Datacave has not."""
    _refuse(statement)
    if statement.partition_by is not None and statement.inherits:
        raise DatacaveError(
            "cannot create partitioned table as inheritance child", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    temporary = relations.is_temporary(b, statement.name, statement.persistence)
    check_on_commit(statement.on_commit, temporary)
    schema = relations.creation_schema(b, statement.name, statement.position, temporary)
    if schema.name.startswith("pg_temp") and statement.persistence == "unlogged":
        raise DatacaveError(
            "only temporary relations may be created in temporary schemas", sqlstate=sqlstate.INVALID_TABLE_DEFINITION
        )
    if statement.partition_by is not None and any(
        isinstance(one, ast.ExclusionConstraint) for one in statement.elements
    ):
        raise partition_parts.no_exclusion()
    name = statement.name[-1]
    exists = (schema.oid, name) in b.catalog.relation_names
    if exists and statement.if_not_exists:
        notice = f'relation "{name}" already exists, skipping'
        return s.NothingToDo("CREATE TABLE", ((notice, sqlstate.DUPLICATE_TABLE),))
    draft = TableDraft(schema, name, "t" if temporary else "u" if statement.persistence == "unlogged" else "p")
    parents = _parents(b, statement, draft)
    if statement.of_type is not None:
        _typed_columns(b, draft, statement.of_type)
    for element in statement.elements:
        if isinstance(element, ast.ColumnDefinition):
            add_column(b, draft, element)
        elif isinstance(element, ast.LikeClause):
            table_like.copy_like(b, draft, element)
        else:
            draft.table_constraints.append(element)
    if len(draft.columns) > COLUMNS_MAX:
        raise DatacaveError(f"tables can have at most {COLUMNS_MAX} columns", sqlstate=sqlstate.TOO_MANY_COLUMNS)
    inheritance.check_conflicts(draft)
    inheritance.inherited_checks(draft, parents)
    if statement.partition_of is not None:
        partition_parts.copy_parts(b, draft, parents[0])
    if statement.partition_by is not None and statement.options:
        raise DatacaveError(
            "cannot specify storage parameters for a partitioned table",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            hint="Specify storage parameters for its leaf partitions, instead.",
        )
    table = finish(b, draft, table_parameters(statement.options, temporary=temporary))
    table = replace(table, parents=tuple(parent.oid for parent in parents), of_type_oid=draft.of_type_oid)
    check = None
    if statement.bound is not None:
        bound = partition_bounds.bind_bound(b, parents[0], statement.bound)
        partition_bounds.check_bound(b, parents[0], name, bound, statement.bound.position)
        table = replace(table, partition_bound=bound)
        check = _check_default(b, parents[0], bound)
    if statement.partition_by is not None:
        table = replace(table, kind="p", partition_key=partitions.bind_key(b, table, statement.partition_by))
        partition_parts.check_constraints(table)
    if exists:
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    return s.CreateTable(
        table,
        tuple(draft.sequences),
        statement.on_commit,
        tuple(draft.comments),
        tuple(draft.notices),
        check,
        tuple(draft.part_comments),
    )


def _check_default(b: Binding, parent: Table, bound: PartitionBound) -> CheckDefault | None:
    """What must be looked for in the rows of the default partition, if there is one."""
    siblings = partition_bounds.ordered_partitions(b, parent)
    bounds = tuple(one.partition_bound for one in siblings)
    default = next((place for place, one in enumerate(bounds) if one is not None and one.kind == "d"), None)
    if default is None or bound.kind == "d":
        return None
    return descendants.check_default(b, parent, siblings[default], (*bounds, bound), default)


def _parents(b: Binding, statement: ast.CreateTable, draft: TableDraft) -> list[Table]:
    """The tables that the new one inherits from; their columns are put into the draft."""
    if statement.partition_of is not None:
        parents = [partition_parts.find_parent(b, statement.partition_of, statement.position, draft.persistence)]
        draft.partition = True
    else:
        parents = inheritance.find_parents(b, statement.inherits, statement.position, draft.persistence)
    inheritance.inherit_columns(b, draft, parents)
    draft.inherited = {column.name for column in draft.columns}
    return parents


def _typed_columns(b: Binding, draft: TableDraft, name: ast.TypeName) -> None:
    """The columns of a typed table. Raises 42704, 42809."""
    found = typenames.resolve_type(b, name)
    definition = b.catalog.types.get(found.oid)
    if definition is None or definition.kind != "c":
        raise DatacaveError(
            f"type {b.types.name(found.oid)} is not a composite type",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        )
    live = [attribute for attribute in definition.attributes if not attribute.dropped]
    draft.columns += [replace(attribute, number=number) for number, attribute in enumerate(live, 1)]
    draft.of_type_oid = definition.oid


def options(written: Sequence[ast.StorageOption]) -> tuple[tuple[str, str], ...]:
    """Storage options, kept as they are for tools that read them back."""
    return tuple((option.name, option.value if option.value is not None else "true") for option in written)


def _refuse(statement: ast.CreateTable) -> None:
    refused = None
    if statement.access_method not in (None, "heap"):
        raise DatacaveError(
            f'access method "{statement.access_method}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    elif statement.tablespace not in (None, "pg_default"):
        raise DatacaveError(f'tablespace "{statement.tablespace}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    if statement.shard_by:
        refused = "SHARD BY"
    if refused is not None:
        raise FeatureNotSupported(
            f"{refused} is not supported", hint="Make a plain table.", position=statement.position
        )


def check_on_commit(on_commit: str, temporary: bool) -> None:
    """Raises 42P16 for ON COMMIT of a table that stays."""
    if on_commit and not temporary:
        raise DatacaveError(
            "ON COMMIT can only be used on temporary tables", sqlstate=sqlstate.INVALID_TABLE_DEFINITION
        )


def finish(b: Binding, draft: TableDraft, table_options: tuple[tuple[str, str], ...] = ()) -> Table:
    """Binds the constraints; the table is complete but for its oids."""
    for column, constraint in draft.column_constraints:
        constraints.add_column_constraint(b, draft, column, constraint)
    for constraint in draft.table_constraints:
        constraints.add_table_constraint(b, draft, constraint)
    constraints.add_postponed(b, draft)
    primary = [index for _, index in draft.made if index is not None and index.primary]
    rest = [index for _, index in draft.made if index is not None and not index.primary]
    indexes: list[Index] = []
    for index in primary:
        indexes.append(replace(index, index_number=0))
        for key in index.keys:
            column = draft.columns[key.column - 1]
            draft.columns[key.column - 1] = replace(column, not_null=True)
    number = 1
    for index in [*rest, *draft.indexes]:
        indexes.append(replace(index, index_number=number))
        number += 1
    return draft.table(
        indexes=tuple(indexes),
        constraints=tuple(constraint for constraint, _ in draft.made),
        next_index_number=number,
        options=table_options,
        statistics=tuple(draft.statistics),
    )


def name_taken(b: Binding, draft: TableDraft) -> Callable[[str], bool]:
    """Whether a relation name is in use, in the catalog or within the statement."""

    def taken(name: str) -> bool:
        return name in draft.names or name == draft.name or (draft.schema.oid, name) in b.catalog.relation_names

    return taken


def column_type(b: Binding, definition: ast.ColumnDefinition) -> tuple[typenames.NamedType, bool]:
    """(the column's type, whether it is a serial)."""
    name = definition.type_name
    assert name is not None
    serial = SERIAL_TYPES.get(name.names[-1]) if len(name.names) == 1 else None
    if serial is not None and not name.modifiers:
        if name.array_bounds:
            raise FeatureNotSupported("array of serial is not implemented", position=name.position)
        return typenames.NamedType(serial), True
    if name.setof:
        raise DatacaveError(
            f'column "{definition.name}" cannot be declared SETOF',
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            position=name.position,
        )
    found = typenames.resolve_type(b, name)
    typenames.require_storable(b, definition.name, found.oid, name.position)
    return found, False


def add_column(b: Binding, draft: TableDraft, definition: ast.ColumnDefinition) -> Column:
    """A column with its default, identity and NOT NULL; its other constraints wait for `finish`."""
    known = next((one for one in draft.columns if one.name == definition.name and not one.dropped), None)
    if definition.type_name is None:
        return _constrain_column(b, draft, definition, known)
    draft.declared += 1
    if known is not None and known.name not in draft.inherited:
        raise DatacaveError(f'column "{definition.name}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
    if definition.name in SYSTEM_COLUMNS:
        raise DatacaveError(
            f'column name "{definition.name}" conflicts with a system column name',
            sqlstate=sqlstate.DUPLICATE_COLUMN,
        )
    found, serial = column_type(b, definition)
    collation = b.types.type(found.oid).collation_oid
    if definition.collation is not None:
        chosen = resolve_collation(b, definition.collation, definition.position)
        if not collation:
            raise DatacaveError(
                f"collations are not supported by type {b.types.name(found.oid)}",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                position=definition.position,
            )
        collation = chosen
    number = len(draft.columns) + 1 if known is None else known.number
    column = Column(number, definition.name, found.oid, found.typmod, collation=collation)
    if known is None:
        draft.columns.append(column)
    if serial:
        column = _add_serial(b, draft, column)
    column = _settle(b, draft, column, definition)
    if known is not None:
        draft.inherited.discard(known.name)
        defaults = any(isinstance(one, ast.DefaultConstraint) for one in definition.constraints)
        column = inheritance.merge_declared(b, draft, column, defaults or serial)
    draft.columns[column.number - 1] = column
    return column


def _constrain_column(b: Binding, draft: TableDraft, definition: ast.ColumnDefinition, known: Column | None) -> Column:
    """`name WITH OPTIONS constraints` of a typed table or a partition. Raises 42703, 42701."""
    if known is None:
        raise DatacaveError(f'column "{definition.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
    if known.name in draft.constrained:
        raise DatacaveError(f'column "{definition.name}" specified more than once', sqlstate=sqlstate.DUPLICATE_COLUMN)
    draft.constrained.add(known.name)
    column = _settle(b, draft, replace(known, default=None), definition)
    if not any(isinstance(one, ast.DefaultConstraint | ast.GeneratedConstraint) for one in definition.constraints):
        column = replace(column, default=known.default, generated=known.generated)
    elif known.name in draft.inherited:
        _check_redeclared(column, known)
    draft.columns[column.number - 1] = column
    return column


def _check_redeclared(column: Column, known: Column) -> None:
    """Raises 42611 for a partition that generates its column in another way than its parent."""
    if known.generated and not column.generated:
        raise DatacaveError(
            f'column "{column.name}" inherits from generated column but specifies default',
            sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
        )
    if column.generated and not known.generated:
        raise DatacaveError(
            f'child column "{column.name}" specifies generation expression',
            sqlstate=sqlstate.INVALID_COLUMN_DEFINITION,
            hint="A child table column cannot be generated unless its parent column is.",
        )


def _add_serial(b: Binding, draft: TableDraft, column: Column) -> Column:
    sequence = owned_sequence(b, draft, column, (), False)
    schema = "pg_temp" if draft.persistence == "t" else draft.schema.name
    default = f"nextval({quote_literal(_qualified(schema, sequence.name))}::regclass)"
    return replace(column, not_null=True, default=default)


def _qualified(schema: str, name: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(name)}"


def owned_sequence(
    b: Binding, draft: TableDraft, column: Column, written: Sequence[ast.SequenceOption], identity: bool
) -> SequenceObject:
    """The sequence of a serial or identity column, noted in the draft."""
    name = free_name(draft.name, column.name, "seq", name_taken(b, draft))
    kept = []
    for option in written:
        if option.name == "sequence name" and isinstance(option.value, tuple):
            name = option.value[-1]
        elif option.name != "logged":
            kept.append(option)
    draft.names.add(name)
    sequence = sequences.new_sequence(b, draft.schema.oid, name, kept, column.type_oid, for_identity=identity)
    sequence = replace(sequence, identity=identity, owned_by_column=column.number, persistence=draft.persistence)
    draft.sequences.append(s.OwnedSequence(column.number, sequence))
    return sequence


def _settle(b: Binding, draft: TableDraft, column: Column, definition: ast.ColumnDefinition) -> Column:
    """Goes through the column's constraints in order."""
    nullable: bool | None = None if not column.not_null else False
    for constraint in definition.constraints:
        if isinstance(constraint, ast.NotNullConstraint | ast.NullConstraint):
            wanted = isinstance(constraint, ast.NullConstraint)
            if nullable is not None and nullable != wanted:
                raise _twice("conflicting NULL/NOT NULL declarations for column", draft, column, constraint)
            nullable = wanted
            column = replace(column, not_null=not wanted)
        elif isinstance(constraint, ast.DefaultConstraint):
            if column.default is not None and not column.generated:
                raise _twice("multiple default values specified for column", draft, column, constraint)
            _exclusive(column, draft, constraint)
            column = replace(column, default=constraints.default_text(b, column, constraint.expression))
        elif isinstance(constraint, ast.IdentityConstraint):
            column = add_identity(b, draft, column, constraint)
            if nullable:
                raise _twice("conflicting NULL/NOT NULL declarations for column", draft, column, constraint)
            nullable = False
        elif isinstance(constraint, ast.GeneratedConstraint):
            if column.generated:
                raise _twice("multiple generation clauses specified for column", draft, column, constraint)
            _exclusive(column, draft, constraint)
            if column.default is not None:
                raise _twice("both default and generation expression specified for column", draft, column, constraint)
            column = replace(column, generated="s", default=SqlText(routine=b.routine_name)(constraint.expression))
            draft.column_constraints.append((column, constraint))
        else:
            draft.column_constraints.append((column, constraint))
    return column


def _exclusive(column: Column, draft: TableDraft, constraint: ast.Constraint) -> None:
    what = "default" if isinstance(constraint, ast.DefaultConstraint) else "generation expression"
    if column.identity:
        raise _twice(
            f"both {what} and identity specified for column".replace(
                "both generation expression and identity", "both identity and generation expression"
            ).replace("both default and identity", "both default and identity"),
            draft,
            column,
            constraint,
        )
    if column.generated and what == "default":
        raise _twice("both default and generation expression specified for column", draft, column, constraint)


def check_identity_type(type_oid: int) -> None:
    """Raises 22023 for a type that no sequence counts in."""
    if type_oid not in (oids.INT2, oids.INT4, oids.INT8):
        raise DatacaveError(
            "identity column type must be smallint, integer, or bigint", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )


def add_identity(b: Binding, draft: TableDraft, column: Column, constraint: ast.IdentityConstraint) -> Column:
    """The column as an identity column, its sequence noted in the draft."""
    if column.identity:
        raise _twice("multiple identity specifications for column", draft, column, constraint)
    if column.default is not None:
        words = "identity and generation expression" if column.generated else "default and identity"
        raise _twice(f"both {words} specified for column", draft, column, constraint)
    if draft.of_type_oid or draft.partition:
        where = "typed tables" if draft.of_type_oid else "partitions"
        raise FeatureNotSupported(f"identity columns are not supported on {where}")
    check_identity_type(column.type_oid)
    owned_sequence(b, draft, column, constraint.options, True)
    return replace(column, identity="a" if constraint.always else "d", not_null=True)


def _twice(words: str, draft: TableDraft, column: Column, constraint: ast.Constraint) -> DatacaveError:
    return DatacaveError(
        f'{words} "{column.name}" of table "{draft.name}"',
        sqlstate=sqlstate.SYNTAX_ERROR,
        position=constraint.position,
    )

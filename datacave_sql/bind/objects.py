"""Schemas, sequences, types and domains."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, DomainCheck, EnumLabel, Sequence, TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, constraints, relations, sequences, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.create_range import bind_create_range
from datacave_sql.bind.domains import domain_scope
from datacave_sql.bind.indexable import refuse_subquery
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan.logical import OutputColumn

LABEL_BYTES_MAX = 63


def role_oid(b: Binding, name: str) -> int:
    """The oid of a role; CURRENT_USER and its kin too. Raises 42704."""
    if name in ("current_user", "current_role"):
        name = b.environment.current_user
    elif name == "session_user":
        name = b.environment.session_user
    found = b.catalog.role_named(name)
    if found is None:
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found.oid


def bind_create_schema(b: Binding, statement: ast.CreateSchema, entries: object) -> s.BoundStatement:
    owner = role_oid(b, statement.authorization or b.environment.current_user)
    name = statement.name or b.catalog.roles[owner].name
    if name.startswith("pg_"):
        raise DatacaveError(
            f'unacceptable schema name "{name}"',
            sqlstate=sqlstate.RESERVED_NAME,
            detail='The prefix "pg_" is reserved for system schemas.',
        )
    if b.catalog.schema_named(name) is not None:
        if statement.if_not_exists:
            return s.NothingToDo(
                "CREATE SCHEMA", ((f'schema "{name}" already exists, skipping', sqlstate.DUPLICATE_SCHEMA),)
            )
        raise DatacaveError(f'schema "{name}" already exists', sqlstate=sqlstate.DUPLICATE_SCHEMA)
    return s.CreateSchema(name, owner, statement.elements)


# --- sequences -------------------------------------------------------------------------------------------------------


def _owned_by(b: Binding, sequence: Sequence, options: tuple[ast.SequenceOption, ...]) -> Sequence:
    for option in options:
        if option.name != "owned by" or not isinstance(option.value, tuple):
            continue
        if option.value == ("none",):
            return replace(sequence, owned_by_table_oid=0, owned_by_column=0)
        if len(option.value) < 2:
            raise DatacaveError(
                "invalid OWNED BY option",
                sqlstate=sqlstate.SYNTAX_ERROR,
                hint="Specify OWNED BY table.column or OWNED BY NONE.",
            )
        table = relations.require_table(b, option.value[:-1], option.position)
        column = table.columns_by_name.get(option.value[-1])
        if column is None:
            raise DatacaveError(
                f'column "{option.value[-1]}" of relation "{table.name}" does not exist',
                sqlstate=sqlstate.UNDEFINED_COLUMN,
            )
        if table.schema_oid != sequence.schema_oid:
            raise DatacaveError(
                "sequence must be in same schema as table it is linked to",
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            )
        return replace(sequence, owned_by_table_oid=table.oid, owned_by_column=column.number)
    return sequence


def bind_create_sequence(b: Binding, statement: ast.CreateSequence, entries: object) -> s.BoundStatement:
    temporary = relations.is_temporary(b, statement.name, statement.persistence)
    schema = relations.creation_schema(b, statement.name, statement.position, temporary)
    name = statement.name[-1]
    if (schema.oid, name) in b.catalog.relation_names:
        if statement.if_not_exists:
            return s.NothingToDo(
                "CREATE SEQUENCE", ((f'relation "{name}" already exists, skipping', sqlstate.DUPLICATE_TABLE),)
            )
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    sequence = sequences.new_sequence(b, schema.oid, name, statement.options)
    sequence = replace(sequence, persistence="t" if temporary else "u" if statement.persistence == "unlogged" else "p")
    return s.CreateSequence(_owned_by(b, sequence, statement.options))


def require_sequence(b: Binding, name: ast.QualifiedName, position: int) -> Sequence:
    """The sequence of a name. Raises 42P01, 42809."""
    found = relations.find_relation(b, name, position)
    if found is None:
        raise relations.undefined_relation(name, None)
    if not isinstance(found, Sequence):
        raise DatacaveError(f'"{name[-1]}" is not a sequence', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    return found


def bind_alter_sequence(b: Binding, statement: ast.AlterSequence, entries: object) -> s.BoundStatement:
    if statement.if_exists and relations.find_relation(b, statement.name, statement.position) is None:
        notice = f'relation "{statement.name[-1]}" does not exist, skipping'
        return s.NothingToDo("ALTER SEQUENCE", ((notice, "00000"),))
    sequence = require_sequence(b, statement.name, statement.position)
    if sequence.identity and any(option.name == "owned by" for option in statement.options):
        raise FeatureNotSupported("cannot change ownership of identity sequence")
    changed, restart = sequences.apply_options(b, sequence, statement.options, False)
    return s.AlterSequence(_owned_by(b, changed, statement.options), restart)


# --- types -----------------------------------------------------------------------------------------------------------


def _check_label(label: str) -> None:
    if len(label.encode()) > LABEL_BYTES_MAX:
        raise DatacaveError(
            f'invalid enum label "{label}"',
            sqlstate=sqlstate.INVALID_NAME,
            detail=f"Labels must be {LABEL_BYTES_MAX} bytes or less.",
        )


def bind_create_enum(b: Binding, statement: ast.CreateEnumType, entries: object) -> s.BoundStatement:
    schema_oid = relations.type_place(b, statement.name, statement.position)
    for place, label in enumerate(statement.labels):
        _check_label(label)
        if label in statement.labels[:place]:
            raise DatacaveError(
                'duplicate key value violates unique constraint "pg_enum_typid_label_index"',
                sqlstate=sqlstate.UNIQUE_VIOLATION,
            )
    labels = tuple(EnumLabel(0, float(place), label) for place, label in enumerate(statement.labels, 1))
    return s.CreateType(TypeDefinition(0, 0, schema_oid, statement.name[-1], "e", labels=labels))


def require_type(b: Binding, name: ast.QualifiedName, position: int | None = None) -> TypeDefinition:
    """A user's type. Raises 42704, 42809."""
    oid = typenames.find_type_oid(b, name)
    if not oid:
        raise typenames.undefined_type(".".join(name), None)
    found = b.catalog.types.get(oid)
    if found is None:
        raise DatacaveError(f"must be owner of type {b.types.name(oid)}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    return found


def bind_alter_enum(b: Binding, statement: ast.AlterEnumType, entries: object) -> s.BoundStatement:
    """ADD VALUE, RENAME VALUE."""
    definition = require_type(b, statement.name)
    if definition.kind != "e":
        raise DatacaveError(f"{statement.name[-1]} is not an enum", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    labels = sorted(definition.labels, key=lambda label: label.sort_order)
    known = [label.label for label in labels]
    _check_label(statement.new_label)
    if statement.old_label is not None:
        if statement.old_label not in known:
            raise _no_label(statement.old_label)
        if statement.new_label in known:
            raise _label_exists(statement.new_label)
        renamed = tuple(
            replace(label, label=statement.new_label) if label.label == statement.old_label else label
            for label in labels
        )
        return s.AlterType(replace(definition, labels=renamed))
    if statement.new_label in known:
        if statement.if_not_exists:
            notice = f'enum label "{statement.new_label}" already exists, skipping'
            return s.NothingToDo("ALTER TYPE", ((notice, sqlstate.DUPLICATE_OBJECT),))
        raise _label_exists(statement.new_label)
    place = len(labels)
    if statement.neighbour is not None:
        if statement.neighbour not in known:
            raise _no_label(statement.neighbour)
        place = known.index(statement.neighbour) + (1 if statement.after else 0)
    before = labels[place - 1].sort_order if place else None
    after = labels[place].sort_order if place < len(labels) else None
    if before is None:
        order = 1.0 if after is None else after - 1
    else:
        order = before + 1 if after is None else (before + after) / 2
    order = _as_float4(order)
    if order in (before, after):
        # There is no number left between the two: all begin anew, as whole numbers.
        labels = [replace(label, sort_order=float(number)) for number, label in enumerate(labels, 1)]
        labels[place:] = [replace(label, sort_order=label.sort_order + 1) for label in labels[place:]]
        order = float(place + 1)
    labels.insert(place, EnumLabel(0, order, statement.new_label))
    return s.AlterType(replace(definition, labels=tuple(labels)))


def _as_float4(value: float) -> float:
    """The nearest number of single precision, which pg_enum holds."""
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def _no_label(label: str) -> DatacaveError:
    return DatacaveError(f'"{label}" is not an existing enum label', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _label_exists(label: str) -> DatacaveError:
    return DatacaveError(f'enum label "{label}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)


def bind_create_composite(b: Binding, statement: ast.CreateCompositeType, entries: object) -> s.BoundStatement:
    schema_oid = relations.type_place(b, statement.name, statement.position)
    attributes: list[Column] = []
    for number, item in enumerate(statement.attributes, 1):
        if any(known.name == item.name for known in attributes):
            raise DatacaveError(
                f'column "{item.name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_COLUMN,
            )
        found = typenames.resolve_type(b, item.type_name)
        typenames.require_storable(b, item.name, found.oid, item.position)
        collation = resolve_collation(b, item.collation, item.position) if item.collation is not None else 0
        collation = collation or b.types.type(found.oid).collation_oid
        attributes.append(Column(number, item.name, found.oid, found.typmod, collation=collation))
    return s.CreateType(TypeDefinition(0, 0, schema_oid, statement.name[-1], "c", attributes=tuple(attributes)))


# --- domains ---------------------------------------------------------------------------------------------------------


def _condition(b: Binding, definition: TypeDefinition, expression: ast.Expression) -> tuple[n.Expression, OutputColumn]:
    """A CHECK of a domain over a value of its base type, and the column that stands for the value."""
    value = n.ColumnReference(b.new_id(), definition.base_type_oid, definition.typmod, "value")
    scope = domain_scope(value, value.type, value.typmod)
    bound = coercion.to_boolean(b, b.expression(expression, scope), "CHECK")
    refuse_subquery(b, bound, "check constraint")
    return bound, OutputColumn(value.column, "value", value.type, value.typmod, attribute=1)


def _check(b: Binding, definition: TypeDefinition, constraint: ast.CheckConstraint, taken: list[str]) -> DomainCheck:
    _condition(b, definition, constraint.expression)
    name = constraint.name or free_name(definition.name, "", "check", taken.__contains__)
    if name in taken:
        raise DatacaveError(
            f'constraint "{name}" for domain "{definition.name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT
        )
    return DomainCheck(0, name, SqlText(routine=b.routine_name)(constraint.expression), not constraint.not_valid)


def bind_create_domain(b: Binding, statement: ast.CreateDomain, entries: object) -> s.BoundStatement:
    schema_oid = relations.type_place(b, statement.name, statement.position)
    found = typenames.resolve_type(b, statement.type_name)
    if b.types.kind(found.oid) not in ("b", "d", "e", "r", "m", "c"):
        raise DatacaveError(
            f'"{b.types.name(found.oid)}" is not a valid base type for a domain',
            sqlstate=sqlstate.DATATYPE_MISMATCH,
        )
    definition = TypeDefinition(
        0, 0, schema_oid, statement.name[-1], "d", base_type_oid=found.oid, typmod=found.typmod,
        collation=b.types.type(found.oid).collation_oid,
    )  # fmt: skip
    nullable: bool | None = None
    for constraint in statement.constraints:
        if isinstance(constraint, ast.NotNullConstraint | ast.NullConstraint):
            wanted = isinstance(constraint, ast.NullConstraint)
            if nullable is not None and nullable != wanted:
                raise DatacaveError("conflicting NULL/NOT NULL constraints", sqlstate=sqlstate.SYNTAX_ERROR)
            nullable = wanted
            definition = replace(definition, not_null=not wanted)
        elif isinstance(constraint, ast.DefaultConstraint):
            if definition.default is not None:
                raise DatacaveError("multiple default expressions", sqlstate=sqlstate.SYNTAX_ERROR)
            definition = replace(definition, default=_domain_default(b, definition, constraint.expression))
        elif isinstance(constraint, ast.CheckConstraint):
            check = _check(b, definition, constraint, [known.name for known in definition.checks])
            definition = replace(definition, checks=(*definition.checks, check))
        else:
            raise DatacaveError("this kind of constraint is not possible for domains", sqlstate=sqlstate.SYNTAX_ERROR)
    return s.CreateType(definition, "CREATE DOMAIN")


def _domain_default(b: Binding, definition: TypeDefinition, node: ast.Expression) -> str | None:
    column = Column(1, definition.name, definition.base_type_oid, definition.typmod)
    return constraints.default_text(b, column, node)


def bind_alter_domain(b: Binding, statement: ast.AlterDomain, entries: object) -> s.BoundStatement:
    """ALTER DOMAIN."""
    definition = require_type(b, statement.name)
    if definition.kind != "d":
        raise DatacaveError(f"{statement.name[-1]} is not a domain", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    tag = "ALTER DOMAIN"
    action = statement.action
    if action == "set default":
        assert statement.expression is not None
        default = _domain_default(b, definition, statement.expression)
        return s.AlterType(replace(definition, default=default), tag)
    if action == "drop default":
        return s.AlterType(replace(definition, default=None), tag)
    if action in ("set not null", "drop not null"):
        wanted = action == "set not null"
        return s.AlterType(replace(definition, not_null=wanted), tag, wanted and not definition.not_null)
    if action == "add constraint":
        if not isinstance(statement.constraint, ast.CheckConstraint):
            raise FeatureNotSupported("only CHECK constraints can be added to a domain this way")
        check = _check(b, definition, statement.constraint, [known.name for known in definition.checks])
        condition, column = _condition(b, definition, statement.constraint.expression)
        changed = replace(definition, checks=(*definition.checks, check))
        return s.AlterType(changed, tag, check.validated, condition, column)
    found = [check for check in definition.checks if check.name == statement.constraint_name]
    if not found:
        message = f'constraint "{statement.constraint_name}" of domain "{definition.name}" does not exist'
        if statement.if_exists:
            return s.NothingToDo(tag, ((f"{message}, skipping", "00000"),))
        raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_OBJECT)
    if action == "drop constraint":
        kept = tuple(check for check in definition.checks if check not in found)
        return s.AlterType(replace(definition, checks=kept), tag)
    validated = tuple(replace(check, validated=True) if check in found else check for check in definition.checks)
    condition, column = _condition(b, definition, expression_tree(found[0].expression))
    return s.AlterType(replace(definition, checks=validated), tag, not found[0].validated, condition, column)


OBJECTS: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.CreateSchema: bind_create_schema,
    ast.CreateSequence: bind_create_sequence,
    ast.AlterSequence: bind_alter_sequence,
    ast.CreateEnumType: bind_create_enum,
    ast.AlterEnumType: bind_alter_enum,
    ast.CreateCompositeType: bind_create_composite,
    ast.CreateRangeType: bind_create_range,
    ast.CreateDomain: bind_create_domain,
    ast.AlterDomain: bind_alter_domain,
}

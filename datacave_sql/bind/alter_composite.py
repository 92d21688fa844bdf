"""ALTER TYPE .. ADD, DROP, ALTER ATTRIBUTE: attributes of composite types, and of the typed tables made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table, TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_sql.bind import alter_columns, objects, relations, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.alteration import Alteration
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast


def bind_alter_attributes(b: Binding, statement: ast.AlterTable) -> s.BoundStatement:
    """The type as it will be. Raises 42704, 42809, 42701, 42703, 2BP01 for typed tables without CASCADE."""
    if not typenames.find_type_oid(b, statement.table.name):
        raise relations.undefined_relation(statement.table.name, None)
    definition = objects.require_type(b, statement.table.name)
    if definition.kind != "c":
        raise DatacaveError(
            f'"{statement.table.name[-1]}" is not a composite type', sqlstate=sqlstate.WRONG_OBJECT_TYPE
        )
    typed = typed_tables(b, definition)
    # What a typed table may not do by itself it does with its type.
    changes = [(table, Alteration(b, replace(table, of_type_oid=0))) for table in typed]
    notices: list[tuple[str, str]] = []
    for action in statement.actions:
        cascade = isinstance(action, ast.AddColumn | ast.DropColumn | ast.AlterColumnType) and action.cascade
        if not cascade:
            refuse_typed_tables(definition, typed)
        if isinstance(action, ast.AddColumn):
            definition = _add(b, definition, action)
            for _, change in changes:
                alter_columns.add_column(change, action)
        elif isinstance(action, ast.DropColumn):
            definition = _drop(definition, action, notices)
            for _, change in changes:
                alter_columns.drop_column(change, action)
        elif isinstance(action, ast.AlterColumnType):
            definition = _retype(b, definition, action)
            for _, change in changes:
                alter_columns.alter_type(change, action)
    followers = tuple(change.statement("ALTER TYPE", table) for table, change in changes)
    return s.AlterType(definition, notices=tuple(notices), typed_tables=followers)


def typed_tables(b: Binding, definition: TypeDefinition) -> list[Table]:
    """The tables OF a composite type."""
    return [table for table in b.catalog.tables_needing(definition.oid) if table.of_type_oid == definition.oid]


def refuse_typed_tables(definition: TypeDefinition, typed: Sequence[Table]) -> None:
    """Raises 2BP01 for a change of a type without CASCADE that has tables of it."""
    if typed:
        raise DatacaveError(
            f'cannot alter type "{definition.name}" because it is the type of a typed table',
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            hint="Use ALTER ... CASCADE to alter the typed tables too.",
        )


def _find(definition: TypeDefinition, name: str) -> Column | None:
    return next((one for one in definition.attributes if one.name == name and not one.dropped), None)


def _attribute(
    b: Binding, number: int, name: str, written: ast.TypeName, collation: ast.QualifiedName | None
) -> Column:
    found = typenames.resolve_type(b, written)
    typenames.require_storable(b, name, found.oid, written.position)
    chosen = b.types.type(found.oid).collation_oid
    if collation is not None:
        chosen = resolve_collation(b, collation, written.position)
    return Column(number, name, found.oid, found.typmod, collation=chosen)


def _add(b: Binding, definition: TypeDefinition, action: ast.AddColumn) -> TypeDefinition:
    name = action.column.name
    if _find(definition, name) is not None:
        raise DatacaveError(
            f'column "{name}" of relation "{definition.name}" already exists', sqlstate=sqlstate.DUPLICATE_COLUMN
        )
    assert action.column.type_name is not None
    number = len(definition.attributes) + 1
    made = _attribute(b, number, name, action.column.type_name, action.column.collation)
    return replace(definition, attributes=(*definition.attributes, made))


def _required(definition: TypeDefinition, name: str) -> Column:
    found = _find(definition, name)
    if found is None:
        raise DatacaveError(
            f'column "{name}" of relation "{definition.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
        )
    return found


def _drop(definition: TypeDefinition, action: ast.DropColumn, notices: list[tuple[str, str]]) -> TypeDefinition:
    if action.if_exists and _find(definition, action.column) is None:
        message = f'column "{action.column}" of relation "{definition.name}" does not exist, skipping'
        notices.append((message, sqlstate.SUCCESSFUL_COMPLETION))
        return definition
    gone = _required(definition, action.column)
    name = f"........pg.dropped.{gone.number}........"
    return _with(definition, replace(gone, name=name, dropped=True))


def _retype(b: Binding, definition: TypeDefinition, action: ast.AlterColumnType) -> TypeDefinition:
    old = _required(definition, action.column)
    return _with(definition, _attribute(b, old.number, old.name, action.type_name, action.collation))


def _with(definition: TypeDefinition, attribute: Column) -> TypeDefinition:
    return replace(
        definition,
        attributes=tuple(attribute if one.number == attribute.number else one for one in definition.attributes),
    )

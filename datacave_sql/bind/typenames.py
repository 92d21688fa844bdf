"""Types by name: a TypeName of the syntax tree becomes an oid and a typmod."""

from __future__ import annotations

from typing import NamedTuple

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids, type_by_name
from datacave_core.types.typmod import encode_typmod
from datacave_sql.bind import relations
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.systemtypes import system_type_named


class NamedType(NamedTuple):
    """A type and its modifier (-1: none)."""

    oid: int
    typmod: int = -1


def undefined_type(name: str, position: int | None) -> DatacaveError:
    """42704."""
    return DatacaveError(f'type "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT, position=position)


def resolve_type(b: Binding, name: ast.TypeName) -> NamedType:
    """The type that a name means. Raises 42704, 22023 and 42601 for modifiers, 0A000 for types Datacave has not."""
    if name.percent_type:
        found = _column_type(b, name)
    else:
        found = NamedType(_type_oid(b, name.names, name.position))
    oid, typmod = found
    if name.modifiers:
        typmod = _typmod(b, oid, name)
    elif oid in (oids.BPCHAR, oids.BIT) and name.names[0] == "pg_catalog" and len(name.names) == 2:
        typmod = found.typmod
    if name.array_bounds:
        if b.types.element(oid):
            return NamedType(oid, typmod)
        array = b.types.array(oid)
        if not array:
            raise DatacaveError(
                f"could not find array type for data type {b.types.name(oid)}",
                sqlstate=sqlstate.UNDEFINED_OBJECT,
                position=name.position,
            )
        oid = array
    return NamedType(oid, typmod)


def find_type_oid(b: Binding, names: ast.QualifiedName) -> int:
    """The oid of a type by name, 0 if there is none."""
    named, name = relations.split_relation_name(b, names[-2:], 0)
    schemas = relations.search_schemas(b) if named is None else (named,)
    for schema in schemas:
        if schema in ("pg_catalog", "information_schema"):
            known = type_by_name(name) if schema == "pg_catalog" else None
            system = known.oid if known is not None else system_type_named(schema, name)
            if system:
                return system
        found = b.catalog.schema_named(schema)
        if found is not None:
            oid = b.catalog.type_oid_named(found.oid, name)
            if oid is not None:
                return oid
    return 0


def _type_oid(b: Binding, names: ast.QualifiedName, position: int) -> int:
    oid = find_type_oid(b, names)
    if oid:
        return oid
    if len(names) > 1 and names[-2] != "pg_catalog":
        relations.require_schema(b, names[-2], position)
    raise undefined_type(".".join(names if names[0] != "pg_catalog" else names[1:]), position)


def _column_type(b: Binding, name: ast.TypeName) -> NamedType:
    table = relations.find_relation(b, name.names[:-1], name.position)
    if not isinstance(table, Table):
        raise relations.undefined_relation(name.names[:-1], name.position)
    column = table.columns_by_name.get(name.names[-1])
    if column is None:
        raise DatacaveError(
            f'column "{name.names[-1]}" of relation "{table.name}" does not exist',
            sqlstate=sqlstate.UNDEFINED_COLUMN,
            position=name.position,
        )
    return NamedType(column.type_oid, column.typmod)


def _typmod(b: Binding, oid: int, name: ast.TypeName) -> int:
    numbers = []
    for modifier in name.modifiers:
        if not isinstance(modifier, ast.IntegerLiteral):
            raise DatacaveError(
                "type modifiers must be simple constants or identifiers",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=modifier.position,
            )
        numbers.append(modifier.value)
    try:
        return encode_typmod(oid, numbers)
    except DatacaveError as error:
        if error.sqlstate == sqlstate.SYNTAX_ERROR:
            error.message = f'type modifier is not allowed for type "{b.types.name(oid)}"'
            error.args = (error.message,)
        raise error.at(name.position) from None


def require_storable(b: Binding, column: str, oid: int, position: int | None) -> None:
    """Raises 42P16 for pseudo-types as columns, 0A000 for types without values here."""
    kind = b.types.kind(oid)
    if kind == "p":
        raise DatacaveError(
            f'column "{column}" has pseudo-type {b.types.name(oid)}',
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            position=position,
        )
    try:
        b.types.io(oid)
    except FeatureNotSupported as error:
        raise error.at(position) from None

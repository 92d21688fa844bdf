"""The reg* types as text: names of tables, types, functions and roles in place of their oids, and back."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import FormatSettings, TypeIO, oids
from datacave_core.types.registered import REGISTERED_IO
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.factfiles import ARGUMENTS, NAME, operator_rows, proc_row, proc_rows_named
from datacave_sql.functions.identifiers import quote_identifier
from datacave_sql.functions.typelookup import TypeLookup

REGISTERED = frozenset(
    {
        oids.REGPROC, oids.REGPROCEDURE, oids.REGOPER, oids.REGOPERATOR, oids.REGCLASS, oids.REGTYPE, oids.REGROLE,
        oids.REGNAMESPACE, oids.REGCONFIG, oids.REGDICTIONARY, oids.REGCOLLATION,
    }
)  # fmt: skip


def registered_text(type_oid: int, value: int, context: EvaluationContext) -> str:
    """The name behind an oid as the reg* type prints it; the number where there is nothing behind it."""
    if value == 0:
        return "-"
    return _name(type_oid, value, context) or str(value)


def _name(type_oid: int, value: int, context: EvaluationContext) -> str | None:
    catalog = context.catalog
    if type_oid == oids.REGTYPE:
        return context.types.name(value) if context.types.find(value) is not None else None
    if type_oid == oids.REGCLASS:
        relation = catalog.relation_name(value)
        if relation is None:
            return None
        schema, name = relation
        if catalog.relation_is_visible(value):
            return quote_identifier(name)
        return f"{quote_identifier(schema)}.{quote_identifier(name)}"
    if type_oid == oids.REGNAMESPACE:
        schema_name = catalog.schema_name(value)
        return None if schema_name is None else quote_identifier(schema_name)
    if type_oid == oids.REGROLE:
        role = catalog.role_name(value)
        return None if role is None else quote_identifier(role)
    if type_oid in (oids.REGPROC, oids.REGPROCEDURE):
        with_arguments = type_oid == oids.REGPROCEDURE
        found = _function_name(value, context.types, with_arguments=with_arguments)
        return found if found is not None else catalog.function_name(value, with_arguments)
    if type_oid in (oids.REGOPER, oids.REGOPERATOR):
        return _operator_name(value, context.types, with_arguments=type_oid == oids.REGOPERATOR)
    return None


def _function_name(oid: int, types: TypeLookup, *, with_arguments: bool) -> str | None:
    try:
        row = proc_row(oid)
    except KeyError:
        return None
    name = quote_identifier(row[NAME])
    if with_arguments:
        return f"{name}({','.join(types.name(int(argument)) for argument in row[ARGUMENTS].split())})"
    return name if len(proc_rows_named(row[NAME])) == 1 else f"pg_catalog.{name}"


def _operator_name(oid: int, types: TypeLookup, *, with_arguments: bool) -> str | None:
    row = operator_rows().get(oid)
    if row is None:
        return None
    name, left, right = row[1], int(row[3]), int(row[4])
    if with_arguments:
        return f"{name}({types.name(left) if left else 'NONE'},{types.name(right)})"
    unique = sum(1 for other in operator_rows().values() if other[1] == name) == 1
    return name if unique else f"pg_catalog.{name}"


def registered_value(type_oid: int, text: str, context: EvaluationContext) -> int:
    """The oid behind a name; raises 42P01, 42704, 42883 or 3F000 where there is none."""
    if text == "-":
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    catalog = context.catalog
    if type_oid == oids.REGCLASS:
        return _found(catalog.relation_oid(text), f'relation "{text}" does not exist', sqlstate.UNDEFINED_TABLE)
    if type_oid == oids.REGTYPE:
        return _found(catalog.type_oid(text), f'type "{text}" does not exist', sqlstate.UNDEFINED_OBJECT)
    if type_oid == oids.REGNAMESPACE:
        return _found(catalog.schema_oid(text), f'schema "{text}" does not exist', sqlstate.INVALID_SCHEMA_NAME)
    if type_oid == oids.REGROLE:
        return _found(catalog.role_oid(text), f'role "{text}" does not exist', sqlstate.UNDEFINED_OBJECT)
    if type_oid == oids.REGPROCEDURE and (known := catalog.function_oid(text)) is not None:
        return known
    if type_oid == oids.REGPROC:
        if (made := catalog.function_oid(text)) is not None:
            return made
        candidates = proc_rows_named(text.removeprefix("pg_catalog."))
        if len(candidates) > 1:
            raise DatacaveError(f'more than one function named "{text}"', sqlstate=sqlstate.AMBIGUOUS_FUNCTION)
        oid = int(candidates[0][0]) if candidates else None
        return _found(oid, f'function "{text}" does not exist', sqlstate.UNDEFINED_FUNCTION)
    raise FeatureNotSupported(f'"{text}" cannot be looked up', hint="Give the object's oid.")


def registered_io(type_oid: int, context: EvaluationContext) -> TypeIO:
    """Input and output of a reg* type by the catalog of a session."""

    def read(text: str, typmod: int, settings: FormatSettings) -> int:
        return registered_value(type_oid, text, context)

    def write(value: int, settings: FormatSettings) -> str:
        return registered_text(type_oid, value, context)

    return replace(REGISTERED_IO, input=read, output=write, text_encoder=None, text_decoder=None)


def _found(oid: int | None, message: str, state: str) -> int:
    if oid is None:
        raise DatacaveError(message, sqlstate=state)
    return oid

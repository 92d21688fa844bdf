"""The reg* types as text: names of tables, types, functions and roles in place of their oids, and back."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.functions import registry
from datacave_sql.functions.context import EvaluationContext
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
        return _function_name(value, context.types, with_arguments=type_oid == oids.REGPROCEDURE)
    if type_oid in (oids.REGOPER, oids.REGOPERATOR):
        return _operator_name(value, context.types, with_arguments=type_oid == oids.REGOPERATOR)
    return None


def _function_name(oid: int, types: TypeLookup, *, with_arguments: bool) -> str | None:
    try:
        function = registry.function(oid)
    except KeyError:
        return None
    name = quote_identifier(function.name)
    if with_arguments:
        return f"{name}({','.join(types.name(argument) for argument in function.argument_types)})"
    return name if len(registry.functions_named(function.name)) == 1 else f"pg_catalog.{name}"


def _operator_name(oid: int, types: TypeLookup, *, with_arguments: bool) -> str | None:
    try:
        operator = registry.operator(oid)
    except KeyError:
        return None
    if with_arguments:
        left = types.name(operator.left) if operator.left else "NONE"
        return f"{operator.name}({left},{types.name(operator.right)})"
    unique = len(registry.operators_named(operator.name)) == 1
    return operator.name if unique else f"pg_catalog.{operator.name}"


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
    if type_oid == oids.REGPROC:
        candidates = registry.functions_named(text.removeprefix("pg_catalog."))
        if len(candidates) > 1:
            raise DatacaveError(f'more than one function named "{text}"', sqlstate=sqlstate.AMBIGUOUS_FUNCTION)
        oid = candidates[0].oid if candidates else None
        return _found(oid, f'function "{text}" does not exist', sqlstate.UNDEFINED_FUNCTION)
    raise FeatureNotSupported(f'"{text}" cannot be looked up', hint="Give the object's oid.")


def _found(oid: int | None, message: str, state: str) -> int:
    if oid is None:
        raise DatacaveError(message, sqlstate=state)
    return oid

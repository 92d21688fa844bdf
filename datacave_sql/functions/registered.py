"""The reg* types as text: names of tables, types, functions and roles in place of their oids, and back."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import FormatSettings, TypeIO, find_type, format_type, oids
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

_NAMED_CLASSES = {oids.REGCONFIG: 3602, oids.REGDICTIONARY: 3600}
"""The system tables of what these types name."""


def registered_text(type_oid: int, value: int, context: EvaluationContext) -> str:
    """The name behind an oid as the reg* type prints it; the number where there is nothing behind it."""
    if value == 0:
        return "-"
    return _name(type_oid, value, context) or str(value)


def _name(type_oid: int, value: int, context: EvaluationContext) -> str | None:
    catalog = context.catalog
    if type_oid == oids.REGTYPE:
        if find_type(value) is not None:
            return format_type(value)
        kind = context.types.find(value)
        if kind is None:
            return None
        place = catalog.type_schema(kind.element_oid if kind.is_array else value)
        return format_type(value, None, context.types.find, schema=place)
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
    class_oid = _NAMED_CLASSES.get(type_oid)
    if class_oid is not None:
        named = catalog.named_object_name(class_oid, value)
        if named is None:
            return None
        schema, name = named
        if catalog.named_object_is_visible(class_oid, value):
            return quote_identifier(name)
        return f"{quote_identifier(schema)}.{quote_identifier(name)}"
    if type_oid in (oids.REGPROC, oids.REGPROCEDURE):
        with_arguments = type_oid == oids.REGPROCEDURE
        found = _function_name(value, context.types, with_arguments=with_arguments)
        return found if found is not None else catalog.function_name(value, with_arguments)
    if type_oid in (oids.REGOPER, oids.REGOPERATOR):
        return _operator_name(value, context.types, with_arguments=type_oid == oids.REGOPERATOR)
    if type_oid == oids.REGCOLLATION:
        collation = catalog.collation_name(value)
        return None if collation is None else quote_identifier(collation)
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
    """The oid behind a name; raises 42P01, 42704, 42725, 42883 or 3F000 where there is none."""
    if text == "-" and type_oid not in (oids.REGOPER, oids.REGOPERATOR):
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    found = find_registered(type_oid, text, context)
    if found is None:
        raise _missing(type_oid, text, context)
    return found


def find_registered(type_oid: int, text: str, context: EvaluationContext) -> int | None:
    """The oid behind a name, or None. Raises 42725 for a name that several have, 42602, 22P02 for what is no name."""
    catalog = context.catalog
    if type_oid == oids.REGCLASS:
        return catalog.relation_oid(text)
    if type_oid == oids.REGTYPE:
        return catalog.type_oid(text)
    if type_oid == oids.REGNAMESPACE:
        return catalog.schema_oid(text)
    if type_oid == oids.REGROLE:
        return catalog.role_oid(text)
    if type_oid == oids.REGCOLLATION:
        *schema, name = catalog.name_parts(text)
        return catalog.collation_oid(name) if schema in ([], ["pg_catalog"]) else None
    if type_oid == oids.REGPROC:
        if (made := catalog.function_oid(text)) is not None:
            return made
        *schema, name = catalog.name_parts(text)
        candidates = proc_rows_named(name) if schema in ([], ["pg_catalog"]) else []
        return _only([int(row[0]) for row in candidates], "function", text)
    if type_oid == oids.REGPROCEDURE:
        head, types = _signature(text, context)
        if (made := catalog.function_oid(text)) is not None:
            return made
        *schema, name = catalog.name_parts(head)
        for row in proc_rows_named(name) if schema in ([], ["pg_catalog"]) else []:
            if tuple(map(int, row[ARGUMENTS].split())) == types:
                return int(row[0])
        return None
    if type_oid in (oids.REGOPER, oids.REGOPERATOR):
        return _operator(type_oid, text, context)
    if type_oid in _NAMED_CLASSES:
        return catalog.named_object(_NAMED_CLASSES[type_oid], text)
    raise FeatureNotSupported(f'"{text}" cannot be looked up', hint="Give the object's oid.")


def _signature(text: str, context: EvaluationContext) -> tuple[str, tuple[int, ...]]:
    """The name and the argument types (0 for NONE) of `name(type, ..)`. Raises 22P02, 42704."""
    head, opened, tail = text.partition("(")
    tail = tail.rstrip()
    if not opened or not tail.endswith(")"):
        word = "left" if not opened else "right"
        raise DatacaveError(f"expected a {word} parenthesis", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)
    types = []
    inside = tail[:-1].strip()
    for written in inside.split(",") if inside else ():
        one = written.strip()
        found = 0 if one.lower() == "none" else context.catalog.type_oid(one)
        if found is None:
            raise DatacaveError(f'type "{one}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        types.append(found)
    return head.strip(), tuple(types)


def _operator(type_oid: int, text: str, context: EvaluationContext) -> int | None:
    head, types = (text.strip(), None) if type_oid == oids.REGOPER else _signature(text, context)
    schema, dot, name = head.rpartition(".")
    wanted = None
    if types is not None:
        if len(types) != 2:
            message = "missing argument" if len(types) < 2 else "too many arguments"
            raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_PARAMETER if len(types) < 2 else "54023",
                                hint="Provide two argument types for operator.")  # fmt: skip
        wanted = (types[0], types[1])
    found = context.catalog.operator_oids(schema if dot else None, name, wanted)
    if schema in ("", "pg_catalog"):
        found += [
            oid
            for oid, row in operator_rows().items()
            if row[1] == name and wanted in (None, (int(row[3]), int(row[4])))
        ]
    return _only(found, "operator", text)


def _only(found: list[int], what: str, text: str) -> int | None:
    if len(found) > 1:
        quoted = f'"{text}"' if what == "function" else text
        raise DatacaveError(f"more than one {what} named {quoted}", sqlstate=sqlstate.AMBIGUOUS_FUNCTION)
    return found[0] if found else None


_MISSING = {
    oids.REGCLASS: ('relation "{}" does not exist', sqlstate.UNDEFINED_TABLE),
    oids.REGTYPE: ('type "{}" does not exist', sqlstate.UNDEFINED_OBJECT),
    oids.REGNAMESPACE: ('schema "{}" does not exist', sqlstate.INVALID_SCHEMA_NAME),
    oids.REGROLE: ('role "{}" does not exist', sqlstate.UNDEFINED_OBJECT),
    oids.REGCOLLATION: ('collation "{}" for encoding "UTF8" does not exist', sqlstate.UNDEFINED_OBJECT),
    oids.REGPROC: ('function "{}" does not exist', sqlstate.UNDEFINED_FUNCTION),
    oids.REGPROCEDURE: ('function "{}" does not exist', sqlstate.UNDEFINED_FUNCTION),
    oids.REGCONFIG: ('text search configuration "{}" does not exist', sqlstate.UNDEFINED_OBJECT),
    oids.REGDICTIONARY: ('text search dictionary "{}" does not exist', sqlstate.UNDEFINED_OBJECT),
    oids.REGOPER: ("operator does not exist: {}", sqlstate.UNDEFINED_FUNCTION),
    oids.REGOPERATOR: ("operator does not exist: {}", sqlstate.UNDEFINED_FUNCTION),
}


def _missing(type_oid: int, text: str, context: EvaluationContext) -> DatacaveError:
    """The error of a name that nothing has: of its schema, where that is what is missing."""
    schema = ""
    if type_oid == oids.REGOPER:
        schema = text.strip().rpartition(".")[0]
    elif type_oid not in (oids.REGTYPE, oids.REGNAMESPACE, oids.REGROLE, oids.REGOPERATOR):
        parts = context.catalog.name_parts(text.partition("(")[0].strip())
        schema = parts[-2] if len(parts) > 1 else ""
    if schema not in ("", "pg_temp") and context.catalog.schema_oid(quote_identifier(schema)) is None:
        return DatacaveError(f'schema "{schema}" does not exist', sqlstate=sqlstate.INVALID_SCHEMA_NAME)
    message, state = _MISSING[type_oid]
    return DatacaveError(message.format(text), sqlstate=state)


def registered_io(type_oid: int, context: EvaluationContext) -> TypeIO:
    """Input and output of a reg* type by the catalog of a session."""

    def read(text: str, typmod: int, settings: FormatSettings) -> int:
        return registered_value(type_oid, text, context)

    def write(value: int, settings: FormatSettings) -> str:
        return registered_text(type_oid, value, context)

    return replace(REGISTERED_IO, input=read, output=write, text_encoder=None, text_decoder=None)

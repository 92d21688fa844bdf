"""Constants of the reg* types: names of objects in string literals, looked up in the catalog at bind time."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import FIRST_USER_OID
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import relations, typenames
from datacave_sql.bind.named_objects import named_oid
from datacave_sql.bind.routine_resolution import routines_of
from datacave_sql.bind.state import Binding
from datacave_sql.functions import registry
from datacave_sql.parse import parse_type


def split_name(text: str, position: int) -> tuple[str, ...]:
    """The parts of a possibly quoted, dotted name. Raises 42602."""
    parts: list[str] = []
    index, length = 0, len(text)
    bad = DatacaveError("invalid name syntax", sqlstate=sqlstate.INVALID_NAME, position=position)
    while True:
        while index < length and text[index].isspace():
            index += 1
        if index < length and text[index] == '"':
            part, index = "", index + 1
            while True:
                end = text.find('"', index)
                if end < 0:
                    raise bad
                part += text[index:end]
                index = end + 1
                if index < length and text[index] == '"':
                    part += '"'
                    index += 1
                    continue
                break
            parts.append(part)
        else:
            start = index
            while index < length and (text[index].isalnum() or text[index] in "_$"):
                index += 1
            if index == start:
                raise bad
            parts.append(text[start:index].lower())
        while index < length and text[index].isspace():
            index += 1
        if index == length:
            return tuple(parts)
        if text[index] != ".":
            raise bad
        index += 1


def registered_constant(b: Binding, text: str, type_oid: int, position: int) -> int:
    """The oid of the object that `text` names. Raises 42P01, 42704, 42883 and their kin."""
    stripped = text.strip()
    if stripped == "-":
        return 0
    if stripped.isascii() and stripped.isdigit():
        return int(stripped)
    if type_oid == oids.REGTYPE:
        try:
            return typenames.resolve_type(b, parse_type(text)).oid
        except DatacaveError as error:
            error.position = position
            raise
    if type_oid in (oids.REGPROCEDURE, oids.REGOPERATOR):
        return _with_arguments(b, text, type_oid, position)
    if type_oid == oids.REGOPER:
        schema, _, operator = stripped.rpartition(".")
        _check_schema(b, schema, position)
        found = registry.operators_named(operator)
        return _single(found, f"operator does not exist: {text}", "more than one operator named " + text, position)
    name = split_name(text, position)
    if len(name) > 1:
        if type_oid in (oids.REGNAMESPACE, oids.REGROLE):
            raise DatacaveError("invalid name syntax", sqlstate=sqlstate.INVALID_NAME, position=position)
        _check_schema(b, name[-2], position)
    if type_oid == oids.REGCLASS:
        virtual = b.environment.virtual_relations
        if virtual is not None and (len(name) == 1 or name[-2] == "pg_catalog"):
            index = virtual.index_oid(name[-1])
            if index is not None:
                return index
        return relations.relation_oid(b, name, position)
    if type_oid == oids.REGPROC:
        functions = (
            *(registry.functions_named(name[-1]) if len(name) == 1 or name[-2] == "pg_catalog" else ()),
            *routines_of(b, name),
        )
        return _single(
            functions, f'function "{text}" does not exist', f'more than one function named "{text}"', position
        )
    return _by_name(b, name, type_oid, position)


def _check_schema(b: Binding, schema: str, position: int) -> None:
    """Raises 3F000 for the name of a schema that does not exist."""
    if (
        schema
        and b.catalog.schema_named(schema) is None
        and schema not in ("pg_catalog", "information_schema", "pg_temp")
    ):
        raise DatacaveError(
            f'schema "{schema}" does not exist', sqlstate=sqlstate.INVALID_SCHEMA_NAME, position=position
        )


def _single(found: tuple[object, ...], missing: str, several: str, position: int) -> int:
    if len(found) == 1:
        oid: int = found[0].oid  # type: ignore[attr-defined]
        return oid
    code = sqlstate.AMBIGUOUS_FUNCTION if found else sqlstate.UNDEFINED_FUNCTION
    raise DatacaveError(several if found else missing, sqlstate=code, position=position)


def _with_arguments(b: Binding, text: str, type_oid: int, position: int) -> int:
    head, _, tail = text.partition("(")
    words = [word.strip() for word in tail.rstrip().removesuffix(")").split(",")] if tail.strip() != ")" else []
    given = tuple(0 if word.lower() == "none" else typenames.resolve_type(b, parse_type(word)).oid for word in words)
    schema, _, name = head.strip().rpartition(".")
    if type_oid == oids.REGPROCEDURE:
        _check_schema(b, schema, position)
    if type_oid == oids.REGPROCEDURE:
        for function in registry.functions_named(name.lower()):
            if function.argument_types == given:
                return function.oid
        for routine in routines_of(b, split_name(head.strip(), position)):
            if routine.input_types == given:
                return routine.oid
        what = "function"
    else:
        for operator in registry.operators_named(name) if schema in ("", "pg_catalog") else ():
            if (operator.left, operator.right) == given:
                return operator.oid
        what = "operator"
    raise DatacaveError(
        f'{what} "{text}" does not exist' if what == "function" else f"operator does not exist: {text}",
        sqlstate=sqlstate.UNDEFINED_FUNCTION,
        position=position,
    )


def _by_name(b: Binding, written: tuple[str, ...], type_oid: int, position: int) -> int:
    catalog, name = b.catalog, written[-1]
    if type_oid == oids.REGNAMESPACE:
        schema = catalog.schema_named(name)
        if schema is not None:
            return schema.oid
        raise DatacaveError(f'schema "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA, position=position)
    if type_oid == oids.REGROLE:
        role = catalog.role_named(name)
        if role is not None:
            return role.oid
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT, position=position)
    if type_oid in (oids.REGCONFIG, oids.REGDICTIONARY):
        kind = "text search configuration" if type_oid == oids.REGCONFIG else "text search dictionary"
        oid = named_oid(b, kind, written, position)
        if oid >= FIRST_USER_OID:
            b.dependencies.add(oid)
        return oid
    collations = {"default": 100, "C": 950, "POSIX": 951}
    if name in collations:
        return collations[name]
    raise DatacaveError(
        f'collation "{name}" for encoding "UTF8" does not exist',
        sqlstate=sqlstate.UNDEFINED_OBJECT,
        position=position,
    )

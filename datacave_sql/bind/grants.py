"""GRANT, REVOKE and ALTER DEFAULT PRIVILEGES: objects by name, privileges as the letters of aclitem."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import ADMIN_ROLE_OID, ALL_PRIVILEGES, Grant, Index, Sequence, Table, TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations, renames, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_privileges import AlterDefaultPrivileges, GrantPrivileges, SystemObject
from datacave_sql.bind.environment import VirtualRelation
from datacave_sql.bind.objects import role_oid
from datacave_sql.bind.routine_resolution import routines_of
from datacave_sql.bind.routines import find_routine
from datacave_sql.bind.state import Binding
from datacave_sql.functions.registry import functions_named
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.facts import fixed_rows, relation_shapes

LETTERS = {
    "insert": "a", "select": "r", "update": "w", "delete": "d", "truncate": "D", "references": "x", "trigger": "t",
    "execute": "X", "usage": "U", "create": "C", "connect": "c", "temporary": "T", "temp": "T", "set": "s",
    "alter system": "A", "rule": "",
}  # fmt: skip
_KINDS = {
    "table": "table", "tables": "table", "sequence": "sequence", "sequences": "sequence", "database": "database",
    "schema": "schema", "schemas": "schema", "type": "type", "types": "type", "domain": "type",
    "function": "function", "functions": "function", "procedure": "function", "procedures": "function",
    "routine": "function", "routines": "function", "language": "language",
}  # fmt: skip
"""Kinds as written, and the kinds of the lists of privileges."""
_RELATION_CLASS, _FUNCTION_CLASS, _LANGUAGE_CLASS, _TYPE_CLASS = 1259, 1255, 2612, 1247


def bind_grant(b: Binding, statement: ast.Grant, entries: object) -> s.BoundStatement:
    """GRANT or REVOKE. Raises 0LP01 for privileges that a kind of object has not, 42704, 42P01."""
    kind = _kind(statement.kind)
    targets = _targets(b, statement, kind)
    grantees = _grantees(b, statement)
    letters = ""
    columns: list[tuple[str, tuple[str, ...]]] = []
    for privilege in statement.privileges:
        if privilege.columns:
            if kind != "table":
                raise _invalid("column privileges are only valid for relations")
            _check_columns(targets, privilege)
            for letter in _letters(privilege, "column", "column"):
                columns.append((letter, privilege.columns))
        else:
            for letter in _letters(privilege, kind, _described(statement.kind), targets):
                if letter not in letters:
                    letters += letter
    if not statement.privileges:
        letters = ALL_PRIVILEGES[kind]
    granted_by = role_oid(b, statement.granted_by) if statement.granted_by is not None else None
    return GrantPrivileges(
        statement.revoke,
        kind,
        targets,
        letters,
        tuple(columns),
        grantees,
        statement.grant_option,
        statement.cascade,
        granted_by,
        not statement.privileges,
    )


def bind_default_privileges(b: Binding, statement: ast.AlterDefaultPrivileges, entries: object) -> s.BoundStatement:
    """ALTER DEFAULT PRIVILEGES. Raises 0LP01, 42704, 3F000, and 42501 for roles that the user is not a member of."""
    grant = statement.grant
    kind = _kind(grant.kind)
    if kind == "schema" and statement.schemas:
        raise _invalid("cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS")
    letters = ""
    for privilege in grant.privileges:
        if privilege.columns:
            raise _invalid("default privileges cannot be set for columns")
        letters += "".join(one for one in _letters(privilege, kind, _described(grant.kind)) if one not in letters)
    roles = tuple(role_oid(b, name) for name in statement.roles or (b.environment.current_user,))
    schemas = tuple(relations.require_schema(b, name).oid for name in statement.schemas) or (0,)
    return AlterDefaultPrivileges(
        roles,
        schemas,
        kind,
        grant.revoke,
        letters or ("" if grant.privileges else ALL_PRIVILEGES[kind]),
        _grantees(b, grant),
        grant.grant_option,
        grant.cascade,
    )


def _invalid(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_GRANT_OPERATION)


def _kind(written: str) -> str:
    kind = _KINDS.get(written)
    if kind is None:
        raise FeatureNotSupported(
            f"privileges on a {written} are not supported",
            hint="There are privileges on databases, schemas, tables, columns, sequences, functions, types, languages.",
        )
    return kind


def _described(written: str) -> str:
    return "relation" if written in ("table", "tables") else written.removesuffix("s")


def _grantees(b: Binding, statement: ast.Grant) -> tuple[int, ...]:
    found = tuple(0 if name == "public" else role_oid(b, name) for name in statement.grantees)
    if statement.grant_option and not statement.revoke and 0 in found:
        raise _invalid("grant options can only be granted to roles")
    return found


def _letters(privilege: ast.Privilege, kind: str, described: str, targets: Several[Any] = ()) -> str:
    if privilege.name == "all":
        return ALL_PRIVILEGES[kind]
    letter = LETTERS.get(privilege.name)
    if letter is None:
        raise DatacaveError(f'unrecognized privilege type "{privilege.name}"', sqlstate=sqlstate.SYNTAX_ERROR)
    allowed = ALL_PRIVILEGES[kind]
    if kind == "table" and any(isinstance(target, Sequence) for target in targets):
        allowed += "U"
    if letter not in allowed:
        raise _invalid(f"invalid privilege type {privilege.name.upper()} for {described}")
    return letter


def _check_columns(targets: tuple[Any, ...], privilege: ast.Privilege) -> None:
    for table in targets:
        for name in privilege.columns:
            if not isinstance(table, Table) or name not in table.columns_by_name:
                raise DatacaveError(
                    f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
                )


def _targets(b: Binding, statement: ast.Grant, kind: str) -> tuple[Any, ...]:
    if statement.all_in_schema:
        return _all_in_schemas(b, statement, kind)
    if kind in ("table", "sequence"):
        return tuple(_relation(b, kind, name, statement.position) for name in statement.names)
    if kind == "type":
        return tuple(_type(b, statement.kind, name) for name in statement.names)
    if kind == "function":
        return tuple(_function(b, statement.kind, signature) for signature in statement.signatures)
    if kind == "language":
        return tuple(_language(b, name[-1]) for name in statement.names)
    return tuple(renames.find_object(b, kind, name, statement.position) for name in statement.names)


def _all_in_schemas(b: Binding, statement: ast.Grant, kind: str) -> tuple[Any, ...]:
    found: list[Any] = []
    for name in statement.names:
        schema = relations.require_schema(b, name[-1])
        if kind == "sequence":
            found += [item for item in b.catalog.sequences.values() if item.schema_oid == schema.oid]
        elif kind == "table":
            found += [item for item in b.catalog.tables.values() if item.schema_oid == schema.oid and item.kind != "c"]
        elif kind == "function":
            kinds = {"functions": "fa", "procedures": "p"}.get(statement.kind, "fap")
            routines = [item for item in b.catalog.routines.values() if item.schema_oid == schema.oid]
            found += [item for item in routines if item.kind in kinds]
    return tuple(found)


def _relation(b: Binding, kind: str, name: ast.QualifiedName, position: int) -> Any:
    found = relations.find_relation(b, name, position)
    if found is None:
        index: tuple[Table, Index] | None = relations.find_index(b, name, position)
        if index is not None:
            raise DatacaveError(f'"{name[-1]}" is an index', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        raise relations.undefined_relation(name, None)
    if isinstance(found, Table) and found.kind == "c":
        raise DatacaveError(f'"{name[-1]}" is a composite type', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if kind == "sequence" and not isinstance(found, Sequence):
        raise DatacaveError(f'"{name[-1]}" is not a sequence', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if isinstance(found, Table | Sequence):
        return found
    return _system_relation(b, found, name[-1])


def _system_object(b: Binding, class_oid: int, oid: int, name: str, described: str) -> SystemObject:
    given = b.catalog.system_privileges.get((class_oid, oid))
    return SystemObject(class_oid, oid, name, described, given.privileges if given is not None else ())


def _system_relation(b: Binding, relation: VirtualRelation, name: str) -> SystemObject:
    shape = relation_shapes().get(relation.oid)
    public = (shape.public_privileges or "") if shape is not None else ""
    found = _system_object(b, _RELATION_CLASS, relation.oid, name, "table")
    if found.privileges or not public:
        return found
    initial = (Grant(ADMIN_ROLE_OID, ADMIN_ROLE_OID, ALL_PRIVILEGES["table"]), Grant(0, ADMIN_ROLE_OID, public))
    return SystemObject(_RELATION_CLASS, relation.oid, name, "table", initial)


def _type(b: Binding, written: str, name: ast.QualifiedName) -> Any:
    oid = typenames.find_type_oid(b, name)
    definition: TypeDefinition | None = b.catalog.types.get(oid)
    facts = b.types.type(oid)
    if written == "domain" and facts.kind != "d":
        raise DatacaveError(f'"{name[-1]}" is not a domain', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if definition is not None:
        return definition
    if oid in b.catalog.array_types or facts.is_array:
        raise DatacaveError(
            "cannot set privileges of array types",
            sqlstate=sqlstate.INVALID_GRANT_OPERATION,
            hint="Set the privileges of the element type instead.",
        )
    table = b.catalog.table_of_row_type(oid)
    if table is not None:
        raise FeatureNotSupported(
            f'privileges on the row type of "{table.name}" are not supported', hint="Grant them on the table."
        )
    return _system_object(b, _TYPE_CLASS, oid, name[-1], "type")


def _function(b: Binding, written: str, signature: ast.RoutineSignature) -> Any:
    name = signature.name[-1]
    own = routines_of(b, signature.name)
    if own:
        # The privileges of aggregates are those of functions.
        aggregates = [one for one in own if one.kind == "a"] if written == "function" else []
        return find_routine(b, "aggregate" if len(aggregates) == len(own) else written, signature)
    schema = signature.name[-2] if len(signature.name) > 1 else "pg_catalog"
    found = functions_named(name) if schema == "pg_catalog" else ()
    if signature.arguments is None:
        if len(found) > 1:
            raise DatacaveError(
                f'{written} name "{".".join(signature.name)}" is not unique',
                sqlstate=sqlstate.AMBIGUOUS_FUNCTION,
                hint=f"Specify the argument list to select the {written} unambiguously.",
            )
        if not found:
            raise DatacaveError(
                f'could not find a {written} named "{".".join(signature.name)}"', sqlstate=sqlstate.UNDEFINED_FUNCTION
            )
        return _system_object(b, _FUNCTION_CLASS, found[0].oid, name, "function")
    wanted = tuple(typenames.resolve_type(b, argument).oid for argument in signature.arguments)
    for one in found:
        if one.argument_types == wanted:
            return _system_object(b, _FUNCTION_CLASS, one.oid, name, "function")
    shown = ", ".join(b.types.name(oid) for oid in wanted)
    raise DatacaveError(
        f"{written} {'.'.join(signature.name)}({shown}) does not exist", sqlstate=sqlstate.UNDEFINED_FUNCTION
    )


def _language(b: Binding, name: str) -> SystemObject:
    for row in fixed_rows("pg_language"):
        if row[1] == name and name != "plpgsql":
            if not row[4]:
                raise DatacaveError(
                    f'language "{name}" is not trusted',
                    sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    detail="GRANT and REVOKE are not allowed on untrusted languages, because only superusers can use"
                    " untrusted languages.",
                )
            return _system_object(b, _LANGUAGE_CLASS, row[0], name, "language")
    raise DatacaveError(f'language "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)

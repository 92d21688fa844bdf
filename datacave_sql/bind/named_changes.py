"""Renaming, moving, giving away, COMMENT and DROP of text search objects, operator classes, families, conversions."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind import objects, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.named_objects import check_free, find_oid, method_oid, missing, named_oid, require_own
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.named_objects import KINDS, named_definition


def _tag(kind: str) -> str:
    return f"ALTER {kind.upper()}"


def bind_rename(b: Binding, statement: ast.Rename) -> s.BoundStatement:
    """RENAME TO. Raises 42710."""
    found = require_own(b, statement.kind, statement.name, statement.method)
    check_free(b, replace(found, name=statement.new_name))
    return s.RenameObject(statement.kind, found, statement.new_name, None, _tag(statement.kind))


def bind_set_schema(b: Binding, statement: ast.SetSchema) -> s.BoundStatement:
    """SET SCHEMA. Raises 42710."""
    found = require_own(b, statement.kind, statement.name, statement.method)
    schema = relations.require_schema(b, statement.schema)
    check_free(b, replace(found, schema_oid=schema.oid))
    return s.SetObjectSchema(statement.kind, found, schema, _tag(statement.kind))


def bind_owner(b: Binding, statement: ast.ChangeOwner) -> s.BoundStatement:
    """OWNER TO."""
    found = require_own(b, statement.kind, statement.name, statement.method)
    return s.ChangeOwner(statement.kind, found, objects.role_oid(b, statement.role), _tag(statement.kind))


def bind_comment(b: Binding, statement: ast.Comment) -> s.BoundStatement:
    """COMMENT ON."""
    oid = named_oid(b, statement.kind, statement.name, None, statement.method)
    return s.CommentOn(KINDS[statement.kind], oid, 0, statement.text)


def bind_drop(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP. Raises 42704, 2BP01 for what is there from the beginning."""
    kind = statement.kind
    if statement.method:
        method_oid(b, statement.method)
    found: list[s.DroppedObject] = []
    notices: list[tuple[str, str]] = []
    for name in statement.names:
        oid = find_oid(b, kind, name, statement.method)
        if oid is None:
            error = missing(b, kind, name, statement.method)
            if not statement.if_exists:
                raise error
            notices.append((f"{error.message}, skipping", "00000"))
            continue
        definition = named_definition(b.catalog, KINDS[kind], oid)
        if definition is None:
            raise DatacaveError(
                f"cannot drop {kind} {name[-1]} because it is required by the database system",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            )
        if definition not in found:
            found.append(definition)
    return s.DropObjects(kind, tuple(found), statement.cascade, tuple(notices))

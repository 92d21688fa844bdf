"""ALTER .. RENAME TO, SET SCHEMA, OWNER TO, for every kind of object, and COMMENT ON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, DomainCheck, Routine, Sequence, Table, TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import extended_statistics, named_changes, objects, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.alter_composite import refuse_typed_tables, typed_tables
from datacave_sql.bind.alter_operator import comment_on_cast, comment_on_operator
from datacave_sql.bind.policies import rename_policy
from datacave_sql.bind.routines import find_routine
from datacave_sql.bind.rules import rename_rule, require_rule
from datacave_sql.bind.state import Binding
from datacave_sql.bind.triggers import rename_trigger, require_trigger
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.internal_triggers import constraint_of_trigger
from datacave_sql.pgcatalog.named_objects import KINDS

_RELATION_KINDS = ("table", "view", "materialized view", "sequence", "foreign table")
CLASS_OIDS = {
    "relation": 1259,
    "schema": 2615,
    "type": 1247,
    "constraint": 2606,
    "role": 1260,
    "database": 1262,
    "routine": 1255,
    "extension": 3079,
    "policy": 3256,
    "statistics object": 3381,
    "rule": 2618,
    "trigger": 2620,
}
"""Oids of the system tables that COMMENT names objects by."""


def _tag(kind: str) -> str:
    return f"ALTER {kind.upper()}"


def find_object(
    b: Binding, kind: str, name: ast.QualifiedName, position: int, signature: ast.RoutineSignature | None = None
) -> Any:
    """The object of a kind by name. Raises 42P01, 42704, 3F000, 42809, 0A000 for kinds Datacave has not."""
    if signature is not None:
        return find_routine(b, kind, signature)
    if kind in _RELATION_KINDS:
        return _relation(b, kind, name, position)
    if kind == "index":
        index = relations.find_index(b, name, position)
        if index is None:
            raise relations.undefined_relation(name, None)
        return index
    if kind == "schema":
        return relations.require_schema(b, name[-1])
    if kind in ("type", "domain"):
        definition = objects.require_type(b, name)
        if kind == "domain" and definition.kind != "d":
            raise DatacaveError(f"{name[-1]} is not a domain", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
        return definition
    if kind in ("role", "user", "group"):
        role = b.catalog.role_named(name[-1])
        if role is None:
            raise DatacaveError(f'role "{name[-1]}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        return role
    if kind == "database":
        database = b.catalog.database_named(name[-1])
        if database is None:
            raise DatacaveError(f'database "{name[-1]}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
        return database
    if kind == "extension":
        if name[-1] not in b.catalog.extension_names:
            raise DatacaveError(f'extension "{name[-1]}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        return b.catalog.extensions[b.catalog.extension_names[name[-1]]]
    raise FeatureNotSupported(f"{kind} objects are not supported", position=position)


def _relation(b: Binding, kind: str, name: ast.QualifiedName, position: int) -> Any:
    found = relations.find_relation(b, name, position)
    if found is None:
        # ALTER TABLE takes the name of an index too.
        index = relations.find_index(b, name, position)
        if index is not None and kind == "table":
            return index
        raise relations.undefined_relation(name, None)
    if kind == "table":
        return found
    wanted = {"view": "v", "materialized view": "m"}.get(kind)
    fits = isinstance(found, Sequence) if kind == "sequence" else isinstance(found, Table) and found.kind == wanted
    if not fits:
        raise DatacaveError(f'"{name[-1]}" is not a {kind}', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    return found


def _exists(b: Binding, kind: str, name: ast.QualifiedName, position: int) -> bool:
    try:
        find_object(b, kind, name, position)
    except DatacaveError as error:
        if error.sqlstate in (sqlstate.UNDEFINED_TABLE, sqlstate.UNDEFINED_OBJECT, sqlstate.UNDEFINED_SCHEMA):
            return False
        raise
    return True


def bind_rename(b: Binding, statement: ast.Rename, entries: object) -> s.BoundStatement:
    """RENAME TO. Raises 42P07, 42701, 42710 for names in use."""
    kind = statement.kind
    if kind == "policy":
        return rename_policy(b, statement)
    if kind == "rule":
        return rename_rule(b, statement)
    if kind == "trigger":
        return rename_trigger(b, statement)
    if kind == "statistics object":
        return extended_statistics.rename_statistics(b, statement)
    if kind in KINDS:
        return named_changes.bind_rename(b, statement)
    if statement.if_exists and not _exists(b, kind, statement.name, statement.position):
        notice = f'relation "{statement.name[-1]}" does not exist, skipping'
        return s.NothingToDo(_tag(kind), ((notice, "00000"),))
    # ALTER INDEX takes the name of another relation too.
    named = "table" if kind == "index" and relations.find_index(b, statement.name, statement.position) is None else kind
    target = find_object(b, named, statement.name, statement.position, statement.signature)
    if statement.member is not None:
        return _rename_member(b, statement, target)
    _check_free(b, target, statement.new_name)
    return s.RenameObject(kind, target, statement.new_name, None, _tag(kind))


def _check_free(b: Binding, target: Any, name: str) -> None:
    table = target[0] if isinstance(target, tuple) else target
    if isinstance(table, Table | Sequence) and (table.schema_oid, name) in b.catalog.relation_names:
        raise DatacaveError(f'relation "{name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    known = b.catalog.type_oid_named(table.schema_oid, name) if isinstance(table, TypeDefinition) else None
    if known is not None and known not in b.catalog.array_types:
        raise DatacaveError(f'type "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
    if isinstance(table, Routine):
        _check_routine_free(b, table, table.schema_oid, name)


def _check_routine_free(b: Binding, routine: Routine, schema_oid: int, name: str) -> None:
    if b.catalog.routine_names.get((schema_oid, name, routine.input_types)) not in (None, routine.oid):
        types = ", ".join(b.types.name(oid) for oid in routine.input_types)
        schema = b.catalog.schemas[schema_oid].name
        raise DatacaveError(
            f'function {name}({types}) already exists in schema "{schema}"', sqlstate=sqlstate.DUPLICATE_FUNCTION
        )


def _rename_member(b: Binding, statement: ast.Rename, target: Any) -> s.BoundStatement:
    name = statement.member
    member: Column | Constraint | DomainCheck | None = None
    if isinstance(target, Table) and target.of_type_oid and statement.member_kind == "column":
        raise DatacaveError("cannot rename column of typed table", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if statement.member_kind in ("column", "attribute"):
        columns = target.attributes if isinstance(target, TypeDefinition) else getattr(target, "live_columns", ())
        what = "column" if statement.member_kind == "column" else "attribute"
        member = next((column for column in columns if column.name == name), None)
        if member is None:
            raise DatacaveError(f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
        if any(column.name == statement.new_name for column in columns):
            raise DatacaveError(
                f'{what} "{statement.new_name}" of relation "{target.name}" already exists',
                sqlstate=sqlstate.DUPLICATE_COLUMN,
            )
    elif statement.member_kind == "constraint" and isinstance(target, Table):
        member = next((constraint for constraint in target.constraints if constraint.name == name), None)
        if member is None:
            raise DatacaveError(
                f'constraint "{name}" for table "{target.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        if any(constraint.name == statement.new_name for constraint in target.constraints):
            raise DatacaveError(
                f'constraint "{statement.new_name}" for relation "{target.name}" already exists',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
            )
    elif statement.member_kind == "constraint" and isinstance(target, TypeDefinition) and name is not None:
        member = _domain_check(target, name)
        if any(check.name == statement.new_name for check in target.checks):
            raise DatacaveError(
                f'constraint "{statement.new_name}" for domain "{target.name}" already exists',
                sqlstate=sqlstate.DUPLICATE_OBJECT,
            )
    else:
        raise FeatureNotSupported(f"renaming a {statement.member_kind} is not supported", position=statement.position)
    below: tuple[Table, ...] = ()
    if isinstance(target, Table) and not isinstance(member, DomainCheck):
        below = _below(b, statement, target, member)
    elif isinstance(target, TypeDefinition) and isinstance(member, Column):
        typed = typed_tables(b, target)
        if not statement.cascade:
            refuse_typed_tables(target, typed)
        below = tuple(dict.fromkeys(one for table in typed for one in (table, *b.catalog.descendants_of(table.oid))))
    return s.RenameObject(statement.kind, target, statement.new_name, member, _tag(statement.kind), below)


def _domain_check(definition: TypeDefinition, name: str) -> DomainCheck:
    """A constraint of a domain. Raises 42704."""
    for check in definition.checks:
        if check.name == name:
            return check
    raise DatacaveError(
        f'constraint "{name}" for domain {definition.name} does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
    )


def _below(b: Binding, statement: ast.Rename, table: Table, member: Column | Constraint) -> tuple[Table, ...]:
    """The tables that follow. Raises 42P16 where the name has to be changed elsewhere, or there too."""
    what = "column" if isinstance(member, Column) else "constraint"
    followers = isinstance(member, Column) or (member.kind == "c" and not member.no_inherit)
    children = b.catalog.descendants_of(table.oid) if followers else []
    if children and statement.only:
        raise DatacaveError(
            f'inherited {what} "{member.name}" must be renamed in child tables too',
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
        )
    if member.inherit_count:
        raise DatacaveError(
            f'cannot rename inherited {what} "{member.name}"', sqlstate=sqlstate.INVALID_TABLE_DEFINITION
        )
    oids = {table.oid, *(child.oid for child in children)}
    for child in children:
        members = child.live_columns if isinstance(member, Column) else child.constraints
        theirs = next((one for one in members if one.name == member.name), None)
        if theirs is not None and theirs.inherit_count > sum(oid in oids for oid in child.parents):
            raise DatacaveError(
                f'cannot rename inherited {what} "{member.name}"', sqlstate=sqlstate.INVALID_TABLE_DEFINITION
            )
    return tuple(children)


def bind_set_schema(b: Binding, statement: ast.SetSchema, entries: object) -> s.BoundStatement:
    """SET SCHEMA."""
    kind = statement.kind
    if kind == "statistics object":
        return extended_statistics.move_statistics(b, statement)
    if kind in KINDS:
        return named_changes.bind_set_schema(b, statement)
    if statement.if_exists and not _exists(b, kind, statement.name, statement.position):
        notice = f'relation "{statement.name[-1]}" does not exist, skipping'
        return s.NothingToDo(_tag(kind), ((notice, "00000"),))
    target = find_object(b, kind, statement.name, statement.position, statement.signature)
    schema = relations.require_schema(b, statement.schema)
    if isinstance(target, Sequence) and target.owned_by_table_oid:
        owner = b.catalog.tables[target.owned_by_table_oid]
        raise FeatureNotSupported(
            "cannot move an owned sequence into another schema",
            detail=f'Sequence "{target.name}" is linked to table "{owner.name}".',
        )
    if (
        isinstance(target, Table | Sequence)
        and target.schema_oid != schema.oid
        and (schema.oid, target.name) in b.catalog.relation_names
    ):
        raise DatacaveError(
            f'relation "{target.name}" already exists in schema "{schema.name}"',
            sqlstate=sqlstate.DUPLICATE_TABLE,
        )
    if isinstance(target, Routine):
        _check_routine_free(b, target, schema.oid, target.name)
    return s.SetObjectSchema(kind, target, schema, _tag(kind))


def bind_owner(b: Binding, statement: ast.ChangeOwner, entries: object) -> s.BoundStatement:
    """OWNER TO."""
    if statement.kind == "statistics object":
        return extended_statistics.own_statistics(b, statement)
    if statement.kind in KINDS:
        return named_changes.bind_owner(b, statement)
    target = find_object(b, statement.kind, statement.name, statement.position, statement.signature)
    return s.ChangeOwner(statement.kind, target, objects.role_oid(b, statement.role), _tag(statement.kind))


def bind_comment(b: Binding, statement: ast.Comment, entries: object) -> s.BoundStatement:
    """COMMENT ON."""
    kind, name = statement.kind, statement.name
    if kind in KINDS:
        return named_changes.bind_comment(b, statement)
    if kind == "operator":
        return comment_on_operator(b, statement)
    if kind == "cast":
        return comment_on_cast(b, statement)
    if kind == "column":
        relation = relations.require_table(b, name[:-1], statement.position)
        column = relation.columns_by_name.get(name[-1])
        if column is None:
            raise DatacaveError(
                f'column "{name[-1]}" of relation "{relation.name}" does not exist',
                sqlstate=sqlstate.UNDEFINED_COLUMN,
            )
        return s.CommentOn(CLASS_OIDS["relation"], relation.oid, column.number, statement.text)
    if kind == "constraint":
        assert statement.on_table is not None
        table = relations.require_table(b, statement.on_table, statement.position)
        named = {constraint.name: constraint.oid for constraint in table.constraints}
        named.update((one.name, constraint_of_trigger(one)) for one in table.triggers if one.constraint)
        if name[-1] in named:
            return s.CommentOn(CLASS_OIDS["constraint"], named[name[-1]], 0, statement.text)
        raise DatacaveError(
            f'constraint "{name[-1]}" for table "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    if kind == "domain constraint" and statement.on_table is not None:
        domain = objects.require_type(b, statement.on_table)
        check = _domain_check(domain, name[-1])
        return s.CommentOn(CLASS_OIDS["constraint"], check.oid, 0, statement.text)
    if kind == "policy" and statement.on_table is not None:
        table = relations.require_table(b, statement.on_table, statement.position)
        policy = next((one for one in table.policies if one.name == name[-1]), None)
        if policy is None:
            raise DatacaveError(
                f'policy "{name[-1]}" for table "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
            )
        return s.CommentOn(CLASS_OIDS["policy"], policy.oid, 0, statement.text)
    if kind == "rule" and statement.on_table is not None:
        rule = require_rule(relations.require_table(b, statement.on_table, statement.position), name[-1])
        return s.CommentOn(CLASS_OIDS["rule"], rule.oid, 0, statement.text)
    if kind == "trigger" and statement.on_table is not None:
        trigger = require_trigger(relations.require_table(b, statement.on_table, statement.position), name[-1])
        return s.CommentOn(CLASS_OIDS["trigger"], trigger.oid, 0, statement.text)
    if kind == "statistics object":
        found = extended_statistics.require_statistics(b, name, statement.position)
        return s.CommentOn(CLASS_OIDS[kind], found.statistics.oid, 0, statement.text)
    target = find_object(b, kind, name, statement.position, statement.signature)
    oid = target[1].oid if isinstance(target, tuple) else target.oid
    if isinstance(target, Routine):
        kind = "routine"
    class_oid = CLASS_OIDS.get({"domain": "type"}.get(kind, kind), CLASS_OIDS["relation"])
    return s.CommentOn(class_oid, oid, 0, statement.text)


RENAMES: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.Rename: bind_rename,
    ast.SetSchema: bind_set_schema,
    ast.ChangeOwner: bind_owner,
    ast.Comment: bind_comment,
}

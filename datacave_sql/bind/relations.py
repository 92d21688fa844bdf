"""Relations by name: the search path, and what a name may stand for (table, view, sequence, index, computed one)."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Index, Schema, Sequence, Table, allows_on
from datacave_core.errors import DatacaveError
from datacave_sql.bind.environment import VirtualRelation
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast


def search_schemas(b: Binding) -> tuple[str, ...]:
    """The schemas in which a bare name is looked for, in order."""
    environment = b.environment
    path = environment.search_path
    implicit: tuple[str, ...] = ()
    if environment.temporary_schema is not None and environment.temporary_schema not in path:
        implicit = (environment.temporary_schema,)
    if "pg_catalog" not in path:
        implicit += ("pg_catalog",)
    return implicit + path


def callable_schemas(b: Binding) -> tuple[str, ...]:
    """The schemas in which functions and operators are looked for: those of a temporary schema need to be named."""
    environment = b.environment
    if environment.temporary_schema not in environment.search_path:
        return environment.search_path
    return tuple(name for name in environment.search_path if name != environment.temporary_schema)


def dotted(name: tuple[str, ...]) -> str:
    """A name as error messages print it."""
    return ".".join(name)


def split_relation_name(b: Binding, name: ast.QualifiedName, position: int) -> tuple[str | None, str]:
    """(schema or None, name) of a name with up to three parts. Raises 0A000, 42601."""
    if len(name) == 1:
        return None, name[0]
    if len(name) > 3:
        raise DatacaveError(
            f"improper qualified name (too many dotted names): {dotted(name)}",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=position,
        )
    if len(name) == 3 and b.catalog.database_named(name[0]) is None:
        raise DatacaveError(
            f'cross-database references are not implemented: "{dotted(name)}"',
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            position=position,
        )
    schema = name[-2]
    if schema == "pg_temp" and b.environment.temporary_schema is not None:
        schema = b.environment.temporary_schema
    return schema, name[-1]


Relation = Table | Sequence | VirtualRelation


def find_relation(b: Binding, name: ast.QualifiedName, position: int) -> Relation | None:
    """The table, view, sequence or computed relation of a name, or None. Indexes are not found."""
    schema, relation = split_relation_name(b, name, position)
    if schema is not None:
        check_schema_usage(b, schema)
    for candidate in (schema,) if schema is not None else search_schemas(b):
        found = relation_in(b, candidate, relation)
        if found is not None:
            return found
    return None


def check_schema_usage(b: Binding, name: str) -> None:
    """Raises 42501 where a statement names a schema that the current user may not look into."""
    schema = b.catalog.schema_named(name)
    role = b.catalog.role_named(b.environment.current_user)
    if schema is None or role is None or b.view_depth or name == b.environment.temporary_schema:
        return
    if not allows_on(b.catalog, role.oid, "schema", schema, "U"):
        raise DatacaveError(f"permission denied for schema {name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def relation_in(b: Binding, schema: str, name: str) -> Relation | None:
    """The relation of a schema by name."""
    known = b.catalog.schema_named(schema)
    if known is not None:
        found = b.catalog.relation(known.oid, name)
        if found is not None:
            if not b.view_depth:
                b.dependencies.add(found.oid)
            return found
    if schema in ("pg_catalog", "information_schema") and b.environment.virtual_relations is not None:
        return b.environment.virtual_relations.lookup(schema, name)
    return None


def undefined_relation(name: ast.QualifiedName, position: int | None) -> DatacaveError:
    """42P01."""
    return DatacaveError(
        f'relation "{dotted(name)}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE, position=position
    )


def find_index(b: Binding, name: ast.QualifiedName, position: int) -> tuple[Table, Index] | None:
    """The index of a name and its table."""
    schema, index = split_relation_name(b, name, position)
    if schema is not None:
        check_schema_usage(b, schema)
    for candidate in (schema,) if schema is not None else search_schemas(b):
        known = b.catalog.schema_named(candidate)
        if known is not None:
            found = b.catalog.index_named(known.oid, index)
            if found is not None:
                return found
    return None


def relation_oid(b: Binding, name: ast.QualifiedName, position: int) -> int:
    """The oid of a relation of any kind. Raises 42P01."""
    found = find_relation(b, name, position)
    if found is not None:
        return found.oid
    index = find_index(b, name, position)
    if index is not None:
        return index[1].oid
    raise undefined_relation(name, position)


def require_table(b: Binding, name: ast.QualifiedName, position: int) -> Table:
    """The table or view of a utility statement. Raises 42P01, and 42809 for a relation of another sort."""
    found = find_relation(b, name, position)
    if found is None:
        raise undefined_relation(name, None)
    if not isinstance(found, Table):
        raise DatacaveError(f'"{name[-1]}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    return found


def schema_of(b: Binding, oid: int) -> str:
    """The name of a schema by oid."""
    return b.catalog.schemas[oid].name


def require_schema(b: Binding, name: str, position: int | None = None) -> Schema:
    """The schema of a name. Raises 3F000."""
    if name == "pg_temp" and b.environment.temporary_schema is not None:
        name = b.environment.temporary_schema
    found = b.catalog.schema_named(name)
    if found is None:
        raise DatacaveError(f'schema "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA, position=position)
    return found


def is_temporary(b: Binding, name: ast.QualifiedName, persistence: str) -> bool:
    """Whether a new relation is temporary: it says so, or is named in the temporary schema."""
    in_schema = len(name) > 1 and name[-2] in ("pg_temp", b.environment.temporary_schema)
    return persistence == "temporary" or (in_schema and persistence != "unlogged")


def creation_schema(b: Binding, name: ast.QualifiedName, position: int, temporary: bool = False) -> Schema:
    """The schema in which an object of this name is made. Raises 3F000, 42501 for the system's schemas."""
    schema, _ = split_relation_name(b, name, position)
    if temporary:
        if schema not in (None, "pg_temp", b.environment.temporary_schema):
            raise DatacaveError(
                "cannot create temporary relation in non-temporary schema",
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
                position=position,
            )
        schema = b.environment.temporary_schema
        if schema is None:
            # The session makes its temporary schema with the first object in it.
            return Schema(0, "pg_temp")
    if schema is None:
        if not b.environment.search_path:
            raise DatacaveError(
                "no schema has been selected to create in", sqlstate=sqlstate.UNDEFINED_SCHEMA, position=position
            )
        schema = b.environment.search_path[0]
    if schema == "pg_temp":
        return Schema(0, "pg_temp")
    found = require_schema(b, schema, position)
    if found.name in ("pg_catalog", "information_schema", "pg_toast"):
        raise DatacaveError(
            f'permission denied to create "{found.name}.{name[-1]}"',
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            detail="System catalog modifications are currently disallowed.",
        )
    return found


def type_place(b: Binding, name: ast.QualifiedName, position: int) -> int:
    """The oid of the schema for a new type. Raises 42710."""
    schema = creation_schema(b, name, position)
    if b.catalog.type_oid_named(schema.oid, name[-1]) is not None:
        raise DatacaveError(f'type "{name[-1]}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
    return schema.oid

"""Entries: where a catalog keeps its objects, by which names it finds them, and which objects it finds together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from datacave_core.catalog.named import (
    CLASS_OIDS,
    Conversion,
    NamedObject,
    OperatorClass,
    OperatorFamily,
    TextSearchConfiguration,
    TextSearchDictionary,
)
from datacave_core.catalog.objects import (
    Comment,
    Constraint,
    Database,
    DefaultPrivileges,
    ExtendedStatistics,
    Policy,
    Role,
    Rule,
    Schema,
    Sequence,
    SystemPrivileges,
    Table,
    TypeDefinition,
)
from datacave_core.catalog.routines import CastDefinition, Extension, OperatorDefinition, Routine

FIRST_USER_OID = 16384

CatalogObject: TypeAlias = (
    Table
    | Sequence
    | Schema
    | TypeDefinition
    | Role
    | Database
    | Comment
    | SystemPrivileges
    | DefaultPrivileges
    | Routine
    | OperatorDefinition
    | CastDefinition
    | Extension
    | NamedObject
)
"""What a snapshot maps; columns, indexes and constraints are parts of their table."""

OBJECT_MAPS: dict[type, str] = {
    Table: "tables",
    Sequence: "sequences",
    Schema: "schemas",
    TypeDefinition: "types",
    Role: "roles",
    Database: "databases",
    Comment: "comments",
    SystemPrivileges: "system_privileges",
    DefaultPrivileges: "default_privileges",
    Routine: "routines",
    OperatorDefinition: "operators",
    CastDefinition: "casts",
    Extension: "extensions",
    TextSearchDictionary: "dictionaries",
    TextSearchConfiguration: "configurations",
    OperatorFamily: "operator_families",
    OperatorClass: "operator_classes",
    Conversion: "conversions",
}

NAME_MAPS: Final = (
    "relation_names",
    "type_names",
    "array_types",
    "row_types",
    "index_tables",
    "part_tables",
    "trigger_tables",
    "schema_names",
    "role_names",
    "database_names",
    "routine_names",
    "operator_names",
    "cast_types",
    "extension_names",
    "named_objects",
)
GROUP_MAPS: Final = ("child_tables", "referring_tables", "dependent_tables", "owned_sequences", "routine_groups",
                     "comment_keys")  # fmt: skip


def names_of(item: CatalogObject) -> Iterator[tuple[str, Any, int]]:
    """The (map, key, oid) entries by which an object is found.

    The name of an array type is made up, so it gives way (silently) to a name that a user chose.
    """
    if isinstance(item, Table):
        if item.kind != "c":
            yield "relation_names", (item.schema_oid, item.name), item.oid
        for index in item.indexes:
            yield "relation_names", (item.schema_oid, index.name), index.oid
            yield "index_tables", index.oid, item.oid
        for trigger in item.triggers:
            yield "trigger_tables", trigger.oid, item.oid
        parts: tuple[Constraint | Policy | Rule | ExtendedStatistics, ...]
        for parts in (item.constraints, item.policies, item.rules, item.statistics):
            for part in parts:
                yield "part_tables", part.oid, item.oid
        if item.row_type_oid:
            yield "type_names", (item.schema_oid, item.name), item.row_type_oid
            yield "row_types", item.row_type_oid, item.oid
        if item.row_array_type_oid:
            yield "type_names", (item.schema_oid, "_" + item.name), item.row_array_type_oid
            yield "array_types", item.row_array_type_oid, item.row_type_oid
    elif isinstance(item, Sequence):
        yield "relation_names", (item.schema_oid, item.name), item.oid
    elif isinstance(item, TypeDefinition):
        yield "type_names", (item.schema_oid, item.name), item.oid
        if item.array_oid:
            yield "type_names", (item.schema_oid, item.array_name or "_" + item.name), item.array_oid
            yield "array_types", item.array_oid, item.oid
    elif isinstance(item, Schema):
        yield "schema_names", item.name, item.oid
    elif isinstance(item, Role):
        yield "role_names", item.name, item.oid
    elif isinstance(item, Database):
        yield "database_names", item.name, item.oid
    elif isinstance(item, Routine):
        yield "routine_names", (item.schema_oid, item.name, item.input_types), item.oid
    elif isinstance(item, OperatorDefinition):
        yield "operator_names", (item.schema_oid, item.name, item.left_oid, item.right_oid), item.oid
    elif isinstance(item, Extension):
        yield "extension_names", item.name, item.oid
    elif isinstance(item, CastDefinition):
        yield "cast_types", (item.source_oid, item.target_oid), item.oid
    elif isinstance(item, NamedObject):
        method = item.method_oid if isinstance(item, OperatorClass | OperatorFamily) else 0
        yield "named_objects", (CLASS_OIDS[type(item)], item.schema_oid, item.name, method), item.oid


INTERNAL_NAMES: Final = frozenset({"index_tables", "array_types", "row_types", "part_tables", "trigger_tables"})
"""Entries that nobody chooses: their keys are oids."""


def groups_of(item: CatalogObject) -> Iterator[tuple[str, Any, Any]]:
    """The (map, key, member) entries by which an object is found with others; a group's members ascend."""
    if isinstance(item, Table):
        for parent in item.parents:
            yield "child_tables", parent, item.oid
        for oid in {one.referenced_table_oid for one in item.constraints if one.kind == "f"}:
            yield "referring_tables", oid, item.oid
        for oid in needs_of(item):
            yield "dependent_tables", oid, item.oid
    elif isinstance(item, Sequence):
        if item.owned_by_table_oid:
            yield "owned_sequences", item.owned_by_table_oid, item.oid
    elif isinstance(item, Routine):
        yield "routine_groups", item.name, item.oid
    elif isinstance(item, Comment):
        yield "comment_keys", item.object_oid, key_of(item)


def needs_of(table: Table) -> set[int]:
    """The user's objects that a table or view cannot be without: types of its columns, what its query, policies, rules
    and triggers name. Foreign keys and parents are groups of their own; defaults and checks are not looked into."""
    found = {column.type_oid for column in table.columns}
    found.add(table.of_type_oid)
    found.update(table.depends_on)
    for policy in table.policies:
        found.update(policy.depends_on)
    for rule in table.rules:
        found.update(rule.depends_on)
    for trigger in table.triggers:
        found.update((trigger.function_oid, trigger.referenced_oid, *trigger.depends_on))
    return {oid for oid in found if oid >= FIRST_USER_OID}


def key_of(item: CatalogObject) -> Any:
    """The key of an object in its map: the oid, or what it is attached to."""
    if isinstance(item, Comment):
        return (item.class_oid, item.object_oid, item.sub_id)
    if isinstance(item, SystemPrivileges):
        return (item.class_oid, item.object_oid)
    if isinstance(item, DefaultPrivileges):
        return (item.role_oid, item.schema_oid, item.kind)
    return item.oid


def array_oid_of(item: CatalogObject) -> int:
    """The oid of the array type that comes with an object; 0 where none does."""
    if isinstance(item, Table):
        return item.row_array_type_oid
    return item.array_oid if isinstance(item, TypeDefinition) else 0

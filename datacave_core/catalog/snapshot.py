"""Catalog: one immutable state of all catalog objects, found by oid and by name.

Changes return a new snapshot that shares every untouched map with the old one (copy on write), so that sessions keep
reading theirs. Invariants: oids ascend from FIRST_USER_OID and are not handed out twice by one line of snapshots;
names are unique per schema (relations and indexes share one namespace, types have another); a name finds exactly the
object that carries it. A snapshot with uncommitted changes is private to its transaction: its `version` may be used
by another session's changes too, so nothing that is shared may be keyed by it.
Not here: how objects are stored (record.py), built-in types (types/), privileges' meaning and dependency rules (SQL).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.catalog.objects import (
    Comment,
    Constraint,
    Database,
    DefaultPrivileges,
    Index,
    Role,
    Schema,
    Sequence,
    SystemPrivileges,
    Table,
    TypeDefinition,
)
from datacave_core.catalog.routines import CastDefinition, Extension, OperatorDefinition, Routine
from datacave_core.errors import DatacaveError

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
}

SHARED_MAPS = ("roles", "databases", "role_names", "database_names")
"""What is the same object in the catalogs of all databases of a cluster."""

_NAMESPACE_CLASS_OID = 2615
SHARED_CLASS_OIDS = frozenset((1260, 1262, 1213))  # roles, databases, tablespaces


def _is_shared_comment(key: tuple[int, int, int]) -> bool:
    """Whether a comment is on something that all databases have."""
    class_oid, object_oid, _ = key
    return class_oid in SHARED_CLASS_OIDS or (object_oid < FIRST_USER_OID and class_oid != _NAMESPACE_CLASS_OID)


class Catalog:
    """One state of the catalog of one database. Treat every map as read-only."""

    __slots__ = (
        "_children",
        "_foreign_keys",
        "_oids",
        "_references",
        "_routines_by_name",
        "array_types",
        "base",
        "cast_types",
        "casts",
        "comments",
        "database_names",
        "databases",
        "default_privileges",
        "extension_names",
        "extensions",
        "index_tables",
        "members",
        "operator_names",
        "operators",
        "relation_names",
        "role_names",
        "roles",
        "routine_names",
        "routines",
        "schema_names",
        "schemas",
        "sequences",
        "system_privileges",
        "tables",
        "type_names",
        "types",
        "version",
    )

    def __init__(self) -> None:
        self.version = 0
        self.base: Catalog | None = None
        """The committed snapshot that uncommitted changes begin with; None: it is committed itself."""
        self._oids = _Oids()
        self.tables: dict[int, Table] = {}
        self.sequences: dict[int, Sequence] = {}
        self.schemas: dict[int, Schema] = {}
        self.types: dict[int, TypeDefinition] = {}
        self.roles: dict[int, Role] = {}
        self.databases: dict[int, Database] = {}
        self.comments: dict[tuple[int, int, int], Comment] = {}
        self.system_privileges: dict[tuple[int, int], SystemPrivileges] = {}  # (class oid, object oid)
        self.default_privileges: dict[tuple[int, int, str], DefaultPrivileges] = {}  # (role, schema, kind)
        self.routines: dict[int, Routine] = {}
        self.operators: dict[int, OperatorDefinition] = {}
        self.casts: dict[int, CastDefinition] = {}
        self.extensions: dict[int, Extension] = {}
        self.extension_names: dict[str, int] = {}
        # Found from the objects above:
        self.relation_names: dict[tuple[int, str], int] = {}  # (schema oid, name) of tables, sequences, indexes
        self.type_names: dict[tuple[int, str], int] = {}  # (schema oid, name) of types, their arrays, row types
        self.array_types: dict[int, int] = {}  # oid of an array type -> oid of its element type
        self.index_tables: dict[int, int] = {}  # oid of an index -> oid of its table
        self.schema_names: dict[str, int] = {}
        self.role_names: dict[str, int] = {}
        self.database_names: dict[str, int] = {}
        self.members: dict[tuple[int, bool], frozenset[int]] = {}  # kept answers, see privileges.py
        self._children: dict[int, tuple[int, ...]] | None = None
        self.routine_names: dict[tuple[int, str, tuple[int, ...]], int] = {}  # (schema oid, name, input types)
        self.operator_names: dict[tuple[int, str, int, int], int] = {}  # (schema oid, name, left, right)
        self.cast_types: dict[tuple[int, int], int] = {}  # (source, target)
        self._foreign_keys: dict[int, tuple[tuple[Table, Constraint], ...]] | None = None
        self._references: dict[int, tuple[tuple[Table, Constraint, tuple[int, ...]], ...]] = {}
        self._routines_by_name: dict[str, tuple[Routine, ...]] | None = None

    @property
    def next_oid(self) -> int:
        """The next oid; the same in all snapshots that come from one."""
        return self._oids.next

    @next_oid.setter
    def next_oid(self, oid: int) -> None:
        self._oids.next = oid

    # Looking up

    def schema_named(self, name: str) -> Schema | None:
        """The schema with a name."""
        oid = self.schema_names.get(name)
        return self.schemas[oid] if oid is not None else None

    def relation(self, schema_oid: int, name: str) -> Table | Sequence | None:
        """The table, view, composite type's relation or sequence with a name; None also for the name of an index."""
        oid = self.relation_names.get((schema_oid, name))
        if oid is None:
            return None
        return self.tables.get(oid) or self.sequences.get(oid)

    def relation_by_oid(self, oid: int) -> Table | Sequence | None:
        """The table, view or sequence with an oid."""
        return self.tables.get(oid) or self.sequences.get(oid)

    def find_table(self, schema: str, name: str) -> Table | None:
        """The table or view `schema.name`."""
        schema_oid = self.schema_names.get(schema)
        if schema_oid is None:
            return None
        oid = self.relation_names.get((schema_oid, name))
        return self.tables.get(oid) if oid is not None else None

    def index_named(self, schema_oid: int, name: str) -> tuple[Table, Index] | None:
        """The index with a name, and its table."""
        oid = self.relation_names.get((schema_oid, name))
        return self.index_by_oid(oid) if oid is not None else None

    def index_by_oid(self, oid: int) -> tuple[Table, Index] | None:
        """The index with an oid, and its table."""
        table_oid = self.index_tables.get(oid)
        if table_oid is None:
            return None
        table = self.tables[table_oid]
        return table, table.index(oid)

    def type_oid_named(self, schema_oid: int, name: str) -> int | None:
        """The oid of a user's type, of its array type, or of a table's row type or its array, by name."""
        return self.type_names.get((schema_oid, name))

    def role_named(self, name: str) -> Role | None:
        """The role with a name."""
        oid = self.role_names.get(name)
        return self.roles[oid] if oid is not None else None

    def database_named(self, name: str) -> Database | None:
        """The database with a name."""
        oid = self.database_names.get(name)
        return self.databases[oid] if oid is not None else None

    def comment(self, class_oid: int, object_oid: int, sub_id: int = 0) -> str | None:
        """The text of COMMENT ON an object."""
        found = self.comments.get((class_oid, object_oid, sub_id))
        return found.text if found is not None else None

    def foreign_keys_to(self, table_oid: int) -> tuple[tuple[Table, Constraint], ...]:
        """The foreign keys that refer to a table, each with the table that carries it, by oid."""
        if self._foreign_keys is None:
            found: dict[int, list[tuple[Table, Constraint]]] = {}
            for oid in sorted(self.tables):
                table = self.tables[oid]
                for constraint in table.constraints:
                    if constraint.kind == "f":
                        found.setdefault(constraint.referenced_table_oid, []).append((table, constraint))
            self._foreign_keys = {oid: tuple(pairs) for oid, pairs in found.items()}
        return self._foreign_keys.get(table_oid, ())

    def references_to(self, table: Table) -> tuple[tuple[Table, Constraint, tuple[int, ...]], ...]:
        """The foreign keys to a table and to the partitioned tables that it is a partition of, and the numbers that the
        referenced columns have in the table."""
        found = self._references.get(table.oid)
        if found is None:
            collected = [(referring, one, one.referenced_columns) for referring, one in self.foreign_keys_to(table.oid)]
            above = table
            while above.partition_bound is not None and above.parents:
                above = self.tables[above.parents[0]]
                for referring, one in self.foreign_keys_to(above.oid):
                    names = [above.column(number).name for number in one.referenced_columns]
                    numbers = tuple(table.columns_by_name[name].number for name in names)
                    collected.append((referring, one, numbers))
            found = self._references[table.oid] = tuple(collected)
        return found

    def children_of(self, table_oid: int) -> tuple[Table, ...]:
        """The tables that inherit from a table, or are its partitions, by oid."""
        if self._children is None:
            found: dict[int, list[int]] = {}
            for oid in sorted(oid for oid, table in self.tables.items() if table.parents):
                for parent in self.tables[oid].parents:
                    found.setdefault(parent, []).append(oid)
            self._children = {parent: tuple(oids) for parent, oids in found.items()}
        return tuple(self.tables[oid] for oid in self._children.get(table_oid, ()))

    def descendants_of(self, table_oid: int) -> list[Table]:
        """All tables below a table, each once, nearest generation first."""
        found: dict[int, Table] = {}
        waiting = list(self.children_of(table_oid))
        while waiting:
            table = waiting.pop(0)
            if table.oid not in found:
                found[table.oid] = table
                waiting += self.children_of(table.oid)
        return list(found.values())

    def ancestors_of(self, table: Table) -> list[Table]:
        """All tables above a table, each once, nearest generation first."""
        found: dict[int, Table] = {}
        waiting = [self.tables[oid] for oid in table.parents]
        while waiting:
            one = waiting.pop(0)
            if one.oid not in found:
                found[one.oid] = one
                waiting += [self.tables[oid] for oid in one.parents]
        return list(found.values())

    def routines_named(self, name: str) -> tuple[Routine, ...]:
        """The routines of a name in all schemas, by oid."""
        if self._routines_by_name is None:
            found: dict[str, list[Routine]] = {}
            for oid in sorted(self.routines):
                routine = self.routines[oid]
                found.setdefault(routine.name, []).append(routine)
            self._routines_by_name = {key: tuple(routines) for key, routines in found.items()}
        return self._routines_by_name.get(name, ())

    def sequences_owned_by(self, table_oid: int, column: int = 0) -> list[Sequence]:
        """The sequences owned by a table, or by one of its columns."""
        return [
            sequence
            for _, sequence in sorted(self.sequences.items())
            if sequence.owned_by_table_oid == table_oid and column in (0, sequence.owned_by_column)
        ]

    def objects(self) -> Iterator[CatalogObject]:
        """Every object, kind by kind, in the order of oids."""
        for name in OBJECT_MAPS.values():
            mapped: dict[Any, CatalogObject] = getattr(self, name)
            for key in sorted(mapped):
                yield mapped[key]

    # Changing

    def allocate(self, count: int = 1) -> tuple[Catalog, range]:
        """The next `count` oids, taken in this and all snapshots that share its line, and a snapshot to go on with."""
        first = self.next_oid
        self.next_oid = first + count
        return self, range(first, first + count)

    def with_table(self, table: Table) -> Catalog:
        """A snapshot in which a table is added, or replaces the one with its oid."""
        return self.with_objects((table,))

    def with_objects(self, objects: Iterable[CatalogObject]) -> Catalog:
        """A snapshot in which objects are added, or replace those with their oids.

        Raises DatacaveError (42P07, 42710, 42P06, 42P04) when another object has the name.
        """
        return _Change(self).put(objects)

    def without(self, *objects: CatalogObject) -> Catalog:
        """A snapshot that lacks the objects; their comments go with them. Raises KeyError for one that is unknown."""
        return _Change(self).remove(objects)

    def with_changes(self, put: Iterable[CatalogObject], gone: Iterable[CatalogObject]) -> Catalog:
        """Both at once, so that a new object may have the name of one that goes."""
        change = _Change(self)
        # Comments go first: those of other objects that go would go with them.
        change.remove(sorted(gone, key=lambda item: not isinstance(item, Comment)))
        return change.put(put)

    def sharing(self, other: Catalog) -> Catalog:
        """A snapshot of this database with the roles, databases and shared comments of another database's catalog."""
        changed = self._copy()
        for name in SHARED_MAPS:
            setattr(changed, name, getattr(other, name))
        changed.base = None
        changed._oids = other._oids
        own = {key: one for key, one in self.comments.items() if not _is_shared_comment(key)}
        changed.comments = own | {key: one for key, one in other.comments.items() if _is_shared_comment(key)}
        return changed

    def shares_all(self, other: Catalog) -> bool:
        """Whether what all databases have in common is the same in both."""
        if any(getattr(self, name) is not getattr(other, name) for name in SHARED_MAPS):
            return False
        own, others = ({k: c for k, c in one.comments.items() if _is_shared_comment(k)} for one in (self, other))
        return own == others

    def advance(self, next_oid: int) -> None:
        """Oids below `next_oid` have been taken in another database's catalog; oids are unique in a cluster."""
        self.next_oid = max(self.next_oid, next_oid)

    def _copy(self) -> Catalog:
        changed = Catalog.__new__(Catalog)
        for slot in Catalog.__slots__:
            setattr(changed, slot, getattr(self, slot))
        changed.version = self.version + 1
        changed.base = self.base or self
        changed._foreign_keys = None
        changed._references = {}
        changed.members = {}
        changed._routines_by_name = None
        return changed


class _Oids:
    """Where a line of snapshots is with its oids."""

    __slots__ = ("next",)

    def __init__(self) -> None:
        self.next = FIRST_USER_OID


class _Change:
    """A snapshot in the making: maps are copied when first touched."""

    def __init__(self, old: Catalog) -> None:
        self.new = old._copy()
        self.copied: set[str] = set()

    def put(self, objects: Iterable[CatalogObject]) -> Catalog:
        objects = list(objects)
        # All old names leave before new ones come, so that objects may swap names within one change.
        for item in objects:
            old = getattr(self.new, OBJECT_MAPS[type(item)]).get(key_of(item))
            if old is not None:
                self._unname(old)
            if isinstance(item, Table) and item.parents != (old.parents if old is not None else ()):
                self.new._children = None
        for item in objects:
            self._map(OBJECT_MAPS[type(item)])[key_of(item)] = item
            self._name(item)
        return self.new

    def remove(self, objects: Iterable[CatalogObject]) -> Catalog:
        gone: set[int] = set()
        for item in objects:
            old = self._map(OBJECT_MAPS[type(item)]).pop(key_of(item))
            self._unname(old)
            if isinstance(old, Table) and old.parents:
                self.new._children = None
            if not isinstance(item, Comment | SystemPrivileges | DefaultPrivileges):
                gone.add(item.oid)
        stale = [key for key in self.new.comments if key[1] in gone]
        if stale:
            comments = self._map("comments")
            for key in stale:
                del comments[key]
        return self.new

    def _map(self, name: str) -> dict[Any, Any]:
        mapped: dict[Any, Any] = getattr(self.new, name)
        if name not in self.copied:
            mapped = dict(mapped)
            setattr(self.new, name, mapped)
            self.copied.add(name)
        return mapped

    def _name(self, item: CatalogObject) -> None:
        for name, key, oid in names_of(item):
            mapped = self._map(name)
            known = mapped.setdefault(key, oid)
            if known == oid or oid == _array_oid(item):
                continue
            if name == "type_names" and known in self.new.array_types:
                mapped[key] = oid
                continue
            raise _already_exists(name, key)

    def _unname(self, item: CatalogObject) -> None:
        for name, key, oid in names_of(item):
            mapped = self._map(name)
            if mapped.get(key) == oid:
                del mapped[key]


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
        if item.row_type_oid:
            yield "type_names", (item.schema_oid, item.name), item.row_type_oid
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


def key_of(item: CatalogObject) -> Any:
    """The key of an object in its map: the oid, or what it is attached to."""
    if isinstance(item, Comment):
        return (item.class_oid, item.object_oid, item.sub_id)
    if isinstance(item, SystemPrivileges):
        return (item.class_oid, item.object_oid)
    if isinstance(item, DefaultPrivileges):
        return (item.role_oid, item.schema_oid, item.kind)
    return item.oid


def _array_oid(item: CatalogObject) -> int:
    if isinstance(item, Table):
        return item.row_array_type_oid
    return item.array_oid if isinstance(item, TypeDefinition) else 0


_KINDS = {
    "relation_names": ("relation", sqlstate.DUPLICATE_TABLE),
    "type_names": ("type", sqlstate.DUPLICATE_OBJECT),
    "schema_names": ("schema", sqlstate.DUPLICATE_SCHEMA),
    "role_names": ("role", sqlstate.DUPLICATE_OBJECT),
    "database_names": ("database", sqlstate.DUPLICATE_DATABASE),
    "routine_names": ("function", sqlstate.DUPLICATE_FUNCTION),
    "operator_names": ("operator", sqlstate.DUPLICATE_FUNCTION),
}


def _already_exists(map_name: str, key: Any) -> DatacaveError:
    what, code = _KINDS.get(map_name, ("object", sqlstate.DUPLICATE_OBJECT))
    name = key[1] if isinstance(key, tuple) else key
    return DatacaveError(f'{what} "{name}" already exists', sqlstate=code)

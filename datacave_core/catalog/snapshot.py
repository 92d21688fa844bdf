"""Catalog: one immutable state of all catalog objects, found by oid and by name.

Changes return a new snapshot that shares with the old one whatever is not touched (layered.py), so that sessions keep
reading theirs and a change costs the same among ten tables and ten thousand.
Invariants: oids ascend from FIRST_USER_OID and are not handed out twice by one line of snapshots;
names are unique per schema (relations and indexes share one namespace, types have another); a name finds exactly the
object that carries it. A snapshot with uncommitted changes is private to its transaction: its `version` may be used
by another session's changes too, so nothing that is shared may be keyed by it.
Not here: how objects are stored (record.py), built-in types (types/), privileges' meaning and dependency rules (SQL).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog.entries import (
    FIRST_USER_OID,
    GROUP_MAPS,
    NAME_MAPS,
    OBJECT_MAPS,
    CatalogObject,
    array_oid_of,
    groups_of,
    key_of,
    names_of,
)
from datacave_core.catalog.layered import LayeredMap
from datacave_core.catalog.named import (
    Conversion,
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

SHARED_MAPS = ("roles", "databases", "role_names", "database_names")
"""What is the same object in the catalogs of all databases of a cluster."""

Pair = tuple[CatalogObject | None, CatalogObject | None]
"""An object before a change and after it."""

_NAMESPACE_CLASS_OID = 2615
SHARED_CLASS_OIDS = frozenset((1260, 1262, 1213))  # roles, databases, tablespaces


def _is_shared_comment(key: tuple[int, int, int]) -> bool:
    """Whether a comment is on something that all databases have."""
    class_oid, object_oid, _ = key
    return class_oid in SHARED_CLASS_OIDS or (object_oid < FIRST_USER_OID and class_oid != _NAMESPACE_CLASS_OID)


class Catalog:
    """One state of the catalog of one database. Treat every map as read-only."""

    __slots__ = (
        "_oids",
        "_references",
        "array_types",
        "base",
        "cast_types",
        "casts",
        "child_tables",
        "comment_keys",
        "comments",
        "configurations",
        "conversions",
        "database_names",
        "databases",
        "default_privileges",
        "dependent_tables",
        "dictionaries",
        "extension_names",
        "extensions",
        "index_tables",
        "members",
        "named_objects",
        "operator_classes",
        "operator_families",
        "operator_names",
        "operators",
        "owned_sequences",
        "part_tables",
        "referring_tables",
        "relation_names",
        "role_names",
        "roles",
        "routine_groups",
        "routine_names",
        "routines",
        "row_types",
        "schema_names",
        "schemas",
        "sequences",
        "system_privileges",
        "tables",
        "trigger_tables",
        "type_names",
        "types",
        "version",
    )

    tables: LayeredMap[int, Table]
    sequences: LayeredMap[int, Sequence]
    schemas: LayeredMap[int, Schema]
    types: LayeredMap[int, TypeDefinition]
    roles: LayeredMap[int, Role]
    databases: LayeredMap[int, Database]
    comments: LayeredMap[tuple[int, int, int], Comment]
    system_privileges: LayeredMap[tuple[int, int], SystemPrivileges]  # (class oid, object oid)
    default_privileges: LayeredMap[tuple[int, int, str], DefaultPrivileges]  # (role, schema, kind)
    routines: LayeredMap[int, Routine]
    operators: LayeredMap[int, OperatorDefinition]
    casts: LayeredMap[int, CastDefinition]
    extensions: LayeredMap[int, Extension]
    dictionaries: LayeredMap[int, TextSearchDictionary]
    configurations: LayeredMap[int, TextSearchConfiguration]
    operator_families: LayeredMap[int, OperatorFamily]
    operator_classes: LayeredMap[int, OperatorClass]
    conversions: LayeredMap[int, Conversion]
    # Names, found from the objects above:
    relation_names: LayeredMap[tuple[int, str], int]  # (schema oid, name) of tables, sequences, indexes
    type_names: LayeredMap[tuple[int, str], int]  # (schema oid, name) of types, their arrays, row types
    array_types: LayeredMap[int, int]  # oid of an array type -> oid of its element type
    row_types: LayeredMap[int, int]  # oid of a table's row type -> oid of the table
    index_tables: LayeredMap[int, int]  # oid of an index -> oid of its table
    trigger_tables: LayeredMap[int, int]  # oid of a trigger -> oid of its table
    part_tables: LayeredMap[int, int]  # oid of a constraint, policy, rule, statistics object -> oid of its table
    schema_names: LayeredMap[str, int]
    role_names: LayeredMap[str, int]
    database_names: LayeredMap[str, int]
    routine_names: LayeredMap[tuple[int, str, tuple[int, ...]], int]  # (schema oid, name, input types)
    operator_names: LayeredMap[tuple[int, str, int, int], int]  # (schema oid, name, left, right)
    cast_types: LayeredMap[tuple[int, int], int]  # (source, target)
    extension_names: LayeredMap[str, int]
    named_objects: LayeredMap[tuple[int, int, str, int], int]  # (class, schema oid, name, access method)
    # Groups, found from the objects too; members ascend:
    child_tables: LayeredMap[int, tuple[int, ...]]  # oid of a parent -> oids of the tables below it
    referring_tables: LayeredMap[int, tuple[int, ...]]  # oid of a table -> oids of those with foreign keys to it
    dependent_tables: LayeredMap[int, tuple[int, ...]]  # oid of any object -> oids of tables that need it
    owned_sequences: LayeredMap[int, tuple[int, ...]]  # oid of a table -> oids of its sequences
    routine_groups: LayeredMap[str, tuple[int, ...]]  # name -> oids
    comment_keys: LayeredMap[int, tuple[tuple[int, int, int], ...]]  # oid of an object -> keys of its comments

    def __init__(self) -> None:
        self.version = 0
        self.base: Catalog | None = None
        """The committed snapshot that uncommitted changes begin with; None: it is committed itself."""
        self._oids = _Oids()
        for name in (*OBJECT_MAPS.values(), *NAME_MAPS, *GROUP_MAPS):
            setattr(self, name, LayeredMap())
        self.members: dict[tuple[int, bool], frozenset[int]] = {}  # kept answers, see privileges.py
        self._references: dict[int, tuple[tuple[Table, Constraint, tuple[int, ...]], ...]] = {}

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
        return tuple(
            (table, constraint)
            for table in self._members(self.referring_tables, table_oid)
            for constraint in table.constraints
            if constraint.kind == "f" and constraint.referenced_table_oid == table_oid
        )

    def _members(self, groups: LayeredMap[int, tuple[int, ...]], oid: int) -> list[Table]:
        return [self.tables[member] for member in groups.get(oid, ())]

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
        return tuple(self._members(self.child_tables, table_oid))

    def options_changed_since(self, before: Catalog) -> bool:
        """Whether a table with storage parameters has come, changed or gone since an earlier snapshot."""
        pairs = ((before.tables.get(oid), self.tables.get(oid)) for oid in self.tables.keys_unlike(before.tables))
        return any(one is not None and one.options for old, new in pairs if old is not new for one in (old, new))

    def tables_needing(self, *oids: int) -> list[Table]:
        """The tables and views that cannot be without one of these objects (see `needs_of`), by oid."""
        found = {member for oid in oids for member in self.dependent_tables.get(oid, ())}
        return [self.tables[oid] for oid in sorted(found)]

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
        return tuple(self.routines[oid] for oid in self.routine_groups.get(name, ()))

    def sequences_owned_by(self, table_oid: int, column: int = 0) -> list[Sequence]:
        """The sequences owned by a table, or by one of its columns."""
        owned = (self.sequences[oid] for oid in self.owned_sequences.get(table_oid, ()))
        return [sequence for sequence in owned if column in (0, sequence.owned_by_column)]

    def table_of_part(self, oid: int) -> Table | None:
        """The table that a constraint, trigger, policy, rule or statistics object is a part of."""
        found = self.part_tables.get(oid) or self.trigger_tables.get(oid)
        return self.tables[found] if found is not None else None

    def table_of_row_type(self, type_oid: int) -> Table | None:
        """The table whose rows have a type."""
        oid = self.row_types.get(type_oid)
        return self.tables[oid] if oid is not None else None

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
        change = _Change(self)
        stale = [one for key, one in self.comments.items() if _is_shared_comment(key)]
        change.remove(stale)
        change.put(one for key, one in other.comments.items() if _is_shared_comment(key))
        changed = change.new
        for name in SHARED_MAPS:
            setattr(changed, name, getattr(other, name))
        changed.base = None
        changed._oids = other._oids
        return changed

    def shares_all(self, other: Catalog, before: Catalog) -> bool:
        """Whether what all databases have in common is the same in the catalog of another database, whose shared
        comments are those of `before`, an earlier snapshot of this one."""
        if any(getattr(self, name) is not getattr(other, name) for name in SHARED_MAPS):
            return False
        if self.comments is before.comments:
            return True
        return not any(
            _is_shared_comment(key) and self.comments.get(key) != before.comments.get(key)
            for key in self.comments.keys_unlike(before.comments)
        )

    def advance(self, next_oid: int) -> None:
        """Oids below `next_oid` have been taken in another database's catalog; oids are unique in a cluster."""
        self.next_oid = max(self.next_oid, next_oid)

    def _copy(self) -> Catalog:
        changed = Catalog.__new__(Catalog)
        for slot in Catalog.__slots__:
            setattr(changed, slot, getattr(self, slot))
        changed.version = self.version + 1
        changed.base = self.base or self
        changed._references = {}
        changed.members = {}
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
        for item in objects:
            self._map(OBJECT_MAPS[type(item)])[key_of(item)] = item
            self._name(item)
        return self.new

    def remove(self, objects: Iterable[CatalogObject]) -> Catalog:
        gone: set[int] = set()
        for item in objects:
            old = self._map(OBJECT_MAPS[type(item)]).pop(key_of(item))
            self._unname(old)
            if not isinstance(item, Comment | SystemPrivileges | DefaultPrivileges):
                gone.add(item.oid)
        for key in [key for oid in gone for key in self.new.comment_keys.get(oid, ())]:
            self._unname(self._map("comments").pop(key))
        return self.new

    def _map(self, name: str) -> LayeredMap[Any, Any]:
        mapped: LayeredMap[Any, Any] = getattr(self.new, name)
        if name not in self.copied:
            mapped = mapped.copy()
            setattr(self.new, name, mapped)
            self.copied.add(name)
        return mapped

    def _name(self, item: CatalogObject) -> None:
        for name, key, oid in names_of(item):
            mapped = self._map(name)
            known = mapped.get(key)
            if known is None:
                mapped[key] = oid
            elif known == oid or oid == array_oid_of(item):
                continue
            elif name == "type_names" and known in self.new.array_types:
                mapped[key] = oid
            else:
                raise _already_exists(name, key)
        for name, key, member in groups_of(item):
            mapped = self._map(name)
            members = mapped.get(key, ())
            if not members or members[-1] < member:
                mapped[key] = (*members, member)
            else:
                at = bisect_left(members, member)
                mapped[key] = (*members[:at], member, *members[at:])

    def _unname(self, item: CatalogObject) -> None:
        for name, key, oid in names_of(item):
            mapped = self._map(name)
            if mapped.get(key) == oid:
                del mapped[key]
        for name, key, member in groups_of(item):
            mapped = self._map(name)
            members = mapped[key]
            at = bisect_left(members, member)
            left = members[:at] + members[at + 1 :]
            if left:
                mapped[key] = left
            else:
                del mapped[key]


def changes_between(before: Catalog, after: Catalog) -> Iterator[Pair]:
    """Every object that is not the same in both, as it was (None: it was not there) and as it is (None: gone)."""
    for name in OBJECT_MAPS.values():
        old: LayeredMap[Any, CatalogObject] = getattr(before, name)
        new: LayeredMap[Any, CatalogObject] = getattr(after, name)
        if old is new:
            continue
        gone: list[Pair] = []
        for key in new.keys_unlike(old):
            earlier, item = old.get(key), new.get(key)
            if earlier is item or earlier == item:
                continue
            if item is not None:
                yield earlier, item
            else:
                gone.append((earlier, None))
        yield from gone


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
    name = key[-2] if map_name == "named_objects" else key[1] if isinstance(key, tuple) else key
    return DatacaveError(f'{what} "{name}" already exists', sqlstate=code)

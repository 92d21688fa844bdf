"""Records: catalog objects as ordinary versioned rows, so that DDL is transactional and the past can be read.

An object lies under `table_prefix(table id) + oid`, in a row of one bytes column: msgpack of [format, {field: value}]
with the fields that differ from their defaults. A reader fills in the others, so fields may be added at any time;
fields whose meaning changes need a new format. Table ids below 100 are reserved and never reused:

    1 cluster (version, next oid)   2 schemas   3 tables   4 sequences   5 types   6 roles   7 databases   8 comments
    15 privileges on system objects   16 default privileges
    9 routines   10 operators   11 casts   12 extensions
    13 text search dictionaries   14 text search configurations   17 operator families   18 operator classes
    19 conversions
    20 values of sequences   21 statistics of tables

Not here: when the catalog is read and how its changes reach sessions (SQL layer).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgpack

from datacave_core.catalog.entries import OBJECT_MAPS, CatalogObject
from datacave_core.catalog.initial import ADMIN_ROLE_NAME, initial_catalogs, new_databases
from datacave_core.catalog.named import (
    Conversion,
    FamilyFunction,
    FamilyOperator,
    NamedObject,
    OperatorClass,
    OperatorFamily,
    TextSearchConfiguration,
    TextSearchDictionary,
    TokenDictionaries,
)
from datacave_core.catalog.objects import (
    Column,
    Comment,
    Constraint,
    Database,
    DefaultPrivileges,
    DomainCheck,
    EnumLabel,
    ExtendedStatistics,
    Grant,
    Index,
    IndexKey,
    Membership,
    PartitionBound,
    PartitionKey,
    PartitionKeyPart,
    Policy,
    Role,
    Rule,
    Schema,
    Sequence,
    SystemPrivileges,
    Table,
    TypeDefinition,
)
from datacave_core.catalog.routines import (
    AggregateParts,
    CastDefinition,
    Extension,
    OperatorDefinition,
    Routine,
    RoutineArgument,
)
from datacave_core.catalog.snapshot import SHARED_CLASS_OIDS, Catalog, changes_between
from datacave_core.catalog.triggers import Trigger
from datacave_core.errors import DataCorrupted
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.packing import pack_value, unpack_value
from datacave_core.ports import Store
from datacave_core.values import Row

RECORD_FORMAT = 1

CLUSTER_TABLE_ID: Final = 1
SEQUENCE_VALUES_TABLE_ID: Final = 20
STATISTICS_TABLE_ID: Final = 21
FIRST_USER_TABLE_ID: Final = 100

_TABLE_IDS: dict[type, int] = {
    Schema: 2,
    Table: 3,
    Sequence: 4,
    TypeDefinition: 5,
    Role: 6,
    Database: 7,
    Comment: 8,
    SystemPrivileges: 15,
    DefaultPrivileges: 16,
    Routine: 9,
    OperatorDefinition: 10,
    CastDefinition: 11,
    Extension: 12,
    TextSearchDictionary: 13,
    TextSearchConfiguration: 14,
    OperatorFamily: 17,
    OperatorClass: 18,
    Conversion: 19,
}
DEFINITION_TABLE_IDS: Final = (CLUSTER_TABLE_ID, *_TABLE_IDS.values())
"""Where the catalog lies in the store."""

_KINDS = {table_prefix(table_id): kind for kind, table_id in _TABLE_IDS.items()}
_NESTED: dict[tuple[type, str], type] = {
    (Table, "columns"): Column,
    (Table, "indexes"): Index,
    (Table, "constraints"): Constraint,
    (Table, "privileges"): Grant,
    (Table, "partition_key"): PartitionKey,
    (Table, "partition_bound"): PartitionBound,
    (PartitionKey, "parts"): PartitionKeyPart,
    (Column, "privileges"): Grant,
    (Index, "keys"): IndexKey,
    (Sequence, "privileges"): Grant,
    (Schema, "privileges"): Grant,
    (TypeDefinition, "labels"): EnumLabel,
    (TypeDefinition, "checks"): DomainCheck,
    (TypeDefinition, "attributes"): Column,
    (TypeDefinition, "privileges"): Grant,
    (Role, "memberships"): Membership,
    (Database, "privileges"): Grant,
    (SystemPrivileges, "privileges"): Grant,
    (DefaultPrivileges, "privileges"): Grant,
    (Table, "policies"): Policy,
    (Table, "statistics"): ExtendedStatistics,
    (Table, "rules"): Rule,
    (Table, "triggers"): Trigger,
    (Routine, "arguments"): RoutineArgument,
    (Routine, "privileges"): Grant,
    (Routine, "parts"): AggregateParts,
    (TextSearchConfiguration, "mappings"): TokenDictionaries,
    (OperatorFamily, "operators"): FamilyOperator,
    (OperatorFamily, "functions"): FamilyFunction,
}
_PACKED: set[tuple[type, str]] = {(Column, "missing")}
"""Fields that hold any SQL value."""

CATALOG_KEY: Final = table_prefix(CLUSTER_TABLE_ID) + bytes(4)
"""The key of version and next oid, written by every change of definitions."""


def sequence_value_key(sequence_oid: int) -> bytes:
    """Where the present value of a sequence lies; its row is one bytes column, the SQL layer's to fill."""
    return table_prefix(SEQUENCE_VALUES_TABLE_ID) + sequence_oid.to_bytes(4, "big")


def statistics_key(table_oid: int) -> bytes:
    """Where the statistics of a table lie; its row is one bytes column, the SQL layer's to fill."""
    return table_prefix(STATISTICS_TABLE_ID) + table_oid.to_bytes(4, "big")


def object_key(item: CatalogObject) -> bytes:
    """The key of an object's record."""
    prefix = table_prefix(_TABLE_IDS[type(item)])
    if isinstance(item, Comment):
        return prefix + b"".join(n.to_bytes(4, "big") for n in (item.class_oid, item.object_oid, item.sub_id))
    if isinstance(item, SystemPrivileges):
        return prefix + b"".join(n.to_bytes(4, "big") for n in (item.database_oid, item.class_oid, item.object_oid))
    return prefix + item.oid.to_bytes(4, "big")


def encode_object(item: CatalogObject) -> bytes:
    """The record of an object."""
    encoded: bytes = msgpack.packb([RECORD_FORMAT, _fields(item)])
    return encoded


def decode_object(kind: type, record: bytes) -> Any:
    """The object of a record. Raises DataCorrupted for a format that this program does not know."""
    record_format, fields = msgpack.unpackb(record, use_list=False)
    if record_format != RECORD_FORMAT:
        raise DataCorrupted(
            f"catalog record of format {record_format}; this version reads format {RECORD_FORMAT}",
            hint="The data was written by a newer version.",
        )
    return _build(kind, fields)


def catalog_writes(old: Catalog | None, new: Catalog) -> dict[bytes, Row | None]:
    """The rows to write (None: to delete) that turn one stored catalog into another; all of them without `old`."""
    writes: dict[bytes, Row | None] = {}
    for before, after in changes_between(old if old is not None else Catalog(), new):
        if after is not None:
            writes[object_key(after)] = (encode_object(after),)
        elif before is not None:
            writes[object_key(before)] = None
    if old is None or writes or old.next_oid != new.next_oid:
        writes[CATALOG_KEY] = cluster_record(new)
    return writes


def defines(key: bytes) -> bool:
    """Whether a key is that of an object's record."""
    return key[:PREFIX_LENGTH] in _KINDS


def catalog_with_writes(catalog: Catalog, writes: Mapping[bytes, Row | None]) -> Catalog:
    """A catalog with the records among some writes put into it; `next_oid` covers what they took.

    Raises DatacaveError when another object has a name by now, KeyError for an object that is gone.
    """
    put: list[CatalogObject] = []
    gone: list[CatalogObject] = []
    for key, row in writes.items():
        kind = _KINDS.get(key[:PREFIX_LENGTH])
        if kind is None:
            continue
        if row is not None:
            put.append(decode_object(kind, row[0]))
        else:
            known: Mapping[Any, CatalogObject] = getattr(catalog, OBJECT_MAPS[kind])
            gone += [item for item in known.values() if object_key(item) == key]
    changed = catalog.with_changes(put, gone)
    cluster = writes.get(CATALOG_KEY)
    if cluster is not None:
        changed.advance(msgpack.unpackb(cluster[0])[2])
    return changed


def cluster_record(catalog: Catalog) -> Row:
    """The row under CATALOG_KEY."""
    return (msgpack.packb([RECORD_FORMAT, catalog.version, catalog.next_oid]),)


def load_catalogs(store: Store, timestamp: int) -> dict[int, Catalog]:
    """The catalogs of all databases, by oid, as they were at a timestamp; none if there was none yet."""
    row = store.get(CATALOG_KEY, timestamp)
    if row is None:
        return {}
    record_format, version, next_oid = msgpack.unpackb(row[0])
    if record_format != RECORD_FORMAT:
        raise DataCorrupted(
            f"catalog of format {record_format}; this version reads format {RECORD_FORMAT}",
            hint="The data was written by a newer version.",
        )
    shared, owned = _by_database(list(_stored_objects(store, timestamp)))
    first = Catalog().with_objects(shared)
    catalogs = {oid: first.with_objects(owned.get(oid, ())) for oid in first.databases}
    for catalog in catalogs.values():
        catalog.version = version
        catalog.next_oid = next_oid
    return catalogs


def open_catalogs(store: Store, admin_name: str = ADMIN_ROLE_NAME) -> dict[int, Catalog]:
    """The newest stored catalogs; in an empty store the initial ones, which are then written (not yet durable)."""
    catalogs = load_catalogs(store, store.newest_timestamp)
    if not catalogs:
        catalogs = initial_catalogs(admin_name)
        written: dict[bytes, Row | None] = {}
        for catalog in catalogs.values():
            written |= catalog_writes(None, catalog)
        store.commit(written)
        return catalogs
    first = next(iter(catalogs.values()))
    lacking = new_databases(first.database_names)
    if lacking:
        with_all = first.with_objects([database for database, _ in lacking])
        written = catalog_writes(first, with_all)
        catalogs = {oid: catalog.sharing(with_all) for oid, catalog in catalogs.items()}
        for database, objects in lacking:
            made = empty_catalog(with_all).with_objects(objects)
            written |= catalog_writes(empty_catalog(with_all), made)
            catalogs[database.oid] = made
        store.commit(written)
    return catalogs


def empty_catalog(other: Catalog) -> Catalog:
    """The catalog of a new database beside another one: only what all databases have."""
    everywhere = [schema for schema in other.schemas.values() if not schema.database_oid]
    made = Catalog().sharing(other).with_objects(everywhere)
    made.next_oid = other.next_oid
    made.version = other.version
    return made


_IN_SCHEMAS: Final = (Table, Sequence, TypeDefinition, Routine, OperatorDefinition, Extension, NamedObject)
"""What belongs to a database with its schema."""


def _by_database(objects: list[CatalogObject]) -> tuple[list[CatalogObject], dict[int, list[CatalogObject]]]:
    """(what all databases have, what each has for itself by the oid of the database)."""
    place = {one.oid: one.database_oid for one in objects if isinstance(one, Schema)}
    shared: list[CatalogObject] = []
    owned: dict[int, list[CatalogObject]] = {}
    found: dict[int, int] = dict(place)  # oid of an object or a part of one -> oid of its database
    for item in objects:
        database = 0
        if isinstance(item, Schema | SystemPrivileges | DefaultPrivileges):
            database = item.database_oid
        elif isinstance(item, Comment | CastDefinition):
            continue
        elif isinstance(
            item, Table | Sequence | TypeDefinition | Routine | OperatorDefinition | Extension | NamedObject
        ):
            database = found[item.oid] = place[item.schema_oid]
            if isinstance(item, Table):
                parts = (item.indexes, item.constraints, item.policies, item.rules, item.triggers, item.statistics)
                found.update((one.oid, database) for part in parts for one in part)
            elif isinstance(item, TypeDefinition):
                found.update((check.oid, database) for check in item.checks)
        (owned.setdefault(database, []) if database else shared).append(item)
    for item in objects:
        if isinstance(item, CastDefinition):
            # Made between types of which one at least is a user's, or by a user's function.
            about = (item.source_oid, item.target_oid, item.function_oid)
            database = found[item.oid] = next((found[oid] for oid in about if oid in found), 0)
            (owned.setdefault(database, []) if database else shared).append(item)
    for item in objects:
        if isinstance(item, Comment):
            database = found.get(item.object_oid, 0) if item.class_oid not in SHARED_CLASS_OIDS else 0
            (owned.setdefault(database, []) if database else shared).append(item)
    return shared, owned


def _stored_objects(store: Store, timestamp: int) -> Iterable[CatalogObject]:
    for kind, table_id in _TABLE_IDS.items():
        prefix = table_prefix(table_id)
        for batch in store.scan(prefix, prefix_end(prefix), timestamp):
            for _, row in batch:
                yield decode_object(kind, row[0])


def _fields(item: Any) -> dict[str, Any]:
    kind = type(item)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        if (kind, field.name) in _NESTED:
            value = [_fields(part) for part in value] if isinstance(value, tuple) else _fields(value)
        elif (kind, field.name) in _PACKED:
            value = pack_value(value)
        found[field.name] = value
    return found


def _build(kind: type, fields: Mapping[str, Any]) -> Any:
    built: dict[str, Any] = {}
    for name, value in fields.items():
        nested = _NESTED.get((kind, name))
        if nested is not None:
            value = _build(nested, value) if isinstance(value, dict) else tuple(_build(nested, part) for part in value)
        elif (kind, name) in _PACKED:
            value = unpack_value(value)
        built[name] = value
    return kind(**built)

"""Does a catalog that is written and read back say the same, now and in the past?"""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, get_type_hints

import msgpack
import pytest

from datacave_core.catalog import (
    DEFAULT_DATABASE_OID,
    PUBLIC_SCHEMA_OID,
    CastDefinition,
    Catalog,
    Column,
    Comment,
    Constraint,
    Database,
    DefaultPrivileges,
    DomainCheck,
    EnumLabel,
    ExtendedStatistics,
    Extension,
    Grant,
    Index,
    IndexKey,
    Membership,
    OperatorDefinition,
    PartitionBound,
    PartitionKey,
    PartitionKeyPart,
    Policy,
    Role,
    Routine,
    RoutineArgument,
    Rule,
    Schema,
    Sequence,
    SystemPrivileges,
    Table,
    Trigger,
    TypeDefinition,
    catalog_writes,
    initial_catalogs,
    load_catalogs,
    open_catalogs,
)
from datacave_core.catalog.record import decode_object, encode_object
from datacave_core.errors import DataCorrupted
from datacave_core.memory import MemoryStore
from datacave_core.values import Array, Interval

GRANTS = (Grant(0, 10, "arwd", "r"),)


def filled(kind: type) -> Any:
    """An object in which every field differs from its default."""
    hints = get_type_hints(kind)
    special: dict[str, Any] = {
        "columns": (filled(Column),) if kind is Table else (1, 3),
        "attributes": (Column(1, "x", 23, missing=Array.of((Decimal("1.50"), None))),)
        if kind is TypeDefinition
        else (),
        "privileges": GRANTS,
        "keys": (IndexKey(0, "lower(a)", True, True, 25, 100),),
        "missing": Interval(1, 2, 3),
        "labels": (EnumLabel(5, 1.5, "x"),),
        "checks": (DomainCheck(5, "c", "VALUE > 0", False),),
        "memberships": (Membership(11, 12, True),),
        "settings": (("a", "b"),),
        "options": (("fillfactor", "70"),),
        "included": (2, 3),
        "depends_on": (16384, 16385),
        "columns_read": ((16384, 1),),
        "schema_oid": PUBLIC_SCHEMA_OID,
        "database_oid": DEFAULT_DATABASE_OID,
    }
    if kind is Table:
        key = PartitionKey("r", (PartitionKeyPart(2, "a + 1", 23, 100, "int4_ops"),))
        bound = PartitionBound("l", ("x", None), (("v", "1"),), (("+", ""),), 4, 3)
        special |= {"indexes": (filled(Index),), "constraints": (filled(Constraint),), "policies": (filled(Policy),)}
        special["statistics"] = (filled(ExtendedStatistics),)
        special |= {"partition_key": key, "partition_bound": bound}
        special |= {"rules": (filled(Rule),), "triggers": (filled(Trigger),)}
    values: dict[str, Any] = {}
    for number, field in enumerate(fields(kind), 40):
        hint = str(hints[field.name])
        if field.name in special:
            values[field.name] = special[field.name]
        elif "tuple" in hint:
            values[field.name] = (number,)
        elif "bool" in hint:
            values[field.name] = not field.default
        elif "str" in hint:
            values[field.name] = f"x{number}"
        else:
            values[field.name] = number
    return kind(**values)


KINDS = [Table, Sequence, Schema, TypeDefinition, Role, Database, Comment, SystemPrivileges, DefaultPrivileges]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_survives(kind: type) -> None:
    item = filled(kind)
    for field in fields(kind):
        assert getattr(item, field.name) != field.default, field.name
    assert decode_object(kind, encode_object(item)) == item


def test_fields_a_record_lacks_have_their_defaults() -> None:
    record = msgpack.packb([1, {"oid": 5, "name": "r"}])
    assert decode_object(Role, record) == Role(5, "r")


def test_a_record_of_the_future_is_refused() -> None:
    with pytest.raises(DataCorrupted):
        decode_object(Role, msgpack.packb([2, {}]))


def load_catalog(store: MemoryStore, timestamp: int) -> Catalog | None:
    return load_catalogs(store, timestamp).get(DEFAULT_DATABASE_OID)


def initial_catalog() -> Catalog:
    return initial_catalogs()[DEFAULT_DATABASE_OID]


def with_everything() -> Catalog:
    catalog = initial_catalog().with_objects([filled(kind) for kind in KINDS])
    return catalog.allocate(7)[0]


def contents(catalog: Catalog | None) -> Any:
    assert catalog is not None
    slots = [slot for slot in Catalog.__slots__ if not slot.startswith("_") and slot != "base"]
    return {slot: getattr(catalog, slot) for slot in slots}


def test_a_catalog_comes_back_whole() -> None:
    store = MemoryStore()
    catalog = with_everything()
    store.commit(catalog_writes(None, catalog))
    assert contents(load_catalog(store, store.visible_timestamp)) == contents(catalog)


def test_only_what_changed_is_written_and_the_past_stays() -> None:
    store = MemoryStore()
    old = with_everything()
    first = store.commit(catalog_writes(None, old)).timestamp
    role = old.roles[10]
    new = old.with_objects([replace(role, login=False)]).without(filled(Comment))
    writes = catalog_writes(old, new)
    assert len(writes) == 3 and list(writes.values()).count(None) == 1
    second = store.commit(writes).timestamp
    assert contents(load_catalog(store, first)) == contents(old)
    assert contents(load_catalog(store, second)) == contents(new)
    assert catalog_writes(new, new) == {}
    assert load_catalog(store, first - 1) is None


def test_taken_oids_are_written_with_the_next_change() -> None:
    old = initial_catalog()
    old.allocate(5)
    assert catalog_writes(old, old) == {}
    new = old.with_objects([Schema(16500, "s", database_oid=DEFAULT_DATABASE_OID)])
    store = MemoryStore()
    store.commit(catalog_writes(None, new))
    loaded = load_catalog(store, store.visible_timestamp)
    assert loaded is not None and loaded.next_oid == old.next_oid == new.next_oid


def test_an_empty_store_gets_the_initial_catalog_once() -> None:
    store = MemoryStore()
    first = open_catalogs(store, "root")
    assert first[DEFAULT_DATABASE_OID].role_named("root") is not None
    timestamp = store.newest_timestamp
    second = open_catalogs(store)
    assert {oid: contents(one) for oid, one in second.items()} == {oid: contents(one) for oid, one in first.items()}
    assert store.newest_timestamp == timestamp


def test_a_store_without_the_other_databases_gets_them() -> None:
    store = MemoryStore()
    whole = initial_catalog()
    others = [one for one in whole.databases.values() if one.oid != DEFAULT_DATABASE_OID]
    store.commit(catalog_writes(None, whole.without(*others)))
    opened = open_catalogs(store)
    assert sorted(opened[DEFAULT_DATABASE_OID].database_names) == ["default", "postgres", "template0", "template1"]
    again = open_catalogs(store)
    assert {oid: one.schemas for oid, one in again.items()} == {oid: one.schemas for oid, one in opened.items()}
    assert {oid: one.comments for oid, one in again.items()} == {oid: one.comments for oid, one in opened.items()}
    publics = {catalog.schema_names["public"] for catalog in opened.values()}
    assert len(publics) == len(opened) == 4


def test_what_one_database_has_does_not_come_back_in_others() -> None:
    store = MemoryStore()
    public = initial_catalog().schema_names["public"]
    objects: list[Any] = [
        TypeDefinition(16500, 16501, public, "level", "e"),
        Routine(16502, public, "same", arguments=(RoutineArgument("", 16500),), return_type_oid=16),
        OperatorDefinition(16503, public, "===", 16500, 16500, 16, 16502),
        CastDefinition(16504, 16500, 23, 16502),
        Extension(16505, "citext", public, "1.6"),
        Comment(1255, 16502, 0, "of a routine"),
        Comment(2605, 16504, 0, "of a cast"),
    ]
    store.commit(catalog_writes(None, initial_catalog().with_objects(objects)))
    loaded = load_catalogs(store, store.visible_timestamp)
    for oid, catalog in loaded.items():
        kept = (catalog.types, catalog.routines, catalog.operators, catalog.casts, catalog.extensions)
        assert [len(one) for one in kept] == [int(oid == DEFAULT_DATABASE_OID)] * 5, oid
        assert {key for key in catalog.comments if key[1] > 16500} == (
            {(1255, 16502, 0), (2605, 16504, 0)} if oid == DEFAULT_DATABASE_OID else set()
        )

"""Do snapshots find what they hold, share what they do not change, and refuse what cannot be?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from datacave_core.catalog import (
    PUBLIC_SCHEMA_OID,
    Catalog,
    Column,
    Comment,
    Constraint,
    EnumLabel,
    Index,
    IndexKey,
    Role,
    Schema,
    Sequence,
    Table,
    TypeDefinition,
    initial_catalog,
)
from datacave_core.errors import DatacaveError

PUBLIC = PUBLIC_SCHEMA_OID


def table(oid: int, name: str, **more: Any) -> Table:
    columns = (Column(1, "id", 20, not_null=True), Column(2, "old", 25, dropped=True), Column(3, "name", 25))
    index = Index(oid + 1, 0, f"{name}_pkey", (IndexKey(1),), unique=True, primary=True, constraint_oid=oid + 2)
    return replace(Table(oid, PUBLIC, name, columns, storage_id=oid, indexes=(index,), row_type_oid=oid + 3), **more)


def test_the_initial_catalog_is_always_the_same() -> None:
    first, second = initial_catalog(), initial_catalog()
    assert list(first.objects()) == list(second.objects())
    assert sorted(first.schema_names) == ["information_schema", "pg_catalog", "pg_toast", "public"]
    assert first.database_named("default") is not None
    admin = first.role_named("admin")
    assert admin is not None and admin.superuser and admin.oid == 10
    assert first.next_oid == 16384


def test_objects_are_found_by_name_and_oid() -> None:
    catalog = initial_catalog().with_table(table(16384, "t", row_array_type_oid=16390))
    found = catalog.find_table("public", "t")
    assert found is not None and found is catalog.relation(PUBLIC, "t") is catalog.relation_by_oid(16384)
    assert catalog.index_named(PUBLIC, "t_pkey") == (found, found.indexes[0])
    assert catalog.index_by_oid(16385) == (found, found.indexes[0])
    assert catalog.relation(PUBLIC, "t_pkey") is None
    assert catalog.type_oid_named(PUBLIC, "t") == 16387
    assert catalog.type_oid_named(PUBLIC, "_t") == 16390
    assert catalog.array_types[16390] == 16387
    assert catalog.find_table("public", "u") is None
    assert catalog.find_table("nowhere", "t") is None
    assert catalog.schema_named("nowhere") is None
    assert catalog.role_named("nobody") is None
    assert catalog.database_named("nothing") is None
    assert catalog.index_named(PUBLIC, "t") is None


def test_a_table_knows_its_parts() -> None:
    t = table(16384, "t")
    assert [column.name for column in t.live_columns] == ["id", "name"]
    assert set(t.columns_by_name) == {"id", "name"}
    assert t.primary_key == (1,)
    assert t.clustered_index is t.primary_index is t.indexes[0]
    assert t.column(2).dropped
    with pytest.raises(KeyError):
        t.index(1)
    assert replace(t, indexes=()).primary_key == ()


def test_a_change_leaves_the_old_snapshot_alone_and_shares_the_rest() -> None:
    old = initial_catalog().with_table(table(16384, "t"))
    new = old.with_table(table(16384, "renamed"))
    assert old.find_table("public", "t") is not None and old.find_table("public", "renamed") is None
    assert new.find_table("public", "t") is None and new.find_table("public", "renamed") is not None
    assert new.index_named(PUBLIC, "t_pkey") is None
    assert new.roles is old.roles and new.schemas is old.schemas
    assert new.version == old.version + 1


def test_names_may_be_swapped_in_one_change() -> None:
    a, b = table(16384, "a"), table(17000, "b")
    catalog = initial_catalog().with_objects([a, b])
    swapped = catalog.with_objects([table(16384, "b"), table(17000, "a")])
    found = swapped.find_table("public", "a")
    assert found is not None and found.oid == 17000


@pytest.mark.parametrize(
    ("item", "code", "message"),
    [
        (table(17000, "t"), "42P07", 'relation "t" already exists'),
        (Sequence(17000, PUBLIC, "t_pkey"), "42P07", 'relation "t_pkey" already exists'),
        (TypeDefinition(17000, 17001, PUBLIC, "t", "e"), "42710", 'type "t" already exists'),
        (Schema(17000, "public"), "42P06", 'schema "public" already exists'),
        (Role(17000, "admin"), "42710", 'role "admin" already exists'),
    ],
)
def test_a_name_is_given_once(item: Table | Sequence | TypeDefinition | Schema | Role, code: str, message: str) -> None:
    catalog = initial_catalog().with_table(table(16384, "t"))
    with pytest.raises(DatacaveError) as caught:
        catalog.with_objects([item])
    assert (caught.value.sqlstate, caught.value.message) == (code, message)


def test_an_array_type_gives_way_to_a_chosen_name() -> None:
    catalog = initial_catalog().with_table(table(17000, "_t"))
    catalog = catalog.with_objects([TypeDefinition(16384, 16385, PUBLIC, "t", "e", labels=(EnumLabel(1, 1.0, "x"),))])
    assert catalog.type_oid_named(PUBLIC, "_t") == 17003
    catalog = catalog.without(catalog.types[16384])
    assert catalog.type_oid_named(PUBLIC, "_t") == 17003
    assert catalog.type_oid_named(PUBLIC, "t") is None


def test_dropping_takes_names_and_comments_along() -> None:
    t = table(16384, "t")
    catalog = initial_catalog().with_objects([t, Comment(1259, 16384, 0, "whole"), Comment(1259, 16384, 1, "column")])
    assert catalog.comment(1259, 16384, 1) == "column"
    catalog = catalog.without(t)
    assert catalog.comment(1259, 16384) is None and catalog.comments == initial_catalog().comments
    assert catalog.find_table("public", "t") is None and catalog.index_by_oid(16385) is None
    with pytest.raises(KeyError):
        catalog.without(t)


def test_foreign_keys_are_found_from_both_sides() -> None:
    parent = table(16384, "parent")
    key = Constraint(18000, "fk", "f", (3,), referenced_table_oid=16384, referenced_columns=(1,))
    child = table(17000, "child", constraints=(key,))
    catalog = initial_catalog().with_objects([parent, child])
    assert catalog.foreign_keys_to(16384) == ((child, key),)
    assert catalog.foreign_keys_to(17000) == ()
    assert catalog.with_table(replace(child, constraints=())).foreign_keys_to(16384) == ()


def test_owned_sequences() -> None:
    owned = Sequence(16400, PUBLIC, "s", owned_by_table_oid=16384, owned_by_column=1)
    catalog = initial_catalog().with_objects([owned, Sequence(16401, PUBLIC, "free")])
    assert catalog.sequences_owned_by(16384) == catalog.sequences_owned_by(16384, 1) == [owned]
    assert catalog.sequences_owned_by(16384, 2) == []


def test_oids_are_never_handed_out_twice() -> None:
    catalog, first = initial_catalog().allocate(3)
    catalog, second = catalog.allocate()
    assert (list(first), list(second)) == ([16384, 16385, 16386], [16387])
    assert isinstance(catalog, Catalog)

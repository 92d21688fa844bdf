"""Configured users have roles in the catalog."""

from __future__ import annotations

import dataclasses

from datacave_core.catalog import initial_catalog, load_catalogs, open_catalogs
from datacave_core.memory import MemoryStore
from datacave_server.clock import SystemClock
from datacave_server.config import User
from datacave_server.roles import ensure_roles, outdated_users, with_roles


def test_the_default_user_is_there_already() -> None:
    catalog = initial_catalog()
    assert with_roles(catalog, [User("admin", superuser=True)]) is catalog


def test_the_configuration_seeds_a_role_once() -> None:
    first = with_roles(initial_catalog(), [User("ann", "of the file"), User("bob", superuser=True)])
    ann, bob = first.role_named("ann"), first.role_named("bob")
    assert ann is not None
    assert bob is not None
    assert (ann.login, ann.superuser, ann.password) == (True, False, "of the file")
    assert (bob.login, bob.superuser, bob.create_role, bob.password) == (True, True, True, None)
    changed = [User("ann", "another", superuser=True), User("bob")]
    assert with_roles(first, changed) is first
    assert outdated_users(first, changed) == ["ann", "bob"]
    assert outdated_users(first, [User("ann", "of the file"), User("bob", superuser=True)]) == []


def test_a_role_without_a_password_takes_the_configured_one() -> None:
    seeded = with_roles(initial_catalog(), [User("admin", "of the file", superuser=True)]).role_named("admin")
    assert seeded is not None
    assert seeded.password == "of the file"


def test_a_role_that_may_not_log_in_stays_so() -> None:
    catalog = with_roles(initial_catalog(), [User("ann")])
    ann = catalog.role_named("ann")
    assert ann is not None
    barred = catalog.with_objects([dataclasses.replace(ann, login=False)])
    assert with_roles(barred, [User("ann")]) is barred


def test_roles_are_stored_once() -> None:
    store = MemoryStore(SystemClock())
    open_catalogs(store)
    assert ensure_roles(store, [User("ann")]) is not None
    stored = load_catalogs(store, store.newest_timestamp)
    assert stored
    assert all(catalog.role_named("ann") is not None for catalog in stored.values())
    assert ensure_roles(store, [User("ann")]) is None

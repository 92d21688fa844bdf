"""Configured users have roles in the catalog."""

from __future__ import annotations

import dataclasses

from datacave_core.catalog import initial_catalog, load_catalogs, open_catalogs
from datacave_core.memory import MemoryStore
from datacave_server.clock import SystemClock
from datacave_server.config import User
from datacave_server.roles import ensure_roles, with_roles


def test_the_default_user_is_there_already() -> None:
    catalog = initial_catalog()
    assert with_roles(catalog, [User("admin", superuser=True)]) is catalog


def test_missing_roles_are_made_and_superusers_raised() -> None:
    before = with_roles(initial_catalog(), [User("ann"), User("bob", superuser=True)])
    ann, bob = before.role_named("ann"), before.role_named("bob")
    assert ann is not None
    assert bob is not None
    assert (ann.login, ann.superuser, bob.login, bob.superuser) == (True, False, True, True)
    after = with_roles(before, [User("ann", superuser=True), User("bob")])
    raised = after.role_named("ann")
    assert raised is not None
    assert (raised.oid, raised.superuser, raised.create_role) == (ann.oid, True, True)
    assert after.role_named("bob") == bob


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

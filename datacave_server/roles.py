"""Roles of the configured users: whoever may log in needs a role, because roles own things and hold privileges.

Written into the catalog before the database opens, so that no session is needed. Password verifiers stay in the
configuration; a user who leaves the configuration keeps the role, without a password.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from datacave_core.catalog import Catalog, Role, catalog_writes, open_catalogs
from datacave_core.ports import Store
from datacave_core.wait import Wait
from datacave_server.config import User


def ensure_roles(store: Store, users: Sequence[User]) -> Wait | None:
    """Makes and raises roles until every configured user has one; a Wait for the disk if that wrote something."""
    before = next(iter(open_catalogs(store).values()))
    after = with_roles(before, users)
    writes = catalog_writes(before, after) if after is not before else {}
    return store.commit(writes).durable if writes else None


def with_roles(catalog: Catalog, users: Sequence[User]) -> Catalog:
    """A catalog in which every user has a role, and superusers are; the same one if nothing lacks.

    A role that was there already and may not log in stays so.
    """
    for user in users:
        role = catalog.role_named(user.name)
        if role is None:
            catalog, oids = catalog.allocate()
            role = Role(oids[0], user.name, login=True)
            catalog = catalog.with_objects([_superuser(role) if user.superuser else role])
        elif user.superuser and not role.superuser:
            catalog = catalog.with_objects([_superuser(role)])
    return catalog


def _superuser(role: Role) -> Role:
    return dataclasses.replace(
        role, superuser=True, create_role=True, create_database=True, replication=True, bypass_row_security=True
    )

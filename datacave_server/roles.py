"""Roles of the configured users: whoever may log in needs a role, because roles own things and hold privileges.

Written into the catalog before the database opens, so that no session is needed. The configuration seeds a role once:
from then on ALTER ROLE changes it and the database counts; a role without a password takes the configured one.
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
    """A catalog in which every user has a role; the same one if nothing lacks."""
    for user in users:
        role = catalog.role_named(user.name)
        if role is None:
            catalog, oids = catalog.allocate()
            role = Role(oids[0], user.name, login=True, password=user.verifier or None)
            catalog = catalog.with_objects([_superuser(role) if user.superuser else role])
        elif role.password is None and user.verifier:
            catalog = catalog.with_objects([dataclasses.replace(role, password=user.verifier)])
    return catalog


def outdated_users(catalog: Catalog, users: Sequence[User]) -> list[str]:
    """The users whose configured password or superuser flag is not that of their role, which counts."""
    found = []
    for user in users:
        role = catalog.role_named(user.name)
        if role is not None and (
            (user.verifier and user.verifier != role.password) or user.superuser != role.superuser
        ):
            found.append(user.name)
    return found


def _superuser(role: Role) -> Role:
    return dataclasses.replace(
        role, superuser=True, create_role=True, create_database=True, replication=True, bypass_row_security=True
    )

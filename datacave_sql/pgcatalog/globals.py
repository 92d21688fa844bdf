"""What a cluster has besides relations: schemas, databases, roles and who is a member of them, comments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from datacave_core.catalog import Role
from datacave_core.values import Array, Row
from datacave_sql.functions.extensions import COMMENTS
from datacave_sql.pgcatalog.classes import options_array
from datacave_sql.pgcatalog.privileges import acl_array
from datacave_sql.pgcatalog.snapshot import CatalogRows

_UTF8: Final = 6
_DEFAULT_TABLESPACE: Final = 1663
_SHARED_CLASSES: Final = frozenset({1260, 1262, 1213})
_HIDDEN_PASSWORD: Final = "********"


def namespace_rows(rows: CatalogRows) -> list[Row]:
    """pg_namespace."""
    return [(s.oid, s.name, s.owner_oid, acl_array(rows, s.privileges)) for s in rows.catalog.schemas.values()]


def database_rows(rows: CatalogRows) -> list[Row]:
    """pg_database: everything is UTF-8 and ordered by code point."""
    return [
        (
            d.oid, d.name, d.owner_oid, _UTF8, "c", d.template, d.allow_connections, d.connection_limit, 0, 0,
            _DEFAULT_TABLESPACE, "C", "C", None, None, acl_array(rows, d.privileges),
        )
        for d in rows.catalog.databases.values()
    ]  # fmt: skip


def authid_rows(rows: CatalogRows) -> list[Row]:
    """pg_authid."""
    return [
        (
            r.oid, r.name, r.superuser, r.inherit, r.create_role, r.create_database, r.login, r.replication,
            r.bypass_row_security, r.connection_limit, r.password, r.valid_until,
        )
        for r in rows.catalog.roles.values()
    ]  # fmt: skip


def roles_view(rows: CatalogRows) -> list[Row]:
    """pg_roles."""
    return [
        (
            r.name, r.superuser, r.inherit, r.create_role, r.create_database, r.login, r.replication,
            r.connection_limit, _HIDDEN_PASSWORD, r.valid_until, r.bypass_row_security, options_array(r.settings),
            r.oid,
        )
        for r in rows.catalog.roles.values()
    ]  # fmt: skip


def _user(role: Role, password: str | None) -> Row:
    return (
        role.name, role.oid, role.create_database, role.superuser, role.replication, role.bypass_row_security,
        password, role.valid_until, options_array(role.settings),
    )  # fmt: skip


def shadow_view(rows: CatalogRows) -> list[Row]:
    """pg_shadow: roles that may log in."""
    return [_user(role, role.password) for role in rows.catalog.roles.values() if role.login]


def user_view(rows: CatalogRows) -> list[Row]:
    """pg_user: the same without passwords."""
    return [_user(role, _HIDDEN_PASSWORD) for role in rows.catalog.roles.values() if role.login]


def group_view(rows: CatalogRows) -> list[Row]:
    """pg_group: roles that may not log in, with their members."""
    members: dict[int, list[int]] = {}
    for role in rows.catalog.roles.values():
        for membership in role.memberships:
            members.setdefault(membership.role_oid, []).append(role.oid)
    return [
        (role.name, role.oid, Array.of(tuple(members.get(role.oid, ()))))
        for role in rows.catalog.roles.values()
        if not role.login
    ]


def member_rows(rows: CatalogRows) -> list[Row]:
    """pg_auth_members."""
    return [
        (m.role_oid, role.oid, m.grantor_oid, m.admin_option)
        for role in rows.catalog.roles.values()
        for m in role.memberships
    ]


def role_setting_rows(rows: CatalogRows) -> list[Row]:
    """pg_db_role_setting: ALTER DATABASE .. SET and ALTER ROLE .. SET."""
    catalog = rows.catalog
    found: list[Row] = [(d.oid, 0, options_array(d.settings)) for d in catalog.databases.values() if d.settings]
    for role in catalog.roles.values():
        if role.settings:
            found.append((0, role.oid, options_array(role.settings)))
        found += ((oid, role.oid, options_array(settings)) for oid, settings in role.database_settings)
    return found


def _comments(rows: CatalogRows) -> Iterator[Any]:
    return iter(rows.catalog.comments.values())


def description_rows(rows: CatalogRows) -> list[Row]:
    """pg_description: comments on objects of the database, and on the language that every database has."""
    return [
        (13559, 3079, 0, COMMENTS["plpgsql"]),
        (13563, 2612, 0, COMMENTS["plpgsql"]),
        *((c.object_oid, c.class_oid, c.sub_id, c.text) for c in _comments(rows) if c.class_oid not in _SHARED_CLASSES),
    ]


def shared_description_rows(rows: CatalogRows) -> list[Row]:
    """pg_shdescription: comments on databases, roles and tablespaces."""
    return [(c.object_oid, c.class_oid, c.text) for c in _comments(rows) if c.class_oid in _SHARED_CLASSES]

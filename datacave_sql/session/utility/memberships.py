"""GRANT role TO role and REVOKE role FROM role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Membership, Role, is_admin_of, member_oids
from datacave_core.catalog.initial import DATABASE_OWNER_ROLE_OID
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.named_roles import denied, named_role
from datacave_sql.session.warnings import notice, warn

Steps = Iterator[Reply | Wait]


def grant_role(session: Any, statement: ast.GrantRole) -> Steps:
    """GRANT and REVOKE of membership. Raises 42501 without ADMIN OPTION, 0LP01 for circles, 42704."""
    yield from ()
    own = session.evaluation.current_role
    grantor = own.oid
    if statement.granted_by is not None:
        grantor = named_role(session, statement.granted_by).oid
        if grantor != own.oid and not own.superuser:
            raise denied("must be superuser to set grantor")
    members = [named_role(session, name) for name in statement.members]
    for name in statement.roles:
        role = named_role(session, name)
        if statement.revoke:
            remove_members(session, role, members, only_admin=statement.admin_option)
        else:
            add_members(session, role, members, grantor, admin=statement.admin_option)
    yield Complete("REVOKE ROLE" if statement.revoke else "GRANT ROLE")


def _check_admin(session: Any, role: Role) -> None:
    own = session.evaluation.current_role
    if own.superuser:
        return
    if role.superuser:
        raise denied("must be superuser to alter superusers")
    if not own.create_role and not is_admin_of(session.catalog_snapshot, own, role.oid):
        raise denied(f'must have admin option on role "{role.name}"')


def add_members(
    session: Any, role: Role, members: Sequence[Role], grantor: int, *, admin: bool, may_add: bool = False
) -> None:
    """Makes roles members of another; `may_add` for who has just made it."""
    if not may_add:
        _check_admin(session, role)
    if role.oid == DATABASE_OWNER_ROLE_OID:
        raise DatacaveError(
            f'role "{role.name}" cannot have explicit members', sqlstate=sqlstate.INVALID_GRANT_OPERATION
        )
    for member in members:
        catalog: Catalog = session.catalog_snapshot
        member = catalog.roles[member.oid]
        if member.oid == DATABASE_OWNER_ROLE_OID:
            raise DatacaveError(
                f'role "{member.name}" cannot be a member of any role', sqlstate=sqlstate.INVALID_GRANT_OPERATION
            )
        if member.oid in member_oids(catalog, role.oid):
            raise DatacaveError(
                f'role "{role.name}" is a member of role "{member.name}"', sqlstate=sqlstate.INVALID_GRANT_OPERATION
            )
        known = next((one for one in member.memberships if one.role_oid == role.oid), None)
        if known is not None and (known.admin_option or not admin):
            notice(session, f'role "{member.name}" is already a member of role "{role.name}"')
            continue
        others = tuple(one for one in member.memberships if one is not known)
        joined = replace(member, memberships=(*others, Membership(role.oid, grantor, admin)))
        session.set_catalog(catalog.with_objects((joined,)))


def remove_members(session: Any, role: Role, members: Sequence[Role], *, only_admin: bool) -> None:
    """Ends memberships, or only their ADMIN OPTION."""
    _check_admin(session, role)
    for member in members:
        catalog: Catalog = session.catalog_snapshot
        member = catalog.roles[member.oid]
        known = next((one for one in member.memberships if one.role_oid == role.oid), None)
        if known is None:
            warn(session, f'role "{member.name}" is not a member of role "{role.name}"')
            continue
        others = tuple(one for one in member.memberships if one is not known)
        if only_admin:
            others = (*others, replace(known, admin_option=False))
        session.set_catalog(catalog.with_objects((replace(member, memberships=others),)))

"""CREATE, ALTER and DROP ROLE, GRANT of roles; extensions, of which there are none.

Passwords become SCRAM-SHA-256 verifiers before they reach the catalog; who runs the server lends the function for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Membership, Role
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import input_function, oids
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.transaction_parameters import is_member
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import notice, warn

Steps = Iterator[Reply | Wait]

VERIFIER_PREFIX = "SCRAM-SHA-256$"
_FLAGS = {
    "superuser": "superuser",
    "createdb": "create_database",
    "createrole": "create_role",
    "inherit": "inherit",
    "login": "login",
    "replication": "replication",
    "bypassrls": "bypass_row_security",
}


def create_role(session: Any, statement: ast.CreateRole) -> Steps:
    """CREATE ROLE, USER, GROUP. Raises 42501, 42710, 42939 for names that begin with pg_."""
    yield from ()
    _may_create(session, statement.options, "create")
    name = statement.name
    if name.startswith("pg_") or name in ("public", "none"):
        raise DatacaveError(
            f'role name "{name}" is reserved',
            sqlstate=sqlstate.RESERVED_NAME,
            detail='Role names starting with "pg_" are reserved.' if name.startswith("pg_") else None,
        )
    catalog = session.catalog_snapshot
    if catalog.role_named(name) is not None:
        raise DatacaveError(f'role "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
    numbers = Numbers(catalog)
    role = _with_options(session, Role(numbers.take(), name, login=statement.kind == "user"), statement.options)
    changed = [role]
    grantor = session.evaluation.current_role.oid
    for option in statement.options:
        for other in _names(option.value) if option.name in ("in role", "role", "admin") else ():
            found = _role(catalog, other)
            if option.name == "in role":
                changed[0] = _joined(changed[0], found.oid, grantor, False)
            else:
                changed.append(_joined(found, role.oid, grantor, option.name == "admin"))
    session.set_catalog(numbers.catalog.with_objects(changed))
    yield Complete("CREATE ROLE")


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (str(value),)


def _may_create(session: Any, options: tuple[ast.Option, ...], what: str) -> None:
    role = session.evaluation.current_role
    if role.superuser:
        return
    for option in options:
        if option.name in ("superuser", "replication", "bypassrls") and option.value:
            raise DatacaveError(
                f"must be superuser to {what} {option.name} users"
                if option.name != "bypassrls"
                else "must be superuser to change bypassrls attribute",
                sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            )
    if not role.create_role:
        raise DatacaveError(
            "permission denied to create role" if what == "create" else "permission denied",
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
        )


def _role(catalog: Catalog, name: str) -> Role:
    found = catalog.role_named(name)
    if found is None:
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found


def _with_options(session: Any, role: Role, options: tuple[ast.Option, ...]) -> Role:
    changes: dict[str, Any] = {}
    for option in options:
        value: Any = option.value
        if option.name in _FLAGS:
            changes[_FLAGS[option.name]] = bool(value)
        elif option.name == "connection limit":
            changes["connection_limit"] = int(value)
        elif option.name == "password":
            changes["password"] = None if value is None else _verifier(session, str(value))
        elif option.name == "valid until":
            read = input_function(oids.TIMESTAMPTZ)
            changes["valid_until"] = None if value is None else read(str(value), -1, session.format_settings)
        elif option.name == "sysid":
            notice(session, "SYSID can no longer be specified")
    return replace(role, **changes)


def _verifier(session: Any, password: str) -> str:
    if password.startswith(VERIFIER_PREFIX):
        return password
    make = session.database.make_verifier
    if make is None or password.startswith("md5"):
        raise FeatureNotSupported(
            "this password cannot be stored", hint="Give a SCRAM-SHA-256 verifier (datacave gen-password-hash)."
        )
    verifier: str = make(password)
    return verifier


def alter_role(session: Any, statement: ast.AlterRole) -> Steps:
    """ALTER ROLE. A role may change its own password."""
    yield from ()
    catalog = session.catalog_snapshot
    role = _role(catalog, statement.name)
    own = session.evaluation.current_role
    only_password = all(option.name == "password" for option in statement.options)
    if not (only_password and own.oid == role.oid):
        _may_create(session, statement.options, "alter")
        if role.superuser and not own.superuser:
            raise DatacaveError(
                "must be superuser to alter superuser roles or change superuser attribute",
                sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            )
    session.set_catalog(catalog.with_objects((_with_options(session, role, statement.options),)))
    yield Complete("ALTER ROLE")


def drop_role(session: Any, statement: ast.DropRole) -> Steps:
    """DROP ROLE. Raises 2BP01 while the role owns something or has been granted something."""
    yield from ()
    _may_create(session, (), "drop")
    catalog = session.catalog_snapshot
    for name in statement.names:
        role = catalog.role_named(name)
        if role is None:
            if not statement.if_exists:
                raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
            notice(session, f'role "{name}" does not exist, skipping')
            continue
        if name in (session.evaluation.current_user, session.evaluation.session_user):
            what = "current user" if name == session.evaluation.current_user else "session user"
            raise DatacaveError(f"{what} cannot be dropped", sqlstate=sqlstate.OBJECT_IN_USE)
        _check_unused(catalog, role)
        leaving = [
            replace(other, memberships=tuple(one for one in other.memberships if one.role_oid != role.oid))
            for other in catalog.roles.values()
            if any(one.role_oid == role.oid for one in other.memberships)
        ]
        catalog = catalog.without(role)
        if leaving:
            catalog = catalog.with_objects(leaving)
    session.set_catalog(catalog)
    yield Complete("DROP ROLE")


def _check_unused(catalog: Catalog, role: Role) -> None:
    details = []
    groups: tuple[tuple[str, Any], ...] = (
        ("table", catalog.tables),
        ("sequence", catalog.sequences),
        ("schema", catalog.schemas),
        ("type", catalog.types),
        ("database", catalog.databases),
    )
    for kind, objects in groups:
        for one in objects.values():
            if one.owner_oid == role.oid:
                details.append(f"owner of {kind} {one.name}")
            elif any(grant.grantee_oid == role.oid for grant in one.privileges):
                details.append(f"privileges for {kind} {one.name}")
    if details:
        raise DatacaveError(
            f'role "{role.name}" cannot be dropped because some objects depend on it',
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            detail="\n".join(details),
        )


def grant_role(session: Any, statement: ast.GrantRole) -> Steps:
    """GRANT role TO role, REVOKE role FROM role. Raises 0LP01 for circles."""
    yield from ()
    catalog = session.catalog_snapshot
    own = session.evaluation.current_role
    for name in statement.roles:
        role = _role(catalog, name)
        admin = any(one.role_oid == role.oid and one.admin_option for one in own.memberships)
        if not (own.superuser or admin or (own.create_role and not role.superuser)):
            raise DatacaveError(f'must have admin option on role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        for member_name in statement.members:
            member = _role(catalog, member_name)
            if statement.revoke:
                changed = _left(member, role.oid, statement.admin_option)
                if changed == member:
                    warn(session, f'role "{member_name}" is not a member of role "{name}"')
            else:
                if is_member(catalog, role.oid, member.oid):
                    raise DatacaveError(
                        f'role "{name}" is a member of role "{member_name}"',
                        sqlstate=sqlstate.INVALID_GRANT_OPERATION,
                    )
                if any(one.role_oid == role.oid for one in member.memberships) and not statement.admin_option:
                    notice(session, f'role "{member_name}" is already a member of role "{name}"')
                changed = _joined(member, role.oid, own.oid, statement.admin_option)
            catalog = catalog.with_objects((changed,))
    session.set_catalog(catalog)
    yield Complete("REVOKE ROLE" if statement.revoke else "GRANT ROLE")


def _joined(member: Role, role_oid: int, grantor: int, admin: bool) -> Role:
    known = next((one for one in member.memberships if one.role_oid == role_oid), None)
    if known is None:
        return replace(member, memberships=(*member.memberships, Membership(role_oid, grantor, admin)))
    raised = replace(known, admin_option=known.admin_option or admin)
    return replace(member, memberships=tuple(raised if one is known else one for one in member.memberships))


def _left(member: Role, role_oid: int, only_admin: bool) -> Role:
    if only_admin:
        return replace(
            member,
            memberships=tuple(
                replace(one, admin_option=False) if one.role_oid == role_oid else one for one in member.memberships
            ),
        )
    return replace(member, memberships=tuple(one for one in member.memberships if one.role_oid != role_oid))


def create_extension(session: Any, statement: ast.CreateExtension) -> Steps:
    """CREATE EXTENSION: there are none; what plpgsql would bring cannot be had either."""
    yield from ()
    raise DatacaveError(
        f'extension "{statement.name}" is not available',
        sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        hint="Datacave has no extensions; gen_random_uuid() is built in.",
    )

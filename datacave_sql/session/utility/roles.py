"""CREATE, ALTER and DROP ROLE.

Passwords become SCRAM-SHA-256 verifiers before they reach the catalog; who runs the server lends the function for it.
Error texts never hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Role, is_member
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import input_function, oids
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.memberships import add_members, remove_members
from datacave_sql.session.utility.named_roles import denied, named_role
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.owned import dependents_of
from datacave_sql.session.warnings import notice

Steps = Iterator[Reply | Wait]

VERIFIER_PREFIX = "SCRAM-SHA-256$"
ROLE_CLASS_OID = 1260
_FLAGS = {
    "superuser": "superuser",
    "createdb": "create_database",
    "createrole": "create_role",
    "inherit": "inherit",
    "login": "login",
    "replication": "replication",
    "bypassrls": "bypass_row_security",
}


def check_role_name(name: str) -> None:
    """Raises 42939 for names that the system keeps for itself."""
    if name.startswith("pg_"):
        raise DatacaveError(
            f'role name "{name}" is reserved',
            sqlstate=sqlstate.RESERVED_NAME,
            detail='Role names starting with "pg_" are reserved.',
        )
    if name in ("public", "none"):
        raise DatacaveError(f'role name "{name}" is reserved', sqlstate=sqlstate.RESERVED_NAME)


def create_role(session: Any, statement: ast.CreateRole) -> Steps:
    """CREATE ROLE, USER, GROUP. Raises 42501, 42710, 42939."""
    yield from ()
    _check_options(statement.options)
    given = {option.name: option.value for option in statement.options}
    own = session.evaluation.current_role
    if not own.superuser:
        if given.get("superuser"):
            raise denied("must be superuser to create superusers")
        if given.get("replication"):
            raise denied("must be superuser to create replication users")
        if given.get("bypassrls"):
            raise denied("must be superuser to create bypassrls users")
        if not own.create_role:
            raise denied("permission denied to create role")
    name = statement.name
    if name in ("current_user", "session_user", "current_role"):
        raise DatacaveError(
            f"{name.upper()} cannot be used as a role name here", sqlstate=sqlstate.RESERVED_NAME,
            position=statement.position,
        )  # fmt: skip
    check_role_name(name)
    if session.catalog_snapshot.role_named(name) is not None:
        raise DatacaveError(f'role "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
    numbers = Numbers(session.catalog_snapshot)
    made = Role(numbers.take(), name, login=statement.kind == "user")
    role = _with_options(session, made, statement.options)
    catalog = numbers.catalog.with_objects((role,))
    session.set_catalog(catalog)
    for option in statement.options:
        if option.name == "in role":
            for other in _names(option.value):
                add_members(session, named_role(session, other), (role,), own.oid, admin=False)
        elif option.name in ("role", "admin"):
            members = [named_role(session, other) for other in _names(option.value)]
            add_members(session, role, members, own.oid, admin=option.name == "admin", may_add=True)
    yield Complete("CREATE ROLE")


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (str(value),)


def _check_options(options: tuple[ast.Option, ...]) -> None:
    """Raises 42601 for an option given twice."""
    seen: set[str] = set()
    for option in options:
        if option.name in seen:
            raise DatacaveError(
                "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
            )
        seen.add(option.name)
        if option.name == "connection limit" and int(option.value or 0) < -1:  # type: ignore[arg-type]
            raise DatacaveError(f"invalid connection limit: {option.value}", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _with_options(session: Any, role: Role, options: tuple[ast.Option, ...]) -> Role:
    changes: dict[str, Any] = {}
    for option in options:
        value: Any = option.value
        if option.name in _FLAGS:
            changes[_FLAGS[option.name]] = bool(value)
        elif option.name == "connection limit":
            changes["connection_limit"] = int(value)
        elif option.name == "password":
            changes["password"] = _stored_password(session, value)
        elif option.name == "valid until":
            read = input_function(oids.TIMESTAMPTZ)
            changes["valid_until"] = None if value is None else read(str(value), -1, session.format_settings)
        elif option.name == "sysid":
            notice(session, "SYSID can no longer be specified")
    return replace(role, **changes)


def _stored_password(session: Any, password: str | None) -> str | None:
    """What is stored of a password; an empty one is none."""
    if password is None:
        return None
    if password.startswith(VERIFIER_PREFIX):
        return password
    if password.startswith("md5") and len(password) == 35:
        raise FeatureNotSupported(
            "MD5 passwords are not supported", hint="Give the password itself or a SCRAM-SHA-256 verifier."
        )
    make = session.database.make_verifier
    if make is None:
        raise FeatureNotSupported(
            "this password cannot be stored", hint="Give a SCRAM-SHA-256 verifier (datacave gen-password-hash)."
        )
    if not password:
        notice(session, "empty string is not a valid password, clearing password")
        return None
    if session.settings.value("password_encryption") != "scram-sha-256":
        raise FeatureNotSupported("MD5 passwords are not supported", hint="SET password_encryption = 'scram-sha-256'.")
    verifier: str = make(password)
    return verifier


def alter_role(session: Any, statement: ast.AlterRole) -> Steps:
    """ALTER ROLE, ALTER GROUP ADD and DROP USER. A role may change its own password."""
    yield from ()
    _check_options(statement.options)
    role = named_role(session, statement.name)
    own = session.evaluation.current_role
    given = {option.name for option in statement.options}
    if given & {"add user", "drop user"}:
        option = statement.options[0]
        members = [named_role(session, name) for name in _names(option.value)]
        if option.name == "add user":
            add_members(session, role, members, own.oid, admin=False)
        else:
            remove_members(session, role, members, only_admin=False)
        yield Complete("ALTER ROLE")
        return
    if role.name.startswith("pg_") and role.oid < 16384:
        raise DatacaveError(f'role name "{role.name}" is reserved', sqlstate=sqlstate.RESERVED_NAME,
                            detail='Cannot alter reserved roles.')  # fmt: skip
    if not own.superuser:
        if role.superuser or "superuser" in given:
            raise denied("must be superuser to alter superuser roles or change superuser attribute")
        if role.replication or "replication" in given:
            raise denied("must be superuser to alter replication roles or change replication attribute")
        if "bypassrls" in given:
            raise denied("must be superuser to change bypassrls attribute")
        if not own.create_role and not (given == {"password"} and own.oid == role.oid):
            raise denied("permission denied")
    if "role" in given:
        members = [
            named_role(session, name)
            for option in statement.options
            if option.name == "role"
            for name in _names(option.value)
        ]
        add_members(session, role, members, own.oid, admin=False)
        role = session.catalog_snapshot.roles[role.oid]
    session.set_catalog(session.catalog_snapshot.with_objects((_with_options(session, role, statement.options),)))
    yield Complete("ALTER ROLE")


def rename_role(session: Any, role: Role, name: str) -> Catalog:
    """ALTER ROLE RENAME: the changed catalog. Raises 42501, 0A000 for roles in use, 42939, 42710."""
    own = session.evaluation.current_role
    catalog: Catalog = session.catalog_snapshot
    if role.name == session.evaluation.session_user:
        raise FeatureNotSupported("session user cannot be renamed")
    if role.oid == own.oid:
        raise FeatureNotSupported("current user cannot be renamed")
    check_role_name(role.name)
    check_role_name(name)
    if catalog.role_named(name) is not None:
        raise DatacaveError(f'role "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
    if not own.superuser:
        if role.superuser:
            raise denied("must be superuser to rename superusers")
        if not own.create_role:
            raise denied("permission denied to rename role")
    return catalog.with_objects((replace(role, name=name),))


def drop_role(session: Any, statement: ast.DropRole) -> Steps:
    """DROP ROLE. Raises 2BP01 while the role owns something or has been granted something."""
    yield from ()
    own = session.evaluation.current_role
    if not own.superuser and not own.create_role:
        raise denied("permission denied to drop role")
    catalog = session.catalog_snapshot
    for name in statement.names:
        if name in ("current_user", "session_user", "current_role", "public"):
            raise DatacaveError(
                "cannot use special role specifier in DROP ROLE", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
        role = catalog.role_named(name)
        if role is None:
            if not statement.if_exists:
                raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
            notice(session, f'role "{name}" does not exist, skipping')
            continue
        if name in (session.evaluation.current_user, session.evaluation.session_user, session.user):
            what = "current user" if name == session.evaluation.current_user else "session user"
            raise DatacaveError(f"{what} cannot be dropped", sqlstate=sqlstate.OBJECT_IN_USE)
        if role.superuser and not own.superuser:
            raise denied("must be superuser to drop superusers")
        catalog = _without_role(catalog, role)
    session.set_catalog(catalog)
    yield Complete("DROP ROLE")


def _without_role(catalog: Catalog, role: Role) -> Catalog:
    details = dependents_of(catalog, role)
    if role.oid < 16384:
        raise DatacaveError(
            f"cannot drop role {role.name} because it is required by the database system",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
        )
    if details:
        raise DatacaveError(
            f'role "{role.name}" cannot be dropped because some objects depend on it',
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            detail="\n".join(details),
        )
    leaving = [
        replace(other, memberships=tuple(one for one in other.memberships if one.role_oid != role.oid))
        for other in catalog.roles.values()
        if any(one.role_oid == role.oid for one in other.memberships)
    ]
    catalog = catalog.without(role)
    return catalog.with_objects(leaving) if leaving else catalog


def may_act_for(session: Any, role: Role) -> bool:
    """Whether the current user is the role or a member of it."""
    return is_member(session.catalog_snapshot, session.evaluation.current_role.oid, role.oid)

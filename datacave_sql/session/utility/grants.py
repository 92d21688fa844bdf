"""GRANT and REVOKE on objects, ALTER DEFAULT PRIVILEGES.

Privileges go in the name of the owner where the user may act for it, else of the role among the user's that may hand
on most of them. Who may hand on only some gives these, with a warning. REVOKE follows what was handed on further:
RESTRICT refuses, CASCADE takes it back too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    ALL_PRIVILEGES,
    Catalog,
    DefaultPrivileges,
    Grant,
    Sequence,
    SystemPrivileges,
    Table,
    default_grants,
    has_privileges_of,
    held,
    is_member,
    member_oids,
)
from datacave_core.catalog.privileges import dependent_grants, merged, revoked
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.bind.bound_privileges import AlterDefaultPrivileges, GrantPrivileges, SystemObject
from datacave_sql.session.permissions import denied, kind_of
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]
Grants = tuple[Grant, ...]


def grant_privileges(session: Any, bound: GrantPrivileges) -> Steps:
    """GRANT, REVOKE. Raises 42501 for who has nothing to hand on, 2BP01 for privileges that others depend on."""
    yield from ()
    if bound.granted_by is not None and bound.granted_by != session.evaluation.current_role.oid:
        raise FeatureNotSupported("grantor must be current user")
    catalog = session.catalog_snapshot
    for target in bound.targets:
        catalog = catalog.with_objects((_changed(session, bound, _newest(catalog, target)),))
    session.set_catalog(catalog)
    yield Complete("REVOKE" if bound.revoke else "GRANT")


def _newest(catalog: Catalog, target: Any) -> Any:
    """The object as the statement has left it, where it names one twice."""
    if isinstance(target, Table):
        return catalog.tables[target.oid]
    if isinstance(target, SystemObject):
        given = catalog.system_privileges.get((target.class_oid, target.oid))
        return replace(target, privileges=given.privileges) if given is not None else target
    return target


def _changed(session: Any, bound: GrantPrivileges, target: Any) -> Any:
    """The record of an object with its new list of privileges."""
    kind = "sequence" if isinstance(target, Sequence) else bound.kind
    letters = _fitting(session, bound, target, kind)
    if isinstance(target, Table):
        implied = "".join(letter for letter in letters if letter in ALL_PRIVILEGES["column"]) if bound.revoke else ""
        target = _with_columns(session, bound, target, implied)
    if not letters:
        return target
    before = target.privileges or default_grants(kind, target.owner_oid)
    grantor, options = _grantor(session, kind, target.owner_oid, before, letters)
    given = _restricted(session, bound, kind, target, before, letters, options)
    after = _apply(before, bound, grantor, given, target.owner_oid)
    after = after or (Grant(target.owner_oid, target.owner_oid, ""),)
    if isinstance(target, SystemObject):
        return SystemPrivileges(target.class_oid, target.oid, after, session.home.oid)
    return replace(target, privileges=after)


def _fitting(session: Any, bound: GrantPrivileges, target: Any, kind: str) -> str:
    """The letters that an object of this kind knows."""
    letters = bound.privileges
    if not isinstance(target, Sequence) or bound.kind == "sequence":
        return letters
    if bound.everything:
        return ALL_PRIVILEGES["sequence"]
    if any(letter not in ALL_PRIVILEGES["sequence"] for letter in letters):
        warn(
            session,
            f'sequence "{target.name}" only supports USAGE, SELECT, and UPDATE privileges',
            sqlstate.INVALID_GRANT_OPERATION,
        )
    return "".join(letter for letter in letters if letter in ALL_PRIVILEGES["sequence"])


def _grantor(session: Any, kind: str, owner: int, grants: Grants, wanted: str) -> tuple[int, str]:
    """(the role in whose name privileges go, the letters it may hand on)."""
    catalog = session.catalog_snapshot
    role = session.evaluation.current_role
    if has_privileges_of(catalog, role.oid, owner):
        return owner, ALL_PRIVILEGES[kind]
    best, best_options = role.oid, ""
    for oid in sorted(member_oids(catalog, role.oid, inherited=True), key=lambda one: one != role.oid):
        options = "".join(grant.grantable for grant in grants if grant.grantee_oid == oid)
        useful = [letter for letter in wanted if letter in options]
        if len(useful) > len([letter for letter in wanted if letter in best_options]):
            best, best_options = oid, options
    return best, best_options


def _restricted(
    session: Any, bound: GrantPrivileges, kind: str, target: Any, grants: Grants, letters: str, options: str,
    column: str | None = None,
) -> str:  # fmt: skip
    """The letters that may go; warns where these are not all. Raises 42501 where the user has no privilege at all."""
    catalog = session.catalog_snapshot
    role = session.evaluation.current_role
    if not options and not held(catalog, role.oid, kind, target.owner_oid, grants):
        if column is not None:
            raise DatacaveError(
                f'permission denied for column "{column}" of relation "{target.name}"',
                sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            )
        raise denied(target.kind if isinstance(target, SystemObject) else kind_of(target), target.name)
    given = "".join(letter for letter in letters if letter in options)
    place = f'column "{column}" of relation "{target.name}"' if column is not None else f'"{target.name}"'
    code = sqlstate.WARNING_PRIVILEGE_NOT_REVOKED if bound.revoke else sqlstate.WARNING_PRIVILEGE_NOT_GRANTED
    verb = "could be revoked" if bound.revoke else "were granted"
    if not given:
        warn(session, f"no privileges {verb} for {place}", code)
    elif len(given) < len(letters) and not bound.everything:
        warn(session, f"not all privileges {verb} for {place}", code)
    return given


def _apply(grants: Grants, bound: Any, grantor: int, letters: str, owner: int) -> Grants:
    """A list of privileges after one GRANT or REVOKE."""
    if not letters:
        return grants
    for grantee in bound.grantees:
        if bound.revoke:
            grants = _revoke(grants, grantee, grantor, letters, bound.grant_option, owner, bound.cascade)
            continue
        if bound.grant_option:
            _check_no_circle(grants, grantee, grantor, letters, owner)
        grants = merged(grants, Grant(grantee, grantor, letters, letters if bound.grant_option else ""))
    return grants


def _revoke(
    grants: Grants, grantee: int, grantor: int, letters: str, only_option: bool, owner: int, cascade: bool
) -> Grants:
    grants, lost = revoked(grants, grantee, grantor, letters, only_option=only_option, owner_oid=owner)
    for grant in dependent_grants(grants, grantee, lost) if lost else ():
        if not cascade:
            raise DatacaveError(
                "dependent privileges exist",
                sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
                hint="Use CASCADE to revoke them too.",
            )
        grants = _revoke(grants, grant.grantee_oid, grantee, lost, False, owner, True)
    return grants


def _check_no_circle(grants: Grants, grantee: int, grantor: int, letters: str, owner: int) -> None:
    """Raises 0LP01 where the grantor's own right to grant would come from the grantee."""
    if grantor == owner:
        return
    left = grants
    for grant in grants:
        if grant.grantee_oid == grantee and grant.grantable:
            left = _revoke(left, grantee, grant.grantor_oid, grant.grantable, False, owner, True)
    own = "".join(grant.grantable for grant in left if grant.grantee_oid == grantor)
    if any(letter not in own for letter in letters):
        raise DatacaveError(
            "grant options cannot be granted back to your own grantor", sqlstate=sqlstate.INVALID_GRANT_OPERATION
        )


def _with_columns(session: Any, bound: GrantPrivileges, table: Table, implied: str) -> Table:
    """A table after the privileges on its columns have changed; `implied` are revoked from all of them."""
    wanted: dict[str, str] = {}
    for letter, names in bound.columns:
        for name in names:
            wanted[name] = wanted.get(name, "") + letter
    columns = []
    for column in table.columns:
        letters = wanted.get(column.name, "") if not column.dropped else ""
        if implied and column.privileges:
            letters += "".join(letter for letter in implied if letter not in letters)
        if not letters:
            columns.append(column)
            continue
        everything = (*(table.privileges or default_grants("table", table.owner_oid)), *column.privileges)
        grantor, options = _grantor(session, "column", table.owner_oid, everything, letters)
        if column.name in wanted:
            given = _restricted(session, bound, "column", table, everything, letters, options, column.name)
        else:
            given = "".join(letter for letter in letters if letter in options)
        columns.append(replace(column, privileges=_apply(column.privileges, bound, grantor, given, table.owner_oid)))
    return replace(table, columns=tuple(columns))


def alter_default_privileges(session: Any, bound: AlterDefaultPrivileges) -> Steps:
    """ALTER DEFAULT PRIVILEGES. Raises 42501 for roles that the user is not a member of."""
    yield from ()
    own = session.evaluation.current_role
    numbers = Numbers(session.catalog_snapshot)
    for role_oid in bound.roles:
        if not is_member(numbers.catalog, own.oid, role_oid):
            name = numbers.catalog.roles[role_oid].name
            raise DatacaveError(f'must be member of role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        for schema_oid in bound.schemas:
            _change_defaults(numbers, bound, role_oid, schema_oid, session.home.oid)
    session.set_catalog(numbers.catalog)
    yield Complete("ALTER DEFAULT PRIVILEGES")


def _change_defaults(
    numbers: Numbers, bound: AlterDefaultPrivileges, role_oid: int, schema_oid: int, database_oid: int
) -> None:
    known = numbers.catalog.default_privileges.get((role_oid, schema_oid, bound.kind))
    builtin: Grants = default_grants(bound.kind, role_oid) if not schema_oid else ()
    before = known.privileges if known is not None else builtin
    after = _apply(before, bound, role_oid, bound.privileges, role_oid)
    if sorted(map(_facts, after)) == sorted(map(_facts, builtin)):
        if known is not None:
            numbers.catalog = numbers.catalog.without(known)
        return
    oid = known.oid if known is not None else numbers.take()
    changed = DefaultPrivileges(oid, role_oid, schema_oid, bound.kind, after, database_oid)
    numbers.catalog = numbers.catalog.with_objects((changed,))


def _facts(grant: Grant) -> tuple[int, int, str, str]:
    return grant.grantee_oid, grant.grantor_oid, "".join(sorted(grant.privileges)), "".join(sorted(grant.grantable))

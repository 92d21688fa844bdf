"""GRANT and REVOKE on objects.

An object without a list of privileges has the defaults: everything to its owner, and what PUBLIC has by default. The
first GRANT or REVOKE writes them down. A list from which everything was revoked keeps an entry of its owner without
letters, because an empty one would stand for the defaults again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Grant, Table
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import GrantPrivileges
from datacave_sql.session.privileges import PUBLIC_DEFAULTS
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.transaction_parameters import is_member

Steps = Iterator[Reply | Wait]

_ALL = {"table": "arwdDxt", "sequence": "rwU", "database": "CTc", "schema": "UC", "type": "U", "domain": "U"}


def grant_privileges(session: Any, bound: GrantPrivileges) -> Steps:
    """GRANT, REVOKE. Raises 42501 for who may not hand them on."""
    yield from ()
    catalog = session.catalog_snapshot
    changed = []
    for target in bound.targets:
        grantor = _grantor(session, bound, target)
        if bound.columns:
            changed.append(_with_columns(target, bound, grantor))
        if bound.privileges:
            latest = changed.pop() if bound.columns else target
            grants = latest.privileges or _defaults(bound.kind, latest)
            for grantee in bound.grantees:
                grants = _apply(grants, grantee, grantor, bound.privileges, bound)
            changed.append(replace(latest, privileges=grants or (Grant(grantor, grantor, ""),)))
    session.set_catalog(catalog.with_objects(changed))
    yield Complete("REVOKE" if bound.revoke else "GRANT")


def _grantor(session: Any, bound: GrantPrivileges, target: Any) -> int:
    """The role in whose name privileges go: the owner, where the user may act for it."""
    role = session.evaluation.current_role
    owner: int = target.owner_oid
    if role.superuser or is_member(session.catalog_snapshot, role.oid, owner):
        return owner
    wanted = {*bound.privileges, *(letter for letter, _ in bound.columns)}
    held = {
        letter
        for grant in target.privileges
        if is_member(session.catalog_snapshot, role.oid, grant.grantee_oid)
        for letter in grant.grantable
    }
    if not wanted <= held:
        raise DatacaveError(
            f"permission denied for {bound.kind} {target.name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
        )
    oid: int = role.oid
    return oid


def _defaults(kind: str, target: Any) -> tuple[Grant, ...]:
    owner = target.owner_oid
    grants = (Grant(owner, owner, _ALL[kind]),)
    public = PUBLIC_DEFAULTS.get(kind, "")
    return (Grant(0, owner, public), *grants) if public else grants


def _apply(
    grants: tuple[Grant, ...], grantee: int, grantor: int, letters: str, bound: GrantPrivileges
) -> tuple[Grant, ...]:
    """A list of privileges after one GRANT or REVOKE."""
    found = next((one for one in grants if (one.grantee_oid, one.grantor_oid) == (grantee, grantor)), None)
    if not bound.revoke:
        if bound.grant_option and not grantee:
            raise DatacaveError("grant options can only be granted to roles", sqlstate=sqlstate.INVALID_GRANT_OPERATION)
        added = found or Grant(grantee, grantor, "")
        options = _union(added.grantable, letters) if bound.grant_option else added.grantable
        new = replace(added, privileges=_union(added.privileges, letters), grantable=options)
        return (*grants, new) if found is None else tuple(new if one is found else one for one in grants)
    if found is None:
        return grants
    options = _without(found.grantable, letters)
    kept = found.privileges if bound.grant_option else _without(found.privileges, letters)
    new = replace(found, privileges=kept, grantable=options)
    return tuple(new if one is found else one for one in grants if one is not found or kept or options)


def _with_columns(table: Table, bound: GrantPrivileges, grantor: int) -> Table:
    columns = {column.name: column for column in table.live_columns}
    for letter, names in bound.columns:
        for name in names:
            grants = columns[name].privileges
            for grantee in bound.grantees:
                grants = _apply(grants, grantee, grantor, letter, bound)
            columns[name] = replace(columns[name], privileges=grants)
    return replace(table, columns=tuple(column if column.dropped else columns[column.name] for column in table.columns))


def _union(letters: str, more: str) -> str:
    return letters + "".join(letter for letter in more if letter not in letters)


def _without(letters: str, fewer: str) -> str:
    return "".join(letter for letter in letters if letter not in fewer)

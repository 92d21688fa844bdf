"""Privileges: what the has_*_privilege functions answer.

Superusers and owners may do everything; others what has been granted to them, to a role they are members of, or to
PUBLIC. Letters are those of PostgreSQL's aclitem.
"""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Grant, Role
from datacave_core.errors import DatacaveError
from datacave_sql.session.transaction_parameters import is_member

_LETTERS = {
    "select": "r", "insert": "a", "update": "w", "delete": "d", "truncate": "D", "references": "x", "trigger": "t",
    "usage": "U", "create": "C", "connect": "c", "temporary": "T", "temp": "T", "execute": "X", "set": "s",
    "alter system": "A",
}  # fmt: skip
_PUBLIC_DEFAULTS = {"database": "cT", "function": "X", "language": "U", "type": "U"}


def has_privilege(
    session: Any, view: Any, kind: str, role: str | int | None, target: str | int, privilege: str
) -> bool | None:
    """Whether a role (None: the current user) has one of the privileges, a list separated by commas."""
    catalog: Catalog = session.catalog_snapshot
    who = _role(session, catalog, role)
    if who is None:
        return None if isinstance(role, int) else False
    found = _object(catalog, view, kind, target)
    if found is None:
        return None
    owner, grants = found
    for one in privilege.split(","):
        word = one.strip().lower()
        grantable = word.endswith(" with grant option")
        word = word.removesuffix(" with grant option").strip()
        letter = _LETTERS.get(word)
        if letter is None:
            if kind == "role" and word in ("member", "usage"):
                letter = "U"
            else:
                raise DatacaveError(
                    f'unrecognized privilege type: "{one.strip()}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
                )
        if who.superuser or is_member(catalog, who.oid, owner):
            return True
        if letter in _PUBLIC_DEFAULTS.get(kind, "") and not grantable:
            return True
        for grant in grants:
            letters = grant.grantable if grantable else grant.privileges
            if letter in letters and (not grant.grantee_oid or is_member(catalog, who.oid, grant.grantee_oid)):
                return True
    return False


def _role(session: Any, catalog: Catalog, role: str | int | None) -> Role | None:
    if role is None:
        current: Role = session.evaluation.current_role
        return current
    if isinstance(role, int):
        return catalog.roles.get(role)
    found = catalog.role_named(role)
    if found is None:
        raise DatacaveError(f'role "{role}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found


def _object(catalog: Catalog, view: Any, kind: str, target: str | int) -> tuple[int, tuple[Grant, ...]] | None:
    """(owner, grants) of an object; None for an oid that is unknown. Raises 42P01, 3F000, 3D000 for names."""
    if kind == "schema":
        oid = catalog.schema_names.get(target) if isinstance(target, str) else target
        schema = catalog.schemas.get(oid) if oid is not None else None
        if schema is None and isinstance(target, str):
            raise DatacaveError(f'schema "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA)
        return (schema.owner_oid, schema.privileges) if schema is not None else None
    if kind == "database":
        database = catalog.database_named(target) if isinstance(target, str) else catalog.databases.get(target)
        if database is None and isinstance(target, str):
            raise DatacaveError(f'database "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
        return (database.owner_oid, database.privileges) if database is not None else None
    if kind in ("table", "column", "sequence", "any_column"):
        oid = view.relation_oid(target) if isinstance(target, str) else target
        if oid is None:
            raise DatacaveError(f'relation "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
        relation = catalog.relation_by_oid(oid)
        if relation is not None:
            return relation.owner_oid, relation.privileges
        return (10, (Grant(0, 10, "r"),)) if view.relation_name(oid) is not None else None
    return 10, ()

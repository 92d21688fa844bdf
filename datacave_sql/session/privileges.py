"""Privileges: what the has_*_privilege functions answer.

Superusers and owners may do everything; others what has been granted to them, to a role they are members of, or to
PUBLIC. Letters are those of PostgreSQL's aclitem.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Grant, Role, Table
from datacave_core.errors import DatacaveError
from datacave_sql.session.transaction_parameters import is_member

_LETTERS = {
    "select": "r", "insert": "a", "update": "w", "delete": "d", "truncate": "D", "references": "x", "trigger": "t",
    "usage": "U", "create": "C", "connect": "c", "temporary": "T", "temp": "T", "execute": "X", "set": "s",
    "alter system": "A",
}  # fmt: skip
PUBLIC_DEFAULTS = {"database": "cT", "function": "X", "language": "U", "type": "U", "domain": "U"}
"""What everybody has on objects without a list of privileges."""


def allows(
    catalog: Catalog, role: Role, owner_oid: int, grants: Iterable[Grant], letter: str, *, grantable: bool = False
) -> bool:
    """Whether a role has a privilege on an object: as superuser, owner, or by a grant."""
    if role.superuser or is_member(catalog, role.oid, owner_oid):
        return True
    for grant in grants:
        letters = grant.grantable if grantable else grant.privileges
        if letter in letters and (not grant.grantee_oid or is_member(catalog, role.oid, grant.grantee_oid)):
            return True
    return False


def has_privilege(
    session: Any, view: Any, kind: str, role: str | int | None, target: Any, privilege: str
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
        if not grants and letter in PUBLIC_DEFAULTS.get(kind, "") and not grantable:
            return True
        if allows(catalog, who, owner, grants, letter, grantable=grantable):
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


def _object(catalog: Catalog, view: Any, kind: str, target: Any) -> tuple[int, tuple[Grant, ...]] | None:
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
    if kind == "column" and isinstance(target, tuple):
        return _column(catalog, view, *target)
    if kind in ("table", "sequence", "any_column"):
        oid = view.relation_oid(target) if isinstance(target, str) else target
        if oid is None:
            raise DatacaveError(f'relation "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
        relation = catalog.relation_by_oid(oid)
        if relation is not None:
            grants = relation.privileges
            if kind == "any_column" and isinstance(relation, Table):
                grants = (*grants, *(grant for column in relation.live_columns for grant in column.privileges))
            return relation.owner_oid, grants
        return (10, (Grant(0, 10, "r"),)) if view.relation_name(oid) is not None else None
    return 10, ()


def _column(catalog: Catalog, view: Any, target: str | int, column: str | int) -> tuple[int, tuple[Grant, ...]] | None:
    oid = view.relation_oid(target) if isinstance(target, str) else target
    if oid is None:
        raise DatacaveError(f'relation "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
    table = catalog.tables.get(oid)
    if table is None:
        return (10, (Grant(0, 10, "r"),)) if view.relation_name(oid) is not None else None
    if isinstance(column, str):
        found = table.columns_by_name.get(column)
        if found is None:
            raise DatacaveError(
                f'column "{column}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
    else:
        found = next((one for one in table.live_columns if one.number == column), None)
        if found is None:
            return None
    return table.owner_oid, (*table.privileges, *found.privileges)

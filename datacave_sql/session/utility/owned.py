"""What hangs on a role: DROP OWNED, REASSIGN OWNED, and why a role cannot be dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    Catalog,
    Grant,
    Role,
    Schema,
    Sequence,
    Table,
    TypeDefinition,
    default_grants,
    has_privileges_of,
)
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.dependencies import Collector, describe
from datacave_sql.session.utility.drops import remove
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]

_GROUPS = (
    ("tables", "table"), ("sequences", "sequence"), ("schemas", "schema"), ("types", "type"), ("databases", "database"),
)  # fmt: skip
"""The maps of objects that have an owner and privileges, and the kinds of their lists."""
_WORDS = {"table": "relations", "sequence": "sequences", "function": "functions", "type": "types", "schema": "schemas"}


def _objects(catalog: Catalog) -> Iterator[tuple[str, Any]]:
    for name, kind in _GROUPS:
        for _, item in sorted(getattr(catalog, name).items()):
            yield kind, item


def _described(catalog: Catalog, kind: str, item: Any) -> str:
    return f"database {item.name}" if kind == "database" else describe(catalog, item)


def _names_role(grants: tuple[Grant, ...], oid: int) -> bool:
    return any(oid in (grant.grantee_oid, grant.grantor_oid) and grant.privileges for grant in grants)


def dependents_of(catalog: Catalog, role: Role) -> list[str]:
    """What stands in the way of dropping a role, as DROP ROLE lists it."""
    found: list[str] = []
    for kind, item in _objects(catalog):
        shown = _described(catalog, kind, item)
        if item.owner_oid == role.oid:
            found.append(f"owner of {shown}")
            continue
        if _names_role(item.privileges, role.oid):
            found.append(f"privileges for {shown}")
        if isinstance(item, Table):
            found += [
                f"privileges for column {column.name} of {shown}"
                for column in item.live_columns
                if _names_role(column.privileges, role.oid)
            ]
            found += [
                f"target of policy {policy.name} on {shown}" for policy in item.policies if role.oid in policy.role_oids
            ]
    for default in catalog.default_privileges.values():
        owner = catalog.roles[default.role_oid].name
        place = f" in schema {catalog.schemas[default.schema_oid].name}" if default.schema_oid else ""
        shown = f"default privileges on new {_WORDS[default.kind]} belonging to role {owner}{place}"
        if default.role_oid == role.oid:
            found.append(f"owner of {shown}")
        elif _names_role(default.privileges, role.oid):
            found.append(f"privileges for {shown}")
    for one in catalog.system_privileges.values():
        if _names_role(one.privileges, role.oid):
            found.append(f"privileges for system object {one.object_oid}")
    return found


def _roles(session: Any, names: tuple[str, ...], verb: str) -> list[Role]:
    catalog = session.catalog_snapshot
    evaluation = session.evaluation
    special = {
        "current_user": evaluation.current_user,
        "current_role": evaluation.current_user,
        "session_user": evaluation.session_user,
    }
    found = []
    for name in names:
        role = catalog.role_named(special.get(name, name))
        if role is None:
            raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        if not has_privileges_of(catalog, evaluation.current_role.oid, role.oid):
            raise DatacaveError(f"permission denied to {verb} objects", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        found.append(role)
    return found


def _check_droppable(catalog: Catalog, role: Role, verb: str) -> None:
    if role.oid < 16384:
        raise DatacaveError(
            f"cannot {verb} objects owned by role {role.name} because they are required by the database system",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
        )


def reassign_owned(session: Any, statement: ast.ReassignOwned) -> Steps:
    """REASSIGN OWNED BY roles TO role. Raises 42501 for roles whose privileges the user has not."""
    yield from ()
    roles = _roles(session, statement.roles, "reassign")
    target = _roles(session, (statement.new_role,), "reassign")[0]
    catalog = session.catalog_snapshot
    for role in roles:
        _check_droppable(catalog, role, "drop")
        changed = [
            replace(item, owner_oid=target.oid, privileges=handed_over(item.privileges, role.oid, target.oid))
            for _, item in _objects(catalog)
            if item.owner_oid == role.oid
        ]
        if changed:
            catalog = catalog.with_objects(changed)
    session.set_catalog(catalog)
    yield Complete("REASSIGN OWNED")


def handed_over(grants: tuple[Grant, ...], old: int, new: int) -> tuple[Grant, ...]:
    """A list of privileges in which a new owner stands in place of the old one; equal pairs become one."""
    found: dict[tuple[int, int], Grant] = {}
    for grant in grants:
        grantee = new if grant.grantee_oid == old else grant.grantee_oid
        grantor = new if grant.grantor_oid == old else grant.grantor_oid
        known = found.get((grantee, grantor), Grant(grantee, grantor, ""))
        found[(grantee, grantor)] = Grant(
            grantee,
            grantor,
            known.privileges + "".join(one for one in grant.privileges if one not in known.privileges),
            known.grantable + "".join(one for one in grant.grantable if one not in known.grantable),
        )
    return tuple(found.values())


def drop_owned(session: Any, statement: ast.DropOwned) -> Steps:
    """DROP OWNED BY roles: their objects, and what was granted to them. Raises 2BP01 without CASCADE."""
    roles = _roles(session, statement.roles, "drop")
    catalog = session.catalog_snapshot
    oids = {role.oid for role in roles}
    for role in roles:
        _check_droppable(catalog, role, "drop")
    collector = Collector(catalog)
    droppable = (Table, Sequence, Schema, TypeDefinition)
    owned = [item for _, item in _objects(catalog) if item.owner_oid in oids and isinstance(item, droppable)]
    named = {item.oid for item in owned}
    for item in owned:
        if isinstance(item, Sequence) and item.owned_by_table_oid in named:
            continue
        collector.add(item)
    shown = {describe(catalog, item) for item in owned}
    told = collector.removal.told
    told[:] = [pair for pair in told if pair[0] not in shown]
    collector.check("desired object(s)", statement.cascade)
    for message, detail in collector.notices():
        tell(session, "NOTICE", message, sqlstate.SUCCESSFUL_COMPLETION, detail=detail)
    yield from remove(session, collector)
    session.set_catalog(_without_grants(session.catalog_snapshot, oids))
    yield Complete("DROP OWNED")


def _without_grants(catalog: Catalog, oids: set[int]) -> Catalog:
    """The catalog in which nothing is granted to or by these roles, and no policy names them."""
    changed: list[Any] = []
    gone: list[Any] = []

    def kept(grants: tuple[Grant, ...], owner: int, kind: str) -> tuple[Grant, ...]:
        if not any(grant.grantee_oid in oids or grant.grantor_oid in oids for grant in grants):
            return grants
        left = tuple(grant for grant in grants if not {grant.grantee_oid, grant.grantor_oid} & oids)
        return left if left != default_grants(kind, owner) else ()

    for kind, item in _objects(catalog):
        new = replace(item, privileges=kept(item.privileges, item.owner_oid, kind))
        if isinstance(new, Table):
            columns = tuple(
                replace(column, privileges=kept(column.privileges, item.owner_oid, "column"))
                if column.privileges
                else column
                for column in new.columns
            )
            policies = tuple(
                replace(policy, role_oids=tuple(oid for oid in policy.role_oids if oid not in oids))
                for policy in new.policies
                if not policy.role_oids or set(policy.role_oids) - oids
            )
            new = replace(new, columns=columns, policies=policies)
        if new != item:
            changed.append(new)
    for default in catalog.default_privileges.values():
        if default.role_oid in oids:
            gone.append(default)
        elif any(grant.grantee_oid in oids for grant in default.privileges):
            left = tuple(grant for grant in default.privileges if grant.grantee_oid not in oids)
            if left:
                changed.append(replace(default, privileges=left))
            else:
                gone.append(default)
    for one in catalog.system_privileges.values():
        if any(grant.grantee_oid in oids for grant in one.privileges):
            left = tuple(grant for grant in one.privileges if grant.grantee_oid not in oids)
            changed.append(replace(one, privileges=left))
    if gone:
        catalog = catalog.without(*gone)
    return catalog.with_objects(changed) if changed else catalog

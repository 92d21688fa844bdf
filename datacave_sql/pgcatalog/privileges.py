"""Access privilege lists (aclitem[]) as PostgreSQL prints them: `grantee=privileges/grantor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from datacave_core.catalog import ADMIN_ROLE_OID, FIRST_USER_OID, PUBLIC_SCHEMA_OID, Grant, initial_catalog
from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.facts import relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

_CLASS: Final = 1259
_NAMESPACE: Final = 2615
_ORDER: Final = "arwdDxtXUCTcsA"
_ALL_ON_TABLE: Final = "arwdDxt"


def _role(rows: CatalogRows, oid: int) -> str:
    """A role's name in double quotes unless it is letters, digits and underscores; PUBLIC is empty."""
    if not oid:
        return ""
    role = rows.catalog.roles.get(oid)
    name = role.name if role is not None else str(oid)
    if all(letter == "_" or (letter.isascii() and letter.isalnum()) for letter in name):
        return name
    return '"' + name.replace('"', '""') + '"'


def acl_item(rows: CatalogRows, grant: Grant) -> str:
    """One aclitem; a star follows what may be granted on."""
    letters = "".join(
        letter + ("*" if letter in grant.grantable else "")
        for letter in _ORDER
        if letter in grant.privileges or letter in grant.grantable
    )
    return f"{_role(rows, grant.grantee_oid)}={letters}/{_role(rows, grant.grantor_oid)}"


def acl_array(rows: CatalogRows, grants: Sequence[Grant]) -> Array | None:
    """The list of an object; NULL where nothing was ever granted, so that the defaults hold."""
    if not grants:
        return None
    return Array.of(tuple(acl_item(rows, grant) for grant in grants if grant.privileges or grant.grantable))


def initial_privilege_rows(rows: CatalogRows) -> list[Row]:
    """pg_init_privs: what was granted before any user came, so that dumps leave it out."""
    found: list[Row] = [
        (shape.oid, _CLASS, 0, "i", system_acl(rows, shape.public_privileges))
        for shape in relation_shapes().values()
        if shape.public_privileges is not None
    ]
    found += (
        (schema.oid, _NAMESPACE, 0, "i", acl_array(rows, schema.privileges))
        for schema in rows.catalog.schemas.values()
        if schema.privileges and schema.oid < FIRST_USER_OID and not schema.database_oid
    )
    first = initial_catalog().schemas[PUBLIC_SCHEMA_OID]
    public = rows.catalog.schema_named(first.name)
    if public is not None:
        found.append((public.oid, _NAMESPACE, 0, "i", acl_array(rows, first.privileges)))
    return found


_DEFAULT_KINDS: Final = {"table": "r", "sequence": "S", "function": "f", "type": "T", "schema": "n"}


def default_acl_rows(rows: CatalogRows) -> list[Row]:
    """pg_default_acl."""
    return [
        (one.oid, one.role_oid, one.schema_oid, _DEFAULT_KINDS[one.kind], acl_array(rows, one.privileges))
        for one in rows.catalog.default_privileges.values()
    ]


def policy_rows(rows: CatalogRows) -> list[Row]:
    """pg_policy."""
    return [
        (
            policy.oid, policy.name, table.oid, policy.command, policy.permissive,
            Array.of(policy.role_oids or (0,)), policy.using, policy.check,
        )
        for table in rows.catalog.tables.values()
        for policy in table.policies
    ]  # fmt: skip


_COMMANDS: Final = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


def policies_view(rows: CatalogRows) -> list[Row]:
    """pg_policies."""
    return [
        (
            rows.schema_name(table.schema_oid), table.name, policy.name,
            "PERMISSIVE" if policy.permissive else "RESTRICTIVE",
            Array.of(tuple(sorted(rows.role_name(oid) for oid in policy.role_oids if oid)) or ("public",)),
            _COMMANDS[policy.command],
            *(rows.expression(one, table) if one is not None else None for one in (policy.using, policy.check)),
        )
        for table in rows.catalog.tables.values()
        for policy in table.policies
    ]  # fmt: skip


def system_acl(rows: CatalogRows, public: str | None) -> Array | None:
    """The list of a system relation: everything to its owner, some letters to all."""
    if public is None:
        return None
    owner = Grant(ADMIN_ROLE_OID, ADMIN_ROLE_OID, _ALL_ON_TABLE)
    return acl_array(rows, (owner, Grant(0, ADMIN_ROLE_OID, public)) if public else (owner,))

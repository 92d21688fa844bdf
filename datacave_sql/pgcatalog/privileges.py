"""Access privilege lists (aclitem[]) as PostgreSQL prints them: `grantee=privileges/grantor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from datacave_core.catalog import ADMIN_ROLE_OID, Grant
from datacave_core.values import Array
from datacave_sql.pgcatalog.snapshot import CatalogRows

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
    return Array.of(tuple(acl_item(rows, grant) for grant in grants)) if grants else None


def system_acl(rows: CatalogRows, public: str | None) -> Array | None:
    """The list of a system relation: everything to its owner, some letters to all."""
    if public is None:
        return None
    owner = Grant(ADMIN_ROLE_OID, ADMIN_ROLE_OID, _ALL_ON_TABLE)
    return acl_array(rows, (owner, Grant(0, ADMIN_ROLE_OID, public)) if public else (owner,))

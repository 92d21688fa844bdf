"""Privileges: who may do what with an object, decided from a catalog and the object's list of grants.

Letters are those of PostgreSQL's aclitem. An object without a list has the defaults: everything to its owner, and what
PUBLIC has by default on objects of its kind. A list from which everything was revoked keeps one entry without letters,
because an empty one would stand for the defaults. Owners can always grant what is theirs, whatever their list says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from datacave_core.catalog.initial import DATABASE_OWNER_ROLE_OID
from datacave_core.catalog.objects import Grant, Role
from datacave_core.catalog.snapshot import Catalog

ALL_PRIVILEGES: Final = {
    "table": "arwdDxt", "column": "arwx", "sequence": "rwU", "database": "CTc", "schema": "UC", "type": "U",
    "function": "X", "language": "U", "tablespace": "C", "foreign-data wrapper": "U", "foreign server": "U",
    "large object": "rw", "parameter": "sA",
}  # fmt: skip
"""What there is to grant on each kind of object."""

PUBLIC_PRIVILEGES: Final = {"database": "Tc", "function": "X", "language": "U", "type": "U"}
"""What everybody has on objects without a list of privileges."""

READ_ALL_DATA_ROLE_OID: Final = 6181
WRITE_ALL_DATA_ROLE_OID: Final = 6182
PUBLIC: Final = 0


def member_oids(catalog: Catalog, role_oid: int, *, inherited: bool = False) -> frozenset[int]:
    """The roles that a role is a member of, itself included.

    With `inherited` only those whose privileges it has without SET ROLE: NOINHERIT roles pass nothing on.
    """
    known = catalog.members
    found = known.get((role_oid, inherited))
    if found is not None:
        return found
    seen: set[int] = set()
    todo = [role_oid]
    owner_oid = _database_owner(catalog)
    while todo:
        oid = todo.pop()
        if oid in seen:
            continue
        seen.add(oid)
        role = catalog.roles.get(oid)
        if role is None:
            continue
        if inherited and not role.inherit:
            continue
        todo += [membership.role_oid for membership in role.memberships]
        if oid == owner_oid:
            todo.append(DATABASE_OWNER_ROLE_OID)
    known[(role_oid, inherited)] = answer = frozenset(seen)
    return answer


def _database_owner(catalog: Catalog) -> int:
    """The owner of the database of a catalog, who is a member of pg_database_owner; -1 if that is unknown."""
    oid = next((schema.database_oid for schema in catalog.schemas.values() if schema.database_oid), 0)
    database = catalog.databases.get(oid)
    return database.owner_oid if database is not None else -1


def is_member(catalog: Catalog, role_oid: int, of_oid: int) -> bool:
    """Whether a role is, directly or not, a member of another: it may then SET ROLE to it."""
    role = catalog.roles.get(role_oid)
    return (role is not None and role.superuser) or of_oid in member_oids(catalog, role_oid)


def has_privileges_of(catalog: Catalog, role_oid: int, of_oid: int) -> bool:
    """Whether a role has another's privileges without doing anything, as its owner's for instance."""
    role = catalog.roles.get(role_oid)
    return (role is not None and role.superuser) or of_oid in member_oids(catalog, role_oid, inherited=True)


def is_admin_of(catalog: Catalog, role: Role, of_oid: int) -> bool:
    """Whether a role may give membership of another: by ADMIN OPTION, held itself or through roles it is in."""
    if role.superuser:
        return True
    return any(
        membership.admin_option and membership.role_oid == of_oid
        for oid in member_oids(catalog, role.oid)
        for membership in catalog.roles[oid].memberships
    )


def default_grants(kind: str, owner_oid: int) -> tuple[Grant, ...]:
    """What a list of privileges stands for before anything was granted."""
    own = Grant(owner_oid, owner_oid, ALL_PRIVILEGES[kind])
    public = PUBLIC_PRIVILEGES.get(kind)
    return (Grant(PUBLIC, owner_oid, public), own) if public else (own,)


def held(
    catalog: Catalog, role_oid: int, kind: str, owner_oid: int, grants: Iterable[Grant], *, grantable: bool = False
) -> str:
    """The letters that a role has on an object, or with `grantable` those that it may hand on."""
    role = catalog.roles.get(role_oid)
    if role is not None and role.superuser:
        return ALL_PRIVILEGES[kind]
    mine = member_oids(catalog, role_oid, inherited=True)
    if grantable and owner_oid in mine:
        return ALL_PRIVILEGES[kind]
    given = tuple(grants)
    if not given and kind != "column":
        given = default_grants(kind, owner_oid)
    letters = ""
    for grant in given:
        if grant.grantee_oid in mine or (not grant.grantee_oid and not grantable):
            letters += grant.grantable if grantable else grant.privileges
    return letters


def allows(
    catalog: Catalog,
    role_oid: int,
    kind: str,
    owner_oid: int,
    grants: Iterable[Grant],
    letter: str,
    *,
    grantable: bool = False,
) -> bool:
    """Whether a role has a privilege on an object: by a grant to it, to a role whose privileges it has, or to all."""
    if letter in held(catalog, role_oid, kind, owner_oid, grants, grantable=grantable):
        return True
    if grantable:
        return False
    mine = member_oids(catalog, role_oid, inherited=True)
    if kind in ("table", "sequence"):
        return (letter == "r" and READ_ALL_DATA_ROLE_OID in mine) or (
            letter in "awd" and WRITE_ALL_DATA_ROLE_OID in mine
        )
    if kind == "schema":
        return letter == "U" and (READ_ALL_DATA_ROLE_OID in mine or WRITE_ALL_DATA_ROLE_OID in mine)
    return False


def allows_on(catalog: Catalog, role_oid: int, kind: str, item: Any, letter: str) -> bool:
    """The same for an object with an owner and a list."""
    return allows(catalog, role_oid, kind, item.owner_oid, item.privileges, letter)


def initial_grants(catalog: Catalog, kind: str, owner_oid: int, schema_oid: int) -> tuple[Grant, ...]:
    """The list of a new object, as ALTER DEFAULT PRIVILEGES has it; empty for the defaults themselves."""
    everywhere = catalog.default_privileges.get((owner_oid, 0, kind))
    here = catalog.default_privileges.get((owner_oid, schema_oid, kind)) if schema_oid else None
    if everywhere is None and here is None:
        return ()
    grants = everywhere.privileges if everywhere is not None else default_grants(kind, owner_oid)
    for grant in here.privileges if here is not None else ():
        grants = merged(grants, grant)
    if _same(grants, default_grants(kind, owner_oid)):
        return ()
    return grants or (Grant(owner_oid, owner_oid, ""),)


def _same(one: Iterable[Grant], other: Iterable[Grant]) -> bool:
    def facts(grants: Iterable[Grant]) -> set[tuple[int, int, frozenset[str], frozenset[str]]]:
        return {
            (grant.grantee_oid, grant.grantor_oid, frozenset(grant.privileges), frozenset(grant.grantable))
            for grant in grants
        }

    return facts(one) == facts(other)


def union(letters: str, more: str) -> str:
    """Letters with more of them, each once."""
    return letters + "".join(letter for letter in more if letter not in letters)


def without(letters: str, fewer: str) -> str:
    """Letters without some of them."""
    return "".join(letter for letter in letters if letter not in fewer)


def merged(grants: tuple[Grant, ...], added: Grant) -> tuple[Grant, ...]:
    """A list with one more grant; one of the same two roles takes it up."""
    for place, grant in enumerate(grants):
        if (grant.grantee_oid, grant.grantor_oid) == (added.grantee_oid, added.grantor_oid):
            taken = Grant(
                grant.grantee_oid,
                grant.grantor_oid,
                union(grant.privileges, added.privileges),
                union(grant.grantable, added.grantable),
            )
            return (*grants[:place], taken, *grants[place + 1 :])
    return (*grants, added)


def revoked(
    grants: tuple[Grant, ...], grantee_oid: int, grantor_oid: int, letters: str, *, only_option: bool, owner_oid: int
) -> tuple[tuple[Grant, ...], str]:
    """(a list without these letters of one grant, the letters that the grantee may no longer hand on)."""
    for place, grant in enumerate(grants):
        if (grant.grantee_oid, grant.grantor_oid) != (grantee_oid, grantor_oid):
            continue
        lost = "".join(letter for letter in letters if letter in grant.grantable)
        privileges = grant.privileges if only_option else without(grant.privileges, letters)
        changed = Grant(grantee_oid, grantor_oid, privileges, without(grant.grantable, letters))
        rest = grants[:place] + ((changed,) if changed.privileges or changed.grantable else ()) + grants[place + 1 :]
        if grantee_oid == owner_oid:
            # An owner's right to grant does not come from the list.
            return rest, ""
        kept = "".join(one.grantable for one in rest if one.grantee_oid == grantee_oid)
        return rest, without(lost, kept)
    return grants, ""


def dependent_grants(grants: tuple[Grant, ...], grantor_oid: int, letters: str) -> list[Grant]:
    """The grants that a role has made of letters it may no longer hand on."""
    return [
        grant
        for grant in grants
        if grant.grantor_oid == grantor_oid and any(letter in grant.privileges for letter in letters)
    ]

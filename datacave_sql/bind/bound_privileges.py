"""Bound statements about privileges and row security policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datacave_core.catalog import ADMIN_ROLE_OID, Grant, Policy, Table


@dataclass(frozen=True, slots=True)
class GrantPrivileges:
    """GRANT or REVOKE on objects of the catalog.

    `privileges` are the letters of aclitem. `columns` pairs letters with column numbers of the (single) table.
    Grantees are role oids, 0 for PUBLIC.
    """

    revoke: bool
    kind: str
    targets: tuple[Any, ...]
    privileges: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    grantees: tuple[int, ...]
    grant_option: bool = False
    cascade: bool = False
    granted_by: int | None = None
    everything: bool = False
    """ALL PRIVILEGES: letters that a kind of relation has not are left out in silence."""


@dataclass(frozen=True, slots=True)
class SystemObject:
    """A built-in function, type, language or relation in GRANT; `kind` as messages name it."""

    class_oid: int
    oid: int
    name: str
    kind: str
    privileges: tuple[Grant, ...] = ()
    owner_oid: int = ADMIN_ROLE_OID


@dataclass(frozen=True, slots=True)
class AlterDefaultPrivileges:
    """ALTER DEFAULT PRIVILEGES: for every role and schema (0: everywhere) the letters come or go."""

    roles: tuple[int, ...]
    schemas: tuple[int, ...]
    kind: str
    revoke: bool
    privileges: str
    grantees: tuple[int, ...]
    grant_option: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class ChangePolicies:
    """CREATE, ALTER, DROP POLICY: the policies a table will have; new ones have an oid of 0."""

    table: Table
    policies: tuple[Policy, ...]
    tag: str
    warnings: tuple[tuple[str, str], ...] = ()

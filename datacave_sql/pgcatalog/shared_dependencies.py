"""pg_shdepend: which roles objects of a database need: o owner, a named in privileges, r named in a policy.

The role that a cluster begins with is pinned and has no entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from datacave_core.catalog import ADMIN_ROLE_OID, Grant, Table
from datacave_core.values import Row
from datacave_sql.pgcatalog.snapshot import CatalogRows

_ROLE: Final = 1260
_CLASS: Final = 1259
_TYPE: Final = 1247
_PROCEDURE: Final = 1255
_OPERATOR: Final = 2617
_NAMESPACE: Final = 2615
_DATABASE: Final = 1262
_POLICY: Final = 3256
_STATISTICS: Final = 3381
_DEFAULT_ACL: Final = 826
_EXTENSION: Final = 3079
_OWNER, _NAMED, _IN_POLICY = "o", "a", "r"


def _needs(
    database: int, catalog: int, oid: int, owner: int, grants: Sequence[Grant], sub: int = 0, owned: bool = True
) -> Iterator[Row]:
    """The owner, and all others that its privileges name."""
    if owned and owner != ADMIN_ROLE_OID:
        yield database, catalog, oid, sub, _ROLE, owner, _OWNER
    named = {role for grant in grants for role in (grant.grantee_oid, grant.grantor_oid)}
    for role in sorted(named - {0, owner, ADMIN_ROLE_OID}):
        yield database, catalog, oid, sub, _ROLE, role, _NAMED


def shared_depend_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """All of pg_shdepend: of this database, and of what databases share."""
    catalog = rows.catalog
    here = next((one.oid for one in catalog.databases.values() if one.name == session.database_name), 0)
    for database in catalog.databases.values():
        yield from _needs(0, _DATABASE, database.oid, database.owner_oid, database.privileges)
    for schema in catalog.schemas.values():
        yield from _needs(here, _NAMESPACE, schema.oid, schema.owner_oid, schema.privileges)
    for table in catalog.tables.values():
        yield from _of_table(here, table)
    for sequence in catalog.sequences.values():
        yield from _needs(here, _CLASS, sequence.oid, sequence.owner_oid, sequence.privileges)
    for definition in catalog.types.values():
        if definition.kind != "m":
            yield from _needs(here, _TYPE, definition.oid, definition.owner_oid, definition.privileges)
    for routine in catalog.routines.values():
        yield from _needs(here, _PROCEDURE, routine.oid, routine.owner_oid, routine.privileges)
    for operator in catalog.operators.values():
        yield from _needs(here, _OPERATOR, operator.oid, operator.owner_oid, ())
    for extension in catalog.extensions.values():
        yield from _needs(here, _EXTENSION, extension.oid, extension.owner_oid, ())
    for default in catalog.default_privileges.values():
        yield from _needs(here, _DEFAULT_ACL, default.oid, default.role_oid, default.privileges)
    for (class_oid, oid), given in catalog.system_privileges.items():
        yield from _needs(here, class_oid, oid, ADMIN_ROLE_OID, given.privileges)


def _of_table(here: int, table: Table) -> Iterator[Row]:
    yield from _needs(here, _CLASS, table.oid, table.owner_oid, table.privileges)
    for column in table.live_columns:
        if column.privileges:
            yield from _needs(here, _CLASS, table.oid, table.owner_oid, column.privileges, column.number, owned=False)
    for statistics in table.statistics:
        yield from _needs(here, _STATISTICS, statistics.oid, statistics.owner_oid, ())
    for policy in table.policies:
        for role in sorted(set(policy.role_oids) - {0, ADMIN_ROLE_OID}):
            yield here, _POLICY, policy.oid, 0, _ROLE, role, _IN_POLICY

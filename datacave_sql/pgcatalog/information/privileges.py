"""information_schema: who may do what with tables, columns, sequences and domains, and the roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from datacave_core.catalog import Grant, Table
from datacave_core.values import Row
from datacave_sql.pgcatalog.information.tables import YES_NO
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

_TABLE: Final = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER",
}  # fmt: skip
_COLUMN: Final = {"a": "INSERT", "r": "SELECT", "w": "UPDATE", "x": "REFERENCES"}


def _grants(owner: int, given: Sequence[Grant], letters: str) -> Sequence[Grant]:
    """What holds for an object: its list, or everything to its owner where there is none."""
    return given or (Grant(owner, owner, letters, letters),)


def _grantee(rows: CatalogRows, oid: int) -> str:
    return rows.role_name(oid) if oid else "PUBLIC"


def table_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.table_privileges; role_table_grants is the same without PUBLIC."""
    for table in rows.catalog.tables.values():
        if table.kind not in "rvp":
            continue
        for grant in _grants(table.owner_oid, table.privileges, "".join(_TABLE)):
            for letter, word in _TABLE.items():
                if letter in grant.privileges:
                    yield make(
                        grantor=rows.role_name(grant.grantor_oid), grantee=_grantee(rows, grant.grantee_oid),
                        table_catalog=database, table_schema=rows.schema_name(table.schema_oid),
                        table_name=table.name, privilege_type=word,
                        is_grantable=YES_NO[letter in grant.grantable or grant.grantee_oid == table.owner_oid],
                        with_hierarchy=YES_NO[letter == "r"],
                    )  # fmt: skip


def role_table_grants(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.role_table_grants."""
    return (row for row in table_privileges(rows, database, make) if row[1] != "PUBLIC")


def _column_grants(table: Table) -> Iterator[tuple[str, Grant]]:
    for column in table.live_columns:
        for grant in _grants(table.owner_oid, table.privileges, "".join(_TABLE)):
            yield column.name, grant
        for grant in column.privileges:
            yield column.name, grant


def column_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_privileges: what is granted on the table or on the column."""
    for table in rows.catalog.tables.values():
        if table.kind not in "rvp":
            continue
        for name, grant in _column_grants(table):
            for letter, word in _COLUMN.items():
                if letter in grant.privileges:
                    yield make(
                        grantor=rows.role_name(grant.grantor_oid), grantee=_grantee(rows, grant.grantee_oid),
                        table_catalog=database, table_schema=rows.schema_name(table.schema_oid),
                        table_name=table.name, column_name=name, privilege_type=word,
                        is_grantable=YES_NO[letter in grant.grantable or grant.grantee_oid == table.owner_oid],
                    )  # fmt: skip


def role_column_grants(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.role_column_grants."""
    return (row for row in column_privileges(rows, database, make) if row[1] != "PUBLIC")


def usage_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.usage_privileges: of sequences and domains."""
    for sequence in rows.catalog.sequences.values():
        for grant in sequence.privileges:
            if "U" in grant.privileges:
                yield make(
                    grantor=rows.role_name(grant.grantor_oid), grantee=_grantee(rows, grant.grantee_oid),
                    object_catalog=database, object_schema=rows.schema_name(sequence.schema_oid),
                    object_name=sequence.name, object_type="SEQUENCE", privilege_type="USAGE",
                    is_grantable=YES_NO["U" in grant.grantable or grant.grantee_oid == sequence.owner_oid],
                )  # fmt: skip
    for definition in rows.catalog.types.values():
        if definition.kind == "d":
            owner = definition.owner_oid
            for grant in definition.privileges or (Grant(0, owner, "U"), Grant(owner, owner, "U", "U")):
                yield make(
                    grantor=rows.role_name(grant.grantor_oid), grantee=_grantee(rows, grant.grantee_oid),
                    object_catalog=database, object_schema=rows.schema_name(definition.schema_oid),
                    object_name=definition.name, object_type="DOMAIN", privilege_type="USAGE",
                    is_grantable=YES_NO["U" in grant.grantable],
                )  # fmt: skip


def enabled_roles(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.enabled_roles, as a superuser sees it."""
    return (make(role_name=role.name) for role in rows.catalog.roles.values())


def applicable_roles(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.applicable_roles."""
    for role in rows.catalog.roles.values():
        for membership in role.memberships:
            yield make(
                grantee=role.name, role_name=rows.role_name(membership.role_oid),
                is_grantable=YES_NO[membership.admin_option],
            )  # fmt: skip

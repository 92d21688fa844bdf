"""information_schema: who may do what with tables, columns, sequences, types and routines, and the roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from datacave_core.catalog import ADMIN_ROLE_OID, Grant
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import domain_shapes, fixed_rows, relation_shapes
from datacave_sql.pgcatalog.information.tables import YES_NO
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.routines import proc_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows

_TABLE: Final = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER",
}  # fmt: skip
_COLUMN: Final = {"a": "INSERT", "r": "SELECT", "w": "UPDATE", "x": "REFERENCES"}
_USAGE: Final = {"U": "USAGE"}
_TYPE: Final = {"U": "TYPE USAGE"}
_EXECUTE: Final = {"X": "EXECUTE"}
_ROUTINES: Final = 1255
_TYPES: Final = 1247
_RELATIONS: Final = 1259

Shown = tuple[str, str, str, str, str]


def _own(owner: int, letters: str) -> Grant:
    return Grant(owner, owner, letters, letters)


def _with_public(owner: int, letter: str) -> tuple[Grant, ...]:
    """What holds for a routine or type on which nothing was granted or revoked."""
    return Grant(0, owner, letter), Grant(owner, owner, letter)


def _holds(rows: CatalogRows, role_oid: int, owner: int) -> bool:
    """Whether a role is an owner or acts with its rights."""
    if role_oid == owner:
        return True
    role = rows.catalog.roles.get(role_oid)
    if role is None:
        return False
    return role.superuser or (role.inherit and any(_holds(rows, one.role_oid, owner) for one in role.memberships))


def _shown(rows: CatalogRows, owner: int, grants: Sequence[Grant], words: dict[str, str]) -> Iterator[Shown]:
    """(letter, grantor, grantee, word, is grantable) of each single privilege."""
    for grant in grants:
        grantee = rows.role_name(grant.grantee_oid) if grant.grantee_oid else "PUBLIC"
        free = bool(grant.grantee_oid) and _holds(rows, grant.grantee_oid, owner)
        for letter, word in words.items():
            if letter in grant.privileges:
                grantable = YES_NO[free or letter in grant.grantable]
                yield letter, rows.role_name(grant.grantor_oid), grantee, word, grantable


def _relations(
    rows: CatalogRows,
) -> Iterator[tuple[str, str, int, Sequence[Grant], Sequence[tuple[str, Sequence[Grant]]]]]:
    """(schema, name, owner, grants, (column, its grants) of each column) of what has columns and privileges."""
    given = rows.catalog.system_privileges
    for shape in relation_shapes().values():
        if shape.kind in "rv":
            grants: Sequence[Grant] = (_own(ADMIN_ROLE_OID, "".join(_TABLE)),)
            changed = given.get((_RELATIONS, shape.oid))
            if changed is not None:
                grants = changed.privileges
            elif shape.public_privileges:
                grants = (*grants, Grant(0, ADMIN_ROLE_OID, shape.public_privileges))
            yield shape.schema, shape.name, ADMIN_ROLE_OID, grants, [(column.name, ()) for column in shape.columns]
    for table in rows.catalog.tables.values():
        if table.kind in "rvp":
            grants = table.privileges or (_own(table.owner_oid, "".join(_TABLE)),)
            columns = [(column.name, column.privileges) for column in table.live_columns]
            yield rows.schema_name(table.schema_oid), table.name, table.owner_oid, grants, columns


def table_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.table_privileges, and role_table_grants."""
    for schema, name, owner, grants, _ in _relations(rows):
        for letter, grantor, grantee, word, grantable in _shown(rows, owner, grants, _TABLE):
            yield make(
                grantor=grantor, grantee=grantee, table_catalog=database, table_schema=schema, table_name=name,
                privilege_type=word, is_grantable=grantable, with_hierarchy=YES_NO[letter == "r"],
            )  # fmt: skip


def column_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.column_privileges: what is granted on the table or on the column; role_column_grants too."""
    for schema, name, owner, grants, columns in _relations(rows):
        of_table = [one[1:] for one in _shown(rows, owner, grants, _COLUMN)]
        for column, own_grants in columns:
            own = (one[1:] for one in _shown(rows, owner, own_grants, _COLUMN)) if own_grants else ()
            for grantor, grantee, word, grantable in dict.fromkeys((*of_table, *own)):
                yield make(
                    grantor=grantor, grantee=grantee, table_catalog=database, table_schema=schema, table_name=name,
                    column_name=column, privilege_type=word, is_grantable=grantable,
                )  # fmt: skip


def usage_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.usage_privileges: of collations, domains and sequences; role_usage_grants too."""

    def of_object(kind: str, schema: str, name: str, owner: int, grants: Sequence[Grant]) -> Iterator[Row]:
        for _, grantor, grantee, word, grantable in _shown(rows, owner, grants, _USAGE):
            yield make(
                grantor=grantor, grantee=grantee, object_catalog=database, object_schema=schema, object_name=name,
                object_type=kind, privilege_type=word, is_grantable=grantable,
            )  # fmt: skip

    for row in fixed_rows("pg_collation"):
        yield from of_object(
            "COLLATION", rows.schema_name(row[2]), row[1], ADMIN_ROLE_OID, (Grant(0, ADMIN_ROLE_OID, "U"),)
        )
    given = rows.catalog.system_privileges
    for shape in domain_shapes().values():
        changed = given.get((_TYPES, shape.oid))
        grants = changed.privileges if changed is not None else _with_public(ADMIN_ROLE_OID, "U")
        yield from of_object("DOMAIN", "information_schema", shape.name, ADMIN_ROLE_OID, grants)
    for one in rows.catalog.types.values():
        if one.kind == "d":
            grants = one.privileges or _with_public(one.owner_oid, "U")
            yield from of_object("DOMAIN", rows.schema_name(one.schema_oid), one.name, one.owner_oid, grants)
    for sequence in rows.catalog.sequences.values():
        schema = rows.schema_name(sequence.schema_oid)
        yield from of_object("SEQUENCE", schema, sequence.name, sequence.owner_oid, sequence.privileges)


def udt_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.udt_privileges: of composite types, the row types of relations among them."""

    def of_type(schema: str, name: str, owner: int, grants: Sequence[Grant]) -> Iterator[Row]:
        for _, grantor, grantee, word, grantable in _shown(rows, owner, grants, _TYPE):
            yield make(
                grantor=grantor, grantee=grantee, udt_catalog=database, udt_schema=schema, udt_name=name,
                privilege_type=word, is_grantable=grantable,
            )  # fmt: skip

    for shape in relation_shapes().values():
        if shape.row_type_oid:
            yield from of_type(shape.schema, shape.name, ADMIN_ROLE_OID, _with_public(ADMIN_ROLE_OID, "U"))
    for table in rows.catalog.tables.values():
        if table.row_type_oid:
            owner = table.owner_oid
            yield from of_type(rows.schema_name(table.schema_oid), table.name, owner, _with_public(owner, "U"))
    for one in rows.catalog.types.values():
        if one.kind == "c":
            grants = one.privileges or _with_public(one.owner_oid, "U")
            yield from of_type(rows.schema_name(one.schema_oid), one.name, one.owner_oid, grants)


def routine_privileges(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.routine_privileges, and role_routine_grants."""
    catalog = rows.catalog
    for row in proc_rows(rows):
        oid, name, schema_oid, owner = row[:4]
        routine = catalog.routines.get(oid)
        changed = catalog.system_privileges.get((_ROUTINES, oid))
        grants: Sequence[Grant] = _with_public(owner, "X")
        if routine is not None:
            grants = routine.privileges or grants
        elif changed is not None:
            grants = changed.privileges
        schema = rows.schema_name(schema_oid)
        for _, grantor, grantee, word, grantable in _shown(rows, owner, grants, _EXECUTE):
            yield make(
                grantor=grantor, grantee=grantee, specific_catalog=database, specific_schema=schema,
                specific_name=f"{name}_{oid}", routine_catalog=database, routine_schema=schema, routine_name=name,
                privilege_type=word, is_grantable=grantable,
            )  # fmt: skip


def enabled_roles(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.enabled_roles."""
    return (make(role_name=role.name) for role in rows.catalog.roles.values())


def applicable_roles(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.applicable_roles; the owner of the database is a member of pg_database_owner."""
    for role in rows.catalog.roles.values():
        for membership in role.memberships:
            yield make(
                grantee=role.name, role_name=rows.role_name(membership.role_oid),
                is_grantable=YES_NO[membership.admin_option],
            )  # fmt: skip
    owner = next((one.owner_oid for one in rows.catalog.databases.values() if one.name == database), 0)
    if owner and DATABASE_OWNER in rows.catalog.role_names:
        yield make(grantee=rows.role_name(owner), role_name=DATABASE_OWNER, is_grantable="NO")


def administrable_role_authorizations(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.administrable_role_authorizations: roles that members may grant on."""
    return (row for row in applicable_roles(rows, database, make) if row[2] == "YES")


DATABASE_OWNER: Final = "pg_database_owner"

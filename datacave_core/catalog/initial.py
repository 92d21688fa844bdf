"""The catalogs of a new cluster: always the same objects with the same oids.

Every database has a catalog of its own. Roles, databases and what belongs to every database (pg_catalog,
information_schema) are in each of them; a schema `public` each has for itself.
"""

from __future__ import annotations

from collections.abc import Container

from datacave_core.catalog.objects import Comment, Database, Grant, Role, Schema
from datacave_core.catalog.snapshot import Catalog

ADMIN_ROLE_OID = 10
PUBLIC_ROLE_OID = 0
PG_CATALOG_OID = 11
PG_TOAST_OID = 99
PUBLIC_SCHEMA_OID = 2200
INFORMATION_SCHEMA_OID = 13183
DEFAULT_DATABASE_OID = 5
DEFAULT_DATABASE_NAME = "default"
TEMPLATE_DATABASE_OID = 1
TEMPLATE_DATABASE_NAME = "template1"
PRISTINE_DATABASE_OID = 4
PRISTINE_DATABASE_NAME = "template0"
MAINTENANCE_DATABASE_OID = 13190
MAINTENANCE_DATABASE_NAME = "postgres"
ADMIN_ROLE_NAME = "admin"

_NAMESPACE_CLASS_OID = 2615
_DATABASE_CLASS_OID = 1262

DATABASE_OWNER_ROLE_OID = 6171
_PREDEFINED_ROLES = (
    (DATABASE_OWNER_ROLE_OID, "pg_database_owner"),
    (6181, "pg_read_all_data"),
    (6182, "pg_write_all_data"),
    (3373, "pg_monitor"),
    (3374, "pg_read_all_settings"),
    (3375, "pg_read_all_stats"),
    (3377, "pg_stat_scan_tables"),
    (4569, "pg_read_server_files"),
    (4570, "pg_write_server_files"),
    (4571, "pg_execute_server_program"),
    (4200, "pg_signal_backend"),
    (4544, "pg_checkpoint"),
)


_TEMPLATE_GRANTS = (Grant(PUBLIC_ROLE_OID, ADMIN_ROLE_OID, "c"), Grant(ADMIN_ROLE_OID, ADMIN_ROLE_OID, "CTc"))

_DATABASES = (
    (Database(TEMPLATE_DATABASE_OID, TEMPLATE_DATABASE_NAME, template=True, privileges=_TEMPLATE_GRANTS), 13191),
    (
        Database(
            PRISTINE_DATABASE_OID,
            PRISTINE_DATABASE_NAME,
            template=True,
            allow_connections=False,
            privileges=_TEMPLATE_GRANTS,
        ),
        13192,
    ),
    (Database(DEFAULT_DATABASE_OID, DEFAULT_DATABASE_NAME), PUBLIC_SCHEMA_OID),
    (Database(MAINTENANCE_DATABASE_OID, MAINTENANCE_DATABASE_NAME), 13193),
)
"""The databases of a new cluster, each with the oid of its schema public."""

_DATABASE_COMMENTS = (
    (TEMPLATE_DATABASE_OID, "default template for new databases"),
    (PRISTINE_DATABASE_OID, "unmodifiable empty database"),
    (MAINTENANCE_DATABASE_OID, "default administrative connection database"),
)


def initial_catalogs(admin_name: str = ADMIN_ROLE_NAME) -> dict[int, Catalog]:
    """The catalogs of `default`, `postgres`, `template1` and `template0` by oid, with a superuser."""
    first = Catalog().with_objects(_shared_objects(admin_name))
    return {database.oid: first.with_objects(_own_objects(database.oid, public)) for database, public in _DATABASES}


def initial_catalog(admin_name: str = ADMIN_ROLE_NAME) -> Catalog:
    """The first catalog of the database `default`."""
    return initial_catalogs(admin_name)[DEFAULT_DATABASE_OID]


def new_databases(known: Container[str]) -> list[tuple[Database, list[Schema | Comment]]]:
    """The databases of a new cluster that an older one lacks by name, with the objects of their own."""
    return [
        (database, _own_objects(database.oid, public)) for database, public in _DATABASES if database.name not in known
    ]


def _shared_objects(admin_name: str) -> list[Role | Database | Schema | Comment]:
    admin = ADMIN_ROLE_OID
    usage_for_all = (Grant(admin, admin, "UC"), Grant(PUBLIC_ROLE_OID, admin, "U"))
    return [
        Role(
            admin,
            admin_name,
            superuser=True,
            login=True,
            create_role=True,
            create_database=True,
            replication=True,
            bypass_row_security=True,
        ),
        *(Role(oid, name) for oid, name in _PREDEFINED_ROLES),
        *(database for database, _ in _DATABASES),
        *(Comment(_DATABASE_CLASS_OID, oid, 0, text) for oid, text in _DATABASE_COMMENTS),
        Schema(PG_CATALOG_OID, "pg_catalog", admin, 0, usage_for_all),
        Schema(PG_TOAST_OID, "pg_toast", admin),
        Schema(INFORMATION_SCHEMA_OID, "information_schema", admin, 0, usage_for_all),
    ]


def _own_objects(database_oid: int, public_oid: int) -> list[Schema | Comment]:
    owner = DATABASE_OWNER_ROLE_OID
    grants = (Grant(owner, owner, "UC"), Grant(PUBLIC_ROLE_OID, owner, "U"))
    return [
        Schema(public_oid, "public", owner, database_oid, grants),
        Comment(_NAMESPACE_CLASS_OID, public_oid, 0, "standard public schema"),
    ]

"""The catalog of a new cluster: always the same objects with the same oids."""

from __future__ import annotations

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
ADMIN_ROLE_NAME = "admin"

_NAMESPACE_CLASS_OID = 2615

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


def initial_catalog(admin_name: str = ADMIN_ROLE_NAME) -> Catalog:
    """Schemas pg_catalog, pg_toast, information_schema and public, the database `default` and a superuser."""
    admin = ADMIN_ROLE_OID
    usage_for_all = (Grant(admin, admin, "UC"), Grant(PUBLIC_ROLE_OID, admin, "U"))
    owner = DATABASE_OWNER_ROLE_OID
    catalog = Catalog().with_objects(
        [
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
            Database(DEFAULT_DATABASE_OID, DEFAULT_DATABASE_NAME, admin),
            Schema(PG_CATALOG_OID, "pg_catalog", admin, 0, usage_for_all),
            Comment(_NAMESPACE_CLASS_OID, PUBLIC_SCHEMA_OID, 0, "standard public schema"),
            Schema(PG_TOAST_OID, "pg_toast", admin),
            Schema(INFORMATION_SCHEMA_OID, "information_schema", admin, 0, usage_for_all),
            Schema(
                PUBLIC_SCHEMA_OID,
                "public",
                owner,
                DEFAULT_DATABASE_OID,
                (Grant(owner, owner, "UC"), Grant(PUBLIC_ROLE_OID, owner, "U")),
            ),
        ]
    )
    return catalog

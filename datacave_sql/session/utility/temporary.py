"""Temporary objects: the schema of a session's temporary tables, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core.catalog import ADMIN_ROLE_OID, Catalog, Schema, Table, catalog_writes
from datacave_core.errors import DatacaveError
from datacave_core.transaction import UPDATE, WaitPolicy
from datacave_sql.session.lock_keys import CATALOG_LOCK
from datacave_sql.session.utility.dependencies import objects_in
from datacave_sql.session.utility.numbering import Numbers


def temporary_schema(session: Any, numbers: Numbers) -> Schema:
    """The session's temporary schema, made if it is not there yet."""
    name: str = session.evaluation.temporary_schema
    found = numbers.catalog.schema_named(name)
    if found is not None:
        return found
    made = numbers.schema(name, ADMIN_ROLE_OID, session.evaluation.database_oid)
    numbers.catalog = numbers.catalog.with_objects((made,))
    return made


def in_temporary_schema(session: Any, numbers: Numbers, described: Any) -> Any:
    """A new table, view or sequence as described, put in the session's own schema if it is temporary."""
    if described.persistence != "t":
        return described
    return replace(described, schema_oid=temporary_schema(session, numbers).oid)


def drop_temporary_schema(session: Any) -> None:
    """The end of a session: its temporary objects go.

    When another session is just changing the catalog they stay until the database is opened again, which removes all
    that is left over.
    """
    database = session.database
    drop_schemas(database, (session.evaluation.temporary_schema,))


def drop_leftovers(database: Any) -> None:
    """Removes the temporary objects of sessions that no longer exist; called when the database opens."""
    drop_schemas(database, tuple(name for name in database.catalog.schema_names if name.startswith("pg_temp_")))


def drop_schemas(database: Any, names: tuple[str, ...]) -> None:
    """Drops schemas with everything in them, unless somebody else is changing the catalog."""
    catalog: Catalog = database.catalog
    schemas = [catalog.schemas[catalog.schema_names[name]] for name in names if name in catalog.schema_names]
    if not schemas:
        return
    transaction = database.transactions.begin()
    try:
        transaction.lock(CATALOG_LOCK, UPDATE, WaitPolicy.NOWAIT)
    except DatacaveError:
        transaction.rollback()
        return
    gone = [one for schema in schemas for one in objects_in(catalog, schema)]
    changed = catalog.without(*gone, *schemas)
    transaction.put_all(catalog_writes(catalog, changed))
    transaction.commit(wait_durable=False)
    database.install_catalog(changed)
    database.reclaimer.add(one.storage_id for one in gone if isinstance(one, Table))

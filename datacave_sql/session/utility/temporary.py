"""Temporary objects: the schema of a session's temporary tables, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core.catalog import ADMIN_ROLE_OID, Catalog, Schema, Table, catalog_writes, definition_locks_of
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.keycode import table_prefix
from datacave_core.transaction import SHARE, WaitPolicy
from datacave_core.wait import Steps
from datacave_sql.session.lock_keys import CATALOG_LOCK
from datacave_sql.session.utility.dependencies import Collector
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
    session.made_temporary = True
    return replace(described, schema_oid=temporary_schema(session, numbers).oid)


def placed(session: Any, numbers: Numbers, described: Any) -> Any:
    """A new routine, operator or type as described, in the session's own schema if it was made as pg_temp's first."""
    if described.schema_oid:
        return described
    session.made_temporary = True
    return replace(described, schema_oid=temporary_schema(session, numbers).oid)


def follow_on_commit(session: Any, table: Table, on_commit: str) -> None:
    """ON COMMIT of a new temporary table: DROP, DELETE ROWS, or nothing."""
    if on_commit == "drop":
        session.at_commit(lambda: _drop_at_commit(session, table.oid))
    elif on_commit == "delete rows":
        session.emptied_at_commit.add(table.oid)


def _drop_at_commit(session: Any, oid: int) -> Steps[None]:
    catalog = yield from session.share_catalog()
    table = catalog.tables.get(oid)
    if table is not None:
        collector = Collector(catalog)
        collector.add(table)
        session.set_catalog(collector.removal.apply())
        session.after_commit(lambda: session.database.reclaimer.add((table.storage_id,)))


def empty_at_commit(session: Any) -> Steps[None]:
    """Gives the temporary tables with ON COMMIT DELETE ROWS that have rows a new storage id.

    Raises 0A000 where a table that keeps its rows refers to one of them.
    """
    if session.changes_catalog:
        _check_references(session.catalog_snapshot, session.emptied_at_commit)
    for oid in list(session.emptied_at_commit):
        table = session.catalog_snapshot.tables.get(oid)
        if table is None:
            # Dropped, or its creation was taken back.
            session.emptied_at_commit.discard(oid)
            continue
        prefix = table_prefix(table.storage_id, 0)
        if not any(key.startswith(prefix) for key in session.transaction.writes):
            continue
        yield from session.share_catalog()
        numbers = Numbers(session.catalog_snapshot)
        emptied = replace(table, storage_id=numbers.take())
        session.set_catalog(numbers.catalog.with_table(emptied))
        session.database.register_layouts((emptied,), session.catalog_snapshot)
        old = table.storage_id
        session.after_commit(lambda old=old: session.database.reclaimer.add((old,)))


def _check_references(catalog: Catalog, emptied: set[int]) -> None:
    for oid in emptied:
        table = catalog.tables.get(oid)
        for referring, _, _ in catalog.references_to(table) if table is not None else ():
            if referring.oid not in emptied:
                raise FeatureNotSupported(
                    "unsupported ON COMMIT and foreign key combination",
                    detail=f'Table "{referring.name}" references "{catalog.tables[oid].name}", but they do not have '
                    "the same ON COMMIT setting.",
                )


def drop_temporary_schema(session: Any) -> None:
    """The end of a session: its temporary objects go.

    When another session is just changing the catalog they stay until the database is opened again, which removes all
    that is left over.
    """
    drop_schemas(session.database, session.home, (session.evaluation.temporary_schema,))


def drop_leftovers(database: Any) -> None:
    """Removes the temporary objects of sessions that no longer exist; called when the database opens."""
    for home in database.homes.values():
        drop_schemas(database, home, tuple(name for name in home.catalog.schema_names if name.startswith("pg_temp_")))


def drop_schemas(database: Any, home: Any, names: tuple[str, ...]) -> None:
    """Drops schemas with everything in them and what depends on it, unless somebody else is changing one of them."""
    catalog: Catalog = home.catalog
    schemas = [catalog.schemas[catalog.schema_names[name]] for name in names if name in catalog.schema_names]
    if not schemas:
        return
    collector = Collector(catalog)
    for schema in schemas:
        collector.add(schema)
    gone = collector.removal.objects.values()
    changed = collector.removal.apply()
    transaction = database.transactions.begin()
    try:
        transaction.lock(CATALOG_LOCK, SHARE, WaitPolicy.NOWAIT)
        for key, mode in definition_locks_of(catalog, changed):
            transaction.lock(key, mode, WaitPolicy.NOWAIT)
    except DatacaveError:
        transaction.rollback()
        return
    transaction.put_all(catalog_writes(catalog, changed))
    transaction.commit(wait_durable=False)
    database.install_catalog(home, changed)
    database.reclaimer.add(one.storage_id for one in gone if isinstance(one, Table))

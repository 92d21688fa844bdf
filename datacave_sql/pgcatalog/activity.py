"""Views of what the server is doing: sessions, locks, prepared statements, cursors.

A session that is not the asking one is inside of a statement only while that waits, because statements take turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from datacave_core.catalog import DEFINITION_LOCKS, Role, definition_oid, has_privileges_of
from datacave_core.keycode import prefix_end, split_prefix, table_prefix
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.transaction.modes import ADVISORY_PREFIX, TABLE_PREFIX, TableLockMode, mode_name
from datacave_core.transaction.serial import SerialTransaction
from datacave_core.types import DEFAULT_SETTINGS, oids, type_io
from datacave_core.values import Array, Row
from datacave_sql.exec.moment import EPOCH_MICROSECONDS
from datacave_sql.pgcatalog.facts import relation_shapes
from datacave_sql.pgcatalog.redaction import without_passwords
from datacave_sql.pgcatalog.relation import RowMaker
from datacave_sql.pgcatalog.snapshot import CatalogRows

_NEXT_STATEMENT: Final = "Client:ClientRead"
_TABLE_MODES: Final = tuple(int(mode) for mode in TableLockMode)


def maker(name: str, **defaults: Any) -> RowMaker:
    """A RowMaker for a relation of pg_catalog."""
    for shape in relation_shapes().values():
        if shape.name == name and shape.schema == "pg_catalog":
            return RowMaker(shape, **defaults)
    raise KeyError(name)


def database_oid(session: Any) -> int:
    """The oid of a session's database."""
    oid: int = session.evaluation.database_oid
    return oid


def _waits(session: Any) -> tuple[bool, str | None]:
    """Whether a session that is not the asking one is inside of a statement, and what it waits for."""
    work = session.under_way
    if work is not None:
        return (True, work.wait_reason) if work.busy else (False, _NEXT_STATEMENT)
    waiting = session.owner.waiting
    return (True, waiting.reason) if waiting is not None else (False, _NEXT_STATEMENT)


def _query_start(session: Any, started: int | None) -> int | None:
    """When the latest statement of another session started, as far as its time was asked for, or its transaction."""
    known: int = session.evaluation.known_statement_timestamp
    return known or started


def _state(session: Any, busy: bool) -> str:
    if busy:
        return "active"
    status: str = session.transaction_status
    return {"I": "idle", "T": "idle in transaction"}.get(status, "idle in transaction (aborted)")


def _inet(text: str) -> Any:
    return type_io(oids.INET).input(text.partition("%")[0], -1, DEFAULT_SETTINGS)


_STATISTICS_ROLE_OID: Final = 3375


def _may_see(asking: Any, rows: CatalogRows, role: Role | None) -> bool:
    """Whether the asking role sees what a session of another does: with its rights, or those of pg_read_all_stats."""
    own = asking.evaluation.current_role
    wanted = (_STATISTICS_ROLE_OID, role.oid) if role is not None else (_STATISTICS_ROLE_OID,)
    return own.superuser or any(has_privileges_of(rows.catalog, own.oid, oid) for oid in wanted)


def activity_view(asking: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_activity: one row per session; of sessions that the asking role may not look into, who they are."""
    make = maker("pg_stat_activity", backend_type="client backend")
    for session in list(asking.database.sessions.values()):
        role = rows.catalog.role_named(session.user)
        if not _may_see(asking, rows, role):
            yield make(
                datid=database_oid(session),
                datname=session.database_name,
                pid=session.process_id,
                usesysid=role.oid if role is not None else None,
                usename=session.user,
                backend_type=None,
                query="<insufficient privilege>",
            )
            continue
        transaction = session.transaction
        started = transaction.start_microseconds - EPOCH_MICROSECONDS if transaction is not None else None
        address = session.client_address
        busy, reason = (True, None) if session is asking else _waits(session)
        # A statement that has used its time slice waits for nothing but its turn: it runs.
        kind, _, event = reason.partition(":") if reason is not None else (None, "", None)
        yield make(
            datid=database_oid(session),
            datname=session.database_name,
            pid=session.process_id,
            usesysid=role.oid if role is not None else None,
            usename=session.user,
            application_name=session.settings.get("application_name"),
            client_addr=_inet(address[0]) if address is not None else None,
            client_port=address[1] if address is not None else None,
            backend_start=session.start_microseconds - EPOCH_MICROSECONDS,
            xact_start=started,
            query_start=session.evaluation.statement_timestamp if session is asking else _query_start(session, started),
            wait_event_type=kind,
            wait_event=event,
            state=_state(session, busy),
            backend_xid=transaction.number if transaction is not None and transaction.writes else None,
            query=without_passwords(session.evaluation.query_text),
        )


def _advisory(key: bytes) -> dict[str, Any]:
    database = int.from_bytes(key[6:10], "big")
    high, low, kind = int.from_bytes(key[10:14], "big"), int.from_bytes(key[14:18], "big"), key[18]
    return {"locktype": "advisory", "database": database, "classid": high, "objid": low, "objsubid": kind}


def locks_view(asking: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_locks. A row lock shows as a lock of type tuple on its table, one on a definition or a name as an object's."""
    database = asking.database
    sessions = {session.owner: session for session in list(database.sessions.values())}
    storage = {table.storage_id: table.oid for table in rows.catalog.tables.values() if table.storage_id}
    make = maker("pg_locks", fastpath=False)
    contended = set()
    for key, owner, mode, granted in database.transactions.locks.locks():
        session = sessions.get(owner)
        values: dict[str, Any] = {
            "pid": session.process_id if session is not None else None,
            "virtualtransaction": f"{session.process_id if session is not None else -1}/{owner.transaction_number}",
            "mode": mode_name(mode),
            "granted": granted,
            "waitstart": None if granted or owner.waiting is None else owner.waiting.since - EPOCH_MICROSECONDS,
        }
        if key.startswith(ADVISORY_PREFIX):
            values |= _advisory(key)
        elif key.startswith(TABLE_PREFIX):
            oid = int.from_bytes(key[6:10], "big")
            contended.add((owner, oid))
            values |= {"locktype": "relation", "database": database_oid(asking), "relation": oid}
        elif key.startswith(DEFINITION_LOCKS):
            values |= {"locktype": "object", "database": database_oid(asking), "objid": definition_oid(key)}
        else:
            table = storage.get(split_prefix(key)[0])
            values |= {"locktype": "tuple", "database": database_oid(asking), "relation": table}
        yield make(**values)
    everybody: list[tuple[Any, Any]] = list(sessions.items())
    everybody += [(prepared.owner, None) for prepared in database.transactions.prepared.values()]
    for owner, session in everybody:
        for oid, modes in list(owner.tables.items()):
            if (owner, oid) in contended:
                continue
            for mode in _TABLE_MODES:
                if modes & mode:
                    yield make(
                        locktype="relation",
                        database=database_oid(asking),
                        relation=oid,
                        pid=session.process_id if session is not None else None,
                        virtualtransaction=f"{session.process_id if session is not None else -1}/"
                        f"{owner.transaction_number}",
                        mode=mode_name(mode),
                        granted=True,
                        fastpath=True,
                    )
    reading = [(session, session.transaction.serial) for session in sessions.values() if session.transaction]
    reading += [(None, prepared.serial) for prepared in database.transactions.prepared.values()]
    relations = _relations_by_prefix(rows)
    for session, serial in reading:
        for locktype, relation in _predicate_locks(serial, relations) if serial is not None else ():
            yield make(
                locktype=locktype,
                database=database_oid(asking),
                relation=relation,
                pid=session.process_id if session is not None else None,
                virtualtransaction=f"{session.process_id}/{session.owner.transaction_number}" if session else "-1/0",
                mode="SIReadLock",
                granted=True,
            )


def _relations_by_prefix(rows: CatalogRows) -> dict[bytes, int]:
    """Oids of tables and indexes by the prefix of their keys."""
    found = {}
    for table in rows.catalog.tables.values():
        if table.storage_id:
            for index in table.indexes:
                found[table_prefix(table.storage_id, index.index_number)] = index.oid
            found[table_prefix(table.storage_id, 0)] = table.oid
    return found


def _predicate_locks(serial: SerialTransaction, relations: dict[bytes, int]) -> Iterator[tuple[str, int]]:
    """What a SERIALIZABLE transaction has read, as PostgreSQL tells it: single rows, parts (pages) and whole relations;
    a key of an index counts as a part of it."""
    found: set[tuple[str, int]] = set()
    for key in list(serial.keys):
        relation = relations.get(key[:PREFIX_LENGTH])
        if relation is not None and split_prefix(key)[1]:
            found.add(("page", relation))
        elif relation is not None:
            yield "tuple", relation
    for low, high in list(serial.ranges):
        prefix = (low or b"")[:PREFIX_LENGTH]
        if (relation := relations.get(prefix)) is not None:
            found.add(("relation" if low == prefix and high == prefix_end(prefix) else "page", relation))
    yield from sorted(found)


def prepared_transactions_view(asking: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_prepared_xacts."""
    make = maker("pg_prepared_xacts")
    catalog = rows.catalog
    for one in asking.database.transactions.prepared.values():
        role, database = catalog.roles.get(one.role_oid), catalog.databases.get(one.database_oid)
        yield make(
            transaction=one.number,
            gid=one.gid,
            prepared=one.prepared_at - EPOCH_MICROSECONDS,
            owner=role.name if role is not None else None,
            database=database.name if database is not None else None,
        )


def prepared_statements_view(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_prepared_statements: those of this session."""
    make = maker("pg_prepared_statements")
    for prepared in list(session.prepared.values()):
        if not prepared.name:
            continue
        compiled = prepared.compiled
        types = tuple(compiled.parameter_types) if compiled is not None else ()
        yield make(
            name=prepared.name,
            statement=prepared.source or prepared.text,
            prepare_time=prepared.prepared_at,
            parameter_types=Array.of(types),
            from_sql=prepared.from_sql,
            generic_plans=prepared.generic_plans,
            custom_plans=prepared.custom_plans,
        )


def cursors_view(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_cursors: those of this session."""
    make = maker("pg_cursors")
    for portal in list(session.portals.values()):
        if portal.name or portal.cursor:
            yield make(
                name=portal.name,
                statement=portal.text,
                is_holdable=portal.holdable,
                is_binary=portal.binary,
                is_scrollable=portal.scrollable,
                creation_time=portal.created_at,
            )

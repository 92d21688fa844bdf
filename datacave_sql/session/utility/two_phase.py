"""PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED.

What a prepared transaction cannot carry is refused as in PostgreSQL: temporary objects, notifications, held cursors,
exported snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.transaction import PreparedTransaction
from datacave_core.wait import Wait, wait_for
from datacave_sql.parse import ast
from datacave_sql.session.prepared_definitions import finish
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.utility.dependencies import objects_in
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]

GID_BYTES_MAX = 199

_ROLLBACK = Complete("ROLLBACK")


def prepared_transaction(session: Any, statement: ast.PreparedTransaction) -> Steps:
    """PREPARE TRANSACTION and what ends it."""
    if statement.action == "prepare":
        yield from _prepare(session, statement.gid)
        return
    command = "COMMIT PREPARED" if statement.action == "commit" else "ROLLBACK PREPARED"
    refuse_in_block(session, command)
    prepared = _find(session, statement.gid)
    prepared.busy = True
    try:
        yield from finish(session, prepared, commit=statement.action == "commit")
    finally:
        prepared.busy = False
    yield Complete(command)


def _prepare(session: Any, gid: str) -> Steps:
    if not session.in_block:
        warn(session, "there is no transaction in progress", sqlstate.NO_ACTIVE_SQL_TRANSACTION)
        session.rollback()
        yield _ROLLBACK
        return
    if session.failed:
        session.rollback()
        yield _ROLLBACK
        return
    try:
        _check(session, gid)
        commit = yield from session.prepare_transaction(gid)
    except BaseException:
        session.rollback()
        raise
    yield from wait_for(commit.durable)
    yield Complete("PREPARE TRANSACTION")


def _check(session: Any, gid: str) -> None:
    """Raises what PostgreSQL raises for transactions that cannot be prepared."""
    manager = session.database.transactions
    limit = int(session.settings.value("max_prepared_transactions"))
    if not limit:
        raise DatacaveError(
            "prepared transactions are disabled",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            hint="Set max_prepared_transactions to a nonzero value.",
        )
    if len(gid.encode()) > GID_BYTES_MAX:
        raise DatacaveError(f'transaction identifier "{gid}" is too long', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    if gid in manager.prepared:
        raise DatacaveError(f'transaction identifier "{gid}" is already in use', sqlstate=sqlstate.DUPLICATE_OBJECT)
    if len(manager.prepared) >= limit:
        raise DatacaveError(
            "maximum number of prepared transactions reached",
            sqlstate=sqlstate.OUT_OF_MEMORY,
            hint=f"Increase max_prepared_transactions (currently {limit}).",
        )
    if session.pending_notifications or session.listens_at_commit:
        raise FeatureNotSupported("cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY")
    if any(portal.holdable and portal.cursor and not portal.survived for portal in session.portals.values()):
        raise FeatureNotSupported("cannot PREPARE a transaction that has created a cursor WITH HOLD")
    if session.made_temporary or _touches_temporary(session) or _changes_temporary(session):
        raise FeatureNotSupported("cannot PREPARE a transaction that has operated on temporary objects")
    if session.database.exported_snapshots.exported_by(session.transaction):
        raise FeatureNotSupported("cannot PREPARE a transaction that has exported snapshots")
    owner = session.owner
    if {key for key, _ in owner.session_advisory} & {key for key, _ in owner.transaction_advisory}:
        raise FeatureNotSupported(
            "cannot PREPARE while holding both session-level and transaction-level locks on the same object"
        )


def _touches_temporary(session: Any) -> bool:
    catalogs = (session.home.catalog, session.catalog_snapshot)
    return any(
        oid in catalog.tables and catalog.tables[oid].persistence == "t"
        for oid in session.owner.tables
        for catalog in catalogs
    )


def _changes_temporary(session: Any) -> bool:
    """Whether the transaction has made, changed or dropped anything in the session's temporary schema."""
    home, changed = session.home.catalog, session.catalog_snapshot
    name = session.evaluation.temporary_schema
    before, after = home.schema_named(name), changed.schema_named(name)
    if home is changed or (before is None and after is None):
        return False
    if before is None or after is None:
        return True
    return {id(one) for one in objects_in(home, before)} != {id(one) for one in objects_in(changed, after)}


def _find(session: Any, gid: str) -> PreparedTransaction:
    found: PreparedTransaction | None = session.database.transactions.prepared.get(gid)
    if found is None:
        raise DatacaveError(
            f'prepared transaction with identifier "{gid}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    if found.busy:
        raise DatacaveError(
            f'prepared transaction with identifier "{gid}" is busy', sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE
        )
    role = session.evaluation.current_role
    if role.oid != found.role_oid and not role.superuser:
        raise DatacaveError(
            "permission denied to finish prepared transaction",
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            hint="Must be superuser or the user that prepared the transaction.",
        )
    if found.database_oid != session.home.oid:
        raise FeatureNotSupported(
            "prepared transaction belongs to another database",
            hint="Connect to the database where the transaction was prepared to finish it.",
        )
    return found

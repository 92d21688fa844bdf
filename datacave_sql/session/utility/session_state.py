"""LISTEN, UNLISTEN, NOTIFY, DISCARD, CHECKPOINT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import has_privileges_of
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.utility.dependencies import Collector
from datacave_sql.session.utility.drops import remove

Steps = Iterator[Reply | Wait]

CHECKPOINT_ROLE_OID = 4544  # pg_checkpoint


def listen(session: Any, statement: ast.Listen) -> Steps:
    """LISTEN: heard once the transaction has committed."""
    session.begin_statement()
    hub = session.home.notifications
    session.listens_at_commit = True
    session.after_commit(lambda: hub.listen(session, statement.channel))
    yield Complete("LISTEN")


def unlisten(session: Any, statement: ast.Unlisten) -> Steps:
    """UNLISTEN channel, UNLISTEN *."""
    session.begin_statement()
    hub = session.home.notifications
    channel = statement.channel
    session.listens_at_commit = session.listens_at_commit or bool(hub.channels_of(session))
    if channel is None:
        session.after_commit(lambda: hub.unlisten_all(session))
    else:
        session.after_commit(lambda: hub.unlisten(session, channel))
    yield Complete("UNLISTEN")


def notify(session: Any, statement: ast.Notify) -> Steps:
    """NOTIFY. Raises 22023 for a payload that is too long."""
    session.begin_statement()
    session.notify(statement.channel, statement.payload)
    yield Complete("NOTIFY")


def discard(session: Any, statement: ast.Discard) -> Steps:
    """DISCARD. Plans belong to all sessions and follow the catalog by themselves, so PLANS has nothing to do."""
    target = statement.target
    if target == "all":
        refuse_in_block(session, "DISCARD ALL")
    session.begin_statement()
    if target in ("all", "temp"):
        yield from _discard_temporary(session)
    if target in ("all", "sequences"):
        session.evaluation.sequences.forget()
    if target == "all":
        for name in [name for name, portal in session.portals.items() if portal.cursor]:
            session.close_portal(name)
        session.settings.set("session_authorization", session.user)
        session.settings.set("role", "none")
        session.settings.reset_all()
        session.prepared.clear()
        hub = session.home.notifications
        session.after_commit(lambda: hub.unlisten_all(session))
        session.evaluation.advisory_unlock_all()
    yield Complete(f"DISCARD {target.upper()}")


def _discard_temporary(session: Any) -> Iterator[Wait]:
    if session.evaluation.own_temporary_schema is None:
        return
    catalog = yield from session.share_catalog()
    schema = catalog.schema_named(session.evaluation.temporary_schema)
    if schema is not None:
        collector = Collector(catalog)
        collector.add(schema)
        yield from remove(session, collector)


def checkpoint(session: Any, statement: ast.Checkpoint) -> Steps:
    """CHECKPOINT: everything committed is already on disk, and the log is cut as tables are written."""
    role = session.evaluation.current_role
    if not has_privileges_of(session.rights_catalog, role.oid, CHECKPOINT_ROLE_OID):
        raise DatacaveError(
            "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT",
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
        )
    session.begin_statement()
    yield Complete("CHECKPOINT")

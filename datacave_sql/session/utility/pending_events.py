"""Pending events: checks that wait for the commit keep the definition of the table they are about as it is."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError


def refuse_pending_events(session: Any, table: Table, command: str) -> None:
    """Raises 55006 where rows that this transaction has written to a table are still to be checked."""
    if any(getattr(hook, "table_oid", 0) == table.oid for hook in session.transaction.before_commit):
        raise DatacaveError(
            f'cannot {command} "{table.name}" because it has pending trigger events', sqlstate=sqlstate.OBJECT_IN_USE
        )

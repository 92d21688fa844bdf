"""Commands that cannot be taken back, and so stand alone."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


def refuse_in_block(session: Any, command: str) -> None:
    """Raises 25001 in a transaction block, an implicit one of several statements in one string included."""
    if session.in_function:
        raise DatacaveError(f"{command} cannot be executed from a function", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION)
    if session.in_block or session.several:
        raise DatacaveError(
            f"{command} cannot run inside a transaction block", sqlstate=sqlstate.ACTIVE_SQL_TRANSACTION
        )

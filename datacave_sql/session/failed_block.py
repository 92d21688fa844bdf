"""The error of statements that come to a failed transaction block."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


def in_failed_block() -> DatacaveError:
    """The answer to statements in a failed block."""
    return DatacaveError(
        "current transaction is aborted, commands ignored until end of transaction block",
        sqlstate=sqlstate.IN_FAILED_SQL_TRANSACTION,
    )

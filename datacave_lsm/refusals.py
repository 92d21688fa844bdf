"""Refusals: what the engine answers to what it cannot do."""

from __future__ import annotations

from datetime import UTC, datetime

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


class DirectoryInUse(DatacaveError):
    """Another engine holds the data directory."""

    sqlstate = sqlstate.OBJECT_IN_USE
    severity = "FATAL"


class SnapshotTooOld(DatacaveError):
    """A read at a timestamp whose versions are not all kept any more."""

    sqlstate = sqlstate.SNAPSHOT_TOO_OLD

    def __init__(self, timestamp: int, earliest: int) -> None:
        time = datetime.fromtimestamp(earliest / 1_000_000, UTC).isoformat(sep=" ")
        super().__init__(
            f"snapshot {timestamp} is too old",
            detail=f"The earliest readable timestamp is {earliest} ({time}).",
            hint="Read at a later time, or raise storage.retention_seconds.",
        )

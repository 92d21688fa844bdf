"""Errors as data: one class that carries what PostgreSQL's ErrorResponse can say, and a few that code must tell apart.

Raise next to the cause with a SQLSTATE of `sqlstate.py`; the server turns any DatacaveError into an ErrorResponse in
one place. Fields follow https://www.postgresql.org/docs/15/protocol-error-fields.html.
"""

from __future__ import annotations

from typing import Final

from datacave_core import sqlstate
from datacave_core.moments import moment_text


class DatacaveError(Exception):
    """A failure a client is told about.

    `position` is a 1-based index, in characters, into the statement text, or None.
    `internal_query` is a statement inside a routine, `internal_position` the index into it.
    `routine` is PostgreSQL's name for the place, for the few errors that drivers tell apart by it.
    `retryable` says that running the whole transaction again may succeed.
    """

    sqlstate: str = sqlstate.INTERNAL_ERROR
    retryable: bool = False
    severity: str = "ERROR"
    routine: str | None = None

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        context: str | None = None,
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        data_type: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        if sqlstate is not None:
            self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.internal_position: int | None = None
        self.internal_query: str | None = None
        self.context = context
        self.passed: object | None = None  # the routine's call whose line `context` has already
        self.schema = schema
        self.table = table
        self.column = column
        self.data_type = data_type
        self.constraint = constraint

    def at(self, position: int | None) -> DatacaveError:
        """Adds a position where none is known yet; returns self, so that `raise error.at(node.position)` reads well."""
        if self.position is None:
            self.position = position
        return self


class SerializationFailure(DatacaveError):
    """Another transaction won; the whole transaction may be run again."""

    sqlstate = sqlstate.SERIALIZATION_FAILURE
    retryable = True


class DeadlockDetected(DatacaveError):
    """This transaction was chosen as the victim of a cycle of lock waits."""

    sqlstate = sqlstate.DEADLOCK_DETECTED
    retryable = True


class QueryCanceled(DatacaveError):
    """The statement was cancelled by its user or ran into a timeout."""

    sqlstate = sqlstate.QUERY_CANCELED


class CachedPlanChanged(DatacaveError):
    """A prepared statement would no longer return the columns it was described with; clients prepare it anew."""

    sqlstate = sqlstate.FEATURE_NOT_SUPPORTED
    routine = "RevalidateCachedQuery"

    def __init__(self) -> None:
        super().__init__("cached plan must not change result type")


class SnapshotTooOld(DatacaveError):
    """A read at a commit timestamp whose versions are not all kept any more; from `earliest` on they are."""

    sqlstate = sqlstate.SNAPSHOT_TOO_OLD

    def __init__(self, timestamp: int, earliest: int) -> None:
        super().__init__(
            f"the rows of {moment_text(timestamp)} are no longer kept",
            detail=f"The earliest readable time is {moment_text(earliest)}, commit timestamp {earliest}.",
            hint="How long rows are kept is set by storage.retention_seconds and by a table's parameter retention.",
        )
        self.earliest = earliest


class FeatureNotSupported(DatacaveError):
    """The statement means something that Datacave does not do; nothing was changed."""

    sqlstate = sqlstate.FEATURE_NOT_SUPPORTED


RESTORE: Final = "Restore the file from a backup or from a replica."


class DataCorrupted(DatacaveError):
    """Stored bytes fail their checksum or seal; the message names file and block, and the hint says what to do."""

    sqlstate = sqlstate.DATA_CORRUPTED

    def __init__(self, message: str, *, hint: str = RESTORE) -> None:
        super().__init__(message, hint=hint)


class StorageStopped(DatacaveError):
    """The engine has stopped itself (a failed fsync, an unreadable log) and serves nothing more."""

    sqlstate = sqlstate.IO_ERROR
    severity = "FATAL"


class DiskFull(DatacaveError):
    """No space for a write; reads go on, and writes resume when space returns."""

    sqlstate = sqlstate.DISK_FULL

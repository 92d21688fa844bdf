"""Functions of the past: commit timestamps, restore points, changes of a table."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.values import Value
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

RESTORE_POINT_BYTES_MAX = 63
EPOCH_MICROSECONDS = 946_684_800_000_000


@BODIES.with_context("commit_timestamp")
def commit_timestamp(context: EvaluationContext) -> int:
    """The newest commit timestamp that everybody sees: AS OF SYSTEM TIME and table_changes take it."""
    return context.past.newest()


@BODIES.with_context("pg_create_restore_point")
def create_restore_point(context: EvaluationContext, name: str) -> int:
    """Names this moment; AS OF SYSTEM TIME takes the name, and what it shows is kept until the name is dropped."""
    if not name or len(name.encode()) > RESTORE_POINT_BYTES_MAX:
        raise bad_parameter(f"value too long for restore point (maximum {RESTORE_POINT_BYTES_MAX} characters)")
    return context.past.create_restore_point(name)


@BODIES.with_context("drop_restore_point")
def drop_restore_point(context: EvaluationContext, name: str) -> bool:
    """Forgets a name; false if there is none."""
    return context.past.drop_restore_point(name)


@BODIES.with_context("restore_points")
def restore_points(context: EvaluationContext) -> Iterator[tuple[Value, ...]]:
    """All names with their commit timestamps and times."""
    return ((name, moment, moment - EPOCH_MICROSECONDS) for name, moment in context.past.restore_points())


@BODIES.with_context("table_changes")
def table_changes(context: EvaluationContext, table: str, after: int, until: int | None) -> Iterator[tuple[Value, ...]]:
    """Inserts, updates and deletes after a commit timestamp, in commit order."""
    return context.past.changes(table, after, until)

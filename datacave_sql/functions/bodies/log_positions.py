"""Positions in the log, and what only a standby or a server that keeps commit times can do.

A position is the timestamp of the newest commit: it grows with every commit, as a position in PostgreSQL's log does.
"""

from __future__ import annotations

from typing import Final, NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.body import Bodies

BODIES = Bodies()

SEGMENT_BYTES: Final = 16 * 1024 * 1024
TIMELINE: Final = 1

for _symbol in ("pg_current_wal_lsn", "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn"):
    BODIES.add_with_context(_symbol, lambda context: context.past.newest())
BODIES.add("pg_last_wal_receive_lsn pg_last_wal_replay_lsn", lambda: None)
BODIES.add("pg_collation_actual_version pg_database_collation_actual_version", lambda oid: None)
BODIES.add("pg_rotate_logfile_v2 pg_rotate_logfile", lambda: False)
BODIES.add("pg_stat_get_snapshot_timestamp", lambda: None)
BODIES.add("pg_column_compression", lambda value: None)  # what is compressed is whole segments, no single values


@BODIES("to_ascii_default", "to_ascii_enc", "to_ascii_encname")
def to_ascii(text: str, encoding: int | str = "UTF8") -> NoReturn:
    """Raises 0A000: it converts from four one-byte encodings only, and texts here are UTF-8."""
    raise DatacaveError("encoding conversion from UTF8 to ASCII not supported", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


def _segment(position: int) -> int:
    # A position at the very end of a segment belongs to it.
    return max(position - 1, 0) // SEGMENT_BYTES


def _file_name(segment: int) -> str:
    per_id = 0x100000000 // SEGMENT_BYTES
    return f"{TIMELINE:08X}{segment // per_id:08X}{segment % per_id:08X}"


@BODIES("pg_walfile_name")
def file_name(position: int) -> str:
    """The name that PostgreSQL would give the file of a position."""
    return _file_name(_segment(position))


@BODIES("pg_walfile_name_offset")
def file_and_offset(position: int) -> tuple[str, int]:
    """The same, and the place within the file."""
    return _file_name(_segment(position)), position % SEGMENT_BYTES


def _not_in_recovery(*arguments: object) -> NoReturn:
    raise DatacaveError(
        "recovery is not in progress",
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        hint="Recovery control functions can only be executed during recovery.",
    )


BODIES.add("pg_wal_replay_pause pg_wal_replay_resume pg_get_wal_replay_pause_state pg_promote", _not_in_recovery)


def _no_commit_times(*arguments: object) -> NoReturn:
    raise DatacaveError(
        "could not get commit timestamp data",
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        hint='Make sure the configuration parameter "track_commit_timestamp" is set.',
    )


BODIES.add("pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_last_committed_xact", _no_commit_times)

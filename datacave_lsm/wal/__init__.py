"""The write-ahead log: commits in segments of checksummed records, made durable in groups."""

from __future__ import annotations

from datacave_lsm.wal.entry import (
    EntryDecoder,
    EntryEncoder,
    abandoned_entry,
    batch_entry,
    files_entry,
    layouts_entry,
    layouts_of,
)
from datacave_lsm.wal.log import Log, LogCommit
from datacave_lsm.wal.replay import replay

__all__ = [
    "EntryDecoder",
    "EntryEncoder",
    "Log",
    "LogCommit",
    "abandoned_entry",
    "batch_entry",
    "files_entry",
    "layouts_entry",
    "layouts_of",
    "replay",
]

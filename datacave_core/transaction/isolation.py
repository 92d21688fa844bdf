"""Isolation levels, and what to do about a locked row."""

from __future__ import annotations

from enum import Enum

from datacave_core.wait import Wait


class Isolation(Enum):
    """Isolation levels; READ UNCOMMITTED is READ COMMITTED here, as in PostgreSQL. Values as SHOW prints them."""

    READ_COMMITTED = "read committed"
    REPEATABLE_READ = "repeatable read"
    SERIALIZABLE = "serializable"


class WaitPolicy(Enum):
    """What to do about a row that is locked."""

    BLOCK = ""
    NOWAIT = "NOWAIT"
    SKIP_LOCKED = "SKIP LOCKED"


SKIPPED = Wait("Lock:skipped")
"""Returned by `lock` with SKIP_LOCKED (never waited for): someone else has the row."""

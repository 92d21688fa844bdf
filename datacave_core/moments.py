"""Commit timestamps as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_text(timestamp: int) -> str:
    """A commit timestamp as a time of day in UTC."""
    try:
        return (_EPOCH + timedelta(microseconds=timestamp)).isoformat(" ")
    except OverflowError:
        return f"commit timestamp {timestamp}"

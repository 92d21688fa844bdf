"""Warnings and notices for the client, as far as client_min_messages lets them through."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.session.replies import Notice

_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")


def passes(session: Any, severity: str) -> bool:
    """Whether the client wants to see a message of this severity; INFO always passes."""
    level = "debug1" if severity == "DEBUG" else severity.lower()
    return severity == "INFO" or _LEVELS.index(level) >= _LEVELS.index(session.settings.client_min_messages)


def tell(
    session: Any,
    severity: str,
    message: str,
    code: str,
    *,
    detail: str | None = None,
    hint: str | None = None,
    position: int | None = None,
) -> None:
    """Puts a message in front of the client. `severity` is WARNING, NOTICE or INFO (which always passes)."""
    if not passes(session, severity):
        return
    error = DatacaveError(message, sqlstate=code, detail=detail, hint=hint, position=position)
    error.severity = severity
    session.notices.append(Notice(error))


def warn(session: Any, message: str, code: str = sqlstate.WARNING) -> None:
    """A WARNING."""
    tell(session, "WARNING", message, code)


def notice(session: Any, message: str, code: str = sqlstate.SUCCESSFUL_COMPLETION) -> None:
    """A NOTICE."""
    tell(session, "NOTICE", message, code)

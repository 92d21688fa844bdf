"""ErrorResponse and NoticeResponse: a DatacaveError as the fields PostgreSQL's clients read.

Field codes: https://www.postgresql.org/docs/15/protocol-error-fields.html. Fields without a value are left out.
"""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_protocol.backend import message


def error_response(error: DatacaveError, severity: str | None = None) -> bytes:
    """ErrorResponse with the error's own severity (ERROR, FATAL or PANIC), or a sterner one."""
    return message(b"E", _fields(error, severity or error.severity))


def notice_response(notice: DatacaveError, severity: str = "NOTICE") -> bytes:
    """NoticeResponse; the severity is WARNING, NOTICE, DEBUG, INFO or LOG. A notice is an error that is not raised."""
    return message(b"N", _fields(notice, severity))


def _fields(error: DatacaveError, severity: str) -> bytes:
    texts: tuple[tuple[str, str | None], ...] = (
        ("S", severity),
        ("V", severity),
        ("C", error.sqlstate),
        ("M", error.message),
        ("D", error.detail),
        ("H", error.hint),
        ("P", None if error.position is None else str(error.position)),
        ("p", None if error.internal_position is None else str(error.internal_position)),
        ("q", error.internal_query),
        ("W", error.context),
        ("s", error.schema),
        ("t", error.table),
        ("c", error.column),
        ("d", error.data_type),
        ("n", error.constraint),
        ("R", error.routine),
    )
    fields = [f"{code}{_without_nul(text)}\0" for code, text in texts if text is not None]
    return "".join(fields).encode("utf-8", "replace") + b"\0"


def _without_nul(text: str) -> str:
    """A NUL inside a text would end its field early and let the rest pose as further fields."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text

"""The server's log: standard error, one line per message, as text or as JSON.

Invariant: a message is one line whatever it contains, so that no client can forge lines. Passwords never reach it:
nobody logs statements or start-up messages. Not here: the audit log (audit.py), which is a record, not a diary.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

ROOT_LOGGER = "datacave_server"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO lifecycle: message`."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {_short_name(record)}: {one_line(record.getMessage())}"
        return f"{line}: {one_line(self.formatException(record.exc_info))}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object per message: time, level, logger, message and, if there is one, exception."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _short_name(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def set_up_logging(level: str, form: str) -> None:
    """Sends the messages of all our packages, and warnings of others, to standard error.

    `level` is a key of LEVELS, `form` is "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(LEVELS[level], logging.WARNING))
    for name in ("datacave_core", "datacave_lsm", "datacave_sql", "datacave_protocol", ROOT_LOGGER):
        logging.getLogger(name).setLevel(LEVELS[level])


def one_line(text: str) -> str:
    """The text with line ends and other control characters written as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _short_name(record: logging.LogRecord) -> str:
    return record.name.removeprefix(f"{ROOT_LOGGER}.")

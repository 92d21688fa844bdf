"""Log messages are one line each, whatever they hold."""

from __future__ import annotations

import json
import logging

from datacave_server.log import JsonFormatter, TextFormatter, one_line


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error is not None else None
    made = logging.LogRecord("datacave_server.lifecycle", logging.WARNING, "f", 1, message, None, info)
    made.created = 1_700_000_000.25
    return made


def test_text() -> None:
    assert TextFormatter().format(record("hello")) == "2023-11-14T22:13:20.250Z WARNING lifecycle: hello"


def test_no_message_forges_a_line() -> None:
    forged = 'x\r\n2023-11-14T22:13:20.250Z INFO lifecycle: user "root" has logged in\u2028\x1b[2J'
    assert len(TextFormatter().format(record(forged, OSError("a\nb"))).splitlines()) == 1
    line = JsonFormatter().format(record(forged, OSError("a\nb")))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == forged


def test_json() -> None:
    assert json.loads(JsonFormatter().format(record("hello"))) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "lifecycle",
        "message": "hello",
    }


def test_printable_text_is_kept() -> None:
    assert one_line("caf\u00e9 \\ 'x'") == "caf\u00e9 \\ 'x'"
    assert one_line("a\tb\n") == "a\\tb\\n"

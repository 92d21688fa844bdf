"""The states of a connection, seen from the server, and what may happen in each.

    STARTUP -- SSLRequest, GSSENCRequest --> NEGOTIATING    waits for our one byte
       | ^--------------- our byte --------------+
       +------ CancelRequest ---------------------------------------> CLOSED
       | StartupMessage
       v
    AUTHENTICATING                                  password and SASL messages only
       | AuthenticationOk
       v
    BUSY ------ ReadyForQuery ---------------------------------> READY    nothing is owed to anybody

    READY ----- Query, FunctionCall, Sync, BoundExecution -----> BUSY     ReadyForQuery is owed
       | Parse, Bind, Describe, Execute, Close, Flush
       v
    EXTENDED -- Query, FunctionCall, Sync, BoundExecution -----> BUSY     a series is open until Sync
       | ErrorResponse
       v
    SKIPPING -- Sync ------------------------------------------> BUSY     all but Sync and Terminate is dropped

    BUSY, EXTENDED --- CopyInResponse ----> COPY_IN  --- CopyDone, CopyFail ---> back to BUSY or EXTENDED
    BUSY, EXTENDED --- CopyOutResponse ---> COPY_OUT --- our CopyDone ---------> back
    COPY_IN, COPY_OUT --- ErrorResponse --> BUSY (from BUSY), SKIPPING (from EXTENDED)

    anywhere --- broken message ----------> FAILED   --- the fatal ErrorResponse ---> CLOSED
    anywhere --- Terminate, end of stream, fatal ErrorResponse ---------------------> CLOSED

In NEGOTIATING, BUSY, COPY_OUT and FAILED the next word is ours: nothing is read, bytes wait in the buffer.
After a failed COPY the rest of its CopyData, CopyDone and CopyFail is dropped in READY and EXTENDED.
Source: https://www.postgresql.org/docs/15/protocol-flow.html.
Not here: reading messages (`reader.py`), keeping the state of one connection (`connection.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class State(Enum):
    """Where a connection stands; the head of this file draws the ways between."""

    STARTUP = "startup"
    NEGOTIATING = "negotiating"
    AUTHENTICATING = "authenticating"
    BUSY = "busy"
    READY = "ready"
    EXTENDED = "extended"
    SKIPPING = "skip until Sync"
    COPY_IN = "copy in"
    COPY_OUT = "copy out"
    FAILED = "failed"
    CLOSED = "closed"


DROP: Final = None
"""In RECEIVE: the message is read and dropped, and the state stays."""

QUERY, PARSE, BIND, DESCRIBE, EXECUTE, CLOSE, FLUSH, SYNC = b"QPBDECHS"
FUNCTION_CALL, TERMINATE, COPY_DATA, COPY_DONE, COPY_FAIL, PASSWORD = b"FXdcfp"

_SERIES: Final = dict.fromkeys((PARSE, BIND, DESCRIBE, EXECUTE, CLOSE, FLUSH), State.EXTENDED)
_COMMANDS: Final = {
    QUERY: State.BUSY,
    FUNCTION_CALL: State.BUSY,
    SYNC: State.BUSY,
    TERMINATE: State.CLOSED,
    COPY_DATA: DROP,
    COPY_DONE: DROP,
    COPY_FAIL: DROP,
}

RECEIVE: Final[Mapping[State, Mapping[int, State | None]]] = {
    State.AUTHENTICATING: {PASSWORD: State.AUTHENTICATING},
    State.READY: {**_SERIES, **_COMMANDS},
    State.EXTENDED: {**_SERIES, **_COMMANDS},
    State.SKIPPING: {
        **dict.fromkeys((*_SERIES, *_COMMANDS), DROP),
        SYNC: State.BUSY,
        TERMINATE: State.CLOSED,
    },
    State.COPY_IN: {
        COPY_DATA: State.COPY_IN,
        COPY_DONE: State.COPY_IN,  # which of BUSY and EXTENDED follows depends on where the copy began
        COPY_FAIL: State.COPY_IN,
        FLUSH: DROP,
        SYNC: DROP,
    },
}
"""Message code to next state, or DROP, per state that reads messages; a code that is missing breaks the protocol."""

SMALL_MESSAGE_BYTES_MAX: Final = 10_000
"""Longest message of the kinds that carry no data (Sync, Describe, ...), length word included."""

SMALL_MESSAGES: Final = frozenset((DESCRIBE, EXECUTE, CLOSE, FLUSH, SYNC, TERMINATE, COPY_DONE, COPY_FAIL))

SILENT: Final = frozenset((State.NEGOTIATING, State.BUSY, State.COPY_OUT, State.FAILED, State.CLOSED))
"""States that hand out no events."""

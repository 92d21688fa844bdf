"""PostgreSQL's wire protocol, version 3, server side, without sockets: bytes in, events out; answers in, bytes out.

    connection = Connection()
    connection.receive_data(data)
    while (event := connection.next_event()) is not NEED_DATA:
        ...                                 # transport.write(backend.PARSE_COMPLETE), connection.ready_for_query("I")

Events are the tuples of `frontend`; stateless answers are the constants and functions of `backend`, `errorresponse` and
`writer`; answers that move the state are methods of `Connection`.
"""

from datacave_protocol import backend, frontend
from datacave_protocol.backend import FieldDescription
from datacave_protocol.connection import Connection
from datacave_protocol.errorresponse import error_response, notice_response
from datacave_protocol.frontend import NEED_DATA, Event, NeedData, ProtocolVersion
from datacave_protocol.state import State
from datacave_protocol.violation import ProtocolMisuse, ProtocolViolation

__all__ = [
    "NEED_DATA",
    "Connection",
    "Event",
    "FieldDescription",
    "NeedData",
    "ProtocolMisuse",
    "ProtocolVersion",
    "ProtocolViolation",
    "State",
    "backend",
    "error_response",
    "frontend",
    "notice_response",
]

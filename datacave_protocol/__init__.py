"""PostgreSQL's wire protocol, version 3, server side, without sockets: bytes in, events out; answers in, bytes out.

    connection = Connection()
    connection.receive_data(data)
    while (event := connection.next_event()) is not NEED_DATA:
        ...                                 # backend.PARSE_COMPLETE, connection.ready_for_query("I"), ...

Events are the tuples of `frontend`. Answers that move the state are methods of `Connection`; all others are constants
and functions: `backend`, `error_response`, and `result_encoder` for rows.
"""

from datacave_protocol import backend, frontend
from datacave_protocol.backend import FieldDescription
from datacave_protocol.codecs import (
    ParameterDecoder,
    check_parameter_count,
    column_encoder,
    parameter_decoder,
    parameter_formats,
    result_encoder,
    result_formats,
)
from datacave_protocol.connection import Connection
from datacave_protocol.errorresponse import error_response, notice_response
from datacave_protocol.frontend import NEED_DATA, Event, NeedData, ProtocolVersion
from datacave_protocol.reader import BoundTail, read_bound_head, read_bound_tail, read_parse
from datacave_protocol.scram import ScramExchange, ScramState, certificate_binding
from datacave_protocol.state import State
from datacave_protocol.transcoding import TEXT_TYPES
from datacave_protocol.verifier import (
    ScramVerifier,
    is_md5,
    is_verifier,
    make_verifier,
    mock_verifier,
    parse_verifier,
    verify_password,
)
from datacave_protocol.violation import ProtocolMisuse, ProtocolViolation
from datacave_protocol.writer import Inline, RowsEncoder, column_function, data_row_encoder, encode_row

__all__ = [
    "NEED_DATA",
    "TEXT_TYPES",
    "BoundTail",
    "Connection",
    "Event",
    "FieldDescription",
    "Inline",
    "NeedData",
    "ParameterDecoder",
    "ProtocolMisuse",
    "ProtocolVersion",
    "ProtocolViolation",
    "RowsEncoder",
    "ScramExchange",
    "ScramState",
    "ScramVerifier",
    "State",
    "backend",
    "certificate_binding",
    "check_parameter_count",
    "column_encoder",
    "column_function",
    "data_row_encoder",
    "encode_row",
    "error_response",
    "frontend",
    "is_md5",
    "is_verifier",
    "make_verifier",
    "mock_verifier",
    "notice_response",
    "parameter_decoder",
    "parameter_formats",
    "parse_verifier",
    "read_bound_head",
    "read_bound_tail",
    "read_parse",
    "result_encoder",
    "result_formats",
    "verify_password",
]

"""Is every backend message, to the byte, what the protocol's documentation says?"""

from __future__ import annotations

from ast import literal_eval
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_protocol import FieldDescription, ProtocolVersion, backend, encode_row, error_response, notice_response

TEXT = (Path(__file__).parent / "backend_messages.txt").read_text("utf-8")
GOLDEN = {
    name: literal_eval(shown)
    for name, shown in (line.split(" = ", 1) for line in TEXT.splitlines() if not line.startswith("#"))
}


class Unique(DatacaveError):
    """A fatal error that has every field."""

    severity = "FATAL"


ALL_FIELDS = Unique(
    "m",
    sqlstate="23505",
    detail="d",
    hint="h",
    position=15,
    context="w",
    schema="s",
    table="t",
    column="c",
    data_type="type",
    constraint="n",
)

MESSAGES = {
    "AuthenticationOk": backend.AUTHENTICATION_OK,
    "AuthenticationCleartextPassword": backend.AUTHENTICATION_CLEARTEXT_PASSWORD,
    "AuthenticationSASL": backend.authentication_sasl(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]),
    "AuthenticationSASLContinue": backend.authentication_sasl_continue(b"r=abc"),
    "AuthenticationSASLFinal": backend.authentication_sasl_final(b"v=abc"),
    "BackendKeyData 3.0": backend.backend_key_data(258, b"\xde\xad\xbe\xef"),
    "BackendKeyData 3.2": backend.backend_key_data(258, b"01234567890123456789012345678901"),
    "BindComplete": backend.BIND_COMPLETE,
    "CloseComplete": backend.CLOSE_COMPLETE,
    "CommandComplete": backend.command_complete("INSERT 0 1"),
    "CopyData": backend.copy_data(b"1\t2\n"),
    "CopyDone": backend.COPY_DONE,
    "CopyInResponse": backend.copy_response(b"G", 0, [0, 0]),
    "CopyOutResponse": backend.copy_response(b"H", 1, [1]),
    "CopyBothResponse": backend.copy_response(b"W", 0, []),
    "DataRow": encode_row([b"1", None, b""]),
    "DataRow without columns": encode_row([]),
    "EmptyQueryResponse": backend.EMPTY_QUERY_RESPONSE,
    "ErrorResponse": error_response(DatacaveError('relation "x" does not exist', sqlstate="42P01")),
    "ErrorResponse with all fields": error_response(ALL_FIELDS),
    "FunctionCallResponse": backend.function_call_response(b"ab"),
    "FunctionCallResponse NULL": backend.function_call_response(None),
    "NegotiateProtocolVersion": backend.negotiate_protocol_version(ProtocolVersion(3, 2), ["_pq_.x"]),
    "NoData": backend.NO_DATA,
    "NoticeResponse": notice_response(DatacaveError("hm", sqlstate="01000"), "WARNING"),
    "NotificationResponse": backend.notification_response(7, "chan", "hi"),
    "ParameterDescription": backend.parameter_description([23, 25]),
    "ParameterDescription without parameters": backend.parameter_description([]),
    "ParameterStatus": backend.parameter_status("DateStyle", "ISO"),
    "ParseComplete": backend.PARSE_COMPLETE,
    "PortalSuspended": backend.PORTAL_SUSPENDED,
    "ReadyForQuery idle": backend.READY_IDLE,
    "ReadyForQuery in a transaction": backend.READY_IN_TRANSACTION,
    "ReadyForQuery in a failed transaction": backend.READY_FAILED,
    "RowDescription": backend.row_description(
        [FieldDescription("id", 23, 4, -1, 16385, 1), FieldDescription("name", 1043, -1, 24, format=1)]
    ),
    "RowDescription without columns": backend.row_description([]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message(name: str) -> None:
    assert MESSAGES[name] == GOLDEN[name]


def test_every_golden_message_is_made() -> None:
    assert sorted(GOLDEN) == sorted(MESSAGES)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_length_word_is_right(name: str) -> None:
    assert int.from_bytes(GOLDEN[name][1:5], "big") == len(GOLDEN[name]) - 1


def test_a_nul_inside_a_text_cannot_end_its_field() -> None:
    sent = error_response(DatacaveError("a\0CXX000", sqlstate="42601", detail="d\0"))
    assert sent.endswith("Ma\N{REPLACEMENT CHARACTER}CXX000\0Dd\N{REPLACEMENT CHARACTER}\0\0".encode())


def test_texts_that_are_no_utf8_are_sent_all_the_same() -> None:
    assert b"Mbad ?\0" in error_response(DatacaveError("bad \udc80"))

"""Backend messages that carry no state: constants and functions that return their bytes.

Formats: https://www.postgresql.org/docs/15/protocol-message-formats.html.
Not here: rows (`writer.py`), errors (`errorresponse.py`), and the messages that move the connection's state, which are
sent through `Connection` (ReadyForQuery, Authentication, Copy responses), though their bytes are made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from datacave_protocol.frontend import ProtocolVersion

ENCRYPTION_REFUSED: Final = b"N"
TLS_ACCEPTED: Final = b"S"
GSS_ACCEPTED: Final = b"G"

PARSE_COMPLETE: Final = b"1\0\0\0\4"
BIND_COMPLETE: Final = b"2\0\0\0\4"
CLOSE_COMPLETE: Final = b"3\0\0\0\4"
NO_DATA: Final = b"n\0\0\0\4"
PORTAL_SUSPENDED: Final = b"s\0\0\0\4"
EMPTY_QUERY_RESPONSE: Final = b"I\0\0\0\4"
COPY_DONE: Final = b"c\0\0\0\4"

READY_IDLE: Final = b"Z\0\0\0\5I"
READY_IN_TRANSACTION: Final = b"Z\0\0\0\5T"
READY_FAILED: Final = b"Z\0\0\0\5E"

AUTHENTICATION_OK: Final = b"R\0\0\0\x08\0\0\0\0"
AUTHENTICATION_CLEARTEXT_PASSWORD: Final = b"R\0\0\0\x08\0\0\0\3"

_HEADER = Struct(">cI")
_TAIL_OF_FIELD = Struct(">IhIhih")


class FieldDescription(NamedTuple):
    """One result column: `type_size` is -1 for varying sizes, `format` 0 for text and 1 for binary.

    `table_oid` and `column_number` name the column of a table it comes from, or are 0.
    """

    name: str
    type_oid: int
    type_size: int
    type_modifier: int = -1
    table_oid: int = 0
    column_number: int = 0
    format: int = 0


def message(code: bytes, body: bytes) -> bytes:
    """A message of any kind from its one-byte code and its body."""
    return _HEADER.pack(code, len(body) + 4) + body


def authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    """AuthenticationSASL: the mechanisms on offer, the preferred one first."""
    return message(b"R", b"\0\0\0\x0a" + b"".join(name.encode() + b"\0" for name in mechanisms) + b"\0")


def authentication_sasl_continue(data: bytes) -> bytes:
    """AuthenticationSASLContinue: a challenge."""
    return message(b"R", b"\0\0\0\x0b" + data)


def authentication_sasl_final(data: bytes) -> bytes:
    """AuthenticationSASLFinal: the server's last word, before AuthenticationOk."""
    return message(b"R", b"\0\0\0\x0c" + data)


def negotiate_protocol_version(newest: ProtocolVersion, unknown_options: Sequence[str]) -> bytes:
    """NegotiateProtocolVersion: the newest version the server speaks (as a full version number) and unknown options."""
    body = (newest.major << 16 | newest.minor).to_bytes(4, "big") + len(unknown_options).to_bytes(4, "big")
    return message(b"v", body + b"".join(name.encode() + b"\0" for name in unknown_options))


def backend_key_data(process_id: int, secret_key: bytes) -> bytes:
    """BackendKeyData: what a CancelRequest must quote; the key has 4 bytes in protocol 3.0 and 4-256 in 3.2."""
    return message(b"K", process_id.to_bytes(4, "big") + secret_key)


def parameter_status(name: str, value: str) -> bytes:
    """ParameterStatus: the value of a setting that drivers follow."""
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


@lru_cache(maxsize=1024)
def command_complete(tag: str) -> bytes:
    """CommandComplete, such as "INSERT 0 1"."""
    return message(b"C", tag.encode() + b"\0")


def row_description(fields: Sequence[FieldDescription]) -> bytes:
    """RowDescription: names and types of the result columns."""
    pack = _TAIL_OF_FIELD.pack
    parts = [len(fields).to_bytes(2, "big")]
    for name, type_oid, type_size, type_modifier, table_oid, column_number, wire_format in fields:
        parts.append(name.encode())
        parts.append(b"\0")
        parts.append(pack(table_oid, column_number, type_oid, type_size, type_modifier, wire_format))
    return message(b"T", b"".join(parts))


def parameter_description(type_oids: Sequence[int]) -> bytes:
    """ParameterDescription: the types of a statement's parameters."""
    count = len(type_oids)
    return message(b"t", Struct(f">H{count}I").pack(count, *type_oids))


def copy_data(payload: bytes) -> bytes:
    """CopyData: one stretch of copy output."""
    return message(b"d", payload)


def copy_response(code: bytes, overall_format: int, column_formats: Sequence[int]) -> bytes:
    """CopyInResponse (b"G"), CopyOutResponse (b"H") or CopyBothResponse (b"W")."""
    count = len(column_formats)
    return message(code, Struct(f">bH{count}h").pack(overall_format, count, *column_formats))


def notification_response(process_id: int, channel: str, payload: str) -> bytes:
    """NotificationResponse: a NOTIFY of some session."""
    return message(b"A", process_id.to_bytes(4, "big") + channel.encode() + b"\0" + payload.encode() + b"\0")


def function_call_response(result: bytes | None) -> bytes:
    """FunctionCallResponse: the value, or None for NULL."""
    if result is None:
        return message(b"V", b"\xff\xff\xff\xff")
    return message(b"V", len(result).to_bytes(4, "big") + result)

"""Start-up packets: the messages without a code byte that open a connection.

Layout: Int32 length (itself included), Int32 request code or protocol version, then what the request needs.
Every fault is fatal: there is no session yet that could go on.
"""

from __future__ import annotations

from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_protocol.frontend import CancelRequest, GSSENCRequest, ProtocolVersion, SSLRequest, StartupMessage
from datacave_protocol.text import decode_text
from datacave_protocol.violation import ProtocolViolation

STARTUP_PACKET_BYTES_MAX: Final = 10_000
CANCEL_KEY_BYTES_MAX: Final = 256
OLDEST_VERSION: Final = ProtocolVersion(3, 0)
NEWEST_VERSION: Final = ProtocolVersion(3, 2)

_CANCEL = ProtocolVersion(1234, 5678)
_SSL = ProtocolVersion(1234, 5679)
_GSSENC = ProtocolVersion(1234, 5680)
_NOT_SETTINGS = frozenset(("user", "database", "options", "replication"))


def startup_length(buffer: bytes, start: int) -> int:
    """The length in bytes of the packet at `start`, its length word included, which must be there."""
    length = int.from_bytes(buffer[start : start + 4], "big", signed=True)
    if not 8 <= length <= STARTUP_PACKET_BYTES_MAX:
        raise ProtocolViolation("invalid length of startup packet")
    return length


def read_startup(
    packet: bytes, *, ssl_answered: bool, gss_answered: bool
) -> SSLRequest | GSSENCRequest | CancelRequest | StartupMessage:
    """Reads one whole packet. An encryption request that repeats an answered one is an unknown protocol version."""
    code = ProtocolVersion(int.from_bytes(packet[4:6], "big"), int.from_bytes(packet[6:8], "big"))
    if code == _SSL and not ssl_answered:
        return SSLRequest()
    if code == _GSSENC and not gss_answered:
        return GSSENCRequest()
    if code == _CANCEL:
        key = packet[12:]
        if not 4 <= len(key) <= CANCEL_KEY_BYTES_MAX:
            raise ProtocolViolation("invalid length of query cancel packet")
        return CancelRequest(int.from_bytes(packet[8:12], "big"), key)
    if code.major != OLDEST_VERSION.major:
        raise ProtocolViolation(
            f"unsupported frontend protocol {code.major}.{code.minor}: "
            f"server supports {OLDEST_VERSION.major}.0 to {NEWEST_VERSION.major}.{NEWEST_VERSION.minor}",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    return _startup_message(code, _options(packet))


def _options(packet: bytes) -> dict[str, str]:
    """The name and value pairs; a later one of the same name wins."""
    pieces = packet[8:].split(b"\0")
    # A well-formed list "a\0b\0\0" splits into a, b and two empty pieces.
    if len(pieces) < 2 or pieces[-1] or pieces[-2] or len(pieces) % 2:
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    try:
        texts = [decode_text(piece) for piece in pieces[:-2]]
    except DatacaveError as error:
        raise ProtocolViolation(error.message, sqlstate=error.sqlstate) from None
    options = dict(zip(texts[::2], texts[1::2], strict=True))
    if "" in options:
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    return options


def _startup_message(version: ProtocolVersion, options: dict[str, str]) -> StartupMessage:
    user = options.get("user", "")
    if not user:
        raise ProtocolViolation(
            "no PostgreSQL user name specified in startup packet",
            sqlstate=sqlstate.INVALID_AUTHORIZATION_SPECIFICATION,
        )
    return StartupMessage(
        version,
        user,
        options.get("database") or user,
        {name: text for name, text in options.items() if name not in _NOT_SETTINGS and not name.startswith("_pq_.")},
        options.get("options"),
        options.get("replication"),
        tuple(name for name in options if name.startswith("_pq_.")),
    )

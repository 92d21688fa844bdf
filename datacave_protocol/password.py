"""Password messages: the one code byte `p` carries three different bodies, told apart by what the server asked for.

Every fault is fatal: there is no session yet that could go on.
"""

from __future__ import annotations

from enum import Enum

from datacave_protocol.frontend import PasswordMessage, SASLInitialResponse, SASLResponse
from datacave_protocol.violation import ProtocolViolation


class Expected(Enum):
    """What the client has been asked for."""

    NOTHING = "nothing"
    PASSWORD = "password"
    SASL_INITIAL = "SASL mechanism"
    SASL = "SASL"


def read_password_message(
    expected: Expected, data: bytes, start: int, end: int
) -> PasswordMessage | SASLInitialResponse | SASLResponse:
    """Reads the body of a password message as what was asked for."""
    if expected is Expected.PASSWORD:
        if data.find(0, start, end) != end - 1:
            raise ProtocolViolation("invalid password packet size")
        return PasswordMessage(data[start : end - 1])
    if expected is Expected.SASL_INITIAL:
        return _read_sasl_initial(data, start, end)
    return SASLResponse(data[start:end])


def _read_sasl_initial(data: bytes, start: int, end: int) -> SASLInitialResponse:
    stop = data.find(0, start, end)
    if stop < 0:
        raise ProtocolViolation("invalid string in message")
    body = stop + 5
    if body > end:
        raise ProtocolViolation("insufficient data left in message")
    mechanism = data[start:stop].decode("ascii", "replace")
    length = int.from_bytes(data[stop + 1 : body], "big", signed=True)
    if length == -1:
        if body != end:
            raise ProtocolViolation("invalid message format")
        return SASLInitialResponse(mechanism, None)
    if length < 0 or body + length > end:
        raise ProtocolViolation("insufficient data left in message")
    if body + length < end:
        raise ProtocolViolation("invalid message format")
    return SASLInitialResponse(mechanism, data[body:end])

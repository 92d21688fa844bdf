"""Broken rules of the protocol: by the client (ProtocolViolation) or by our own server (ProtocolMisuse)."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


class ProtocolViolation(DatacaveError):
    """The client's bytes are no valid session; the connection ends after this error has been sent.

    The SQLSTATE is 08P01 unless PostgreSQL has a narrower one for the same fault.
    """

    sqlstate = sqlstate.PROTOCOL_VIOLATION
    severity = "FATAL"


class ProtocolMisuse(RuntimeError):
    """Our server tried to send what the state of the connection does not allow: a defect of ours, not the client's."""

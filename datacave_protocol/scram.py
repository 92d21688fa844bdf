"""ScramExchange: the server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as values in, values out.

    client                                    server
    n,,n=,r=<nonce>                    ->
                                       <-     r=<nonce><more>,s=<salt>,i=<iterations>
    c=biws,r=<nonce><more>,p=<proof>   ->
                                       <-     v=<signature>

RFC 5802 with SHA-256 (RFC 7677); channel binding tls-server-end-point (RFC 5929). The user name inside the messages is
ignored, as in PostgreSQL: the start-up packet names the user. Broken messages raise ProtocolViolation; a wrong proof
does not, since it is an answer, not a fault. Not here: framing (`password.py`), verifiers (`verifier.py`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from enum import Enum
from typing import Final

from datacave_core import sqlstate
from datacave_core.ports import Randomness
from datacave_protocol.verifier import ScramVerifier
from datacave_protocol.violation import ProtocolViolation

SCRAM_SHA_256: Final = "SCRAM-SHA-256"
SCRAM_SHA_256_PLUS: Final = "SCRAM-SHA-256-PLUS"
BINDING_TYPE: Final = "tls-server-end-point"
NONCE_BYTES: Final = 18

_ATTRIBUTE_LETTER = re.compile("[A-Za-z]")
_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]*")


class ScramState(Enum):
    """How far an exchange has come."""

    BEGIN = "begin"
    CHALLENGED = "challenged"
    AUTHENTICATED = "authenticated"
    FAILED = "failed"


class ScramExchange:
    """One login. `mechanisms` is what to offer; `respond` takes each client message and gives the answer to it.

    `channel_binding` is the hash of the server's certificate (`certificate_binding`) on a TLS connection, else None.
    A `doomed` exchange runs like any other and fails at its end: for users who cannot log in by password.
    """

    __slots__ = (
        "_binding",
        "_client_first_bare",
        "_doomed",
        "_gs2_header",
        "_nonce",
        "_plus",
        "_randomness",
        "_server_first",
        "_verifier",
        "mechanisms",
        "state",
    )

    def __init__(
        self,
        verifier: ScramVerifier,
        randomness: Randomness,
        *,
        channel_binding: bytes | None = None,
        doomed: bool = False,
    ) -> None:
        self.state = ScramState.BEGIN
        self.mechanisms: tuple[str, ...] = (SCRAM_SHA_256,)
        if channel_binding is not None:
            self.mechanisms = (SCRAM_SHA_256_PLUS, SCRAM_SHA_256)
        self._verifier = verifier
        self._randomness = randomness
        self._binding = channel_binding
        self._doomed = doomed
        self._plus = False
        self._gs2_header = ""
        self._client_first_bare = ""
        self._server_first = ""
        self._nonce = ""

    def begin(self, mechanism: str, data: bytes | None) -> bytes:
        """Takes the SASLInitialResponse; gives the challenge, which is empty if the client sent no first message."""
        if mechanism not in self.mechanisms:
            raise ProtocolViolation("client selected an invalid SASL authentication mechanism")
        self._plus = mechanism == SCRAM_SHA_256_PLUS
        return b"" if data is None else self.respond(data)

    def respond(self, data: bytes) -> bytes:
        """Takes the next client message; what to send depends on `state`.

        CHALLENGED: send the bytes by `continue_sasl`. AUTHENTICATED: by `finish_sasl`, then `accept_user`. FAILED:
        there are none, the password was wrong.
        """
        text = _checked_text(data)
        if self.state is ScramState.BEGIN:
            self._read_client_first(_Attributes(text))
            self._nonce += base64.b64encode(self._randomness.token_bytes(NONCE_BYTES)).decode()
            salt = base64.b64encode(self._verifier.salt).decode()
            self._server_first = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
            self.state = ScramState.CHALLENGED
            return self._server_first.encode()
        if self.state is ScramState.CHALLENGED:
            return self._finish(text)
        raise ProtocolViolation("unexpected SASL response: the exchange is over")

    def _finish(self, text: str) -> bytes:
        without_proof, proof = self._read_client_final(text)
        signed = f"{self._client_first_bare},{self._server_first},{without_proof}".encode("latin-1")
        signature = hmac.digest(self._verifier.stored_key, signed, "sha256")
        client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
        proven = hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key)
        if not proven or self._doomed:
            self.state = ScramState.FAILED
            return b""
        self.state = ScramState.AUTHENTICATED
        return b"v=" + base64.b64encode(hmac.digest(self._verifier.server_key, signed, "sha256"))

    def _read_client_first(self, message: _Attributes) -> None:
        self._read_binding_flag(message)
        if message.peek() == "a":
            raise ProtocolViolation(
                "client uses authorization identity, but it is not supported", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
            )
        if message.peek() != ",":
            raise _malformed(f'Unexpected attribute "{_shown(message.peek())}" in client-first-message.')
        message.skip(1)
        self._gs2_header = message.text[: message.position]
        self._client_first_bare = message.rest()
        if message.peek() == "m":
            raise ProtocolViolation(
                "client requires an unsupported SCRAM extension", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
            )
        message.take("n")
        self._nonce = message.take("r")
        if not _NONCE.fullmatch(self._nonce):
            raise ProtocolViolation("non-printable characters in SCRAM nonce")
        while message.rest():
            message.take_any()

    def _read_binding_flag(self, message: _Attributes) -> None:
        flag = message.peek()
        if flag == "p":
            if not self._plus:
                raise _malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes "
                    "channel binding data."
                )
            binding_type = message.take("p")
            if binding_type != BINDING_TYPE:
                raise ProtocolViolation(f'unsupported SCRAM channel-binding type "{binding_type}"')
            return
        if flag not in ("n", "y"):
            raise _malformed(f'Unexpected channel-binding flag "{_shown(flag)}".')
        if self._plus:
            raise _malformed(
                "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data."
            )
        if flag == "y" and self._binding is not None:
            raise ProtocolViolation(
                "SCRAM channel binding negotiation error",
                sqlstate=sqlstate.INVALID_AUTHORIZATION_SPECIFICATION,
                detail="The client supports SCRAM channel binding but thinks the server does not.  "
                "However, this server does support channel binding.",
            )
        message.skip(1)
        if message.peek() != ",":
            raise _malformed(f'Comma expected, but found character "{_shown(message.peek())}".')
        message.skip(1)

    def _read_client_final(self, text: str) -> tuple[str, bytes]:
        """The message without its proof, and the proof."""
        message = _Attributes(text)
        self._check_binding(message.take("c"))
        if not hmac.compare_digest(message.take("r").encode("latin-1"), self._nonce.encode("latin-1")):
            raise ProtocolViolation("invalid SCRAM response", detail="Nonce does not match.")
        while True:
            start = message.position
            letter, attribute = message.take_any()
            if letter == "p":
                break
        try:
            proof = base64.b64decode(attribute, validate=True)
        except (binascii.Error, ValueError):
            proof = b""
        if len(proof) != len(self._verifier.stored_key):
            raise _malformed("Malformed proof in client-final-message.")
        if message.rest():
            raise _malformed("Garbage found at the end of client-final-message.")
        return text[: start - 1], proof

    def _check_binding(self, attribute: str) -> None:
        header = self._gs2_header.encode("latin-1")
        if self._plus:
            expected = base64.b64encode(header + (self._binding or b""))
            if not hmac.compare_digest(attribute.encode("latin-1"), expected):
                raise ProtocolViolation(
                    "SCRAM channel binding check failed", sqlstate=sqlstate.INVALID_AUTHORIZATION_SPECIFICATION
                )
        elif attribute.encode("latin-1") != base64.b64encode(header):
            raise ProtocolViolation("unexpected SCRAM channel-binding attribute in client-final-message")


def certificate_binding(certificate_der: bytes, signature_hash: str) -> bytes:
    """tls-server-end-point: the certificate's hash by its signature's algorithm, with SHA-256 for MD5 and SHA-1."""
    name = signature_hash.lower().replace("-", "")
    return hashlib.new("sha256" if name in ("md5", "sha1") else name, certificate_der).digest()


class _Attributes:
    """A message read from left to right as comma-separated attributes of one letter, an equals sign and a value."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def rest(self) -> str:
        return self.text[self.position :]

    def skip(self, count: int) -> None:
        self.position += count

    def take(self, letter: str) -> str:
        """The value of the attribute that must come next."""
        found = self.peek()
        if found != letter:
            raise _malformed(f'Expected attribute "{letter}" but found "{_shown(found)}".')
        return self._value(letter)

    def take_any(self) -> tuple[str, str]:
        """Letter and value of whatever attribute comes next."""
        letter = self.peek()
        if not letter:
            raise _malformed("Attribute expected, but found end of string.")
        if not _ATTRIBUTE_LETTER.fullmatch(letter):
            raise _malformed(f'Attribute expected, but found invalid character "{_shown(letter)}".')
        return letter, self._value(letter)

    def _value(self, letter: str) -> str:
        start = self.position + 2
        if self.text[self.position + 1 : start] != "=":
            raise _malformed(f'Expected character "=" for attribute "{letter}".')
        end = self.text.find(",", start)
        if end < 0:
            end = self.position = len(self.text)
        else:
            self.position = end + 1
        return self.text[start:end]


def _checked_text(data: bytes) -> str:
    """The message with one character per byte, so that positions and signed bytes stay what they are."""
    if not data:
        raise _malformed("The message is empty.")
    if b"\0" in data:
        raise _malformed("Message length does not match input length.")
    return data.decode("latin-1")


def _shown(char: str) -> str:
    return char if "\x21" <= char <= "\x7e" else f"0x{ord(char or chr(0)):02x}"


def _malformed(detail: str) -> ProtocolViolation:
    return ProtocolViolation("malformed SCRAM message", detail=detail)

"""A client that says what it wants: just enough of the protocol to log in by SCRAM-SHA-256, honestly or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

HEADER = b"n,,"
# Makes a proof of the true one, None if the client does not know the password, and the text that it is about.
Forger = Callable[[bytes, bytes], bytes]


@dataclass(frozen=True)
class Attempt:
    """How a login went: `answer_seconds` passed between the proof and the verdict."""

    accepted: bool
    error: str
    salt: bytes
    iterations: int
    answer_seconds: float
    proof: bytes


class WireClient:
    """One connection; `source` is the address it comes from, any of 127.0.0.0/8."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def read(self) -> tuple[bytes, bytes]:
        """The next message; an empty kind at the end."""
        head = self._exactly(5)
        if not head:
            return b"", b""
        return head[:1], self._exactly(struct.unpack("!I", head[1:])[0] - 4)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                return b""
            data += part
        return data

    def start(self, user: str, database: str = "default") -> tuple[bytes, bytes]:
        """Sends the startup message; returns the first answer."""
        fields = b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0\0"
        self.send(b"", struct.pack("!I", 196608) + fields)
        return self.read()

    def log_in(
        self, user: str, password: str, forge: Forger | None = None, nonce_suffix: str = "", binding: bytes = HEADER
    ) -> Attempt:
        """A whole SCRAM exchange; `forge` replaces the proof, `nonce_suffix` and `binding` spoil the final message."""
        kind, body = self.start(user)
        if kind != b"R":
            return Attempt(False, error_text(body), b"", 0, 0.0, b"")
        bare = b"n=,r=" + base64.b64encode(os.urandom(18))
        first = HEADER + bare
        self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        kind, body = self.read()
        if kind != b"R":
            return Attempt(False, error_text(body), b"", 0, 0.0, b"")
        challenge = body[4:]
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salt, iterations = base64.b64decode(fields["s"]), int(fields["i"])
        without_proof = b"c=" + base64.b64encode(binding) + b",r=" + (fields["r"] + nonce_suffix).encode()
        about = bare + b"," + challenge + b"," + without_proof
        proof = true_proof(password, salt, iterations, about)
        if forge is not None:
            proof = forge(proof, about)
        final = without_proof + b",p=" + base64.b64encode(proof)
        begin = time.perf_counter()
        self.send(b"p", final)
        kind, body = self.read()
        elapsed = time.perf_counter() - begin
        return Attempt(kind == b"R", error_text(body) if kind == b"E" else "", salt, iterations, elapsed, proof)


def attempt(
    port: int, user: str, password: str, source: str = "127.0.0.1", forge: Forger | None = None, **spoilt: str | bytes
) -> Attempt:
    """One login on a connection of its own."""
    client = WireClient(port, source)
    try:
        return client.log_in(user, password, forge, **spoilt)  # type: ignore[arg-type]
    finally:
        client.close()


def true_proof(password: str, salt: bytes, iterations: int, about: bytes) -> bytes:
    """ClientProof of RFC 5802."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), about, "sha256")
    return bytes(a ^ b for a, b in zip(key, signature, strict=True))


def error_text(body: bytes) -> str:
    """SQLSTATE and message of an error."""
    fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    return f"{fields.get(b'C', '')} {fields.get(b'M', '')}"

"""ScramVerifier: what the server keeps instead of a password, in PostgreSQL's text form.

    SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>      salt and keys in base64

StoredKey lets the server check a client, ServerKey lets it prove itself; neither gives the password away. Key
derivation is RFC 5802 section 3 with SHA-256 (RFC 7677). It takes milliseconds by intention.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final, NamedTuple

from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.ports import Randomness
from datacave_protocol.saslprep import prepare_password

ITERATIONS: Final = 4096
SALT_BYTES: Final = 16
KEY_BYTES: Final = 32

_FORM = re.compile(r"SCRAM-SHA-256\$([1-9][0-9]{0,8}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_MD5_FORM = re.compile(r"md5[0-9a-f]{32}")


class ScramVerifier(NamedTuple):
    """The parts of a verifier; `str()` gives its text form."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        salt, stored_key, server_key = (base64.b64encode(part).decode() for part in self[1:])
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored_key}:{server_key}"

    def __repr__(self) -> str:
        return f"ScramVerifier(iterations={self.iterations}, ...)"


def make_verifier(password: str | bytes, randomness: Randomness, iterations: int = ITERATIONS) -> ScramVerifier:
    """A verifier with a fresh salt."""
    return derive_verifier(password, randomness.token_bytes(SALT_BYTES), iterations)


def derive_verifier(password: str | bytes, salt: bytes, iterations: int) -> ScramVerifier:
    """The verifier of a password with a given salt."""
    salted = hashlib.pbkdf2_hmac("sha256", prepare_password(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return ScramVerifier(
        iterations, salt, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    )


def parse_verifier(text: str) -> ScramVerifier:
    """The verifier a text holds.

    Raises FeatureNotSupported for MD5 hashes, which are as good as the password to whoever steals them, and
    DatacaveError for anything else that is no verifier. Neither repeats the text.
    """
    if is_md5(text):
        raise FeatureNotSupported(
            "MD5 password hashes are not supported", hint="Set the password again to store it as SCRAM-SHA-256."
        )
    match = _FORM.fullmatch(text)
    if match is not None:
        iterations, *parts = match.groups()
        try:
            salt, stored_key, server_key = (base64.b64decode(part, validate=True) for part in parts)
        except binascii.Error:
            pass  # answered below like every other broken verifier
        else:
            if len(stored_key) == len(server_key) == KEY_BYTES and salt:
                return ScramVerifier(int(iterations), salt, stored_key, server_key)
    raise DatacaveError("invalid SCRAM secret")


def is_verifier(text: str) -> bool:
    """Whether a text is a whole SCRAM verifier, as CREATE ROLE ... PASSWORD accepts it in place of a password."""
    try:
        parse_verifier(text)
    except DatacaveError:
        return False
    return True


def is_md5(text: str) -> bool:
    """Whether a text has the form of PostgreSQL's MD5 password hash."""
    return _MD5_FORM.fullmatch(text) is not None


def verify_password(verifier: ScramVerifier, password: str | bytes) -> bool:
    """Whether a clear-text password belongs to the verifier: milliseconds of work, off the interpreter lock."""
    candidate = derive_verifier(password, verifier.salt, verifier.iterations)
    return hmac.compare_digest(candidate.server_key, verifier.server_key)


def mock_verifier(user: str, server_secret: bytes, iterations: int = ITERATIONS) -> ScramVerifier:
    """A verifier for a user who does not exist or has no password, and which no password fits.

    Its salt is the same at every attempt, as a real one's is, and cannot be foretold without `server_secret`: so
    asking tells nobody which users exist.
    """
    name = user.encode("utf-8", "surrogatepass")
    return ScramVerifier(
        iterations,
        hmac.digest(server_secret, b"salt:" + name, "sha256")[:SALT_BYTES],
        hmac.digest(server_secret, b"stored key:" + name, "sha256"),
        hmac.digest(server_secret, b"server key:" + name, "sha256"),
    )

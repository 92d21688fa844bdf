"""Crypto: AES-256-GCM for segments, AES key wrap (RFC 3394) for data keys, and the ring of master keys.

The only place of the storage that imports `cryptography`. A data key seals one file and is stored in that file's
header, wrapped by a master key of the ring. AES-GCM must never see a nonce twice under one key (NIST SP 800-38D): data
keys are fresh per file, and the nonce of a segment is its position in the file (see format/sealing.py), which the
sealer lets only ascend.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

KEY_BYTES = 32
"""Length of master and data keys: AES-256."""

WRAPPED_BYTES = KEY_BYTES + 8
"""Length of a wrapped data key."""

TAG_BYTES = 16
"""Length of the authentication tag that sealing adds."""

KEY_ID_BYTES_MAX = 31
"""Longest master key id, in UTF-8 bytes."""


class MasterKeyError(DatacaveError):
    """A master key is missing, malformed, or not the one a file was written with."""

    sqlstate = sqlstate.CONFIG_FILE_ERROR
    severity = "FATAL"


class SealBroken(Exception):
    """The authentication tag does not match; callers turn this into DataCorrupted with the place in the file."""


class DataKey:
    """The key of one file, ready for use."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Ciphertext followed by the tag. The caller guarantees that the 12-byte nonce is new under this key."""
        return self._cipher.encrypt(nonce, data, associated)

    def open(self, nonce: bytes, sealed: bytes | memoryview, associated: bytes) -> bytes:
        """The plaintext; raises SealBroken if a bit of ciphertext, nonce or associated data differs."""
        try:
            return self._cipher.decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise SealBroken from None


class KeyRing:
    """Master keys by id; new files use the current one, older ids stay readable.

    `allow_plain` says whether files without a seal are accepted beside sealed ones (while a database is being
    encrypted); the default refuses them, so that a sealed file cannot be replaced by a plain one.
    """

    __slots__ = ("_keys", "allow_plain", "current")

    def __init__(self, keys: Mapping[str, bytes], current: str, *, allow_plain: bool = False) -> None:
        for key_id, key in keys.items():
            if not key_id or len(key_id.encode()) > KEY_ID_BYTES_MAX:
                raise MasterKeyError(f'master key id "{key_id}" must have 1 to {KEY_ID_BYTES_MAX} bytes')
            if len(key) != KEY_BYTES:
                raise MasterKeyError(f'master key "{key_id}" has {len(key)} bytes, not {KEY_BYTES}')
        if current not in keys:
            raise MasterKeyError(f'the current master key "{current}" is not in the key ring')
        self._keys = dict(keys)
        self.current = current
        self.allow_plain = allow_plain

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def ids(self) -> tuple[str, ...]:
        """All key ids, sorted."""
        return tuple(sorted(self._keys))

    def wrap(self, data_key: bytes) -> bytes:
        """The data key wrapped by the current master key: WRAPPED_BYTES bytes."""
        return aes_key_wrap(self._keys[self.current], data_key)

    def unwrap(self, key_id: str, wrapped: bytes, name: str) -> bytes:
        """The data key of file `name`; raises MasterKeyError when the master key is missing or a different one."""
        key = self._keys.get(key_id)
        if key is None:
            raise MasterKeyError(
                f'file "{name}" is sealed with master key "{key_id}", which is not in the key ring',
                hint="Add the key under this id to the key ring.",
            )
        try:
            return aes_key_unwrap(key, wrapped)
        except InvalidUnwrap:
            raise MasterKeyError(
                f'file "{name}" is sealed with another key than the key ring holds as "{key_id}"',
                hint="The id was reused for different key material, or the header was tampered with.",
            ) from None

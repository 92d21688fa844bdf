"""Ciphers that SQL functions name: AES, 3DES, Blowfish and CAST5 over blocks, in CBC, ECB and OpenPGP's CFB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Blowfish, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class BlockCipher(NamedTuple):
    """A cipher over blocks of some bytes, with keys of one of these lengths."""

    make: Callable[[bytes], Any]
    block_bytes: int
    key_bytes: tuple[int, ...]

    def fitting(self, key: bytes) -> bytes:
        """The key filled up with zeros to the next length, or cut to the greatest."""
        length = next((one for one in self.key_bytes if one >= len(key)), self.key_bytes[-1])
        return key[:length].ljust(length, b"\0")

    def ecb(self, key: bytes, data: bytes, encrypt: bool) -> bytes:
        """Whole blocks, each by itself."""
        return _run(Cipher(self.make(key), modes.ECB()), data, encrypt)

    def cbc(self, key: bytes, start: bytes, data: bytes, encrypt: bool) -> bytes:
        """Whole blocks, each mixed with the one before."""
        return _run(Cipher(self.make(key), modes.CBC(start)), data, encrypt)

    def cfb(self, key: bytes, start: bytes, data: bytes, encrypt: bool) -> bytes:
        """Any number of bytes, mixed with the encrypted ones before them."""
        size = self.block_bytes
        whole = len(data) // size * size
        done = b""
        if whole:
            done = self._feedback(key, start, data[:whole], encrypt)
            start = (done if encrypt else data)[whole - size : whole]
        rest = data[whole:]
        pad = self.ecb(key, start, True)
        return done + bytes(a ^ b for a, b in zip(rest, pad, strict=False))

    def _feedback(self, key: bytes, start: bytes, data: bytes, encrypt: bool) -> bytes:
        size = self.block_bytes
        if not encrypt:
            pads = self.ecb(key, start + data[:-size], True)
            return bytes(a ^ b for a, b in zip(data, pads, strict=True))
        encryptor = Cipher(self.make(key), modes.ECB()).encryptor()
        found = bytearray()
        for place in range(0, len(data), size):
            pad = encryptor.update(start)
            start = bytes(a ^ b for a, b in zip(data[place : place + size], pad, strict=True))
            found += start
        return bytes(found)


def _run(cipher: Any, data: bytes, encrypt: bool) -> bytes:
    worker = cipher.encryptor() if encrypt else cipher.decryptor()
    done: bytes = worker.update(data) + worker.finalize()
    return done


AES: Final = BlockCipher(algorithms.AES, 16, (16, 24, 32))
TRIPLE_DES: Final = BlockCipher(TripleDES, 8, (24,))
BLOWFISH: Final = BlockCipher(Blowfish, 8, (16,))
CAST_5: Final = BlockCipher(CAST5, 8, (16,))

BY_NAME: Final[Mapping[str, BlockCipher]] = {"aes": AES, "rijndael": AES, "3des": TRIPLE_DES}
"""What encrypt() and decrypt() take."""

"""PGP messages: data under a password, packet in packet, as OpenPGP has it (RFC 4880).

    Symmetric-Key Encrypted Session Key (3)     how the key comes from the password, perhaps a session key under it
    Symmetrically Encrypted Data (18, old: 9)   a random start, then encrypted packets, at the end a digest of them (19)
    Compressed Data (8)                         packets, deflated
    Literal Data (11)                           the data: text or bytes

Not here: public keys and signatures.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

from datacave_sql.functions.ciphers import AES, BLOWFISH, CAST_5, TRIPLE_DES, BlockCipher


class WrongKeyError(Exception):
    """The password is not the message's, or this is no message."""


class PgpCipher(NamedTuple):
    """A cipher by its number in messages, with keys of a length of its own."""

    number: int
    cipher: BlockCipher
    key_bytes: int


CIPHERS: Final = {
    "3des": PgpCipher(2, TRIPLE_DES, 24),
    "cast5": PgpCipher(3, CAST_5, 16),
    "bf": PgpCipher(4, BLOWFISH, 16),
    "blowfish": PgpCipher(4, BLOWFISH, 16),
    "aes": PgpCipher(7, AES, 16),
    "aes128": PgpCipher(7, AES, 16),
    "aes192": PgpCipher(8, AES, 24),
    "aes256": PgpCipher(9, AES, 32),
}
DIGESTS: Final = {"md5": 1, "sha1": 2, "sha-1": 2, "sha256": 8, "sha384": 9, "sha512": 10}
_CIPHER_NUMBERS: Final = {one.number: one for one in CIPHERS.values()}
_DIGEST_NAMES: Final = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}
_KEY, _OLD_DATA, _DATA, _COMPRESSED, _LITERAL, _DIGEST = 3, 9, 18, 8, 11, 19
_RAW_DEFLATE: Final = -15
_DIGEST_HEAD: Final = b"\xd3\x14"
SALT_BYTES: Final = 8

Random = Callable[[int], bytes]


class PgpOptions(NamedTuple):
    """How a message is made; see pgcrypto's documentation for the words."""

    cipher: PgpCipher = CIPHERS["aes128"]
    compression: int = 0
    level: int = 6
    convert_line_ends: bool = False
    with_digest: bool = True
    session_key: bool = False
    key_mode: int = 3
    key_digest: int = 2
    key_count: int = 0x60
    unicode: bool = False


def _packet(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 192:
        length = bytes((size,))
    elif size < 8384:
        length = bytes(((size - 192 >> 8) + 192, (size - 192) & 0xFF))
    else:
        length = b"\xff" + size.to_bytes(4, "big")
    return bytes((0xC0 | tag,)) + length + body


def count_of(code: int) -> int:
    """How many bytes go into the digest of a password, from the one byte that says so."""
    return (16 + (code & 15)) << ((code >> 4) + 6)


def _password_key(password: bytes, mode: int, digest: int, salt: bytes, count: int, key_bytes: int) -> bytes:
    """A key from a password: plain (0), salted (1), salted and repeated (3)."""
    source = salt + password if mode else password
    if mode == 3:
        source = (source * (max(count, len(source)) // len(source) + 1))[: max(count, len(source))]
    found = b""
    while len(found) < key_bytes:
        # Further digests begin with one more zero byte each.
        before = bytes(len(found) // hashlib.new(_DIGEST_NAMES[digest]).digest_size)
        found += hashlib.new(_DIGEST_NAMES[digest], before + source).digest()
    return found[:key_bytes]


def encrypted(data: bytes, is_text: bool, password: bytes, options: PgpOptions, random: Random) -> bytes:
    """The message of some data."""
    kind = options.cipher
    salt = random(SALT_BYTES) if options.key_mode else b""
    key = _password_key(
        password, options.key_mode, options.key_digest, salt, count_of(options.key_count), kind.key_bytes
    )
    head = bytes((4, kind.number, options.key_mode, options.key_digest)) + salt
    if options.key_mode == 3:
        head += bytes((options.key_count,))
    if options.session_key:
        session = random(kind.key_bytes)
        head += kind.cipher.cfb(key, bytes(kind.cipher.block_bytes), bytes((kind.number,)) + session, True)
        key = session
    if is_text and options.convert_line_ends:
        data = data.replace(b"\n", b"\r\n")
    letter = b"u" if is_text and options.unicode else b"t" if is_text else b"b"
    inner = _packet(_LITERAL, letter + b"\0" + bytes(4) + data)
    if options.compression:
        deflate = zlib.compressobj(options.level, wbits=_RAW_DEFLATE if options.compression == 1 else zlib.MAX_WBITS)
        packed = deflate.compress(inner) + deflate.flush()
        inner = _packet(_COMPRESSED, bytes((options.compression,)) + packed)
    return _packet(_KEY, head) + _encrypted_data(inner, key, kind.cipher, options.with_digest, random)


def _encrypted_data(inner: bytes, key: bytes, cipher: BlockCipher, with_digest: bool, random: Random) -> bytes:
    size = cipher.block_bytes
    start = random(size)
    start += start[-2:]
    if with_digest:
        covered = start + inner + _DIGEST_HEAD
        digest = hashlib.sha1(covered, usedforsecurity=False).digest()
        return _packet(_DATA, b"\1" + cipher.cfb(key, bytes(size), covered + digest, True))
    first = cipher.cfb(key, bytes(size), start, True)
    return _packet(_OLD_DATA, first + cipher.cfb(key, first[2:], inner, True))


def decrypted(message: bytes, password: bytes) -> tuple[str, bytes]:
    """(kind of the literal: t, u or b, its data). Raises WrongKeyError."""
    try:
        return _opened(message, password)
    except (IndexError, KeyError, ValueError, zlib.error):
        raise WrongKeyError from None


def require_password(message: bytes) -> None:
    """Raises WrongKeyError for what is no message, or one whose key does not come from a password."""
    try:
        tags = [tag for tag, _ in _packets(message)]
    except (IndexError, ValueError):
        raise WrongKeyError from None
    if _KEY not in tags:
        raise WrongKeyError


def _opened(message: bytes, password: bytes) -> tuple[str, bytes]:
    key: bytes | None = None
    kind: PgpCipher | None = None
    for tag, body in _packets(message):
        if tag == _KEY and key is None:
            kind, key = _key_of(body, password)
        elif tag in (_DATA, _OLD_DATA):
            if key is None or kind is None:
                raise WrongKeyError
            return _literal(_plain(body, tag == _DATA, key, kind.cipher))
    raise WrongKeyError


def _key_of(body: bytes, password: bytes) -> tuple[PgpCipher, bytes]:
    if body[0] != 4:
        raise WrongKeyError
    kind, mode, digest = _CIPHER_NUMBERS[body[1]], body[2], body[3]
    if mode not in (0, 1, 3) or digest not in _DIGEST_NAMES:
        raise WrongKeyError
    at = 4
    salt, count = b"", 0
    if mode:
        salt, at = body[at : at + SALT_BYTES], at + SALT_BYTES
    if mode == 3:
        count, at = count_of(body[at]), at + 1
    key = _password_key(password, mode, digest, salt, count, kind.key_bytes)
    if at == len(body):
        return kind, key
    session = kind.cipher.cfb(key, bytes(kind.cipher.block_bytes), body[at:], False)
    kind = _CIPHER_NUMBERS[session[0]]
    if len(session) != kind.key_bytes + 1:
        raise WrongKeyError
    return kind, session[1:]


def _plain(body: bytes, with_digest: bool, key: bytes, cipher: BlockCipher) -> bytes:
    size = cipher.block_bytes
    if with_digest:
        if body[0] != 1:
            raise WrongKeyError
        opened = cipher.cfb(key, bytes(size), body[1:], False)
        covered, digest = opened[:-20], opened[-20:]
        is_whole = covered[-2:] == _DIGEST_HEAD
        if not is_whole or hashlib.sha1(covered, usedforsecurity=False).digest() != digest:
            raise WrongKeyError
        return covered[size + 2 : -2]
    start = cipher.cfb(key, bytes(size), body[: size + 2], False)
    if start[-4:-2] != start[-2:]:
        raise WrongKeyError
    return cipher.cfb(key, body[2 : size + 2], body[size + 2 :], False)


def _literal(inner: bytes) -> tuple[str, bytes]:
    for tag, body in _packets(inner):
        if tag == _COMPRESSED:
            if body[0] not in (0, 1, 2):
                raise WrongKeyError
            opened = body[1:]
            if body[0]:
                opened = zlib.decompress(opened, wbits=_RAW_DEFLATE if body[0] == 1 else zlib.MAX_WBITS)
            return _literal(opened)
        if tag == _LITERAL:
            letter = chr(body[0])
            if letter not in "tub":
                raise WrongKeyError
            return letter, body[6 + body[1] :]
    raise WrongKeyError


def _packets(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, body) of each packet. Raises IndexError and ValueError for what is none."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("no packet")
        at += 1
        if head & 0x40:
            body, at = _new_body(data, at)
            found.append((head & 0x3F, body))
        else:
            width = head & 3
            size = len(data) - at if width == 3 else int.from_bytes(data[at : at + (1 << width)], "big")
            at += 0 if width == 3 else 1 << width
            found.append((head >> 2 & 0xF, _cut(data, at, size)))
            at += size
    return found


def _new_body(data: bytes, at: int) -> tuple[bytes, int]:
    """A body in the new format, which may come in parts."""
    body = bytearray()
    while True:
        first = data[at]
        at += 1
        partial = 224 <= first < 255
        if partial:
            size = 1 << (first & 0x1F)
        elif first < 192:
            size = first
        elif first < 224:
            size = (first - 192 << 8) + data[at] + 192
            at += 1
        else:
            size = int.from_bytes(_cut(data, at, 4), "big")
            at += 4
        body += _cut(data, at, size)
        at += size
        if not partial:
            return bytes(body), at


def _cut(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ValueError("cut off")
    return data[at : at + size]

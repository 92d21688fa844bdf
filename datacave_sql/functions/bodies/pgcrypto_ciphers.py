"""The extension pgcrypto: raw encryption and PGP messages under passwords. Not here: PGP's public keys."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import decode_utf8
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.ciphers import BY_NAME, BlockCipher
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.pgp_messages import (
    CIPHERS,
    DIGESTS,
    PgpOptions,
    WrongKeyError,
    count_of,
    decrypted,
    encrypted,
    require_password,
)

BODIES = Bodies()

_METHOD: Final = re.compile(r"([a-z0-9]+)(?:-(ecb|cbc))?(?:/pad:(pkcs|none))?", re.IGNORECASE)
_OPTION: Final = re.compile(r"\s*([a-z0-9-]+)\s*=\s*([^\s,]*)\s*", re.IGNORECASE)
_ONLY_READING: Final = frozenset({"debug"})


def _failed(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.EXTERNAL_ROUTINE_INVOCATION_EXCEPTION)


def _method(text: str) -> tuple[BlockCipher, bool, bool]:
    """(cipher, whether blocks are chained, whether they are filled up). Raises 22023."""
    found = _METHOD.fullmatch(text)
    cipher = BY_NAME.get(found[1].lower()) if found is not None else None
    if found is None or cipher is None:
        raise DatacaveError(f'Cannot use "{text}": No such cipher algorithm', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return cipher, (found[2] or "cbc").lower() == "cbc", (found[3] or "pkcs").lower() == "pkcs"


def _run(cipher: BlockCipher, chained: bool, key: bytes, start: bytes, data: bytes, encrypt: bool) -> bytes:
    key = cipher.fitting(key)
    if not chained:
        return cipher.ecb(key, data, encrypt)
    size = cipher.block_bytes
    return cipher.cbc(key, start[:size].ljust(size, b"\0"), data, encrypt)


def _encrypt(word: str, data: bytes, key: bytes, start: bytes, method: str) -> bytes:
    cipher, chained, filled = _method(method)
    size = cipher.block_bytes
    if filled:
        missing = size - len(data) % size
        data += bytes((missing,)) * missing
    if len(data) % size:
        raise _failed(f"{word} error: Encryption failed")
    return _run(cipher, chained, key, start, data, True)


def _decrypt(word: str, data: bytes, key: bytes, start: bytes, method: str) -> bytes:
    cipher, chained, filled = _method(method)
    if len(data) % cipher.block_bytes or (filled and not data):
        raise _failed(f"{word} error: Decryption failed")
    opened = _run(cipher, chained, key, start, data, False)
    if not filled:
        return opened
    last = opened[-1]
    if not 1 <= last <= cipher.block_bytes or opened[-last:] != bytes((last,)) * last:
        raise _failed(f"{word} error: Decryption failed")
    return opened[:-last]


BODIES.add("pg_encrypt", lambda data, key, method: _encrypt("encrypt", data, key, b"", method))
BODIES.add("pg_decrypt", lambda data, key, method: _decrypt("decrypt", data, key, b"", method))
BODIES.add("pg_encrypt_iv", partial(_encrypt, "encrypt_iv"))
BODIES.add("pg_decrypt_iv", partial(_decrypt, "decrypt_iv"))


def _options(text: str) -> PgpOptions:
    """The options of a call. Raises 39000 for what is none."""
    options = PgpOptions()
    for part in text.split(",") if text.strip() else ():
        found = _OPTION.fullmatch(part)
        if found is None:
            raise _failed("Illegal argument to function")
        options = _with_option(options, found[1].lower(), found[2].lower())
    return options


def _with_option(options: PgpOptions, name: str, value: str) -> PgpOptions:
    if name in ("cipher-algo", "s2k-cipher-algo"):
        if value not in CIPHERS:
            raise _failed("Unsupported cipher algorithm")
        return options._replace(cipher=CIPHERS[value]) if name == "cipher-algo" else options
    if name == "s2k-digest-algo":
        if value not in DIGESTS:
            raise _failed("Unsupported digest algorithm")
        return options._replace(key_digest=DIGESTS[value])
    number = _number(value)
    if name == "compress-algo" and number in (0, 1, 2):
        return options._replace(compression=number)
    if name == "compress-level" and 0 <= number <= 9:
        return options._replace(level=number)
    if name == "s2k-mode" and number in (0, 1, 3):
        return options._replace(key_mode=number)
    if name == "s2k-count" and 1024 <= number <= 65011712:
        return options._replace(key_count=next(code for code in range(256) if count_of(code) >= number))
    if name == "convert-crlf":
        return options._replace(convert_line_ends=number != 0)
    if name == "disable-mdc":
        return options._replace(with_digest=number == 0)
    if name == "sess-key":
        return options._replace(session_key=number != 0)
    if name == "unicode-mode":
        return options._replace(unicode=number != 0)
    if name in _ONLY_READING:
        return options
    raise _failed("Illegal argument to function")


def _number(value: str) -> int:
    if not re.fullmatch(r"-?\d+", value):
        raise _failed("Illegal argument to function")
    return int(value)


def _encrypted(context: EvaluationContext, data: bytes, is_text: bool, password: str, text: str) -> bytes:
    if not password:
        raise _failed("Illegal argument to function")
    return encrypted(data, is_text, password.encode(), _options(text), context.random_bytes)


@BODIES.with_context("pgp_sym_encrypt_text")
def encrypt_text(context: EvaluationContext, data: str, password: str, options: str = "") -> bytes:
    """A text as a PGP message under a password."""
    return _encrypted(context, data.encode(), True, password, options)


@BODIES.with_context("pgp_sym_encrypt_bytea")
def encrypt_bytes(context: EvaluationContext, data: bytes, password: str, options: str = "") -> bytes:
    """Bytes as a PGP message under a password."""
    return _encrypted(context, data, False, password, options)


def _decrypted(message: bytes, password: str, text: str) -> tuple[str, bytes]:
    converts = _options(text).convert_line_ends
    try:
        letter, data = decrypted(message, password.encode())
    except WrongKeyError:
        raise _failed("Wrong key or corrupt data") from None
    return letter, data.replace(b"\r\n", b"\n") if converts and letter != "b" else data


@BODIES("pgp_sym_decrypt_text")
def decrypt_text(message: bytes, password: str, options: str = "") -> str:
    """The text of a PGP message. Raises 39000 for a wrong password and for bytes."""
    letter, data = _decrypted(message, password, options)
    if letter == "b":
        raise _failed("Not text data")
    return decode_utf8(data)


@BODIES("pgp_sym_decrypt_bytea")
def decrypt_bytes(message: bytes, password: str, options: str = "") -> bytes:
    """The bytes of a PGP message."""
    return _decrypted(message, password, options)[1]


@BODIES("pgp_key_id_w")
def key_id(message: bytes) -> str:
    """SYMKEY for a message under a password."""
    try:
        require_password(message)
    except WrongKeyError:
        raise _failed("Wrong key or corrupt data") from None
    return "SYMKEY"

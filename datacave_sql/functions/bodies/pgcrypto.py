"""The extension pgcrypto: digests, password hashes, random bytes, armor. Not here: ciphers and PGP messages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import bcrypt
from passlib.hash import bsdi_crypt, des_crypt, md5_crypt

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext

BODIES = Bodies()

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES_MAX = 1024
_DEFAULT_ROUNDS = {"bf": 6, "xdes": 725}
_LINE_CHARACTERS = 76


def _bad(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _algorithm(name: str) -> str:
    found = name.lower().replace("sha-", "sha")
    if found.startswith("sha3"):
        found = found.replace("-", "_")
    if found not in hashlib.algorithms_available or found.startswith("shake"):
        raise _bad(f'Cannot use "{name}": No such hash algorithm')
    return found


@BODIES("pg_digest")
def digest(data: str | bytes, algorithm: str) -> bytes:
    """The hash of a text or bytes."""
    return hashlib.new(_algorithm(algorithm), _bytes(data)).digest()


@BODIES("pg_hmac")
def keyed_digest(data: str | bytes, key: str | bytes, algorithm: str) -> bytes:
    """The keyed hash of a text or bytes."""
    return hmac.new(_bytes(key), _bytes(data), _algorithm(algorithm)).digest()


# --- passwords -------------------------------------------------------------------------------------------------------


@BODIES("pg_crypt")
def crypt(password: str, salt: str) -> str:
    """The hash of a password by a salt, or by another hash, whose salt it takes."""
    data = password.encode().split(b"\0", 1)[0]
    if re.match(r"\$2[axy]\$\d\d\$.{22}", salt):
        # The library knows the present version's letter only; what it computes is the same.
        made = bcrypt.hashpw(data[:72], b"$2b" + salt[3:29].encode()).decode()
        return salt[:3] + made[3:]
    if salt.startswith("$1$"):
        plain = salt[3:].split("$", 1)[0][:8]
        return str(md5_crypt.using(salt=plain).hash(data))
    if salt.startswith("_"):
        if not re.fullmatch(r"_[./0-9A-Za-z]{8}.*", salt, re.DOTALL):
            raise _bad("invalid salt")
        rounds = sum(_ALPHABET.index(letter) << (6 * place) for place, letter in enumerate(salt[1:5]))
        return str(bsdi_crypt.using(salt=salt[5:9], rounds=max(rounds, 1)).hash(data))
    if salt.startswith("$") or not re.match(r"[./0-9A-Za-z]{2}", salt):
        raise _bad("invalid salt")
    return str(des_crypt.using(salt=salt[:2]).hash(data))


def _letters(context: EvaluationContext, count: int) -> str:
    return "".join(_ALPHABET[byte & 63] for byte in context.random_bytes(count))


def _salt(context: EvaluationContext, algorithm: str, rounds: int) -> str:
    if algorithm in ("md5", "des"):
        if rounds not in (0, 1000 if algorithm == "md5" else 25):
            raise _bad("gen_salt: Incorrect number of rounds")
        return f"$1${_letters(context, 8)}" if algorithm == "md5" else _letters(context, 2)
    if algorithm == "xdes":
        count = rounds or _DEFAULT_ROUNDS["xdes"]
        if not 1 <= count <= 0xFFFFFF or not count % 2:
            raise _bad("gen_salt: Incorrect number of rounds")
        return "_" + "".join(_ALPHABET[count >> shift & 63] for shift in (0, 6, 12, 18)) + _letters(context, 4)
    if algorithm == "bf":
        count = rounds or _DEFAULT_ROUNDS["bf"]
        if not 4 <= count <= 31:
            raise _bad("gen_salt: Incorrect number of rounds")
        encoded = base64.b64encode(context.random_bytes(16)).decode().rstrip("=")
        standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        own = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return f"$2a${count:02}${encoded.translate(str.maketrans(standard, own))}"
    raise _bad("gen_salt: Unknown salt algorithm")


@BODIES.with_context("pg_gen_salt")
def salt_of(context: EvaluationContext, algorithm: str) -> str:
    """A new salt for crypt."""
    return _salt(context, algorithm.lower(), 0)


@BODIES.with_context("pg_gen_salt_rounds")
def salt_of_rounds(context: EvaluationContext, algorithm: str, rounds: int) -> str:
    """The same for a number of rounds."""
    if not rounds and algorithm.lower() in ("bf", "xdes"):
        raise _bad("gen_salt: Incorrect number of rounds")
    return _salt(context, algorithm.lower(), rounds)


# --- chance ----------------------------------------------------------------------------------------------------------


@BODIES.with_context("pg_random_bytes")
def random_bytes(context: EvaluationContext, count: int) -> bytes:
    """Up to 1,024 unpredictable bytes."""
    if not 1 <= count <= _RANDOM_BYTES_MAX:
        raise DatacaveError("Length not in range", sqlstate=sqlstate.EXTERNAL_ROUTINE_INVOCATION_EXCEPTION)
    return context.random_bytes(count)


@BODIES.with_context("pg_random_uuid")
def random_uuid(context: EvaluationContext) -> bytes:
    """A version 4 UUID."""
    data = bytearray(context.random_bytes(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    return bytes(data)


# --- armor -----------------------------------------------------------------------------------------------------------


def _checksum(data: bytes) -> bytes:
    """OpenPGP's CRC-24."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return (crc & 0xFFFFFF).to_bytes(3, "big")


@BODIES("pg_armor")
def armor(data: bytes, keys: object = None, values: object = None) -> str:
    """Bytes as text between OpenPGP's lines."""
    if keys is not None:
        raise DatacaveError(
            "armor headers are not supported", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED, hint="Call armor(data)."
        )
    text = base64.b64encode(data).decode()
    lines = [text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS)]
    check = base64.b64encode(_checksum(data)).decode()
    return "\n".join(["-----BEGIN PGP MESSAGE-----", "", *lines, f"={check}", "-----END PGP MESSAGE-----", ""])


@BODIES("pg_dearmor")
def dearmor(text: str) -> bytes:
    """Bytes out of such a text. Raises 39000 for what is none."""
    found = re.search(
        r"-----BEGIN PGP [A-Z ]+-----\r?\n(?:.*\r?\n)*?\r?\n([A-Za-z0-9+/=\s]*?)=([A-Za-z0-9+/]{4})\s*-----END PGP",
        text,
    )
    if found is None:
        raise DatacaveError("Corrupt ascii-armor", sqlstate=sqlstate.EXTERNAL_ROUTINE_INVOCATION_EXCEPTION)
    data = base64.b64decode(found[1])
    if _checksum(data) != base64.b64decode(found[2]):
        raise DatacaveError("Corrupt ascii-armor", sqlstate=sqlstate.EXTERNAL_ROUTINE_INVOCATION_EXCEPTION)
    return data

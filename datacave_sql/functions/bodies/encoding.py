"""bytea, hashes, encodings and Unicode: encode, decode, md5, sha, convert, get_bit, normalize, unistr, to_hex."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.encodings import UTF8_CODEC, codec_of, encoding_named, read_text, write_text
from datacave_core.errors import DatacaveError
from datacave_core.types.bytea import parse_bytea
from datacave_core.types.codec import decode_utf8
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

BODIES.add("byteaoctetlen", len, "len({0})")
BODIES.add("bit_length(17)", lambda value: 8 * len(value))
BODIES.add("byteacat", lambda a, b: a + b, "{0} + {1}")
BODIES.add("byteapos", lambda value, part: value.find(part) + 1)
BODIES.add("bytea_bit_count", lambda value: int.from_bytes(value).bit_count())
BODIES.add("md5_text", lambda value: hashlib.md5(value.encode(), usedforsecurity=False).hexdigest())
BODIES.add("md5_bytea", lambda value: hashlib.md5(value, usedforsecurity=False).hexdigest())
BODIES.add("sha224_bytea", lambda value: hashlib.sha224(value).digest())
BODIES.add("sha256_bytea", lambda value: hashlib.sha256(value).digest())
BODIES.add("sha384_bytea", lambda value: hashlib.sha384(value).digest())
BODIES.add("sha512_bytea", lambda value: hashlib.sha512(value).digest())
BODIES.add("to_hex32", lambda value: f"{value & 0xFFFFFFFF:x}")
BODIES.add("to_hex64", lambda value: f"{value & 0xFFFFFFFFFFFFFFFF:x}")


def _bad_encoding(name: str) -> DatacaveError:
    return bad_parameter(f'unrecognized encoding: "{name}"')


@BODIES("binary_encode")
def encode(value: bytes, encoding: str) -> str:
    """encode(bytea, 'hex' | 'base64' | 'escape')."""
    kind = encoding.lower()
    if kind == "hex":
        return value.hex()
    if kind == "base64":
        text = base64.b64encode(value).decode("ascii")
        return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    if kind == "escape":
        return "".join([_escaped(byte) for byte in value])
    raise _bad_encoding(encoding)


def _escaped(byte: int) -> str:
    if byte == 0 or byte >= 0x80:
        return f"\\{byte:03o}"
    return "\\\\" if byte == 0x5C else chr(byte)


@BODIES("binary_decode")
def decode(text: str, encoding: str) -> bytes:
    """decode(text, 'hex' | 'base64' | 'escape')."""
    kind = encoding.lower()
    if kind == "hex":
        return _decode_hexadecimal(text)
    if kind == "base64":
        return _decode_base64(text)
    if kind == "escape":
        if text.startswith("\\x"):
            raise DatacaveError("invalid input syntax for type bytea", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)
        return parse_bytea(text)
    raise _bad_encoding(encoding)


def _decode_hexadecimal(text: str) -> bytes:
    digits = re.sub(r"[ \n\t\r]", "", text)
    bad = re.search(r"[^0-9a-fA-F]", digits)
    if bad is not None:
        raise bad_parameter(f'invalid hexadecimal digit: "{bad[0]}"')
    if len(digits) % 2:
        raise bad_parameter("invalid hexadecimal data: odd number of digits")
    return bytes.fromhex(digits)


def _decode_base64(text: str) -> bytes:
    symbols = re.sub(r"[ \t\n\r]", "", text)
    bad = re.search(r"[^A-Za-z0-9+/=]", symbols)
    body = symbols.rstrip("=")
    if "=" in body or len(symbols) - len(body) > 2:
        raise bad_parameter('unexpected "=" while decoding base64 sequence')
    if bad is not None:
        raise bad_parameter(f'invalid symbol "{bad[0]}" found while decoding base64 sequence')
    if len(symbols) % 4:
        raise bad_parameter(
            "invalid base64 end sequence",
            hint="Input data is missing padding, is truncated, or is otherwise corrupted.",
        )
    try:
        return base64.b64decode(symbols)
    except binascii.Error as error:
        raise bad_parameter("invalid base64 end sequence") from error


def _index_error(place: int, last: int) -> DatacaveError:
    return DatacaveError(f"index {place} out of valid range, 0..{last}", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)


@BODIES("byteaGetBit")
def get_bit(value: bytes, place: int) -> int:
    """Bit `place`, the lowest of each byte first."""
    if not 0 <= place < 8 * len(value):
        raise _index_error(place, 8 * len(value) - 1)
    return value[place // 8] >> (place % 8) & 1


@BODIES("byteaSetBit")
def set_bit(value: bytes, place: int, bit: int) -> bytes:
    """The value with one bit changed."""
    if not 0 <= place < 8 * len(value):
        raise _index_error(place, 8 * len(value) - 1)
    if bit not in (0, 1):
        raise bad_parameter("new bit must be 0 or 1")
    changed = bytearray(value)
    mask = 1 << (place % 8)
    changed[place // 8] = changed[place // 8] & ~mask | (mask if bit else 0)
    return bytes(changed)


@BODIES("byteaGetByte")
def get_byte(value: bytes, place: int) -> int:
    """Byte `place`, from 0."""
    if not 0 <= place < len(value):
        raise _index_error(place, len(value) - 1)
    return value[place]


@BODIES("byteaSetByte")
def set_byte(value: bytes, place: int, byte: int) -> bytes:
    """The value with one byte changed."""
    if not 0 <= place < len(value):
        raise _index_error(place, len(value) - 1)
    return value[:place] + bytes([byte & 0xFF]) + value[place + 1 :]


def _encoding(name: str, role: str) -> str:
    found = encoding_named(name)
    if found is None:
        raise bad_parameter(f'invalid {role} encoding name "{name}"')
    return found


def _read(value: bytes, encoding: str) -> str:
    if codec_of(encoding) == UTF8_CODEC and (b"\0" not in value or encoding == "UTF8"):
        decode_utf8(value.partition(b"\0")[0])  # what is wrong before a NUL is told first
        return decode_utf8(value)
    if b"\0" in value:
        raise DatacaveError(
            f'invalid byte sequence for encoding "{encoding}": 0x00', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
        )
    return read_text(value, encoding)


@BODIES("pg_convert_from")
def convert_from(value: bytes, encoding: str) -> str:
    """Bytes in an encoding as text."""
    return _read(value, _encoding(encoding, "source"))


@BODIES("pg_convert_to")
def convert_to(text: str, encoding: str) -> bytes:
    """Text as bytes in an encoding."""
    return write_text(text, _encoding(encoding, "destination"))


@BODIES("pg_convert")
def convert(value: bytes, source: str, target: str) -> bytes:
    """Bytes from one encoding to another."""
    source, target = _encoding(source, "source"), _encoding(target, "destination")
    return write_text(_read(value, source), target)


@BODIES("length_in_encoding")
def length_in(value: bytes, encoding: str) -> int:
    """The number of characters."""
    found = encoding_named(encoding)
    if found is None:
        raise bad_parameter(f'invalid encoding name "{encoding}"')
    return len(_read(value, found))


def _form(name: str) -> str:
    form = name.upper()
    if form not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise bad_parameter(f"invalid normalization form: {name}")
    return form


_NORMALIZE: dict[str, Callable[[str], str]] = {
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "NFKD": lambda text: unicodedata.normalize("NFKD", text),
}
BODIES.add("unicode_normalize_func", lambda text, form: _NORMALIZE[_form(form)](text))
BODIES.add("unicode_is_normalized", lambda text, form: _NORMALIZE[_form(form)](text) == text)

_UNICODE_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|)")


@BODIES("unistr")
def unescape(text: str) -> str:
    """Backslash escapes of code points as characters; surrogates come in pairs."""
    parts: list[str] = []
    high = 0
    at = 0
    for found in _UNICODE_ESCAPE.finditer(text):
        if high and found.start() != at:
            raise _bad_pair()
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0] == "\\\\":
            if high:
                raise _bad_pair()
            parts.append("\\")
            continue
        digits = found[1] or found[2] or found[3] or found[4]
        if digits is None:
            raise DatacaveError(
                "invalid Unicode escape",
                sqlstate=sqlstate.SYNTAX_ERROR,
                hint="Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.",
            )
        code = int(digits, 16)
        if code == 0 or code > 0x10FFFF:
            raise bad_parameter(f"invalid Unicode code point: {code:04X}")
        if high:
            if not 0xDC00 <= code <= 0xDFFF:
                raise _bad_pair()
            parts.append(chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00))
            high = 0
        elif 0xD800 <= code <= 0xDBFF:
            high = code
        elif 0xDC00 <= code <= 0xDFFF:
            raise _bad_pair()
        else:
            parts.append(chr(code))
    if high:
        raise _bad_pair()
    parts.append(text[at:])
    return "".join(parts)


def _bad_pair() -> DatacaveError:
    return DatacaveError("invalid Unicode surrogate pair", sqlstate=sqlstate.SYNTAX_ERROR)


# boolean
BODIES.add("booltext", lambda value: "true" if value else "false", "('true' if {0} else 'false')")
BODIES.add("booland_statefunc", lambda a, b: a and b)
BODIES.add("boolor_statefunc", lambda a, b: a or b)


# "char" and integers
BODIES.add("chartoi4", lambda value: _signed(ord(value)) if value else 0)


def _signed(byte: int) -> int:
    return byte - 256 if byte >= 128 else byte


@BODIES("i4tochar")
def char_of_integer(value: int) -> str:
    """integer to "char", within a signed byte."""
    if not -128 <= value <= 127:
        raise DatacaveError('"char" out of range', sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return chr(value & 0xFF) if value else ""

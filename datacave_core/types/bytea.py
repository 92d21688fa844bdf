r"""bytea: bytes. Text is `\x` and hexadecimal digits, or the older escape form with backslashes and octal."""

from __future__ import annotations

import re
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Encoder, TypeIO
from datacave_core.types.settings import FormatSettings

_ESCAPE: Final = re.compile(rb"\\(?:(\\)|([0-3][0-7][0-7]))?")
_ESCAPED: Final = [
    b"\\\\" if byte == 0x5C else b"\\%03o" % byte if byte < 0x20 or byte > 0x7E else bytes((byte,))
    for byte in range(256)
]


def parse_bytea(text: str) -> bytes:
    """Raises 22023 for broken hexadecimal, 22P02 for broken escapes."""
    if text.startswith("\\x"):
        return _parse_hexadecimal(text[2:])
    if "\\" not in text:
        return text.encode()
    data = text.encode()

    def unescape(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return b"\\"
        if found[2]:
            return bytes((int(found[2], 8),))
        raise DatacaveError("invalid input syntax for type bytea", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)

    return _ESCAPE.sub(unescape, data)


def _parse_hexadecimal(digits: str) -> bytes:
    try:
        if digits.isalnum():
            return bytes.fromhex(digits)
    except ValueError:
        pass  # looked at again below, to name the digit
    result = bytearray()
    at, end = 0, len(digits)
    while at < end:
        if digits[at] in " \n\t\r":
            at += 1
            continue
        high = _digit(digits[at])
        if at + 1 >= end:
            raise DatacaveError(
                "invalid hexadecimal data: odd number of digits", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
        result.append(high << 4 | _digit(digits[at + 1]))
        at += 2
    return bytes(result)


def _digit(character: str) -> int:
    if character not in "0123456789abcdefABCDEF":
        raise DatacaveError(f'invalid hexadecimal digit: "{character}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return int(character, 16)


def _input(text: str, typmod: int, settings: FormatSettings) -> bytes:
    return parse_bytea(text)


def _output(value: bytes, settings: FormatSettings) -> str:
    if settings.bytea_output == "hex":
        return "\\x" + value.hex()
    return b"".join([_ESCAPED[byte] for byte in value]).decode("ascii")


def _receive(data: bytes) -> bytes:
    return bytes(data)


def _send(value: bytes) -> bytes:
    return value


def _encoder(settings: FormatSettings) -> Encoder:
    if settings.bytea_output == "hex":
        return lambda value: b"\\x" + value.hex().encode()
    return lambda value: b"".join([_ESCAPED[byte] for byte in value])


BYTEA_IO: Final = TypeIO(_input, _output, _receive, _send, text_encoder=_encoder)

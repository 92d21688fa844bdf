"""uuid: 16 bytes. Text is 32 hexadecimal digits, a hyphen allowed after each four, braces around them allowed."""

from __future__ import annotations

import re
from typing import Final

from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8, invalid_input
from datacave_core.types.settings import FormatSettings

_PATTERN: Final = re.compile(r"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")


def parse_uuid(text: str) -> bytes:
    """Raises 22P02 for anything else."""
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        digits = text.replace("-", "")
        if len(digits) == 32 and digits.isalnum():
            try:
                return bytes.fromhex(digits)
            except ValueError:
                raise invalid_input("uuid", text) from None
    digits = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    if _PATTERN.fullmatch(digits) is None:
        raise invalid_input("uuid", text)
    return bytes.fromhex(digits.replace("-", ""))


def format_uuid(value: bytes) -> str:
    """Lower case, in groups of 8-4-4-4-12."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _input(text: str, typmod: int, settings: FormatSettings) -> bytes:
    return parse_uuid(text)


def _output(value: bytes, settings: FormatSettings) -> str:
    return format_uuid(value)


def _receive(data: bytes) -> bytes:
    if len(data) != 16:
        raise bad_length(data, 16)
    return bytes(data)


def _send(value: bytes) -> bytes:
    return value


def _encoder(settings: FormatSettings) -> Encoder:
    return lambda value: format_uuid(value).encode()


def _decoder(settings: FormatSettings, typmod: int) -> Decoder:
    return lambda data: parse_uuid(decode_utf8(data))


UUID_IO: Final = TypeIO(_input, _output, _receive, _send, text_encoder=_encoder, text_decoder=_decoder)

"""text, varchar, char(n), name, "char", and the types whose values are any text: unknown, cstring, refcursor.

The value is a str. Strings compare by code point, which is the order of their UTF-8 bytes: collation "C".
char(n) values keep their padding blanks, which neither comparison nor length counts.
"""

from __future__ import annotations

import re
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8
from datacave_core.types.settings import FormatSettings
from datacave_core.types.typmod import HEADER

NAME_BYTES_MAX: Final = 63
_OCTAL: Final = re.compile(r"\\([0-7])([0-7])([0-7])")


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return text


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _send(value: str) -> bytes:
    return value.encode()


def _encoder(settings: FormatSettings) -> Encoder:
    return str.encode


def _decoder(settings: FormatSettings, typmod: int) -> Decoder:
    return decode_utf8


def apply_varchar_typmod(value: str, typmod: int, explicit: bool) -> str:
    """Cuts blanks beyond the length; other characters only in an explicit cast, else 22001."""
    length = typmod - HEADER
    if typmod < HEADER or len(value) <= length:
        return value
    if not explicit and value[length:].strip(" "):
        raise _too_long(f"character varying({length})")
    return value[:length]


def apply_bpchar_typmod(value: str, typmod: int, explicit: bool) -> str:
    """Pads with blanks to the length, or cuts as for varchar."""
    length = typmod - HEADER
    if typmod < HEADER:
        return value
    if len(value) <= length:
        return value.ljust(length)
    if not explicit and value[length:].strip(" "):
        raise _too_long(f"character({length})")
    return value[:length]


def _too_long(type_name: str) -> DatacaveError:
    return DatacaveError(f"value too long for type {type_name}", sqlstate=sqlstate.STRING_DATA_RIGHT_TRUNCATION)


def _input_varchar(text: str, typmod: int, settings: FormatSettings) -> str:
    return apply_varchar_typmod(text, typmod, False)


def _input_bpchar(text: str, typmod: int, settings: FormatSettings) -> str:
    return apply_bpchar_typmod(text, typmod, False)


def _varchar_decoder(settings: FormatSettings, typmod: int) -> Decoder:
    if typmod < HEADER:
        return decode_utf8
    length = typmod - HEADER

    def decode(data: bytes) -> str:
        text = decode_utf8(data)
        return text if len(text) <= length else apply_varchar_typmod(text, typmod, False)

    return decode


def bpchar_key(value: str) -> str:
    """Trailing blanks do not count."""
    return value.rstrip(" ")


def truncate_name(text: str) -> str:
    """Identifiers keep their first 63 bytes, without a split character."""
    if len(text) <= 15:
        return text
    data = text.encode()
    return text if len(data) <= NAME_BYTES_MAX else data[:NAME_BYTES_MAX].decode("utf-8", "ignore")


def _input_name(text: str, typmod: int, settings: FormatSettings) -> str:
    return truncate_name(text)


def _receive_name(data: bytes) -> str:
    if len(data) > NAME_BYTES_MAX:
        raise DatacaveError(
            "identifier too long",
            sqlstate=sqlstate.NAME_TOO_LONG,
            detail=f"Identifier must be less than {NAME_BYTES_MAX + 1} characters.",
        )
    return decode_utf8(data)


def _input_char(text: str, typmod: int, settings: FormatSettings) -> str:
    return read_byte(text)


def _char(byte: int) -> str:
    return chr(byte) if byte else ""


def escaped_byte(value: str) -> str:
    """A "char" as text: bytes beyond ASCII as backslash and three octal digits."""
    return f"\\{ord(value):03o}" if value >= "\x80" else value


def _output_char(value: str, settings: FormatSettings) -> str:
    return escaped_byte(value)


def read_byte(text: str) -> str:
    """The first byte of a text, or the one written as backslash and three octal digits; the empty text is byte 0."""
    octal = _OCTAL.fullmatch(text)
    if octal is not None:
        return _char(int(octal[1] + octal[2] + octal[3], 8) & 0xFF)
    return _char(text.encode()[0]) if text else ""


def _receive_char(data: bytes) -> str:
    if len(data) != 1:
        raise bad_length(data, 1)
    return _char(data[0])


def _send_char(value: str) -> bytes:
    return bytes((ord(value),)) if value else b"\0"


TEXT_IO: Final = TypeIO(_input, _output, decode_utf8, _send, text_encoder=_encoder, text_decoder=_decoder)
VARCHAR_IO: Final = TypeIO(
    _input_varchar,
    _output,
    decode_utf8,
    _send,
    apply_typmod=apply_varchar_typmod,
    text_encoder=_encoder,
    text_decoder=_varchar_decoder,
)
BPCHAR_IO: Final = TypeIO(
    _input_bpchar,
    _output,
    decode_utf8,
    _send,
    apply_typmod=apply_bpchar_typmod,
    comparison_key=bpchar_key,
    text_encoder=_encoder,
)
NAME_IO: Final = TypeIO(_input_name, _output, _receive_name, _send, text_encoder=_encoder)
CHAR_IO: Final = TypeIO(_input_char, _output_char, _receive_char, _send_char)
OPAQUE_IO: Final = TypeIO(
    _input, _output, decode_utf8, _send, comparable=False, text_encoder=_encoder, text_decoder=_decoder
)
ACLITEM_IO: Final = TypeIO(_input, _output, decode_utf8, _send, text_encoder=_encoder, text_decoder=_decoder)

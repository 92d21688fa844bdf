"""boolean: a bool. Any unique prefix of true, false, yes, no, on, off is read, and 1 and 0."""

from __future__ import annotations

from typing import Final

from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8, invalid_input
from datacave_core.types.settings import FormatSettings

WORDS: Final = {
    **{word[:end]: True for word in ("true", "yes") for end in range(1, len(word) + 1)},
    **{word[:end]: False for word in ("false", "no") for end in range(1, len(word) + 1)},
    "on": True,
    "of": False,
    "off": False,
    "1": True,
    "0": False,
}
"""Every accepted spelling, in lower case."""

_BYTES: Final = {text.encode(): value for text, value in WORDS.items()}
_TEXT: Final = {True: b"t", False: b"f"}.__getitem__
_BINARY: Final = {True: b"\1", False: b"\0"}.__getitem__


def parse_boolean(text: str) -> bool:
    """Raises 22P02 for anything but the accepted words."""
    value = WORDS.get(text.strip(" \t\n\v\f\r").lower()) if text.isascii() else None
    if value is None:
        raise invalid_input("boolean", text)
    return value


def _input(text: str, typmod: int, settings: FormatSettings) -> bool:
    return parse_boolean(text)


def _output(value: bool, settings: FormatSettings) -> str:
    return "t" if value else "f"


def _receive(data: bytes) -> bool:
    if len(data) != 1:
        raise bad_length(data, 1)
    return data != b"\0"


def _decode(data: bytes) -> bool:
    value = _BYTES.get(data)
    return parse_boolean(decode_utf8(data)) if value is None else value


def _decoder(settings: FormatSettings, typmod: int) -> Decoder:
    return _decode


def _encoder(settings: FormatSettings) -> Encoder:
    return _TEXT


BOOLEAN_IO: Final = TypeIO(_input, _output, _receive, _BINARY, text_encoder=_encoder, text_decoder=_decoder)

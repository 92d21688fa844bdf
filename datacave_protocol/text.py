"""Text on the wire: UTF-8 without NUL, refused with PostgreSQL's 22021 where it is not."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


def decode_text(data: bytes) -> str:
    """The text of UTF-8 bytes; DatacaveError 22021 if they are none. NUL is the caller's to find."""
    try:
        return data.decode()
    except UnicodeDecodeError as broken:
        raise invalid_encoding(data, broken.start) from None


def invalid_encoding(data: bytes, start: int) -> DatacaveError:
    """The 22021 for the broken character at `start`, showing as many bytes as its first byte announces."""
    first = data[start]
    announced = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4 if first < 0xF8 else 1
    shown = " ".join(f"0x{byte:02x}" for byte in data[start : start + announced])
    return DatacaveError(
        f'invalid byte sequence for encoding "UTF8": {shown}', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
    )

"""tid and pg_lsn: where a row or a log record lies. A tid is a Tid, a pg_lsn an int."""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, NamedTuple

from datacave_core.types.codec import TypeIO, bad_length, invalid_input
from datacave_core.types.settings import FormatSettings

_TID: Final = Struct("!IH")
_LSN: Final = Struct("!Q")
_TID_TEXT: Final = re.compile(r"[^(,)]*\(\s*([+-]?[0-9]+),\s*([+-]?[0-9]+)\).*", re.DOTALL)
_LSN_TEXT: Final = re.compile(r"([0-9a-fA-F]{1,8})/([0-9a-fA-F]{1,8})")


class Tid(NamedTuple):
    """A block number and a line in it."""

    block: int
    offset: int


def parse_tid(text: str) -> Tid:
    """`(block,offset)`; raises 22P02."""
    found = _TID_TEXT.fullmatch(text)
    if found is None or not -(2**31) <= int(found[1]) < 2**32 or not 0 <= int(found[2]) < 2**16:
        raise invalid_input("tid", text)
    return Tid(int(found[1]) & 0xFFFFFFFF, int(found[2]))


def parse_lsn(text: str) -> int:
    """Two hexadecimal numbers of 32 bits with a slash between them; raises 22P02."""
    found = _LSN_TEXT.fullmatch(text)
    if found is None:
        raise invalid_input("pg_lsn", text)
    return int(found[1], 16) << 32 | int(found[2], 16)


def format_lsn(value: int) -> str:
    """Upper-case hexadecimal."""
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"


def _input_tid(text: str, typmod: int, settings: FormatSettings) -> Tid:
    return parse_tid(text)


def _output_tid(value: Tid, settings: FormatSettings) -> str:
    return f"({value.block},{value.offset})"


def _receive_tid(data: bytes) -> Tid:
    if len(data) != 6:
        raise bad_length(data, 6)
    return Tid(*_TID.unpack(data))


def _send_tid(value: Tid) -> bytes:
    return _TID.pack(*value)


def _input_lsn(text: str, typmod: int, settings: FormatSettings) -> int:
    return parse_lsn(text)


def _output_lsn(value: int, settings: FormatSettings) -> str:
    return format_lsn(value)


def _receive_lsn(data: bytes) -> int:
    if len(data) != 8:
        raise bad_length(data, 8)
    return int.from_bytes(data, "big")


TID_IO: Final = TypeIO(_input_tid, _output_tid, _receive_tid, _send_tid)
LSN_IO: Final = TypeIO(_input_lsn, _output_lsn, _receive_lsn, _LSN.pack)

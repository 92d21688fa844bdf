"""smallint, integer, bigint, and the unsigned kin that print as integers: oid, xid, cid, xid8.

The value is an int. Not here: arithmetic and its overflow (the SQL layer's functions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import Final

from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8, invalid_input, out_of_range
from datacave_core.types.settings import FormatSettings

_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)([ \t\n\v\f\r]*)(.?)", re.DOTALL)
_C_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)")
_DIGITS_MAX: Final = 25
_DECIMAL: Final = b"%d".__mod__


def _encoder(settings: FormatSettings) -> Encoder:
    return _DECIMAL


def _output(value: int, settings: FormatSettings) -> str:
    return str(value)


def _signed(name: str, low: int, high: int, binary: Struct) -> TypeIO:
    def parse(text: str) -> int:
        found = _NUMBER.match(text)
        if found is None:
            raise invalid_input(name, text)
        digits = found[1].lstrip("+-").lstrip("0") or "0"
        if len(digits) > _DIGITS_MAX:
            raise out_of_range(name, text)
        value = -int(digits) if found[1][0] == "-" else int(digits)
        if not low <= value <= high:
            raise out_of_range(name, text)
        if found[3]:
            raise invalid_input(name, text)
        return value

    def read(text: str, typmod: int, settings: FormatSettings) -> int:
        if text.isdigit() and len(text) < 19 and text.isascii():
            value = int(text)
            if value <= high:
                return value
        return parse(text)

    def decode(data: bytes) -> int:
        if data.isdigit() and len(data) < 19:
            value = int(data)
            if value <= high:
                return value
        elif data[:1] == b"-" and data[1:].isdigit() and len(data) < 19:
            value = int(data)
            if value >= low:
                return value
        return parse(decode_utf8(data))

    def decoder(settings: FormatSettings, typmod: int) -> Decoder:
        return decode

    return TypeIO(
        input=read,
        output=_output,
        receive=_fixed(binary),
        send=binary.pack,
        text_encoder=_encoder,
        text_decoder=decoder,
    )


def _fixed(binary: Struct) -> Callable[[bytes], int]:
    size, unpack = binary.size, binary.unpack

    def receive(data: bytes) -> int:
        if len(data) != size:
            raise bad_length(data, size)
        (value,) = unpack(data)
        return int(value)

    return receive


def _read_oid(text: str, typmod: int, settings: FormatSettings) -> int:
    """Oids wrap: -1 is 4294967295, as unsigned conversion in C makes it."""
    found = _NUMBER.match(text)
    if found is None:
        raise invalid_input("oid", text)
    digits = found[1].lstrip("+-").lstrip("0") or "0"
    value = 2**64 if len(digits) > _DIGITS_MAX else int(digits)
    if found[3] and value < 2**64:
        raise invalid_input("oid", text)
    value = -value if found[1][0] == "-" else value
    if not -(2**31) <= value < 2**32:
        raise out_of_range("oid", text)
    return value & 0xFFFFFFFF


def _read_counter(bits: int) -> Callable[[str, int, FormatSettings], int]:
    """Transaction and command numbers are read as C reads unsigned numbers: junk is 0, hexadecimal and octal count."""
    mask: int = 2**bits - 1

    def read(text: str, typmod: int, settings: FormatSettings) -> int:
        found = _C_NUMBER.match(text)
        if found is None:
            return 0
        digits = found[2]
        if digits[:2] in ("0x", "0X"):
            value = int(digits, 16)
        elif digits[0] == "0":
            octal = re.match("[0-7]+", digits)
            value = int(octal[0], 8) if octal else 0
        else:
            value = int(digits)
        value = 2**64 - 1 if value >= 2**64 else -value if found[1] == "-" else value
        return value & mask

    return read


def _unsigned(read: Callable[[str, int, FormatSettings], int], binary: Struct) -> TypeIO:
    return TypeIO(input=read, output=_output, receive=_fixed(binary), send=binary.pack, text_encoder=_encoder)


INT2_IO: Final = _signed("smallint", -(2**15), 2**15 - 1, Struct("!h"))
INT4_IO: Final = _signed("integer", -(2**31), 2**31 - 1, Struct("!i"))
INT8_IO: Final = _signed("bigint", -(2**63), 2**63 - 1, Struct("!q"))
OID_IO: Final = _unsigned(_read_oid, Struct("!I"))
XID_IO: Final = _unsigned(_read_counter(32), Struct("!I"))
CID_IO: Final = XID_IO
XID8_IO: Final = _unsigned(_read_counter(64), Struct("!Q"))

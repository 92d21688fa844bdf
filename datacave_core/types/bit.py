"""bit(n) and bit varying: a str of `0` and `1`, whose order is PostgreSQL's."""

from __future__ import annotations

from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Decoder, TypeIO, TypmodFunction, bad_length, decode_utf8
from datacave_core.types.settings import FormatSettings

_LENGTH: Final = Struct("!i")


def parse_bits(text: str) -> str:
    """Binary digits, with B in front or not, or X and hexadecimal digits; raises 22P02."""
    first = text[:1]
    digits = text[1:] if first in ("b", "B", "x", "X") and first else text
    if first in ("x", "X") and first:
        for digit in digits:
            if digit not in "0123456789abcdefABCDEF":
                raise _bad_digit(digit, "hexadecimal")
        return "".join([f"{int(digit, 16):04b}" for digit in digits])
    for digit in digits:
        if digit not in "01":
            raise _bad_digit(digit, "binary")
    return digits


def _bad_digit(digit: str, kind: str) -> DatacaveError:
    return DatacaveError(f'"{digit}" is not a valid {kind} digit', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)


def apply_bit_typmod(value: str, typmod: int, explicit: bool) -> str:
    """The length must match; an explicit cast cuts or fills with zeros on the right. Raises 22026."""
    if typmod <= 0 or len(value) == typmod:
        return value
    if not explicit:
        raise DatacaveError(
            f"bit string length {len(value)} does not match type bit({typmod})",
            sqlstate=sqlstate.STRING_DATA_LENGTH_MISMATCH,
        )
    return value[:typmod].ljust(typmod, "0")


def apply_varbit_typmod(value: str, typmod: int, explicit: bool) -> str:
    """An explicit cast cuts what is too long; otherwise raises 22001."""
    if typmod <= 0 or len(value) <= typmod:
        return value
    if not explicit:
        raise DatacaveError(
            f"bit string too long for type bit varying({typmod})",
            sqlstate=sqlstate.STRING_DATA_RIGHT_TRUNCATION,
        )
    return value[:typmod]


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    if len(data) < 4:
        raise bad_length(data, 4)
    (length,) = _LENGTH.unpack_from(data)
    if length < 0:
        raise DatacaveError("invalid length in external bit string", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)
    size = (length + 7) // 8
    if len(data) != 4 + size:
        raise bad_length(data, 4 + size)
    return f"{int.from_bytes(data[4:], 'big'):0{size * 8}b}"[:length] if length else ""


def _send(value: str) -> bytes:
    size = (len(value) + 7) // 8
    return _LENGTH.pack(len(value)) + int(value.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")


def _bit_io(apply: TypmodFunction) -> TypeIO:
    def read(text: str, typmod: int, settings: FormatSettings) -> str:
        bits = parse_bits(text)
        return bits if typmod < 0 else str(apply(bits, typmod, False))

    def decoder(settings: FormatSettings, typmod: int) -> Decoder:
        return lambda data: read(decode_utf8(data), typmod, settings)

    return TypeIO(read, _output, _receive, _send, apply_typmod=apply, text_decoder=decoder)


BIT_IO: Final = _bit_io(apply_bit_typmod)
VARBIT_IO: Final = _bit_io(apply_varbit_typmod)

"""TypeIO: the functions that read, write and compare the values of one type, and the errors all of them share.

`input` and `output` are the text form, `receive` and `send` the binary form of PostgreSQL. The four factories exist for
the wire and for COPY, where a call per value counts; without them the plain functions are wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.settings import FormatSettings
from datacave_core.values import Value

InputFunction: TypeAlias = Callable[[str, int, FormatSettings], Value]
OutputFunction: TypeAlias = Callable[[Value, FormatSettings], str]
ReceiveFunction: TypeAlias = Callable[[bytes], Value]
SendFunction: TypeAlias = Callable[[Value], bytes]
KeyFunction: TypeAlias = Callable[[Value], Any]
TypmodFunction: TypeAlias = Callable[[Value, int, bool], Value]
Encoder: TypeAlias = Callable[[Value], bytes]
Decoder: TypeAlias = Callable[[bytes], Value]


@dataclass(frozen=True, slots=True)
class TypeIO:
    """How values of one type come in and go out.

    `comparison_key` maps a value to an object whose order, equality and hash in Python are PostgreSQL's for the type;
    None says that the value itself is such an object. `comparable` is False for types without a default order.
    `apply_typmod(value, typmod, explicit)` is the length coercion; None for types without modifiers.
    """

    input: InputFunction
    output: OutputFunction
    receive: ReceiveFunction
    send: SendFunction
    apply_typmod: TypmodFunction | None = None
    comparison_key: KeyFunction | None = None
    comparable: bool = True
    text_encoder: Callable[[FormatSettings], Encoder] | None = None
    text_decoder: Callable[[FormatSettings, int], Decoder] | None = None


class Greatest:
    """Sorts after everything else and equals only itself: the key of NaN and of NULL inside arrays and records."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return False

    def __le__(self, other: object) -> bool:
        return other is self

    def __gt__(self, other: object) -> bool:
        return other is not self

    def __ge__(self, other: object) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return other is self

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "GREATEST"


GREATEST = Greatest()


def invalid_input(type_name: str, text: str) -> DatacaveError:
    """22P02, for text that is no value of the type."""
    return DatacaveError(
        f'invalid input syntax for type {type_name}: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION
    )


def out_of_range(type_name: str, text: str) -> DatacaveError:
    """22003, for a number that the type cannot hold."""
    return DatacaveError(
        f'value "{text}" is out of range for type {type_name}', sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE
    )


def check_no_more(data: bytes, end: int) -> None:
    """Raises 08P01 for a value in which another one goes beyond its end or stops before it."""
    if len(data) < end:
        raise DatacaveError("insufficient data left in message", sqlstate=sqlstate.PROTOCOL_VIOLATION)
    if len(data) > end:
        raise DatacaveError("invalid message format", sqlstate=sqlstate.PROTOCOL_VIOLATION)


def bad_length(data: bytes, expected: int) -> DatacaveError:
    """A binary value that is shorter (08P01) or longer (22P03) than its type says."""
    if len(data) < expected:
        return DatacaveError("insufficient data left in message", sqlstate=sqlstate.PROTOCOL_VIOLATION)
    return DatacaveError("incorrect binary data format", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)


def decode_utf8(data: bytes) -> str:
    """Text as it comes from a client; raises 22021 for bytes that are not UTF-8 and for NUL."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        first = data[error.start]
        width = 2 if 0xC0 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF8 else 1
        raise _bad_bytes(data[error.start : error.start + width]) from None
    if "\0" in text:
        raise _bad_bytes(b"\0")
    return text


def _bad_bytes(sequence: bytes) -> DatacaveError:
    shown = " ".join(f"0x{byte:02x}" for byte in sequence)
    return DatacaveError(
        f'invalid byte sequence for encoding "UTF8": {shown}', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
    )

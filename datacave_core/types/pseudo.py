"""void, whose one value prints as nothing, and the pseudo-types that have no values at all."""

from __future__ import annotations

from typing import Final

from datacave_core.errors import FeatureNotSupported
from datacave_core.types.array import format_array
from datacave_core.types.codec import TypeIO, bad_length
from datacave_core.types.settings import FormatSettings
from datacave_core.values import Array, Value


def _input_void(text: str, typmod: int, settings: FormatSettings) -> str:
    return ""


def _output_void(value: Value, settings: FormatSettings) -> str:
    return ""


def _receive_void(data: bytes) -> str:
    if data:
        raise bad_length(data, 0)
    return ""


def _send_void(value: Value) -> bytes:
    return b""


VOID_IO: Final = TypeIO(_input_void, _output_void, _receive_void, _send_void, comparable=False)


def pseudo_io(type_name: str) -> TypeIO:
    """Every function answers 0A000, in PostgreSQL's words; anyarray holds arrays of written-out elements."""

    def refuse_input() -> FeatureNotSupported:
        return FeatureNotSupported(f"cannot accept a value of type {type_name}")

    def refuse_output() -> FeatureNotSupported:
        return FeatureNotSupported(f"cannot display a value of type {type_name}")

    def read(text: str, typmod: int, settings: FormatSettings) -> Value:
        raise refuse_input()

    def write(value: Value, settings: FormatSettings) -> str:
        if type_name == "anyarray" and isinstance(value, Array):
            # An array whose elements have been written out by whoever made it (pg_stats).
            return format_array(value, ",", str)
        raise refuse_output()

    def receive(data: bytes) -> Value:
        raise refuse_input()

    def send(value: Value) -> bytes:
        raise refuse_output()

    return TypeIO(read, write, receive, send, comparable=False)

"""Enumerations: a str, one of the labels of the type, ordered as they were declared."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Encoder, TypeIO, decode_utf8
from datacave_core.types.settings import FormatSettings


def _encoder(settings: FormatSettings) -> Encoder:
    return str.encode


def enum_io(type_name: str, labels: Sequence[str]) -> TypeIO:
    """The input and output of an enumeration; raises 22P02 for a text that is no label."""
    ranks = {label: rank for rank, label in enumerate(labels)}

    def check(text: str) -> str:
        if text not in ranks:
            raise DatacaveError(
                f'invalid input value for enum {type_name}: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION
            )
        return text

    def read(text: str, typmod: int, settings: FormatSettings) -> str:
        return check(text)

    def write(value: str, settings: FormatSettings) -> str:
        return value

    def receive(data: bytes) -> str:
        return check(decode_utf8(data))

    return TypeIO(read, write, receive, str.encode, comparison_key=ranks.__getitem__, text_encoder=_encoder)

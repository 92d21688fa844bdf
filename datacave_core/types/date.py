"""date: an int, days since 2000-01-01, with the sentinels for infinity."""

from __future__ import annotations

from datetime import date
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import (
    DATE_END,
    DATE_MIN,
    EPOCH_ORDINAL,
    UNIX_EPOCH_DAY,
    days_of,
    is_valid_julian,
)
from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8
from datacave_core.types.datetime_decode import DateTimeDecoder
from datacave_core.types.datetime_fields import DecodeError, client_error, split_fields
from datacave_core.types.datetime_format import format_date, iso_date
from datacave_core.types.settings import FormatSettings
from datacave_core.values import DATE_INFINITY, DATE_NEGATIVE_INFINITY

_BINARY: Final = Struct("!i")
_BUFFER_LENGTH: Final = 128


def parse_date(text: str, settings: FormatSettings) -> int:
    """Raises 22007, 22008, 22009."""
    if len(text) == 10 and text[4] == "-" and text[7] == "-":
        try:
            return date.fromisoformat(text).toordinal() - EPOCH_ORDINAL
        except ValueError:
            pass  # read again below, to name the fault
    decoder = DateTimeDecoder(settings)
    try:
        decoder.decode_date_time(split_fields(text, _BUFFER_LENGTH))
    except DecodeError as error:
        raise client_error(error.failure, text, "date") from None
    if decoder.special:
        return {"epoch": UNIX_EPOCH_DAY, "infinity": DATE_INFINITY}.get(decoder.special, DATE_NEGATIVE_INFINITY)
    if is_valid_julian(decoder.year, decoder.month):
        days = days_of(decoder.year, decoder.month, decoder.day)
        if DATE_MIN <= days < DATE_END:
            return days
    raise _out_of_range(f'date out of range: "{text}"')


def _out_of_range(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)


def _input(text: str, typmod: int, settings: FormatSettings) -> int:
    return parse_date(text, settings)


def _output(value: int, settings: FormatSettings) -> str:
    if value == DATE_INFINITY:
        return "infinity"
    if value == DATE_NEGATIVE_INFINITY:
        return "-infinity"
    return format_date(value, settings)


def _receive(data: bytes) -> int:
    if len(data) != 4:
        raise bad_length(data, 4)
    (value,) = _BINARY.unpack(data)
    if not DATE_MIN <= value < DATE_END and value not in (DATE_INFINITY, DATE_NEGATIVE_INFINITY):
        raise _out_of_range("date out of range")
    return int(value)


def _encoder(settings: FormatSettings) -> Encoder:
    if settings.date_style == "ISO":

        def encode(value: int) -> bytes:
            if value in (DATE_INFINITY, DATE_NEGATIVE_INFINITY):
                return _output(value, settings).encode()
            return iso_date(value).encode()

        return encode
    return lambda value: _output(value, settings).encode()


def _decoder(settings: FormatSettings, typmod: int) -> Decoder:
    return lambda data: parse_date(decode_utf8(data), settings)


DATE_IO: Final = TypeIO(_input, _output, _receive, _BINARY.pack, text_encoder=_encoder, text_decoder=_decoder)

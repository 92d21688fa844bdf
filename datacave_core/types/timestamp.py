"""timestamp and timestamptz: an int, microseconds since 2000-01-01 00:00, in UTC for timestamptz.

The sentinels of values.py are the infinities. Texts in plain ISO form take a short way through datetime; everything
else goes to the tolerant decoder. A timestamptz is printed in the session's zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import (
    MICROSECONDS_PER_DAY,
    TIMESTAMP_END,
    TIMESTAMP_MIN,
    UNIX_EPOCH_SECONDS,
    days_of,
    is_valid_julian,
)
from datacave_core.types.codec import Decoder, Encoder, TypeIO, bad_length, decode_utf8
from datacave_core.types.datetime_decode import DateTimeDecoder
from datacave_core.types.datetime_fields import DecodeError, client_error, split_fields
from datacave_core.types.datetime_format import format_clock, format_date_time, iso_date
from datacave_core.types.settings import FormatSettings
from datacave_core.types.time import round_microseconds
from datacave_core.types.zone_names import session_zone
from datacave_core.types.zones import Zone
from datacave_core.values import TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY

_BINARY: Final = Struct("!q")
_BUFFER_LENGTH: Final = 152
_SPECIAL: Final = {
    "epoch": UNIX_EPOCH_SECONDS * 1000000,
    "infinity": TIMESTAMP_INFINITY,
    "-infinity": TIMESTAMP_NEGATIVE_INFINITY,
}
_OFFSET_LIMIT: Final = timedelta(hours=16)


def is_finite_timestamp(value: int) -> bool:
    """False for the two infinities."""
    return value != TIMESTAMP_INFINITY and value != TIMESTAMP_NEGATIVE_INFINITY


def timestamp_out_of_range(text: str | None = None) -> DatacaveError:
    """22008, with the text where there is one."""
    message = "timestamp out of range" if text is None else f'timestamp out of range: "{text}"'
    return DatacaveError(message, sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)


def check_timestamp(value: int) -> int:
    """Returns the value; raises 22008 beyond 4713 BC to 294276 AD."""
    if TIMESTAMP_MIN <= value < TIMESTAMP_END:
        return value
    raise timestamp_out_of_range()


def _parse_iso(text: str) -> datetime | None:
    """Texts of the form `yyyy-mm-dd hh:mm:ss[.ffffff]`, perhaps with an offset; None for all others."""
    length = len(text)
    if length < 19 or text[4] != "-" or text[7] != "-" or text[13] != ":" or text[10] not in " T":
        return None
    if length > 19:
        following = text[19]
        if following == ".":
            digits = text[20:]
            if not digits.isdigit():
                digits = text[20 : max(text.find("+", 20), text.find("-", 20))]
                if not digits.isdigit():
                    return None
            if len(digits) > 6:
                return None
        elif following not in "+-":
            return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


_EPOCH: Final = datetime(2000, 1, 1)
_EPOCH_UTC: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _microseconds_of(found: datetime) -> int:
    return (found - _EPOCH) // _MICROSECOND


def _decode(text: str, settings: FormatSettings, type_name: str) -> tuple[int, int | None]:
    """Local microseconds and offset; a special value has no offset."""
    decoder = DateTimeDecoder(settings)
    try:
        decoder.decode_date_time(split_fields(text, _BUFFER_LENGTH))
    except DecodeError as error:
        raise client_error(error.failure, text, type_name) from None
    if decoder.special:
        return _SPECIAL[decoder.special], None
    if not is_valid_julian(decoder.year, decoder.month):
        raise timestamp_out_of_range(text)
    days = days_of(decoder.year, decoder.month, decoder.day)
    seconds = (decoder.hour * 60 + decoder.minute) * 60 + decoder.second
    local = days * MICROSECONDS_PER_DAY + seconds * 1000000 + decoder.microsecond
    if not -(2**63) <= local < 2**63:
        raise timestamp_out_of_range(text)
    return local, decoder.offset


def parse_timestamp(text: str, settings: FormatSettings) -> int:
    """A zone in the text is checked and dropped; raises 22007, 22008, 22009."""
    found = _parse_iso(text)
    if found is not None and found.tzinfo is None:
        return _microseconds_of(found)
    value, offset = _decode(text, settings, "timestamp")
    if offset is not None and not TIMESTAMP_MIN <= value < TIMESTAMP_END:
        raise timestamp_out_of_range(text)
    return value


def parse_timestamptz(text: str, settings: FormatSettings) -> int:
    """Without a zone in the text, that of the session; raises 22007, 22008, 22009."""
    found = _parse_iso(text)
    if found is not None:
        shift = found.utcoffset()
        if shift is None:
            local = _microseconds_of(found)
            zone = session_zone(settings.time_zone)
            return local - zone.of_local(local // 1000000).offset * 1000000
        if -_OFFSET_LIMIT < shift < _OFFSET_LIMIT and not shift.microseconds:
            return (found - _EPOCH_UTC) // _MICROSECOND
    value, offset = _decode(text, settings, "timestamp with time zone")
    if offset is None:
        return value
    value -= offset * 1000000
    if not TIMESTAMP_MIN <= value < TIMESTAMP_END:
        raise timestamp_out_of_range(text)
    return value


def apply_timestamp_typmod(value: int, typmod: int, explicit: bool) -> int:
    """Rounds to the precision; infinities stay."""
    return round_microseconds(value, typmod) if is_finite_timestamp(value) else value


def _special(value: int) -> str:
    return "infinity" if value == TIMESTAMP_INFINITY else "-infinity"


def format_timestamp(value: int, settings: FormatSettings) -> str:
    """In the session's date style."""
    if not is_finite_timestamp(value):
        return _special(value)
    days, microseconds = divmod(value, MICROSECONDS_PER_DAY)
    return format_date_time(days, microseconds, settings, None, "")


def format_timestamptz(value: int, settings: FormatSettings) -> str:
    """In the session's date style and zone."""
    if not is_finite_timestamp(value):
        return _special(value)
    kind = session_zone(settings.time_zone).at(value // 1000000)
    days, microseconds = divmod(value + kind.offset * 1000000, MICROSECONDS_PER_DAY)
    return format_date_time(days, microseconds, settings, kind.offset, kind.abbreviation)


def _input_timestamp(text: str, typmod: int, settings: FormatSettings) -> int:
    return apply_timestamp_typmod(parse_timestamp(text, settings), typmod, False)


def _input_timestamptz(text: str, typmod: int, settings: FormatSettings) -> int:
    return apply_timestamp_typmod(parse_timestamptz(text, settings), typmod, False)


def _receive(data: bytes) -> int:
    if len(data) != 8:
        raise bad_length(data, 8)
    (value,) = _BINARY.unpack(data)
    if not TIMESTAMP_MIN <= value < TIMESTAMP_END and is_finite_timestamp(value):
        raise timestamp_out_of_range()
    return int(value)


def _timestamp_encoder(settings: FormatSettings) -> Encoder:
    if settings.date_style != "ISO":
        return lambda value: format_timestamp(value, settings).encode()

    def encode(value: int) -> bytes:
        """Years after Christ in ISO form skip everything that styles need."""
        days, microseconds = divmod(value, MICROSECONDS_PER_DAY)
        if -730119 <= days <= 2921939:
            return f"{iso_date(days)} {format_clock(microseconds)}".encode()
        return format_timestamp(value, settings).encode()

    return encode


def _timestamptz_encoder(settings: FormatSettings) -> Encoder:
    zone: Zone = session_zone(settings.time_zone)
    if settings.date_style != "ISO" or zone.fixed_offset != 0:
        return lambda value: format_timestamptz(value, settings).encode()

    def encode(value: int) -> bytes:
        """UTC in ISO form, likewise."""
        days, microseconds = divmod(value, MICROSECONDS_PER_DAY)
        if -730119 <= days <= 2921939:
            return f"{iso_date(days)} {format_clock(microseconds)}+00".encode()
        return format_timestamptz(value, settings).encode()

    return encode


def _timestamp_decoder(settings: FormatSettings, typmod: int) -> Decoder:
    if typmod < 0:
        return lambda data: parse_timestamp(decode_utf8(data), settings)
    return lambda data: apply_timestamp_typmod(parse_timestamp(decode_utf8(data), settings), typmod, False)


def _timestamptz_decoder(settings: FormatSettings, typmod: int) -> Decoder:
    if typmod < 0:
        return lambda data: parse_timestamptz(decode_utf8(data), settings)
    return lambda data: apply_timestamp_typmod(parse_timestamptz(decode_utf8(data), settings), typmod, False)


TIMESTAMP_IO: Final = TypeIO(
    _input_timestamp,
    format_timestamp,
    _receive,
    _BINARY.pack,
    apply_typmod=apply_timestamp_typmod,
    text_encoder=_timestamp_encoder,
    text_decoder=_timestamp_decoder,
)
TIMESTAMPTZ_IO: Final = TypeIO(
    _input_timestamptz,
    format_timestamptz,
    _receive,
    _BINARY.pack,
    apply_typmod=apply_timestamp_typmod,
    text_encoder=_timestamptz_encoder,
    text_decoder=_timestamptz_decoder,
)

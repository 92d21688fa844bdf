"""time: microseconds since midnight, up to and with 24:00. timetz: a TimeTz with seconds west of UTC beside them."""

from __future__ import annotations

from datetime import time
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.types.codec import TypeIO, bad_length
from datacave_core.types.datetime_decode import DateTimeDecoder
from datacave_core.types.datetime_fields import DecodeError, client_error, split_fields
from datacave_core.types.datetime_format import format_clock, format_offset
from datacave_core.types.settings import FormatSettings
from datacave_core.types.typmod import TIME_PRECISION_MAX
from datacave_core.values import TimeTz

_TIME: Final = Struct("!q")
_TIME_TZ: Final = Struct("!qi")
_BUFFER_LENGTH: Final = 128
_SCALES: Final = (1000000, 100000, 10000, 1000, 100, 10)
_ZONE_LIMIT: Final = 16 * 3600


def round_microseconds(value: int, typmod: int) -> int:
    """Rounds half away from zero to a precision of seconds, as timestamps, times and intervals do."""
    if not 0 <= typmod < TIME_PRECISION_MAX:
        return value
    scale = _SCALES[typmod]
    rounded = (abs(value) + scale // 2) // scale * scale
    return rounded if value >= 0 else -rounded


def _parse(text: str, settings: FormatSettings, type_name: str, *, with_zone: bool) -> tuple[int, int]:
    decoder = DateTimeDecoder(settings)
    try:
        decoder.decode_time_only(split_fields(text, _BUFFER_LENGTH), with_zone=with_zone)
    except DecodeError as error:
        raise client_error(error.failure, text, type_name) from None
    seconds = (decoder.hour * 60 + decoder.minute) * 60 + decoder.second
    return seconds * 1000000 + decoder.microsecond, decoder.offset


def parse_time(text: str, settings: FormatSettings) -> int:
    """A zone in the text is checked and dropped; raises 22007, 22008, 22009."""
    if len(text) == 8 and text[2] == ":" and text[5] == ":":
        try:
            found = time.fromisoformat(text)
            return ((found.hour * 60 + found.minute) * 60 + found.second) * 1000000
        except ValueError:
            pass  # read again below, to name the fault
    return _parse(text, settings, "time", with_zone=False)[0]


def parse_time_tz(text: str, settings: FormatSettings) -> TimeTz:
    """Without a zone in the text, that of the session today; raises 22007, 22008, 22009."""
    microseconds, offset = _parse(text, settings, "time with time zone", with_zone=True)
    return TimeTz(microseconds, -offset)


def _out_of_range(message: str, code: str = sqlstate.DATETIME_VALUE_OUT_OF_RANGE) -> DatacaveError:
    return DatacaveError(message, sqlstate=code)


def apply_time_typmod(value: int, typmod: int, explicit: bool) -> int:
    """Rounds to the precision."""
    return round_microseconds(value, typmod)


def apply_time_tz_typmod(value: TimeTz, typmod: int, explicit: bool) -> TimeTz:
    """Rounds to the precision."""
    return TimeTz(round_microseconds(value.microseconds, typmod), value.zone_seconds)


def time_tz_key(value: TimeTz) -> tuple[int, int]:
    """The moment in UTC counts first, then the zone."""
    return value.microseconds + value.zone_seconds * 1000000, value.zone_seconds


def _input_time(text: str, typmod: int, settings: FormatSettings) -> int:
    return round_microseconds(parse_time(text, settings), typmod)


def _output_time(value: int, settings: FormatSettings) -> str:
    return format_clock(value)


def _receive_time(data: bytes) -> int:
    if len(data) != 8:
        raise bad_length(data, 8)
    (value,) = _TIME.unpack(data)
    if not 0 <= value <= MICROSECONDS_PER_DAY:
        raise _out_of_range("time out of range")
    return int(value)


def _input_time_tz(text: str, typmod: int, settings: FormatSettings) -> TimeTz:
    return apply_time_tz_typmod(parse_time_tz(text, settings), typmod, False)


def _output_time_tz(value: TimeTz, settings: FormatSettings) -> str:
    return format_clock(value.microseconds) + format_offset(-value.zone_seconds)


def _receive_time_tz(data: bytes) -> TimeTz:
    if len(data) != 12:
        raise bad_length(data, 12)
    microseconds, zone = _TIME_TZ.unpack(data)
    if not 0 <= microseconds <= MICROSECONDS_PER_DAY:
        raise _out_of_range("time out of range")
    if not -_ZONE_LIMIT < zone < _ZONE_LIMIT:
        raise _out_of_range("time zone displacement out of range", sqlstate.INVALID_TIME_ZONE_DISPLACEMENT_VALUE)
    return TimeTz(microseconds, zone)


def _send_time_tz(value: TimeTz) -> bytes:
    return _TIME_TZ.pack(*value)


TIME_IO: Final = TypeIO(_input_time, _output_time, _receive_time, _TIME.pack, apply_typmod=apply_time_typmod)
TIME_TZ_IO: Final = TypeIO(
    _input_time_tz,
    _output_time_tz,
    _receive_time_tz,
    _send_time_tz,
    apply_typmod=apply_time_tz_typmod,
    comparison_key=time_tz_key,
)

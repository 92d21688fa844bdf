"""Clock readings in texts: `10:11`, `10:11:12.5`, `11:12.5`, shared by times, timestamps and intervals."""

from __future__ import annotations

from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.types.datetime_fields import (
    INT32_MAX,
    bad_format,
    field_overflow,
    fraction_microseconds,
    leading_int,
)


def parse_clock(text: str, *, minute_second: bool = False) -> tuple[int, int, int, int]:
    """`h:m`, `h:m:s.f` or `m:s.f`: hour, minute, second, microsecond; the caller checks the hour.

    With `minute_second`, two numbers without a fraction are minutes and seconds as well.
    """
    digits, _, rest = text.partition(":")
    if not digits.isdigit():
        raise bad_format()
    if len(digits.lstrip("0")) > 19 or int(digits) > 2**63 - 1:
        raise field_overflow()
    hour = int(digits)
    minute, rest = leading_int(rest)
    second = microsecond = 0
    if not rest:
        if minute_second:
            hour, minute, second = _shifted(hour, minute)
    elif rest.startswith("."):
        microsecond = fraction_microseconds(rest)
        hour, minute, second = _shifted(hour, minute)
    else:
        second, rest = leading_int(rest[1:])
        if rest.startswith("."):
            microsecond = fraction_microseconds(rest)
        elif rest:
            raise bad_format()
    if minute > 59 or second > 60:
        raise field_overflow()
    return hour, minute, second, microsecond


def _shifted(hour: int, minute: int) -> tuple[int, int, int]:
    if hour > INT32_MAX:
        raise field_overflow()
    return 0, hour, minute


def time_overflows(hour: int, minute: int, second: int, microsecond: int) -> bool:
    """Whether a clock reading lies beyond 24:00:00; a second of 60 is allowed."""
    if hour > 24 or minute > 59 or second > 60:
        return True
    return ((hour * 60 + minute) * 60 + second) * 1000000 + microsecond > MICROSECONDS_PER_DAY

"""FormatSettings: the session parameters that decide how values are read and printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


def no_current_time() -> int:
    """The default clock of settings: reading `now` where there is no transaction is a defect."""
    raise DatacaveError("no current time is known here", sqlstate=sqlstate.INTERNAL_ERROR)


@dataclass(frozen=True, slots=True)
class FormatSettings:
    """Hashable, so that encoders can be cached by it; sessions make a new one when a parameter changes.

    `transaction_time` gives the start of the running transaction in microseconds since 2000-01-01 00:00 UTC, for
    inputs such as 'now' and 'today'; it takes no part in equality.
    """

    date_style: str = "ISO"  # ISO, SQL, Postgres, German
    date_order: str = "MDY"  # MDY, DMY, YMD
    interval_style: str = "postgres"  # postgres, postgres_verbose, sql_standard, iso_8601
    time_zone: str = "UTC"  # a zone name, an abbreviation, or a POSIX specification
    extra_float_digits: int = 1
    bytea_output: str = "hex"  # hex, escape
    transaction_time: Callable[[], int] = field(default=no_current_time, compare=False)


DEFAULT_SETTINGS = FormatSettings()
"""A new session's settings, in UTC."""

"""Moments: what AS OF SYSTEM TIME asks for, in microseconds since 1970, as the store counts its commits.

The versions of a moment that is read are kept until the transaction ends. A moment after the newest durable commit
counts every commit up to it: its rows are shown once those are durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_core.values import Interval

EPOCH_MICROSECONDS = 946_684_800_000_000
"""2000-01-01, where SQL's timestamps begin, in microseconds since 1970."""

_MICROSECONDS_PER_DAY = 86_400_000_000


def interval_microseconds(value: Interval) -> int:
    """The length of an interval that has one. Raises 22023 for months, whose length nobody knows."""
    if value.months:
        raise DatacaveError(
            "AS OF SYSTEM TIME takes intervals of days and shorter", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    return value.days * _MICROSECONDS_PER_DAY + value.microseconds


def _from_timestamp(context: Any, value: int | None) -> int:
    return int(_given(value)) + EPOCH_MICROSECONDS


def _from_interval(context: Any, value: Interval | None) -> int:
    start: int = context.statement_timestamp
    return start + EPOCH_MICROSECONDS + interval_microseconds(_given(value))


def _from_commit_timestamp(context: Any, value: int | None) -> int:
    return int(_given(value))


MOMENT_READERS: dict[int, Callable[[Any, Any], int]] = {
    oids.TIMESTAMPTZ: _from_timestamp,
    oids.INTERVAL: _from_interval,
    oids.INT8: _from_commit_timestamp,
}
"""By type: (context, value) to the moment. They raise 22004 for NULL."""


def _given(value: Any) -> Any:
    if value is None:
        raise DatacaveError("AS OF SYSTEM TIME must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    return value


def read_at(context: Any, moment: int, since: int, until: int | None) -> int:
    """A moment that the plan's definitions hold for. Raises 22023 for the future, 72000 for what is no longer kept."""
    if moment < since or (until is not None and moment >= until):
        raise FeatureNotSupported(
            "the definitions of that time differ from those that the statement was prepared for",
            hint="Write the time as a literal, or prepare the statement again.",
        )
    context.transaction.read_past(moment)
    return moment

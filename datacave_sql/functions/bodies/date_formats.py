"""to_char for dates and times, to_date and to_timestamp."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import DATE_END, DATE_MIN, MICROSECONDS_PER_DAY
from datacave_core.values import Interval
from datacave_sql.functions.bodies.datetimes import check_timestamp, is_infinite
from datacave_sql.functions.bodies.zoned import from_local, zone_of
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.formatting.date_input import read_moment
from datacave_sql.functions.formatting.date_output import format_moment, moment_of_interval, moment_of_timestamp

BODIES = Bodies()


@BODIES("timestamp_to_char")
def timestamp_text(local: int, template: str) -> str | None:
    """to_char of a timestamp; NULL for infinities."""
    if not template or is_infinite(local):
        return None
    return format_moment(moment_of_timestamp(local), template)


@BODIES.with_context("timestamptz_to_char")
def moment_text(context: EvaluationContext, moment: int, template: str) -> str | None:
    """to_char in the session's zone."""
    if not template or is_infinite(moment):
        return None
    kind = zone_of(context).at(moment // 1_000_000)
    local = moment + kind.offset * 1_000_000
    return format_moment(moment_of_timestamp(local, kind.offset, kind.abbreviation), template)


@BODIES("interval_to_char")
def interval_text(span: Interval, template: str) -> str | None:
    """to_char of an interval."""
    return format_moment(moment_of_interval(span), template) if template else None


@BODIES("to_date")
def read_date(text: str, template: str) -> int:
    """A date read by a template."""
    days, _, _ = read_moment(text, template)
    if not DATE_MIN <= days < DATE_END:
        raise DatacaveError(f'date out of range: "{text}"', sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)
    return days


@BODIES.with_context("to_timestamp")
def read_timestamp(context: EvaluationContext, text: str, template: str) -> int:
    """A moment read by a template, in the session's zone unless the text has an offset."""
    days, time, offset = read_moment(text, template)
    local = days * MICROSECONDS_PER_DAY + time
    return from_local(local, zone_of(context)) if offset is None else check_timestamp(local - offset * 1_000_000)

"""interval: arithmetic, scaling, justification, construction; sum and avg.

Fields overflow with 22008 "interval out of range". Fractions of months and days run down into smaller fields as
doubles, in PostgreSQL's order of operations.
"""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE
from datacave_core.types.interval import apply_interval_typmod
from datacave_core.values import Interval
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.ordered_set import continuous, percentile
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import division_by_zero

BODIES = Bodies()
AGGREGATES = Aggregates()

ZERO = Interval(0, 0, 0)
_INT32 = 2**31
_INT64 = 2**63


def out_of_range(what: str = "interval") -> DatacaveError:
    """22008."""
    return DatacaveError(f"{what} out of range", sqlstate=sqlstate.DATETIME_VALUE_OUT_OF_RANGE)


def interval(months: int, days: int, microseconds: int) -> Interval:
    """An interval whose fields are checked."""
    if -_INT32 <= months < _INT32 and -_INT32 <= days < _INT32 and -_INT64 <= microseconds < _INT64:
        return Interval(months, days, microseconds)
    raise out_of_range()


@BODIES("interval_pl")
def add(a: Interval, b: Interval) -> Interval:
    """a + b, field by field."""
    return interval(a.months + b.months, a.days + b.days, a.microseconds + b.microseconds)


@BODIES("interval_mi")
def subtract(a: Interval, b: Interval) -> Interval:
    """a - b, field by field."""
    return interval(a.months - b.months, a.days - b.days, a.microseconds - b.microseconds)


@BODIES("interval_um")
def negate(a: Interval) -> Interval:
    """-a."""
    return interval(-a.months, -a.days, -a.microseconds)


def _whole(value: float, limit: int) -> int:
    if value != value or not -limit <= value < limit:
        raise out_of_range()
    return int(value)


def _rounded(value: float) -> float:
    """Rounded to microseconds, which hides the noise of double arithmetic."""
    return round(value * 1e6) / 1e6 if abs(value) < 1e15 else value


def _scaled(span: Interval, months: float, days: float, microseconds: float) -> Interval:
    whole_months, whole_days = _whole(months, _INT32), _whole(days, _INT32)
    rest_days = _rounded((months - whole_months) * 30)
    seconds = _rounded((days - whole_days + rest_days - int(rest_days)) * 86400)
    if abs(seconds) >= 86400:
        whole_days += int(seconds / 86400)
        seconds -= int(seconds / 86400) * 86400
    whole_days += int(rest_days)
    total = microseconds + seconds * 1e6
    if total != total or abs(total) >= 9.3e18:
        raise out_of_range()
    return interval(whole_months, whole_days, round(total))


@BODIES("interval_mul")
def multiply(span: Interval, factor: float) -> Interval:
    """span * factor."""
    return _scaled(span, span.months * factor, span.days * factor, span.microseconds * factor)


BODIES.add("mul_d_interval", lambda factor, span: multiply(span, factor))


@BODIES("interval_div")
def divide(span: Interval, divisor: float) -> Interval:
    """span / divisor."""
    if divisor == 0.0:
        raise division_by_zero()
    return _scaled(span, span.months / divisor, span.days / divisor, span.microseconds / divisor)


def _split(value: int, unit: int) -> tuple[int, int]:
    """Quotient and remainder toward zero."""
    whole = abs(value) // unit
    whole = whole if value >= 0 else -whole
    return whole, value - whole * unit


@BODIES("interval_justify_hours")
def justify_hours(span: Interval) -> Interval:
    """Whole days out of the time; day and time get one sign."""
    days, microseconds = _split(span.microseconds, MICROSECONDS_PER_DAY)
    days += span.days
    if days > 0 and microseconds < 0:
        days, microseconds = days - 1, microseconds + MICROSECONDS_PER_DAY
    elif days < 0 and microseconds > 0:
        days, microseconds = days + 1, microseconds - MICROSECONDS_PER_DAY
    return interval(span.months, days, microseconds)


@BODIES("interval_justify_days")
def justify_days(span: Interval) -> Interval:
    """Whole months out of the days; month and day get one sign."""
    months, days = _split(span.days, 30)
    months += span.months
    if months > 0 and days < 0:
        months, days = months - 1, days + 30
    elif months < 0 and days > 0:
        months, days = months + 1, days - 30
    return interval(months, days, span.microseconds)


@BODIES("interval_justify_interval")
def justify(span: Interval) -> Interval:
    """Both, and all fields get one sign."""
    months, days, microseconds = span
    more, microseconds = _split(microseconds, MICROSECONDS_PER_DAY)
    whole, days = _split(days + more, 30)
    months += whole
    if months > 0 and (days < 0 or (days == 0 and microseconds < 0)):
        days, months = days + 30, months - 1
    elif months < 0 and (days > 0 or (days == 0 and microseconds > 0)):
        days, months = days - 30, months + 1
    if days > 0 and microseconds < 0:
        microseconds, days = microseconds + MICROSECONDS_PER_DAY, days - 1
    elif days < 0 and microseconds > 0:
        microseconds, days = microseconds - MICROSECONDS_PER_DAY, days + 1
    return interval(months, days, microseconds)


BODIES.add("interval_finite", lambda span: True)
BODIES.add("interval_scale", lambda span, typmod: apply_interval_typmod(span, typmod, True))
BODIES.add("time_interval", lambda time: Interval(0, 0, time))


@BODIES("make_interval")
def make(years: int, months: int, weeks: int, days: int, hours: int, minutes: int, seconds: float) -> Interval:
    """An interval from its fields."""
    if seconds - seconds != 0:
        raise out_of_range()
    microseconds = round(seconds * 1e6) + hours * MICROSECONDS_PER_HOUR + minutes * MICROSECONDS_PER_MINUTE
    return interval(years * 12 + months, weeks * 7 + days, microseconds)


def _plus(state: list[int], span: Interval) -> list[int]:
    state[0] += 1
    state[1] += span.months
    state[2] += span.days
    state[3] += span.microseconds
    return state


def _minus(state: list[int], span: Interval) -> list[int]:
    state[0] -= 1
    state[1] -= span.months
    state[2] -= span.days
    state[3] -= span.microseconds
    return state


def _total(state: list[int]) -> Interval | None:
    return interval(state[1], state[2], state[3]) if state[0] else None


def _average(state: list[int]) -> Interval | None:
    return divide(interval(state[1], state[2], state[3]), float(state[0])) if state[0] else None


def _combine(a: list[int], b: list[int]) -> list[int]:
    return [x + y for x, y in zip(a, b, strict=True)]


for _name, _final in (("sum(1186)", _total), ("avg(1186)", _average)):
    AGGREGATES.add(
        (_name,),
        AggregateBody(initial=lambda: [0] * 4, step=_plus, final=_final, combine=_combine, inverse=_minus),
    )
AGGREGATES.add(
    ("percentile_cont(701 1186)", "percentile_cont(1022 1186)"),
    percentile(continuous(lambda low, high, share: add(low, multiply(subtract(high, low), share)))),
)

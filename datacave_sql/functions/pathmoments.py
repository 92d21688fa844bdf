"""Comparing dates and times inside jsonpath: like with like, or over a time zone where the caller allows one."""

from __future__ import annotations

from datacave_core.errors import FeatureNotSupported
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.types.zones import Zone
from datacave_sql.functions.formatting.standard_input import PathMoment

_TIMES = ("time", "timetz")


def compare_moments(a: PathMoment, b: PathMoment, zone: Zone | None) -> int | None:
    """-1, 0 or 1; None for a time of day against a date. Raises 0A000 where a zone is needed and there is none."""
    if (a.kind in _TIMES) != (b.kind in _TIMES):
        return None
    zoned = a.kind.endswith("tz") or b.kind.endswith("tz")
    if zoned and a.kind != b.kind and zone is None:
        plain, other = (b, a) if a.kind.endswith("tz") else (a, b)
        raise FeatureNotSupported(
            f"cannot convert value from {plain.kind} to {other.kind} without time zone usage",
            hint="Use *_tz() function for time zone support.",
        )
    x, y = _place(a, zone, zoned), _place(b, zone, zoned)
    return (x > y) - (x < y)


def _place(moment: PathMoment, zone: Zone | None, zoned: bool) -> tuple[int, int]:
    """Where a moment stands; two equal times of day in different zones differ by the zone."""
    value = moment.value * MICROSECONDS_PER_DAY if moment.kind == "date" else moment.value
    if not zoned:
        return value, 0
    offset = moment.offset
    if not moment.kind.endswith("tz"):
        assert zone is not None
        offset = zone.of_local(value // 1_000_000).offset
    place = value - offset * 1_000_000
    return place, -offset if moment.kind in _TIMES else 0

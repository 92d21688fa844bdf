"""Time zones over PostgreSQL's whole range: from the system's zone files (RFC 8536), or from POSIX specifications.

Seconds count from 2000-01-01 00:00 UTC, offsets east of UTC. Beyond its table a zone repeats its last 400 years,
which is exact for rules that name weekdays. Not here: abbreviations such as PST (zone_names.py).
"""

from __future__ import annotations

import re
import struct
import zoneinfo
from bisect import bisect_right
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from datacave_core.types.calendar import UNIX_EPOCH_SECONDS, civil_of
from datacave_core.types.posix_zone import PosixZone, parse_posix_zone

CYCLE_YEARS: Final = 400
CYCLE_SECONDS: Final = 146097 * 86400
_NAME_LENGTH_MAX: Final = 255
_NAME: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")


class LocalTimeType(NamedTuple):
    """One stretch of a zone's clock."""

    offset: int
    is_dst: bool
    abbreviation: str


class Zone:
    """A zone's changes in order, and what its clock shows after each."""

    __slots__ = ("_after", "_before", "_changes", "_cyclic_after", "_cyclic_before", "name", "types")

    def __init__(
        self,
        name: str,
        before: LocalTimeType,
        changes: list[int],
        after: list[LocalTimeType],
        types: tuple[LocalTimeType, ...],
        *,
        cyclic_before: bool = False,
        cyclic_after: bool = False,
    ) -> None:
        self.name = name
        self.types = types
        self._before = before
        self._changes = changes
        self._after = after
        self._cyclic_before = cyclic_before
        self._cyclic_after = cyclic_after

    def at(self, seconds: int) -> LocalTimeType:
        """What the clock shows at a moment."""
        changes = self._changes
        if not changes:
            return self._before
        if seconds < changes[0]:
            if not self._cyclic_before:
                return self._before
            seconds += -((seconds - changes[0]) // CYCLE_SECONDS) * CYCLE_SECONDS
        elif self._cyclic_after and seconds > changes[-1]:
            seconds -= ((seconds - changes[-1] - 1) // CYCLE_SECONDS + 1) * CYCLE_SECONDS
        return self._after[bisect_right(changes, seconds) - 1]

    def of_local(self, local_seconds: int) -> LocalTimeType:
        """What the clock showed when it showed a local time.

        Of two candidates at a change, the one before it counts when the clock jumps forward, the one after it when it
        falls back.
        """
        before = self.at(local_seconds - 86400)
        boundary = self._next_change(local_seconds - 86400)
        if boundary is None:
            return before
        after = self.at(boundary)
        before_time = local_seconds - before.offset
        after_time = local_seconds - after.offset
        if before_time < boundary and after_time < boundary:
            return before
        if before_time > boundary and after_time >= boundary:
            return after
        return before if before_time > after_time else after

    def _next_change(self, seconds: int) -> int | None:
        """The first change after a moment, or None."""
        changes = self._changes
        if not changes:
            return None
        shift = 0
        if seconds < changes[0]:
            if not self._cyclic_before:
                return changes[0]
            shift = -((seconds - changes[0]) // CYCLE_SECONDS) * CYCLE_SECONDS
        elif seconds >= changes[-1]:
            if not self._cyclic_after:
                return None
            shift = -((seconds - changes[-1]) // CYCLE_SECONDS + 1) * CYCLE_SECONDS
        at = bisect_right(changes, seconds + shift)
        return None if at == len(changes) else changes[at] - shift

    @property
    def fixed_offset(self) -> int | None:
        """The offset of a zone that never had another one, or None."""
        offsets = {kind.offset for kind in self.types}
        return offsets.pop() if len(offsets) == 1 else None

    def meaning(self, abbreviation: str, seconds: int) -> LocalTimeType | None:
        """What an abbreviation of this zone meant last before a moment, or first after it."""
        at = bisect_right(self._changes, seconds)
        for kind in reversed(self._after[:at]):
            if kind.abbreviation == abbreviation:
                return kind
        for kind in self._after[at:]:
            if kind.abbreviation == abbreviation:
                return kind
        return None


def _posix(name: str, rule: PosixZone) -> Zone:
    standard = LocalTimeType(rule.standard_offset, False, rule.standard_name)
    if rule.start is None:
        return Zone(name, standard, [], [], (standard,))
    daylight = LocalTimeType(rule.daylight_offset, True, rule.daylight_name)
    changes: list[int] = []
    after: list[LocalTimeType] = []
    for year in range(1770, 1770 + CYCLE_YEARS + 1):
        for seconds, begins in rule.changes(year):
            changes.append(seconds)
            after.append(daylight if begins else standard)
    return Zone(name, standard, changes, after, (standard, daylight), cyclic_before=True, cyclic_after=True)


def _from_file(name: str, data: bytes) -> Zone:
    """Reads the 64-bit part of a zone file and continues its table by the rule in its last line."""
    version, counts = _header(data, 0)
    at = 44
    size = 4
    if version >= b"2":
        at += _body_length(counts, 4)
        _, counts = _header(data, at)
        at += 44
        size = 8
    _, _, _, time_count, type_count, character_count = counts
    times = struct.unpack_from(f">{time_count}{'q' if size == 8 else 'l'}", data, at)
    at += time_count * size
    indexes = data[at : at + time_count]
    at += time_count
    names = data[at + 6 * type_count : at + 6 * type_count + character_count]
    types = []
    for number in range(type_count):
        offset, is_dst, start = struct.unpack_from(">lBB", data, at + 6 * number)
        types.append(LocalTimeType(offset, bool(is_dst), names[start : names.index(b"\0", start)].decode("ascii")))
    changes = [moment + UNIX_EPOCH_SECONDS for moment in times]
    after = [types[index] for index in indexes]
    before = next((kind for kind in types if not kind.is_dst), types[0])
    footer = data[data.rindex(b"\n", 0, -1) + 1 : -1].decode("ascii") if size == 8 else ""
    rule = parse_posix_zone(footer) if footer else None
    cyclic = rule is not None and rule.start is not None
    if rule is not None and cyclic:
        standard = LocalTimeType(rule.standard_offset, False, rule.standard_name)
        daylight = LocalTimeType(rule.daylight_offset, True, rule.daylight_name)
        last = changes[-1] if changes else 0
        first_year = civil_of(last // 86400)[0]
        for year in range(first_year, first_year + CYCLE_YEARS + 2):
            for seconds, begins in rule.changes(year):
                if seconds > last:
                    changes.append(seconds)
                    after.append(daylight if begins else standard)
    elif rule is not None and not changes:
        before = LocalTimeType(rule.standard_offset, False, rule.standard_name)
    return Zone(name, before, changes, after, tuple(types), cyclic_after=cyclic)


def _header(data: bytes, at: int) -> tuple[bytes, tuple[int, ...]]:
    if data[at : at + 4] != b"TZif":
        raise ValueError("not a time zone file")
    return data[at + 4 : at + 5], struct.unpack_from(">6l", data, at + 20)


def _body_length(counts: tuple[int, ...], size: int) -> int:
    ut_count, standard_count, leap_count, time_count, type_count, character_count = counts
    return (
        time_count * size
        + time_count
        + type_count * 6
        + character_count
        + leap_count * (size + 4)
        + standard_count
        + ut_count
    )


@lru_cache(maxsize=1)
def zone_names() -> dict[str, str]:
    """The canonical spelling of every zone of the system, by its lower-case spelling."""
    return {name.lower(): name for name in zoneinfo.available_timezones()}


def _load(name: str) -> bytes | None:
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / name
        if path.is_file():
            data = path.read_bytes()
            if data.startswith(b"TZif"):
                return data
    try:
        package = resources.files("tzdata.zoneinfo")
    except ModuleNotFoundError:
        return None
    entry = package.joinpath(name)
    return entry.read_bytes() if entry.is_file() else None


@lru_cache(maxsize=1024)
def find_zone(name: str) -> Zone | None:
    """The zone with this name, in any case, or the one a POSIX specification describes; None when it is neither."""
    if not name or len(name) > _NAME_LENGTH_MAX:
        return None
    upper = name.upper()
    if upper == "GMT":
        kind = LocalTimeType(0, False, "GMT")
        return Zone("GMT", kind, [], [], (kind,))
    if _NAME.fullmatch(name) is not None:
        data = _load(name)
        if data is not None:
            return _from_file(name, data)
        known = zone_names().get(name.lower())
        data = None if known is None else _load(known)
        if known is not None and data is not None:
            return _from_file(known, data)
    rule = parse_posix_zone(upper)
    return None if rule is None else _posix(upper, rule)


UTC: Final = Zone("UTC", LocalTimeType(0, False, "UTC"), [], [], (LocalTimeType(0, False, "UTC"),))

"""What people write for a zone: names, abbreviations such as PST, offsets; and the zone a session lives in."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.zones import LocalTimeType, Zone, find_zone


class Abbreviation(NamedTuple):
    """A fixed offset in seconds east of UTC, or the name of the zone that knows what the word meant at which time."""

    offset: int
    is_dst: bool
    zone_name: str | None


def _read() -> dict[str, Abbreviation]:
    found = {}
    for line in files(__package__).joinpath("timezone_abbreviations.tsv").read_text(encoding="ascii").splitlines()[1:]:
        word, meaning, is_dst = line.split("\t")
        number = meaning.lstrip("-").isdigit()
        found[word.lower()] = Abbreviation(int(meaning) if number else 0, is_dst == "t", None if number else meaning)
    return found


ABBREVIATIONS: Final = _read()
"""The Default set of PostgreSQL's time zone abbreviations, by lower-case word."""


def fixed_zone(offset: int, abbreviation: str) -> Zone:
    """A zone whose clock never changes; offset in seconds east of UTC."""
    kind = LocalTimeType(offset, False, abbreviation)
    return Zone(abbreviation, kind, [], [], (kind,))


@lru_cache(maxsize=256)
def session_zone(name: str) -> Zone:
    """The zone of a TimeZone parameter; raises 22023 for one that does not exist."""
    found = find_zone(name)
    if found is None:
        raise DatacaveError(
            f'invalid value for parameter "TimeZone": "{name}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    return found


def named_zone(name: str) -> Zone:
    """A zone named inside a value or by AT TIME ZONE; raises 22023 `time zone "..." not recognized`."""
    found = find_zone(name)
    if found is None:
        raise DatacaveError(f'time zone "{name}" not recognized', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return found

"""List facts: what the values of a list have in common, found in one pass without an object per value."""

from __future__ import annotations

from collections.abc import Sized
from operator import lt
from typing import Any

from datacave_core.compiled import compiled
from datacave_core.values import Row


def plain_types_of(values: list[Any]) -> set[type]:
    """The types of the values."""
    return set(map(type, values))


def plain_lengths_of(values: list[Any]) -> set[int]:
    """The lengths of the values; raises TypeError for one that has none."""
    return set(map(len, values))


def plain_total_length(values: list[Any]) -> int:
    """The sum of the lengths of the values that are not None."""
    present: list[Sized] = [value for value in values if value is not None]
    return sum(map(len, present))


def plain_ascends(keys: list[bytes]) -> bool:
    """Whether every key is greater than the one before."""
    return all(map(lt, keys, keys[1:]))


def plain_column_of(rows: list[Row], number: int) -> list[Any]:
    """One value of each row; raises IndexError for a row that is too short."""
    return [row[number] for row in rows]


def plain_extremes(values: list[Any]) -> tuple[Any, Any]:
    """The least and the greatest of at least one value."""
    return min(values), max(values)


types_of = compiled("datacave_lsm.format._listfacts", "types_of", plain_types_of, 1)
lengths_of = compiled("datacave_lsm.format._listfacts", "lengths_of", plain_lengths_of, 1)
total_length = compiled("datacave_lsm.format._listfacts", "total_length", plain_total_length, 1)
ascends = compiled("datacave_lsm.format._listfacts", "ascends", plain_ascends, 1)
column_of = compiled("datacave_lsm.format._listfacts", "column_of", plain_column_of, 1)
extremes = compiled("datacave_lsm.format._listfacts", "extremes", plain_extremes, 1)

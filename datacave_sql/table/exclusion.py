"""ExclusionAccess: the entries of an exclusion constraint, in an order that finds the rows a new one may conflict with.

An entry's key has the values that must be equal to conflict, then, where one range must overlap, its lower bound: the
ranges of rows that are equal in the rest never overlap each other, so that the nearest ones before and within the new
range are all that has to be looked at. Rows with a NULL, and empty ranges that would have to overlap, have no entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datacave_core.catalog import Index
from datacave_core.keycode import Bound, KeyColumn, KeyKind
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.types import oids
from datacave_core.values import Row
from datacave_sql.table.index_access import IndexAccess

RANGE_BOUNDS = {
    oids.INT4RANGE: oids.INT4, oids.INT8RANGE: oids.INT8, oids.NUMRANGE: oids.NUMERIC,
    oids.DATERANGE: oids.DATE, oids.TSRANGE: oids.TIMESTAMP, oids.TSTZRANGE: oids.TIMESTAMPTZ,
}  # fmt: skip
"""Types of the bounds of range types."""


@dataclass(frozen=True, slots=True)
class ExclusionKeys:
    """Places of the keys that are part of entries: those compared by =, and a range that must overlap."""

    equal: tuple[int, ...]
    overlapping: int | None
    columns: tuple[KeyColumn, ...]


def exclusion_keys(index: Index, types: tuple[int, ...], kind_of: Callable[[int], KeyKind | None]) -> ExclusionKeys:
    """How the entries of a constraint lie, given the base types of its keys."""
    equal = []
    columns = []
    for place, (operator, type_oid) in enumerate(zip(index.exclusion, types, strict=True)):
        kind = kind_of(type_oid)
        if operator == "=" and kind is not None:
            equal.append(place)
            columns.append(KeyColumn(kind, False, False, False))
    rest = [place for place in range(len(types)) if place not in equal]
    overlapping = None
    if len(rest) == 1 and index.exclusion[rest[0]] == "&&" and not index.deferrable:
        kind = kind_of(RANGE_BOUNDS.get(types[rest[0]], 0))
        if kind is not None:
            overlapping = rest[0]
            columns.append(KeyColumn(kind, False, True, True))
    return ExclusionKeys(tuple(equal), overlapping, tuple(columns))


@dataclass
class ExclusionAccess(IndexAccess):
    """The index of an exclusion constraint."""

    keys: ExclusionKeys = ExclusionKeys((), None, ())

    @property
    def is_plain(self) -> bool:
        return False

    def _sorted_values(self, row: Row) -> tuple[Any, ...] | None:
        """The values an entry's key is made of; None for a row that conflicts with nothing."""
        if not self.covers(row):
            return None
        values = self.values(row)
        if None in values:
            return None
        found = tuple([values[place] for place in self.keys.equal])
        if self.keys.overlapping is None:
            return found
        one = values[self.keys.overlapping]
        return None if one.is_empty else (*found, one.lower)

    def entry_key(self, row: Row, row_key: bytes) -> bytes | None:
        values = self._sorted_values(row)
        return None if values is None else self.codec.encode(values) + row_key[PREFIX_LENGTH:]

    def lock_key(self, row: Row) -> bytes | None:
        """What writers of rows that may conflict lock."""
        values = self._sorted_values(row)
        return None if values is None else self.codec.encode_prefix(values[: len(self.keys.equal)])

    def candidates(self, row: Row) -> tuple[bytes, bytes | None]:
        """The range of entries that may conflict with a row that has an entry."""
        values = self.values(row)
        equal = [values[place] for place in self.keys.equal]
        if self.keys.overlapping is None:
            return self.codec.key_range(equal)
        upper = values[self.keys.overlapping].upper
        low, high = self.codec.key_range(equal)
        if upper is not None:
            high = self.codec.key_range(equal, None, Bound(upper, True))[1]
        return low, high

    def is_before(self, other: Row, row: Row) -> bool:
        """Whether another row's range begins before this one's, so that no earlier one can reach it."""
        if self.keys.overlapping is None:
            return False
        a, b = (self.values(one)[self.keys.overlapping].lower for one in (other, row))
        return a is None or (b is not None and a < b)

    def conflicts(self, a: Row, b: Row) -> bool:
        """Whether two rows may not both be there."""
        assert self.rule is not None and self.rule.conflicts is not None
        return self.rule.conflicts(self.values(a), self.values(b))

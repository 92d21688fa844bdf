"""ExclusionAccess: the entries of an exclusion constraint, in an order that finds the rows a new one may conflict with.

An entry's key has the values that must be equal to conflict, then, where one range must overlap, its lower bound: the
ranges of rows that are equal in the rest never overlap each other, so that the nearest ones before and within the new
range are all that has to be looked at. Of a box, polygon or circle that must overlap it has the cell of the plane. Rows
with a NULL, and empty ranges that would have to overlap, have no entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.catalog import Index
from datacave_core.keycode import Bound, KeyColumn, KeyKind
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.values import Row
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.index_access import IndexAccess
from datacave_sql.table.key_columns import keeps_order, key_column
from datacave_sql.table.shape_ranges import is_shape, shape_column, shape_searches

_PLAINLY_ORDERED = frozenset({KeyKind.INT, KeyKind.FLOAT, KeyKind.NUMERIC, KeyKind.TEXT})
"""Kinds of bounds whose values compare in Python as they do in SQL."""


@dataclass(frozen=True, slots=True)
class ExclusionKeys:
    """Places of the keys that are part of entries: those compared by =, and a range that must overlap."""

    equal: tuple[int, ...]
    overlapping: int | None
    columns: tuple[KeyColumn, ...]
    is_shape: bool = False


def exclusion_keys(index: Index, key_types: Sequence[int], types: TypeLookup) -> ExclusionKeys:
    """How the entries of a constraint lie, given the types of its keys."""
    equal = []
    columns = []
    for place, (operator, type_oid) in enumerate(zip(index.exclusion, key_types, strict=True)):
        column = key_column(types, type_oid)
        if operator == "=" and column is not None:
            equal.append(place)
            columns.append(column)
    rest = [place for place in range(len(key_types)) if place not in equal]
    overlapping = None
    shape = False
    if len(rest) == 1 and index.exclusion[rest[0]] == "&&" and not index.deferrable:
        base = types.base(key_types[rest[0]])
        spanned = types.range_type(base)
        column = None
        if spanned is not None and spanned.range_oid == base and keeps_order(types, spanned.subtype_oid):
            column = key_column(types, spanned.subtype_oid, nulls_first=True, nullable=True)
        elif is_shape(types, base):
            column, shape = shape_column(types, base, nullable=False), True
        if column is not None and (shape or column.kind in _PLAINLY_ORDERED):
            overlapping = rest[0]
            columns.append(column)
    return ExclusionKeys(tuple(equal), overlapping, tuple(columns), shape)


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
        if self.keys.is_shape:
            return (*found, one)
        return None if one.is_empty else (*found, one.lower)

    def entry_key(self, row: Row, row_key: bytes) -> bytes | None:
        values = self._sorted_values(row)
        return None if values is None else self.codec.encode(values) + row_key[PREFIX_LENGTH:]

    def lock_key(self, row: Row) -> bytes | None:
        """What writers of rows that may conflict lock."""
        values = self._sorted_values(row)
        return None if values is None else self.codec.encode_prefix(values[: len(self.keys.equal)])

    def candidates(self, row: Row) -> list[tuple[bytes, bytes | None]]:
        """The ranges of entries that may conflict with a row that has an entry, in key order."""
        values = self.values(row)
        equal = [values[place] for place in self.keys.equal]
        if self.keys.overlapping is None:
            return [self.codec.key_range(equal)]
        wanted = values[self.keys.overlapping]
        if self.keys.is_shape:
            return shape_searches(self.codec.encode_prefix(equal), points=False)["&&"](wanted)
        low, high = self.codec.key_range(equal)
        if wanted.upper is not None:
            high = self.codec.key_range(equal, None, Bound(wanted.upper, True))[1]
        return [(low, high)]

    def is_before(self, other: Row, row: Row) -> bool:
        """Whether another row's range begins before this one's, so that no earlier one can reach it."""
        if self.keys.overlapping is None or self.keys.is_shape:
            return False
        a, b = (self.values(one)[self.keys.overlapping].lower for one in (other, row))
        return a is None or (b is not None and a < b)

    def conflicts(self, a: Row, b: Row) -> bool:
        """Whether two rows may not both be there."""
        assert self.rule is not None and self.rule.conflicts is not None
        return self.rule.conflicts(self.values(a), self.values(b))

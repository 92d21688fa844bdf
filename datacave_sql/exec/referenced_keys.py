"""ReferencedKeys: where the keys lie that a foreign key refers to: in one table, or in the partitions of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from datacave_core.catalog import Constraint, Table
from datacave_core.errors import FeatureNotSupported
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.table.access import IndexAccess
from datacave_sql.table.key_conversion import assigned_conversion, key_conversion

Key = tuple[Any, ...]
Place = tuple[IndexAccess, bytes]
"""An index of the table that has the key, and the key of its entry there."""


class ReferencedKeys:
    """The other side of one foreign key, for the rows of one referring table."""

    __slots__ = ("_back", "_context", "_convert", "_find", "constraint", "table")

    def __init__(self, context: ExecutionContext, referring: Table, constraint: Constraint) -> None:
        self._context = context
        self.constraint = constraint
        self.table: Table = context.session.catalog_snapshot.tables[constraint.referenced_table_oid]
        base = context.session.catalog_state.types.base
        pairs = [
            (base(referring.column(here).type_oid), base(self.table.column(there).type_oid))
            for here, there in zip(constraint.columns, constraint.referenced_columns, strict=True)
        ]
        self._convert = self._back = None
        if any(here != there for here, there in pairs):
            if any(key_conversion(here, there) is None for here, there in pairs):
                raise FeatureNotSupported(
                    f'foreign key "{constraint.name}" is between columns of types that cannot be compared',
                    hint="Give the columns the same types again, or drop the constraint.",
                )
            self._convert = [key_conversion(here, there) for here, there in pairs]
            self._back = [(key_conversion(there, here), assigned_conversion(there, here)) for here, there in pairs]
        self._find = self._finder(self.table, constraint.index_oid, constraint.referenced_columns)

    def place(self, referring_key: Key) -> Place | None:
        """Where the key that a row refers to lies, if it is there; None where it cannot be."""
        key = self._referenced(referring_key)
        return None if key is None else self._find(key)

    def own_place(self, key: Key) -> Place | None:
        """Where a key of the referenced table itself lies, if it is there."""
        return self._find(key)

    def _referenced(self, key: Key) -> Key | None:
        if self._convert is None:
            return key
        found = tuple([value if make is None else make(value) for make, value in zip(self._convert, key, strict=True)])
        return None if None in found else found

    def referring_key(self, key: Key) -> Key | None:
        """A key as rows that refer to it have it; None where none can."""
        if self._back is None:
            return key
        found = tuple(
            [value if back is None else back(value) for (back, _), value in zip(self._back, key, strict=True)]
        )
        return None if None in found else found

    def assigned_key(self, key: Key) -> Key:
        """A new key as ON UPDATE CASCADE puts it into the referring columns."""
        if self._back is None:
            return key
        return tuple([assign(value) for (_, assign), value in zip(self._back, key, strict=True)])

    def _finder(self, table: Table, index_oid: int, columns: Sequence[int]) -> Callable[[Key], Place | None]:
        state = self._context.session.catalog_state
        if table.partition_key is None:
            access = state.access(table)
            index = next(one for one in access.indexes if one.index.oid == index_oid)
            order = [columns.index(slot + 1) for slot in index.slots]
            encode = index.codec.encode
            if order == list(range(len(columns))):
                return lambda key: (index, encode(key))
            return lambda key: (index, encode([key[place] for place in order]))
        partitions, children = state.partitions(table)
        key_places = [columns.index(part.column) for part in table.partition_key.parts]
        below = {}
        for place, child in enumerate(children):
            part = next((one for one in child.indexes if one.parent_oid == index_oid), None)
            if part is not None:
                numbers = [child.columns_by_name[table.column(number).name].number for number in columns]
                below[place] = self._finder(child, part.oid, numbers)

        def find(key: Key) -> Place | None:
            place = partitions.find([key[one] for one in key_places])
            further = None if place is None else below.get(place)
            return None if further is None else further(key)

        return find


def key_values(row: Sequence[Any], columns: Iterable[int]) -> Key:
    """The values of some columns of a row."""
    return tuple([row[number - 1] for number in columns])

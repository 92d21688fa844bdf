"""TableAccess: how the rows of one table become keys and physical rows, and its index entries.

Key of a row: the clustered index (number 0), or a hidden row id. Key of an index entry: the index columns; where that
alone may repeat (an index that is not unique, or a NULL in a unique one) the row's key follows. An entry's row holds
the key of the table row. One object per state of a table; everything per row is generated once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

from datacave_core.catalog import Index, IndexKey, RowCodec, Table, TypeDefinition, row_codec
from datacave_core.keycode import (
    KeyCodec,
    prefix_end,
    table_prefix,
)
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.types.location import Tid
from datacave_core.values import Row
from datacave_sql.expr.generate import Code
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.exclusion import ExclusionAccess, exclusion_keys
from datacave_sql.table.index_access import IndexAccess
from datacave_sql.table.index_rule import IndexRule
from datacave_sql.table.inverted_access import InvertedAccess
from datacave_sql.table.inverted_items import inverted_items, keeps_items
from datacave_sql.table.key_columns import keeps_order, key_column, no_operator_class
from datacave_sql.table.nested_ranges import METHODS
from datacave_sql.table.shape_ranges import shape_column
from datacave_sql.table.triggers import TableTriggers

__all__ = ["IndexAccess", "TableAccess"]

ROW_ID_BYTES = 8


TABLE_OID, CTID, XMIN = -6, -1, -2
"""Attribute numbers of system columns, as in PostgreSQL; cmin, xmax and cmax (-3 to -5) are always 0."""


def row_location(key: bytes) -> Tid:
    """The ctid of a row: 48 bits out of its key, which it keeps for as long as it has the key.

    Hidden row ids give their lower bits; other keys, which are values that applications have, a digest.
    """
    part = key[PREFIX_LENGTH:]
    if len(part) != ROW_ID_BYTES:
        part = blake2b(part, digest_size=6).digest()
    bits = int.from_bytes(part[-6:], "big")
    return Tid(bits >> 16, bits & 0xFFFF)


def row_writer_number(context: Any, key: bytes) -> int:
    """The xmin of a row: 32 bits of its commit timestamp, other than those of earlier versions of the row."""
    return (context.transaction.version_number(key) & 0xFFFFFFFF) or 3


class TableAccess:
    """Compiled access to one table."""

    def __init__(
        self,
        table: Table,
        types: TypeLookup,
        definitions: Mapping[int, TypeDefinition],
        rules: Mapping[int, IndexRule] | None = None,
    ) -> None:
        """`rules` has, by index oid, what indexes on expressions and partial ones compute."""
        self.table = table
        self.triggers: TableTriggers | None = None
        self.fires = False
        """Whether a write may call a trigger, of this table or of one that follows its keys."""
        self.types = types
        self.prefix = table_prefix(table.storage_id, 0)
        self.rows: RowCodec = row_codec(table.columns, definitions)
        self.to_physical = self.rows.to_physical
        self.from_physical = self.rows.from_physical
        self.not_null_slots = tuple(
            column.number - 1 for column in table.columns if column.not_null and not column.dropped
        )
        self.indexes = tuple(
            self._index(index, rules.get(index.oid) if rules is not None else None) for index in table.indexes
        )
        self.inverted = tuple(one for one in self.indexes if isinstance(one, InvertedAccess))
        """Gin indexes, which have many entries for a row."""
        self.secondary = tuple(
            one for one in self.indexes if one.index.index_number != 0 and not isinstance(one, InvertedAccess)
        )
        """The other indexes besides the clustered one, with at most one entry for a row."""
        self.clustered = next((one for one in self.indexes if one.index.index_number == 0), None)

    @cached_property
    def table_range(self) -> tuple[bytes, bytes | None]:
        """The range of all row keys."""
        return self.prefix, prefix_end(self.prefix)

    def _index(self, index: Index, rule: IndexRule | None) -> IndexAccess:
        slots = tuple(key.column - 1 for key in index.keys)
        types = [self.key_type(key) for key in index.keys]
        if keeps_items(self.types, index.method, types, [key.operator_class for key in index.keys]):
            return self._inverted(index, slots, types, rule)
        if not index.exclusion:
            return IndexAccess(index, self._codec(index), slots, rule)
        keys = exclusion_keys(index, types, self.types)
        codec = KeyCodec(table_prefix(self.table.storage_id, index.index_number), keys.columns)
        return ExclusionAccess(index, codec, slots, rule, keys)

    def _inverted(
        self, index: Index, slots: tuple[int, ...], types: Sequence[int], rule: IndexRule | None
    ) -> InvertedAccess:
        codec = KeyCodec(table_prefix(self.table.storage_id, index.index_number), ())
        items = []
        for key, type_oid in zip(index.keys, types, strict=True):
            found = inverted_items(self.types, type_oid, key.operator_class)
            if found is None:
                raise no_operator_class(self.types.name(type_oid), index.method)
            items.append(found)
        return InvertedAccess(index, codec, slots, rule, tuple(items))

    def _codec(self, index: Index) -> KeyCodec:
        columns = []
        for key in index.keys:
            column = self.table.column(key.column) if key.column else None
            type_oid = column.type_oid if column is not None else key.type_oid
            nullable = column is None or (not column.not_null and not index.primary)
            described = key_column(self.types, type_oid, key.descending, key.nulls_first, nullable)
            if described is None and index.method in METHODS:
                described = shape_column(self.types, type_oid, nullable)
            if described is None:
                raise no_operator_class(self.types.name(type_oid), index.method)
            columns.append(described)
        return KeyCodec(table_prefix(self.table.storage_id, index.index_number), columns)

    def key_type(self, key: IndexKey) -> int:
        """The type of a key of an index."""
        return self.table.column(key.column).type_oid if key.column else key.type_oid

    def keeps_order(self, type_oid: int) -> bool:
        """Whether keys of a type stand in the order of its values."""
        return keeps_order(self.types, type_oid)

    def codec(self, index: Index) -> KeyCodec:
        """The key codec of an index."""
        return next(one.codec for one in self.indexes if one.index.oid == index.oid)

    def column_reader(self, number: int) -> Callable[[Any], Any] | None:
        """What turns the physical value of a column into its SQL value; None if they are the same."""
        return self.rows.from_physical_slots[number - 1]

    def row_key(self, row: Row, row_id: Callable[[], int]) -> bytes:
        """The key of a new row; `row_id` gives the next hidden row id where there is no clustered index."""
        if self.clustered is not None:
            return self.clustered.codec.encode(tuple(row[slot] for slot in self.clustered.slots))
        return self.prefix + row_id().to_bytes(ROW_ID_BYTES, "big")

    def system_column(self, attribute: int, names: dict[str, object]) -> Code:
        """How generated code over `(k, v)` reads a system column; `names` takes the globals it needs."""
        if attribute == TABLE_OID:
            return Code(str(self.table.oid), False, True)
        if attribute == CTID:
            names["g_ctid"] = row_location
            return Code("g_ctid(k)", False)
        if attribute == XMIN:
            names["g_xmin"] = row_writer_number
            return Code("g_xmin(c, k)", False)
        return Code("0", False, True)

    def access_of(self, index: Index) -> IndexAccess:
        """The compiled access of an index of the table."""
        return next(one for one in self.indexes if one.index.oid == index.oid)

    def describe_key(self, index: Index) -> tuple[str, Sequence[int]]:
        """Columns and expressions of an index as in error details, and their type oids."""
        names, types = [], []
        for key in index.keys:
            column = self.table.column(key.column) if key.column else None
            names.append(column.name if column is not None else key.expression or "")
            types.append(column.type_oid if column is not None else key.type_oid)
        return ", ".join(names), types

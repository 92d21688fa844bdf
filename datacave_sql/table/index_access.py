"""IndexAccess: how the rows of a table become entries of one of its indexes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datacave_core.catalog import Index
from datacave_core.keycode import KeyCodec, make_batch_encoder
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.values import Row
from datacave_sql.table.index_rule import IndexRule


@dataclass
class IndexAccess:
    """One index: its codec and the slots of its key columns in a row; `rule` where it computes keys or is partial."""

    index: Index
    codec: KeyCodec
    slots: tuple[int, ...]
    rule: IndexRule | None = None

    @cached_property
    def encode_rows(self) -> Callable[[Sequence[Row]], list[bytes]]:
        """The keys of many rows, without what makes entries of equal values different."""
        if self.rule is not None and self.rule.values is not None:
            encode, values = self.codec.encode, self.rule.values
            return lambda rows: [encode(values(row)) for row in rows]
        return make_batch_encoder(self.codec, self.slots)

    @cached_property
    def columns(self) -> frozenset[int]:
        """Numbers of the columns on which a row's entry depends."""
        plain = frozenset(key.column for key in self.index.keys if key.column)
        return plain if self.rule is None else plain | self.rule.columns

    @property
    def has_own_entries(self) -> bool:
        """Whether the values alone make the key of an entry: they cannot repeat, not even for a while."""
        return self.index.unique and not self.index.deferrable

    @property
    def is_plain(self) -> bool:
        """Whether the index holds every row, by columns alone."""
        return self.rule is None

    def covers(self, row: Row) -> bool:
        """Whether the row has an entry: it satisfies the condition of a partial index."""
        return self.rule is None or self.rule.applies is None or self.rule.applies(row)

    def values(self, row: Row) -> tuple[Any, ...]:
        """The values of the key columns."""
        if self.rule is not None and self.rule.values is not None:
            return self.rule.values(row)
        return tuple([row[slot] for slot in self.slots])

    def entry_key(self, row: Row, row_key: bytes) -> bytes | None:
        """The key of a row's entry; None where it has none."""
        if not self.covers(row):
            return None
        values = self.values(row)
        key = self.codec.encode(values)
        if self.has_own_entries and (None not in values or self.index.nulls_not_distinct):
            return key
        return key + row_key[PREFIX_LENGTH:]

    def unique_key(self, row: Row) -> bytes | None:
        """The key that no other row may have; None where NULLs or the index's condition make the row unique anyway."""
        if not self.index.unique or not self.covers(row):
            return None
        values = self.values(row)
        if None in values and not self.index.nulls_not_distinct:
            return None
        return self.codec.encode(values)

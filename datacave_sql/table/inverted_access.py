"""InvertedAccess: the entries of a gin index, one for each item of a row's values.

Key of an entry: the place of the index key, the item, the key of the row. Rows with a NULL have no entry for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.layout import PREFIX_LENGTH
from datacave_core.values import Row
from datacave_sql.table.index_access import IndexAccess
from datacave_sql.table.inverted_items import InvertedItems, Wanted


@dataclass
class InvertedAccess(IndexAccess):
    """A gin index; `keys` says what it keeps of the values of each of its keys."""

    keys: tuple[InvertedItems, ...] = ()

    @property
    def is_plain(self) -> bool:
        return False

    def entry_keys(self, row: Row, row_key: bytes) -> set[bytes]:
        """The keys of a row's entries."""
        if not self.covers(row):
            return set()
        suffix = row_key[PREFIX_LENGTH:]
        return {
            self.item_prefix(place, item) + suffix
            for place, (value, key) in enumerate(zip(self.values(row), self.keys, strict=True))
            if value is not None
            for item in key.of(value)
        }

    def item_prefix(self, place: int, item: bytes) -> bytes:
        """What the entries of all rows with an item begin with."""
        return self.codec.prefix + bytes((place,)) + item

    def wanted_prefixes(self, place: int, wanted: Wanted) -> tuple[list[bytes], bool]:
        """The prefixes of the entries that a condition looks for, and whether a row must have all of them."""
        return [self.item_prefix(place, item) for item in sorted(wanted.items)], wanted.every

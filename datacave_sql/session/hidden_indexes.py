"""Hidden indexes: what a transaction with an older snapshot must not read by.

The entries of an index are versioned like rows: a snapshot from before the index shows none of them. So transactions
that keep their snapshot go on with a catalog in which indexes that have become valid since are not valid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datacave_core.catalog import Catalog, Table
from datacave_core.transaction import Transaction


class HidesIndexes:
    """The part of a session that goes on without newer indexes."""

    database: Any
    home: Any
    transaction: Transaction | None
    _own_catalog: Any
    _known_catalog: Catalog | None
    rebase: Callable[[], None]

    def catalog_replaced(self, before: Catalog) -> None:
        """Others have committed a catalog."""
        self.rebase()
        sees_own = self._own_catalog is not None and self._known_catalog is None
        if self.transaction is None or not self.transaction.keeps_snapshot or sees_own:
            return
        known = self._known_catalog or before
        hidden = without_newer_indexes(self.home.catalog, known)
        if hidden is not None:
            self._known_catalog = known
            self._own_catalog = self.database.new_state(hidden)


def without_newer_indexes(catalog: Catalog, before: Catalog) -> Catalog | None:
    """The catalog for who still reads at a moment of another one; None where it does as it is."""
    tables = (catalog.tables.get(oid) for oid in catalog.tables.keys_unlike(before.tables))
    changed = [hidden for table in tables if table is not None and (hidden := _hidden(table, before)) is not None]
    return catalog.with_objects(changed) if changed else None


def _hidden(table: Table, before: Catalog) -> Table | None:
    old = before.tables.get(table.oid)
    if old is None or old is table or old.indexes is table.indexes:
        return None
    # A rebuilt index has new entries, under another number.
    known = {(index.oid, index.index_number) for index in old.indexes if index.valid}
    newer = [
        index.oid
        for index in table.indexes
        if index.valid and index.index_number and (index.oid, index.index_number) not in known
    ]
    if not newer:
        return None
    return replace(
        table, indexes=tuple(replace(one, valid=False) if one.oid in newer else one for one in table.indexes)
    )

"""Retention: tells the store how long each table keeps the versions that newer ones hide.

A dropped, truncated or rewritten table stays readable as of earlier moments for as long as it was to be kept; the
definitions of all tables stay for as long as the longest of them.
"""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import DEFINITION_TABLE_IDS, Catalog, Table
from datacave_core.layout import TABLE_PREFIX_LENGTH
from datacave_core.ports import KeptFor
from datacave_sql.bind.parameter_checks import retention_microseconds
from datacave_sql.bind.storage_parameters import RETENTION

_DEFINITIONS = frozenset(table_id.to_bytes(TABLE_PREFIX_LENGTH, "big") for table_id in DEFINITION_TABLE_IDS)


def _prefix(table: Table) -> bytes:
    return table.storage_id.to_bytes(TABLE_PREFIX_LENGTH, "big")


class TableRetention:
    """What the tables of all databases were last seen to want. `catalog_changed` follows their catalogs."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._wanted: dict[int, dict[bytes, KeptFor]] = {}

    def catalog_changed(self, oid: int, catalog: Catalog | None) -> None:
        """The catalog of a database is in force now; None: the database is dropped."""
        wanted = {
            _prefix(table): KeptFor(retention_microseconds(RETENTION, value))
            for table in (catalog.tables.values() if catalog is not None else ())
            if table.options and table.storage_id and (value := dict(table.options).get(RETENTION)) is not None
        }
        self._wanted[oid] = wanted
        self.transaction_ended(oid)

    def transaction_ended(self, oid: int) -> None:
        """A transaction of a database has changed the catalog: time has passed for what nobody wants any more."""
        if self._wanted[oid] or self._database.store.retentions():
            self.apply()

    def apply(self) -> None:
        """Brings the store up to what is wanted."""
        store = self._database.store
        wanted = {prefix: kept for each in self._wanted.values() for prefix, kept in each.items()}
        for prefix, kept in list(store.retentions().items()):
            if prefix not in wanted and prefix not in _DEFINITIONS and kept.until is None:
                store.set_retention(prefix, self._left(prefix, kept))
        for prefix, kept in wanted.items():
            store.set_retention(prefix, kept)
        tables = {prefix: kept for prefix, kept in store.retentions().items() if prefix not in _DEFINITIONS}
        longest = max((kept.microseconds for kept in tables.values()), default=0)
        for prefix in _DEFINITIONS:
            store.set_retention(prefix, KeptFor(longest) if longest > store.retention_microseconds else None)

    def _left(self, prefix: bytes, kept: KeptFor) -> KeptFor | None:
        """What becomes of a setting that no table has any more: of a table that is there, or of one that is gone."""
        for home in self._database.homes.values():
            if any(_prefix(table) == prefix for table in home.catalog.tables.values()):
                return None
        return KeptFor(kept.microseconds, self._database.clock.now_microseconds() + kept.microseconds)

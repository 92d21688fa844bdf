"""Compression: tells the store how each table is to be compressed in files that are written from now on.

A new table's choice is known before the first row, so that what its own transaction loads obeys it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datacave_core.catalog import Catalog, Table
from datacave_core.compression import TableCompression
from datacave_core.layout import TABLE_PREFIX_LENGTH
from datacave_sql.bind.parameter_checks import table_compression
from datacave_sql.bind.storage_parameters import COMPRESSION


def _chosen(tables: Iterable[Table]) -> dict[bytes, TableCompression]:
    return {
        table.storage_id.to_bytes(TABLE_PREFIX_LENGTH, "big"): table_compression(COMPRESSION, value)
        for table in tables
        if table.options and table.storage_id and (value := dict(table.options).get(COMPRESSION)) is not None
    }


class TableCompressions:
    """What the tables of all databases were last seen to want. `catalog_changed` follows their catalogs."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._wanted: dict[int, dict[bytes, TableCompression]] = {}
        self._expected: dict[bytes, TableCompression] = {}  # of tables whose transactions have not ended

    def expect(self, table: Table) -> None:
        """A table whose rows may be written before a catalog that has it is in force; others go by their catalogs."""
        for prefix, choice in _chosen((table,)).items():
            homes = self._database.homes.values()
            known = (home.catalog.tables.get(table.oid) for home in homes)
            if all(one is None or one.storage_id != table.storage_id for one in known):
                self._expected[prefix] = choice
                self._database.store.set_compression(prefix, choice)

    def note(self, oid: int, catalog: Catalog | None) -> None:
        """What `catalog_changed` will bring to the store with the next `apply`."""
        self._wanted[oid] = _chosen(catalog.tables.values()) if catalog is not None else {}

    def catalog_changed(self, oid: int, catalog: Catalog | None) -> None:
        """The catalog of a database is in force now; None: the database is dropped."""
        self.note(oid, catalog)
        self.transaction_ended(oid)

    def transaction_ended(self, oid: int) -> None:
        """A transaction of a database has changed the catalog: what it was expected to want is known now."""
        if self._wanted[oid] or self._database.store.compressions():
            self.apply()

    def apply(self) -> None:
        """Brings the store up to what is wanted."""
        store = self._database.store
        wanted = {prefix: choice for each in self._wanted.values() for prefix, choice in each.items()}
        if self._expected:
            self._expected = self._still_expected()
        for prefix in [prefix for prefix in store.compressions() if prefix not in wanted]:
            store.set_compression(prefix, self._expected.get(prefix))
        for prefix, choice in wanted.items():
            store.set_compression(prefix, choice)
            self._expected.pop(prefix, None)

    def _still_expected(self) -> dict[bytes, TableCompression]:
        """Without the tables of transactions that were taken back."""
        changing = [session for session in self._database.sessions.values() if session.changes_catalog]
        made = {prefix for session in changing for prefix in _chosen(session.catalog_snapshot.tables.values())}
        return {prefix: choice for prefix, choice in self._expected.items() if prefix in made}

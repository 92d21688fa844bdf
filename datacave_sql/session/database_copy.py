"""DatabaseCopy: the catalog and the rows of a template database as those of a new one.

Oids are unique in a cluster, so everything in the copy has an oid of its own, and rows lie under storage ids of their
own. Names in stored texts stay as they are, as they mean the copy's objects there.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from datacave_core.catalog import (
    Catalog,
    CatalogObject,
    Comment,
    DefaultPrivileges,
    Schema,
    SystemPrivileges,
    empty_catalog,
    statistics_key,
)
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, wait_for

_NAMED_OTHERWISE = frozenset(("storage_id", "depends_on", "parents"))
"""Fields with oids whose names do not end with "oid" or "oids"."""
_PREFIX_BYTES = len(table_prefix(1, 0))


class DatabaseCopy:
    """A copy in the making: `catalog` is complete after construction, `rows` writes the rows."""

    def __init__(self, database: Any, template: Catalog, beside: Catalog, database_oid: int) -> None:
        self._database = database
        self._template = template
        own = [one for one in template.objects() if _is_own(one, template, beside)]
        oids = {oid: number for number, oid in enumerate(dict.fromkeys(_oids_made(own)), beside.next_oid)}
        self._new = {**oids, template_oid(template, own): database_oid}
        self.catalog = empty_catalog(beside).with_objects(self._renumbered(one) for one in own)
        self.catalog.next_oid = beside.next_oid + len(oids)

    def _renumbered(self, item: Any) -> Any:
        """An object with the new oids of everything that has been copied; other numbers stay."""
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(item):
            value = getattr(item, field.name)
            if field.name == "columns_read":
                if value is not None:
                    changes[field.name] = tuple((self._new.get(oid, oid), number) for oid, number in value)
            elif field.name.endswith(("oid", "oids")) or field.name in _NAMED_OTHERWISE:
                if isinstance(value, int):
                    changes[field.name] = self._new.get(value, value)
                elif isinstance(value, tuple):
                    changes[field.name] = tuple(self._new.get(one, one) for one in value)
            elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
                changes[field.name] = tuple(self._renumbered(one) for one in value)
            elif dataclasses.is_dataclass(value):
                changes[field.name] = self._renumbered(value)
        return dataclasses.replace(item, **changes)

    def storage_ids(self) -> list[int]:
        """Where the rows of the copy lie."""
        return [table.storage_id for table in self.catalog.tables.values() if table.storage_id]

    def rows(self) -> Steps[None]:
        """Writes the rows, index entries, values of sequences and statistics. Nobody reads them before the commit."""
        store = self._database.store
        written: dict[bytes, Row | None] = {}
        for table in self._template.tables.values():
            if table.oid not in self._new:
                continue
            keys = [(statistics_key(table.oid), statistics_key(self._new[table.oid]))]
            written |= {new: row for old, new in keys if (row := store.get(old, store.newest_timestamp)) is not None}
            if table.storage_id:
                for number in dict.fromkeys((0, *(index.index_number for index in table.indexes))):
                    yield from self._range(table.storage_id, number)
        sequences = self._database.sequences
        for oid, sequence in self._template.sequences.items():
            if oid not in self._new:
                continue
            value, is_called = sequences.last_value(sequence)
            sequences.set_value(self.catalog.sequences[self._new[oid]], value, is_called)
        if written:
            self._database.transactions.write_now(written, wait_durable=False)

    def _range(self, storage_id: int, number: int) -> Steps[None]:
        store, manager = self._database.store, self._database.transactions
        low = table_prefix(storage_id, number)
        prefix, row_prefix = table_prefix(self._new[storage_id], number), table_prefix(self._new[storage_id], 0)
        for batch in store.scan(low, prefix_end(low), store.newest_timestamp):
            if number:
                # An entry holds the key of its row.
                pairs = {
                    prefix + key[_PREFIX_BYTES:]: (row_prefix + row[0][_PREFIX_BYTES:], *row[1:]) for key, row in batch
                }
            else:
                pairs = {prefix + key[_PREFIX_BYTES:]: row for key, row in batch}
            while (delay := store.write_delay()) is not None:
                yield from wait_for(delay)
            manager.write_now(pairs, wait_durable=False)
            yield TURN


def template_oid(template: Catalog, own: list[CatalogObject]) -> int:
    """The oid of the database whose catalog it is."""
    return next((one.database_oid for one in own if isinstance(one, Schema)), 0)


def _is_own(item: CatalogObject, template: Catalog, beside: Catalog) -> bool:
    """Whether an object belongs to one database, and outlives a session."""
    if isinstance(item, Schema):
        return bool(item.database_oid) and not item.name.startswith("pg_temp_")
    if isinstance(item, Comment):
        return beside.comments.get((item.class_oid, item.object_oid, item.sub_id)) is not item
    if isinstance(item, SystemPrivileges | DefaultPrivileges):
        return True
    schema = template.schemas.get(getattr(item, "schema_oid", 0))
    return schema is not None and not schema.name.startswith("pg_temp_")


def _oids_made(objects: list[CatalogObject]) -> list[int]:
    """Every oid and storage id that comes into being with these objects, ascending."""
    found: list[int] = []

    def collect(item: Any) -> None:
        for field in dataclasses.fields(item):
            value = getattr(item, field.name)
            if field.name in ("oid", "array_oid", "row_type_oid", "row_array_type_oid", "storage_id") and value:
                found.append(value)
            elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
                for one in value:
                    collect(one)

    for one in objects:
        if not isinstance(one, Comment):
            collect(one)
    return sorted(found)

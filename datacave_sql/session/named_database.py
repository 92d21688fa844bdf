"""NamedDatabase: one database of a node, to which sessions connect by name: its committed catalog and its plans.

Not here: what all databases of a node share (database.py).
"""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Catalog, Constraint, Table
from datacave_sql.exec.operator import Operator
from datacave_sql.session.activity_counts import DatabaseActivity
from datacave_sql.session.bulk_insert import BulkShape
from datacave_sql.session.catalog_types import CatalogTypes
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility
from datacave_sql.session.index_rules import index_rules
from datacave_sql.session.notifications import NotificationHub
from datacave_sql.session.plan_cache import LeastRecentlyUsed
from datacave_sql.session.referential_actions import referential_update
from datacave_sql.session.shared_shape import SharedShape
from datacave_sql.table.access import TableAccess
from datacave_sql.table.partition_map import PartitionMap
from datacave_sql.table.triggers import reaches_triggers, triggers_of

BULK_SHAPES_MAX = 256


class CatalogState:
    """One catalog snapshot, perhaps of the past, with what is compiled for it."""

    __slots__ = ("_access", "_partitions", "_referential", "catalog", "has_triggers", "past", "types")

    def __init__(self, catalog: Catalog, *, past: bool = False) -> None:
        self.catalog = catalog
        self.past = past
        self.types = CatalogTypes(catalog)
        self._access: dict[int, TableAccess] = {}
        self._partitions: dict[int, tuple[PartitionMap, list[Table]]] = {}
        self._referential: dict[tuple[int, str, bool], Operator] = {}
        self.has_triggers = bool(catalog.trigger_tables)

    def access(self, table: Table) -> TableAccess:
        """The access code of a table."""
        found = self._access.get(table.oid)
        if found is None or found.table is not table:
            rules = index_rules(self.catalog, self.types, table)
            found = self._access[table.oid] = TableAccess(table, self.types, self.catalog.types, rules)
            if self.has_triggers:
                found.triggers = triggers_of(self.catalog, table)
                found.fires = reaches_triggers(self.catalog, table)
        return found

    def partitions(self, table: Table) -> tuple[PartitionMap, list[Table]]:
        """The partitions of a partitioned table, in the order of the map's places."""
        found = self._partitions.get(table.oid)
        if found is None:
            key = table.partition_key
            assert key is not None
            children = [one for one in self.catalog.children_of(table.oid) if one.partition_bound is not None]
            bounds = [one.partition_bound for one in children if one.partition_bound is not None]
            types = [part.type_oid for part in key.parts]
            found = self._partitions[table.oid] = (PartitionMap(key.strategy, types, bounds, self.types), children)
        return found

    def referential_update(self, session: Any, table: Table, constraint: Constraint, action: str, deleted: bool) -> Any:
        """The plan by which a foreign key of the table follows keys that are gone; see referential_actions."""
        name = (constraint.oid, action, deleted)
        found = self._referential.get(name)
        if found is None:
            found = self._referential[name] = referential_update(session, self, table, constraint, action, deleted)
        return found


class NamedDatabase:
    """What the sessions of one database share. Plans of older catalogs are made anew when they are next used."""

    __slots__ = (
        "activity",
        "bulk_shapes",
        "closed",
        "notifications",
        "oid",
        "plans_by_fingerprint",
        "plans_by_text",
        "state",
    )

    def __init__(self, oid: int, catalog: Catalog, plan_cache_entries: int, now: int) -> None:
        """`now` is the time in microseconds from which activity is counted."""
        self.oid = oid
        self.activity = DatabaseActivity(now)
        self.closed = False
        """Whether nobody may connect at the moment, because it is being copied or dropped."""
        catalog.base = None
        self.state = CatalogState(catalog)
        self.notifications = NotificationHub()
        self.plans_by_text: LeastRecentlyUsed[CompiledQuery | CompiledUtility] = LeastRecentlyUsed(plan_cache_entries)
        self.plans_by_fingerprint: LeastRecentlyUsed[SharedShape] = LeastRecentlyUsed(plan_cache_entries)
        self.bulk_shapes: LeastRecentlyUsed[BulkShape] = LeastRecentlyUsed(BULK_SHAPES_MAX)

    @property
    def catalog(self) -> Catalog:
        """The newest committed catalog."""
        return self.state.catalog

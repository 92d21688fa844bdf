"""Database: what the sessions of one node share: the store, the committed catalog, compiled plans, the sessions.

Not here: running statements (session.py), the wire (the server).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.catalog import ADMIN_ROLE_NAME, DEFAULT_DATABASE_NAME, Catalog, Table, layout_of, open_catalog
from datacave_core.errors import DatacaveError
from datacave_core.keycode import table_prefix
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.ports import Clock, Randomness, Store
from datacave_core.transaction import TransactionManager
from datacave_sql.pgcatalog import SystemRelations
from datacave_sql.plan.planning import PlanningEnvironment
from datacave_sql.session.bulk_insert import BulkShape
from datacave_sql.session.catalog_types import CatalogTypes
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility
from datacave_sql.session.compiler import SharedShape
from datacave_sql.session.notifications import NotificationHub
from datacave_sql.session.plan_cache import LeastRecentlyUsed
from datacave_sql.session.reclaim import Reclaimer
from datacave_sql.session.row_ids import RowIds
from datacave_sql.session.sequences import SequenceStore
from datacave_sql.session.session import Session
from datacave_sql.session.utility import drop_leftovers
from datacave_sql.table.access import TableAccess
from datacave_sql.table.statistics import TableSizes

INDEX_ENTRY_LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.BYTES, nullable=False),))
"""An index entry holds the key of its table row."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Settings of a database. `settings` are defaults of session parameters by name."""

    admin_name: str = ADMIN_ROLE_NAME
    plan_cache_entries: int = 2000
    settings: dict[str, str] = field(default_factory=dict)


class CatalogState:
    """One catalog snapshot with what is compiled for it."""

    __slots__ = ("_access", "catalog", "types")

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.types = CatalogTypes(catalog)
        self._access: dict[int, TableAccess] = {}

    def access(self, table: Table) -> TableAccess:
        """The access code of a table."""
        found = self._access.get(table.oid)
        if found is None or found.table is not table:
            found = self._access[table.oid] = TableAccess(table, self.types, self.catalog.types)
        return found


class Database:
    """A database over a store. `open` it once per process."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness, options: DatabaseOptions) -> None:
        self.store = store
        self.clock = clock
        self.randomness = randomness
        self.options = options
        self.transactions = TransactionManager(store, clock)
        catalog = open_catalog(store, options.admin_name)
        self.state = CatalogState(catalog)
        self.start_microseconds = clock.now_microseconds()
        self.row_ids = RowIds(max(clock.now_microseconds(), store.newest_timestamp))
        self.sequences = SequenceStore(self.transactions)
        self.notifications = NotificationHub()
        self.sizes = TableSizes(store, clock)
        self.plans_by_text: LeastRecentlyUsed[CompiledQuery | CompiledUtility] = LeastRecentlyUsed(
            options.plan_cache_entries
        )
        self.plans_by_fingerprint: LeastRecentlyUsed[SharedShape] = LeastRecentlyUsed(options.plan_cache_entries)
        self.bulk_shapes: LeastRecentlyUsed[BulkShape] = LeastRecentlyUsed(256)
        self.sessions: dict[int, Session] = {}
        self.virtual_relations = SystemRelations()
        self.interrupt: Callable[[int, DatacaveError], bool] = lambda process_id, error: False
        """Throws an error into another session's statement; set by who runs the sessions."""
        self.call_later: Callable[[float, Callable[[], None]], Callable[[], None]] | None = None
        """Calls a function after some seconds and gives what takes that back; set by who runs the sessions."""
        self.make_verifier: Callable[[str], str] | None = None
        """Turns a password into a SCRAM-SHA-256 verifier; set by who runs the sessions."""
        self.reclaimer = Reclaimer(self)
        self._next_process_id = 1
        self.register_layouts(catalog.tables.values(), catalog)
        drop_leftovers(self)
        self.reclaimer.find_orphans()

    @classmethod
    def open(
        cls, store: Store, clock: Clock, randomness: Randomness, options: DatabaseOptions | None = None
    ) -> Database:
        """Loads the catalog, or makes the first one in an empty store."""
        return cls(store, clock, randomness, options or DatabaseOptions())

    @property
    def catalog(self) -> Catalog:
        """The newest committed catalog."""
        return self.state.catalog

    def register_layouts(self, tables: Iterable[Table], catalog: Catalog) -> None:
        """Tells the store how the rows of tables and their index entries lie."""
        for table in tables:
            if not table.storage_id:
                continue
            self.transactions.set_layout(table_prefix(table.storage_id, 0), layout_of(table, catalog.types))
            for index in table.indexes:
                if index.index_number:
                    self.transactions.set_layout(table_prefix(table.storage_id, index.index_number), INDEX_ENTRY_LAYOUT)

    def new_state(self, catalog: Catalog) -> CatalogState:
        """A catalog with changes of a transaction, and what will be compiled for it."""
        return CatalogState(catalog)

    def install_catalog(self, catalog: Catalog) -> None:
        """Makes a committed catalog the current one; plans of older ones are made anew when they are next used."""
        self.state = CatalogState(catalog)

    def environment(self, state: CatalogState) -> PlanningEnvironment:
        """What plans for a catalog are made with."""
        return PlanningEnvironment(state.types, self.sizes, state.access)

    def connect(
        self,
        user: str,
        database: str = DEFAULT_DATABASE_NAME,
        settings: dict[str, str] | None = None,
        command_line: str | None = None,
        client_address: tuple[str, int] | None = None,
        wake: Callable[[], None] | None = None,
    ) -> Session:
        """Opens a session.

        `settings` are the run-time parameters of the start-up packet, `command_line` its options. `wake` is called
        when something for the client arrives while the session is idle (a notification). Raises 28000, 3D000, and
        what the settings raise.
        """
        if self.catalog.database_named(database) is None:
            raise DatacaveError(f'database "{database}" does not exist', sqlstate=sqlstate.INVALID_CATALOG_NAME)
        process_id = self._next_process_id
        self._next_process_id = process_id + 1
        session = Session(self, process_id, user, database, settings or {}, command_line, client_address, wake)
        self.sessions[process_id] = session
        return session

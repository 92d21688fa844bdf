"""Database: what the sessions of one node share: the store, the databases by name, the sessions.

Not here: running statements (session.py), the wire (the server).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datacave_core import sqlstate
from datacave_core.catalog import (
    ADMIN_ROLE_NAME,
    DEFAULT_DATABASE_NAME,
    PRISTINE_DATABASE_OID,
    Catalog,
    Table,
    allows_on,
    layout_of,
    open_catalogs,
)
from datacave_core.catalog import Database as DatabaseObject
from datacave_core.errors import DatacaveError
from datacave_core.keycode import table_prefix
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryTemporaryFiles
from datacave_core.ports import Clock, Randomness, ServerFiles, Store, TemporaryFiles
from datacave_core.transaction import TransactionManager
from datacave_sql.exec.work_memory import MemoryPool
from datacave_sql.functions.textsearch.templates import FILES
from datacave_sql.pgcatalog import SystemRelations
from datacave_sql.plan.planning import PlanningEnvironment
from datacave_sql.session.compression import TableCompressions
from datacave_sql.session.exported_snapshots import ExportedSnapshots
from datacave_sql.session.named_database import CatalogState, NamedDatabase
from datacave_sql.session.past import Past
from datacave_sql.session.prepared_definitions import adopt_all
from datacave_sql.session.reclaim import Reclaimer
from datacave_sql.session.retention import TableRetention
from datacave_sql.session.row_ids import RowIds
from datacave_sql.session.sequences import SequenceStore
from datacave_sql.session.session import Session
from datacave_sql.session.utility import drop_leftovers
from datacave_sql.table.statistics import StoredStatistics

INDEX_ENTRY_LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.BYTES, nullable=False),))
"""An index entry holds the key of its table row."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Settings of a database. `settings` are defaults of session parameters by name.

    `server_files` is None where statements have no files of the server to name.
    """

    admin_name: str = ADMIN_ROLE_NAME
    plan_cache_entries: int = 2000
    memory: MemoryPool = field(default_factory=MemoryPool)
    temporary_files: TemporaryFiles = field(default_factory=MemoryTemporaryFiles)
    server_files: ServerFiles | None = None
    settings: dict[str, str] = field(default_factory=dict)
    dictionary_folder: Path | None = None
    """Where the files of text search dictionaries lie: NAME.stop, NAME.syn."""


class Database:
    """The databases over a store. `open` it once per process."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness, options: DatabaseOptions) -> None:
        self.store = store
        self.clock = clock
        self.randomness = randomness
        self.options = options
        self.memory = options.memory
        self.temporary_files = options.temporary_files
        self.server_files = options.server_files
        if options.dictionary_folder is not None:
            FILES.folder = options.dictionary_folder
        self.transactions = TransactionManager(store, clock)
        self.homes: dict[int, NamedDatabase] = {
            oid: NamedDatabase(oid, catalog, options.plan_cache_entries, clock.now_microseconds())
            for oid, catalog in open_catalogs(store, options.admin_name).items()
        }
        """The databases by oid."""
        self.start_microseconds = clock.now_microseconds()
        self.row_ids = RowIds(max(clock.now_microseconds(), store.newest_timestamp))
        self.sequences = SequenceStore(self.transactions)
        self.sizes = StoredStatistics(store, clock)
        self.sessions: dict[int, Session] = {}
        self.exported_snapshots = ExportedSnapshots()
        self.virtual_relations = SystemRelations()
        self.interrupt: Callable[[int, DatacaveError], bool] = lambda process_id, error: False
        """Throws an error into another session's statement; set by who runs the sessions."""
        self.log: Callable[[str], None] = lambda message: None
        """Writes a line to the server's log; set by who runs the sessions."""
        self.call_later: Callable[[float, Callable[[], None]], Callable[[], None]] | None = None
        """Calls a function after some seconds and gives what takes that back; set by who runs the sessions."""
        self.make_verifier: Callable[[str], str] | None = None
        """Turns a password into a SCRAM-SHA-256 verifier; set by who runs the sessions."""
        self.reclaimer = Reclaimer(self)
        self.past = Past(self)
        self.retention = TableRetention(self)
        self.compressions = TableCompressions(self)
        self.restore_point_pins: dict[str, Callable[[], None]] = {}
        self.past.keep_restore_points()
        self._next_process_id = 1
        for home in self.homes.values():
            self.register_layouts(home.catalog.tables.values(), home.catalog)
            self.retention.catalog_changed(home.oid, home.catalog)
            self.compressions.note(home.oid, home.catalog)
        adopt_all(self)
        self.retention.apply()
        self.compressions.apply()
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
        """A newest committed catalog, for what all databases have: roles and databases."""
        return self.homes[PRISTINE_DATABASE_OID].catalog

    def register_layouts(self, tables: Iterable[Table], catalog: Catalog) -> None:
        """Tells the store how the rows of tables and their index entries lie."""
        for table in tables:
            if not table.storage_id:
                continue
            if table.options:
                self.compressions.expect(table)
            self.transactions.set_layout(table_prefix(table.storage_id, 0), layout_of(table, catalog.types))
            for index in table.indexes:
                if index.index_number:
                    self.transactions.set_layout(table_prefix(table.storage_id, index.index_number), INDEX_ENTRY_LAYOUT)

    def new_state(self, catalog: Catalog, *, past: bool = False) -> CatalogState:
        """A catalog with changes of a transaction, or of the past, and what will be compiled for it."""
        return CatalogState(catalog, past=past)

    def statistics_changed(self, table: Table) -> None:
        """New statistics of a table have been committed: plans are made anew with them."""
        self.sizes.forget(table)
        for home in self.homes.values():
            home.plans_by_text.clear()
            home.plans_by_fingerprint.clear()
            home.bulk_shapes.clear()

    def install_catalog(self, home: NamedDatabase, catalog: Catalog) -> None:
        """Makes a committed catalog the current one of its database; the others learn of roles and databases."""
        before = home.catalog
        catalog.base = None
        home.state = CatalogState(catalog)
        for session in self.sessions_of(home.oid):
            session.catalog_replaced(before)
        for other in self.homes.values():
            if other is home:
                continue
            if not catalog.shares_all(other.catalog, before):
                other.state = CatalogState(other.catalog.sharing(catalog))
                for session in self.sessions_of(other.oid):
                    session.rebase()
            other.catalog.advance(catalog.next_oid)
        if catalog.options_changed_since(before):
            self.retention.catalog_changed(home.oid, catalog)
            self.compressions.catalog_changed(home.oid, catalog)
        else:
            self.retention.transaction_ended(home.oid)
            self.compressions.transaction_ended(home.oid)

    def keep_taken(self, next_oid: int) -> None:
        """Oids and storage ids below `next_oid` are not given out again, also by a change that was taken back: rows
        may lie under them that are still to be reclaimed."""
        for home in self.homes.values():
            home.catalog.advance(next_oid)

    def add_home(self, oid: int, catalog: Catalog) -> None:
        """Opens a new database, whose catalog is committed."""
        self.homes[oid] = NamedDatabase(oid, catalog, self.options.plan_cache_entries, self.clock.now_microseconds())
        self.register_layouts(catalog.tables.values(), catalog)
        self.retention.catalog_changed(oid, catalog)
        self.compressions.catalog_changed(oid, catalog)

    def sessions_of(self, oid: int) -> list[Session]:
        """The sessions that are connected to a database."""
        return [session for session in self.sessions.values() if session.home.oid == oid]

    def environment(self, state: CatalogState) -> PlanningEnvironment:
        """What plans for a catalog are made with."""
        return PlanningEnvironment(state.types, self.sizes, state.access, past=state.past)

    def default_settings(self, user: str, database_name: str) -> dict[str, str]:
        """What parameters a session starts with: the server's, those of its database, of its role, and of both."""
        catalog = self.catalog
        found = dict(self.options.settings)
        database, role = catalog.database_named(database_name), catalog.role_named(user)
        found.update(database.settings if database is not None else ())
        if role is not None:
            found.update(role.settings)
            if database is not None:
                found.update(dict(role.database_settings).get(database.oid, ()))
        return found

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
        when something for the client arrives while the session is idle (a notification). Raises 3D000, 55000, 53300,
        42501, and what the settings raise.
        """
        home = self._home_named(user, database)
        process_id = self._next_process_id
        self._next_process_id = process_id + 1
        session = Session(self, home, process_id, user, database, settings or {}, command_line, client_address, wake)
        self.sessions[process_id] = session
        return session

    def temporary_file_ended(self, session: Session, size: int) -> None:
        """Counts a temporary file that a statement is done with, and logs it where log_temp_files asks for that."""
        self.memory.count_file(session.home.oid, 1, size)
        least = session.settings.log_temp_files_kb
        if 0 <= least <= size // 1024:
            self.log(f"process {session.process_id}: temporary file of {size} bytes")

    def _home_named(self, user: str, name: str) -> NamedDatabase:
        catalog = self.catalog
        found = catalog.database_named(name)
        if found is None:
            raise DatacaveError(f'database "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
        if not found.allow_connections:
            raise DatacaveError(
                f'database "{name}" is not currently accepting connections',
                sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            )
        role = catalog.role_named(user) or catalog.role_named(self.options.admin_name)
        if role is not None and not role.superuser:
            if not allows_on(catalog, role.oid, "database", found, "c"):
                raise DatacaveError(
                    f'permission denied for database "{name}"',
                    sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
                    detail="User does not have CONNECT privilege.",
                )
            self._check_connection_limit(found)
            if 0 <= role.connection_limit <= sum(one.user == user for one in self.sessions.values()):
                raise DatacaveError(f'too many connections for role "{user}"', sqlstate=sqlstate.TOO_MANY_CONNECTIONS)
        home = self.homes[found.oid]
        if home.closed:
            raise DatacaveError(f'database "{name}" is being copied or dropped', sqlstate=sqlstate.OBJECT_IN_USE)
        return home

    def _check_connection_limit(self, database: DatabaseObject) -> None:
        if 0 <= database.connection_limit <= len(self.sessions_of(database.oid)):
            raise DatacaveError(
                f'too many connections for database "{database.name}"', sqlstate=sqlstate.TOO_MANY_CONNECTIONS
            )

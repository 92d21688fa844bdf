"""DatabaseParts: the real parts of a server: the storage engine, the SQL database over it, the listener in front."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from datacave_core.catalog import ADMIN_ROLE_NAME
from datacave_core.errors import StorageStopped
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.ports import Store
from datacave_lsm import SpillFiles
from datacave_server.audited_database import AuditedDatabase
from datacave_server.change_stream import ChangeStreams
from datacave_server.door import Door
from datacave_server.lifecycle import Environment, Listener, finished, naming
from datacave_server.listener import SqlListener
from datacave_server.operations import Operations
from datacave_server.roles import ensure_roles, outdated_users
from datacave_server.server_files import OsServerFiles
from datacave_server.storage import Storage
from datacave_sql import DatabaseOptions, MemoryPool, pin_restore_points

logger = logging.getLogger(__name__)

DICTIONARY_FOLDER = "tsearch_data"
"""The folder of the data directory in which files of text search dictionaries lie."""
NO_KEY = bytes(PREFIX_LENGTH)


class DatabaseParts:
    """Parts of one server."""

    def __init__(self) -> None:
        self._storage: Storage | None = None
        self._door: Door | None = None

    async def open_store(self, environment: Environment) -> Store:
        """Recovers the storage engine from its folder; clients that come meanwhile are told so."""
        storage = self._storage = Storage(
            environment.config,
            environment.files,
            environment.clock,
            environment.scheduler,
            environment.randomness,
        )
        with naming("server.listen", environment.config.server.listen):
            self._door = await Door.open(environment.config, environment.tls)
        engine = await storage.open()
        if storage.progress.rows:
            found = storage.progress
            logger.info("read %d row versions from the log, %d table files made of them", found.rows, found.tables)
        Operations(environment, storage)
        return engine

    def progress(self) -> str:
        """How far the log is read, or nothing."""
        found = self._storage.progress if self._storage is not None else None
        if found is None or not found.bytes_total:
            return ""
        mebibyte = 1024 * 1024
        return f"{found.bytes_read // mebibyte} of {found.bytes_total // mebibyte} MB of the log are read"

    async def make_listener(self, environment: Environment, store: Store) -> Listener:
        """Makes the roles of the configured users and opens the database."""
        # Before any other work of the store: what restore points show must not be thinned out.
        pins = pin_restore_points(store)
        if (written := ensure_roles(store, environment.config.security.auth.users)) is not None:
            await finished(written)
        config = environment.config
        sealed = bool(config.security.encryption.active_key)
        options = DatabaseOptions(
            memory=MemoryPool(config.limits.memory_bytes, config.limits.statement_memory_bytes),
            temporary_files=SpillFiles(environment.files, environment.scheduler, environment.randomness, sealed=sealed),
            server_files=OsServerFiles(asyncio.get_running_loop(), environment.files.root),
            dictionary_folder=Path(environment.files.root) / DICTIONARY_FOLDER,
        )
        database = AuditedDatabase(store, environment.clock, environment.randomness, options)
        for unpin in pins:
            unpin()
        database.audit = environment.audit
        database.log = logger.info
        for name in outdated_users(database.catalog, environment.config.security.auth.users):
            logger.warning(
                "user %s: the database has another password or superuser flag than the configuration, and counts;"
                " change it with ALTER ROLE",
                name,
            )
        environment.commands.add_stream("changes", ChangeStreams(database, ADMIN_ROLE_NAME).open)
        assert self._door is not None
        listener = SqlListener(
            self._door,
            environment.config,
            database,
            environment.tls,
            environment.audit,
            environment.metrics,
            environment.clock,
            environment.randomness,
        )
        environment.console.open(listener)
        return listener

    def store_failure(self, store: Store) -> str | None:
        """A store that has stopped itself refuses every read, so a read of nothing finds out."""
        try:
            store.get(NO_KEY, store.newest_timestamp)
        except StorageStopped as error:
            return error.message
        return None

    def close(self) -> None:
        """Ends the process that merges, and listening."""
        if self._door is not None:
            self._door.close()
        if self._storage is not None:
            self._storage.merges.close()

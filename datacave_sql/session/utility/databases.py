"""CREATE, ALTER and DROP DATABASE. Each database has a catalog of its own; oids are unique in the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    TEMPLATE_DATABASE_NAME,
    Catalog,
    Database,
    Role,
    Table,
    catalog_writes,
    empty_catalog,
    is_member,
    sequence_value_key,
    statistics_key,
)
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types.boolean import parse_boolean
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.database_copy import DatabaseCopy
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.blocks import refuse_in_block
from datacave_sql.session.warnings import notice

Steps = Iterator[Reply | Wait]

ENCODINGS = ("utf8", "utf-8", "unicode")
LOCALES = ("c", "posix", "c.utf-8", "c.utf8", "en_us.utf-8", "en_us.utf8")
PATIENCE_SECONDS = 5.0


def create_database(session: Any, statement: ast.CreateDatabase) -> Steps:
    """CREATE DATABASE. Raises 25001, 42501, 42P04, 3D000, 55006 while somebody uses the template."""
    refuse_in_block(session, "CREATE DATABASE")
    role = session.evaluation.current_role
    if not (role.superuser or role.create_database):
        raise DatacaveError("permission denied to create database", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    catalog = session.catalog_snapshot
    options = _Options(statement.options)
    owner = options.owner(session, role)
    template = _database(catalog, options.text("template") or TEMPLATE_DATABASE_NAME, "template ")
    if not (template.template or role.superuser or is_member(catalog, role.oid, template.owner_oid)):
        raise DatacaveError(
            f'permission denied to copy database "{template.name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
        )
    options.check_known(
        "encoding", "locale", "lc_collate", "lc_ctype", "icu_locale", "locale_provider", "collation_version",
        "strategy", "tablespace", "template", "owner", "allow_connections", "connection_limit", "is_template", "oid",
    )  # fmt: skip
    options.check_encoding()
    if catalog.database_named(statement.name) is not None:
        raise DatacaveError(f'database "{statement.name}" already exists', sqlstate=sqlstate.DUPLICATE_DATABASE)
    yield from _idle(session, template, "source database")
    home = session.database.homes[template.oid]
    changed, oids = catalog.allocate()
    made = Database(
        oids[0],
        statement.name,
        owner,
        connection_limit=options.number("connection_limit", -1),
        allow_connections=options.flag("allow_connections", True),
        template=options.flag("is_template", False),
    )
    changed = changed.with_objects((made,))
    copy = DatabaseCopy(session.database, home.catalog, changed, made.oid)
    changed.advance(copy.catalog.next_oid)
    storage_ids = copy.storage_ids()
    session.after_rollback(lambda: session.database.reclaimer.add(storage_ids))
    session.database.register_layouts(copy.catalog.tables.values(), copy.catalog)
    yield from copy.rows()
    session.transaction.put_all(catalog_writes(empty_catalog(changed), copy.catalog))
    session.set_catalog(changed)
    session.after_commit(lambda: session.database.add_home(made.oid, copy.catalog))
    yield Complete("CREATE DATABASE")


def drop_database(session: Any, statement: ast.DropDatabase) -> Steps:
    """DROP DATABASE. Raises 25001, 3D000, 42501, 42809 for templates, 55006 while somebody is connected."""
    refuse_in_block(session, "DROP DATABASE")
    catalog = session.catalog_snapshot
    found = catalog.database_named(statement.name)
    if found is None:
        if not statement.if_exists:
            raise _missing(statement.name)
        notice(session, f'database "{statement.name}" does not exist, skipping')
        yield Complete("DROP DATABASE")
        return
    _must_own(session, catalog, found)
    if found.template:
        raise DatacaveError("cannot drop a template database", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if found.oid == session.home.oid:
        raise DatacaveError("cannot drop the currently open database", sqlstate=sqlstate.OBJECT_IN_USE)
    if statement.force:
        error = DatacaveError("terminating connection due to administrator command", sqlstate=sqlstate.ADMIN_SHUTDOWN)
        error.severity = "FATAL"
        for other in session.database.sessions_of(found.oid):
            session.database.interrupt(other.process_id, error)
    yield from _idle(session, found, "database")
    home = session.database.homes[found.oid]
    gone = home.catalog
    writes: dict[bytes, Row | None] = dict(catalog_writes(gone, empty_catalog(gone)))
    writes |= {sequence_value_key(oid): None for oid in gone.sequences}
    writes |= {statistics_key(oid): None for oid in gone.tables}
    session.transaction.put_all(writes)
    session.set_catalog(catalog.without(found))
    storage_ids = [one.storage_id for one in gone.tables.values() if isinstance(one, Table) and one.storage_id]

    def after() -> None:
        database = session.database
        database.homes.pop(found.oid, None)
        database.retention.catalog_changed(found.oid, None)
        database.compressions.catalog_changed(found.oid, None)
        database.reclaimer.add(storage_ids)
        for oid in gone.sequences:
            database.sequences.forget(oid)

    session.after_commit(after)
    yield Complete("DROP DATABASE")


def alter_database(session: Any, statement: ast.AlterDatabase) -> Steps:
    """ALTER DATABASE .. WITH options."""
    yield from ()
    catalog = session.catalog_snapshot
    found = _database(catalog, statement.name)
    _must_own(session, catalog, found)
    options = _Options(statement.options)
    options.check_known("connection_limit", "allow_connections", "is_template", "tablespace")
    allowed = options.flag("allow_connections", found.allow_connections)
    if not allowed and found.oid == session.home.oid:
        raise DatacaveError(
            "cannot disallow connections for current database", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    changed = replace(
        found,
        connection_limit=options.number("connection_limit", found.connection_limit),
        allow_connections=allowed,
        template=options.flag("is_template", found.template),
    )
    session.set_catalog(catalog.with_objects((changed,)))
    yield Complete("ALTER DATABASE")


def check_rename(session: Any, database: Database, new_name: str) -> None:
    """Raises 42P04, 55006 and 0A000 for what ALTER DATABASE .. RENAME TO must not do."""
    catalog = session.catalog_snapshot
    role = session.evaluation.current_role
    _must_own(session, catalog, database)
    if not (role.superuser or role.create_database):
        raise DatacaveError("permission denied to rename database", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    if catalog.database_named(new_name) is not None:
        raise DatacaveError(f'database "{new_name}" already exists', sqlstate=sqlstate.DUPLICATE_DATABASE)
    if database.oid == session.home.oid:
        raise DatacaveError("current database cannot be renamed", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    users = _others(session, database)
    if users:
        raise _in_use(database, users, "database")


def _missing(name: str, what: str = "") -> DatacaveError:
    return DatacaveError(f'{what}database "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)


def _database(catalog: Catalog, name: str, what: str = "") -> Database:
    found = catalog.database_named(name)
    if found is None:
        raise _missing(name, what)
    return found


def _must_own(session: Any, catalog: Catalog, database: Database) -> None:
    role: Role = session.evaluation.current_role
    if not (role.superuser or is_member(catalog, role.oid, database.owner_oid)):
        raise DatacaveError(f"must be owner of database {database.name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def _others(session: Any, database: Database) -> int:
    return sum(one is not session for one in session.database.sessions_of(database.oid))


def _in_use(database: Database, users: int, what: str) -> DatacaveError:
    sessions = "is 1 other session" if users == 1 else f"are {users} other sessions"
    return DatacaveError(
        f'{what} "{database.name}" is being accessed by other users',
        sqlstate=sqlstate.OBJECT_IN_USE,
        detail=f"There {sessions} using the database.",
    )


def _idle(session: Any, database: Database, what: str) -> Iterator[Wait]:
    """Waits until nobody else is connected, and lets nobody in before the transaction ends. Raises 55006.

    Sessions that are just leaving get some time, as clients do not wait for the end of their sessions.
    """
    clock = session.database.clock
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while users := _others(session, database):
        if session.database.call_later is None or clock.monotonic() > deadline:
            raise _in_use(database, users, what)
        woken = Wait("Timeout:Database")
        take_back = session.database.call_later(0.02, woken.finish)
        try:
            yield woken
        finally:
            take_back()
    _close_door(session, session.database.homes[database.oid])


def _close_door(session: Any, home: Any) -> None:
    """Nobody may connect until the transaction has ended."""

    def open_again() -> None:
        home.closed = False

    home.closed = True
    session.after_rollback(open_again)
    session.after_commit(open_again)


class _Options:
    """The options of a statement by name, each at most once."""

    def __init__(self, options: tuple[ast.Option, ...]) -> None:
        self._options: dict[str, ast.Option] = {}
        for option in options:
            if option.name in self._options:
                raise DatacaveError(
                    "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
                )
            self._options[option.name] = option

    def check_known(self, *names: str) -> None:
        for option in self._options.values():
            if option.name == "location":
                continue
            if option.name not in names:
                raise DatacaveError(
                    f'option "{option.name}" not recognized', sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
                )

    def text(self, name: str) -> str | None:
        option = self._options.get(name)
        return str(option.value) if option is not None and option.value is not None else None

    def number(self, name: str, otherwise: int) -> int:
        text = self.text(name)
        if text is None:
            return otherwise
        try:
            value = int(text)
        except ValueError:
            raise DatacaveError(f"{name} requires an integer value", sqlstate=sqlstate.SYNTAX_ERROR) from None
        if value < -1:
            raise DatacaveError(f"invalid connection limit: {value}", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
        return value

    def flag(self, name: str, otherwise: bool) -> bool:
        text = self.text(name)
        if text is None:
            return otherwise
        try:
            return parse_boolean(text)
        except DatacaveError:
            raise DatacaveError(f"{name} requires a Boolean value", sqlstate=sqlstate.SYNTAX_ERROR) from None

    def owner(self, session: Any, role: Role) -> int:
        name = self.text("owner")
        if name is None or name in ("current_user", "session_user", "current_role"):
            return role.oid
        catalog = session.catalog_snapshot
        found = catalog.role_named(name)
        if found is None:
            raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
        if not (role.superuser or is_member(catalog, role.oid, found.oid)):
            raise DatacaveError(f'must be member of role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        oid: int = found.oid
        return oid

    def check_encoding(self) -> None:
        """Everything is UTF-8 in the order of code points."""
        encoding = self.text("encoding")
        if encoding is not None and encoding.lower() not in (*ENCODINGS, "6"):
            raise FeatureNotSupported(f"encoding {encoding} is not supported", hint="Databases are in UTF8.")
        for name in ("locale", "lc_collate", "lc_ctype"):
            locale = self.text(name)
            if locale is not None and locale.lower() not in LOCALES:
                raise FeatureNotSupported(
                    f"locale {locale} is not supported", hint="Databases sort by code points: use the locale C."
                )
        provider = self.text("locale_provider")
        if self.text("icu_locale") is not None or (provider is not None and provider.lower() != "libc"):
            raise FeatureNotSupported("ICU locales are not supported", hint="Use the locale C.")
        tablespace = self.text("tablespace")
        if tablespace is not None and tablespace != "pg_default":
            raise DatacaveError(f'tablespace "{tablespace}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)

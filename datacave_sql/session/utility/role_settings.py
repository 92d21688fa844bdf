"""ALTER ROLE and ALTER DATABASE .. SET: defaults of parameters that sessions start with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Database, Role
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.parameter import find_parameter
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.named_roles import named_role
from datacave_sql.session.utility.parameters import setting_text

Steps = Iterator[Reply | Wait]
Settings = tuple[tuple[str, str], ...]

ALL_ROLES_OID = 0


def alter_settings(session: Any, statement: ast.AlterSettings) -> Steps:
    """ALTER ROLE [IN DATABASE], ALTER DATABASE .. SET and RESET. Raises 42501, 42704, 3D000, 22023."""
    yield from ()
    if statement.scope == "system":
        raise FeatureNotSupported(
            "ALTER SYSTEM is not supported", hint="Change the configuration file and restart the server."
        )
    catalog: Catalog = session.catalog_snapshot
    own = session.evaluation.current_role
    database: Database | None = None
    if statement.database is not None:
        database = catalog.database_named(statement.database)
        if database is None:
            raise DatacaveError(f'database "{statement.database}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
    if database is not None and (statement.scope == "database" or statement.role is None):
        # What all roles start with in a database is what the database gives.
        if not own.superuser and database.owner_oid != own.oid:
            raise DatacaveError(f"must be owner of database {database.name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        changed: Role | Database = replace(database, settings=_changed(session, database.settings, statement.setting))
        session.set_catalog(catalog.with_objects((changed,)))
        yield Complete(f"ALTER {statement.scope.upper()}")
        return
    if statement.role is None:
        if not own.superuser:
            raise DatacaveError(
                "must be superuser to alter settings globally", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )
        raise FeatureNotSupported(
            "ALTER ROLE ALL .. SET is not supported for all databases at once",
            hint="Use ALTER ROLE ALL IN DATABASE, or the configuration file.",
        )
    role = named_role(session, statement.role)
    if not own.superuser:
        if role.superuser:
            raise DatacaveError("must be superuser to alter superusers", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        if not own.create_role and own.oid != role.oid:
            raise DatacaveError("permission denied", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    if database is None:
        changed = replace(role, settings=_changed(session, role.settings, statement.setting))
    else:
        by_database = dict(role.database_settings)
        after = _changed(session, by_database.pop(database.oid, ()), statement.setting)
        if after:
            by_database[database.oid] = after
        changed = replace(role, database_settings=tuple(sorted(by_database.items())))
    session.set_catalog(catalog.with_objects((changed,)))
    yield Complete("ALTER ROLE")


def _changed(session: Any, before: Settings, setting: ast.SetParameter | ast.ResetParameter) -> Settings:
    found = dict(before)
    if setting.name is None:
        return ()
    name = find_parameter(setting.name).name
    if isinstance(setting, ast.ResetParameter) or (not setting.values and not setting.from_current):
        found.pop(name, None)
        return tuple(found.items())
    value = session.evaluation.setting(setting.name) if setting.from_current else setting_text(setting)
    session.settings.check(setting.name, value or "")
    found[name] = value or ""
    return tuple(found.items())

"""CREATE EXTENSION: the functions of an extension as routines of the catalog, which belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Extension, Routine, RoutineArgument, allows_on
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.functions.extensions import BUILT_IN, INSTEAD, VERSIONS, functions_of
from datacave_sql.parse import ast
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]


def create_extension(session: Any, statement: ast.CreateExtension) -> Steps:
    """CREATE EXTENSION. Raises 0A000 for those that Datacave has not, 42710, 42501."""
    yield from ()
    name = statement.name
    catalog = session.catalog_snapshot
    if name in catalog.extension_names or name in BUILT_IN:
        if not statement.if_not_exists:
            raise DatacaveError(f'extension "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
        tell(session, "NOTICE", f'extension "{name}" already exists, skipping', sqlstate.DUPLICATE_OBJECT)
        yield Complete("CREATE EXTENSION")
        return
    version = VERSIONS.get(name)
    if version is None:
        hint = INSTEAD.get(name, f"Available are {' and '.join(sorted(VERSIONS))}.")
        raise FeatureNotSupported(f'extension "{name}" is not available', hint=hint)
    role = session.evaluation.current_role
    database = catalog.databases.get(session.evaluation.database_oid)
    if database is not None and not allows_on(catalog, role.oid, "database", database, "C"):
        raise DatacaveError(
            f'permission denied to create extension "{name}"',
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            hint="Must have CREATE privilege on current database to create this extension.",
        )
    schema_oid = _schema(session, statement, version)
    numbers = Numbers(catalog)
    extension = Extension(numbers.take(), name, schema_oid, version, role.oid)
    made: list[Any] = [extension]
    for one in functions_of(name):
        routine = Routine(
            0,
            schema_oid,
            one.name,
            arguments=tuple(RoutineArgument("", oid) for oid in one.arguments),
            return_type_oid=one.result,
            language="c",
            body=one.symbol,
            volatility=one.volatility,
            strict=one.strict,
            parallel=one.parallel,
            cost=1.0,
            extension_oid=extension.oid,
        )
        made.append(numbers.routine(routine, role.oid))
    session.set_catalog(numbers.catalog.with_objects(made))
    yield Complete("CREATE EXTENSION")


def _schema(session: Any, statement: ast.CreateExtension, version: str) -> int:
    catalog = session.catalog_snapshot
    wanted = None
    for option in statement.options:
        if option.name == "schema":
            wanted = str(option.value)
        elif option.name == "version" and option.value != version:
            raise DatacaveError(
                f'extension "{statement.name}" has no installation script nor update path for version "{option.value}"',
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
    if wanted is None:
        path = session.search_path
        if not path:
            raise DatacaveError("no schema has been selected to create in", sqlstate=sqlstate.UNDEFINED_OBJECT)
        wanted = path[0]
    schema = catalog.schema_named(wanted)
    if schema is None:
        raise DatacaveError(f'schema "{wanted}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA)
    oid: int = schema.oid
    return oid

"""CREATE TYPE, CREATE DOMAIN, ALTER TYPE, ALTER DOMAIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.bind.statements import AlterType, CreateType
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers

Steps = Iterator[Reply | Wait]


def create_type(session: Any, bound: CreateType) -> Steps:
    """CREATE TYPE AS ENUM, AS (..), CREATE DOMAIN."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    definition = numbers.type(bound.definition, session.evaluation.current_role.oid)
    session.set_catalog(numbers.catalog.with_objects((definition,)))
    yield Complete(bound.tag)


def alter_type(session: Any, bound: AlterType) -> Steps:
    """ALTER TYPE, ALTER DOMAIN."""
    yield from ()
    definition = bound.definition
    catalog = session.catalog_snapshot
    users = [
        table
        for table in catalog.tables.values()
        if any(column.type_oid in (definition.oid, definition.array_oid) for column in table.live_columns)
    ]
    if bound.check_values and users:
        raise FeatureNotSupported(
            f'ALTER DOMAIN of "{definition.name}" is not supported while table "{users[0].name}" has columns of it',
            hint="Add the constraint to the tables instead, or NOT VALID to the domain.",
        )
    if definition.kind == "c" and users:
        raise DatacaveError(
            f'cannot alter type "{definition.name}" because column'
            f' "{users[0].name}.{_column(users[0], definition)}" uses it',
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    numbers = Numbers(catalog)
    changed = numbers.type(definition, definition.owner_oid)
    session.set_catalog(numbers.catalog.with_objects((changed,)))
    yield Complete(bound.tag)


def _column(table: Any, definition: Any) -> str:
    name: str = next(
        column.name for column in table.live_columns if column.type_oid in (definition.oid, definition.array_oid)
    )
    return name

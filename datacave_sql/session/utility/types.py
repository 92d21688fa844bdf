"""CREATE TYPE, CREATE DOMAIN, ALTER TYPE, ALTER DOMAIN."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import TypeDefinition
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait
from datacave_sql.bind.statements import AlterType, CreateType
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.table_rows import rewrite

Replies = Iterator[Reply | Wait]


def create_type(session: Any, bound: CreateType) -> Replies:
    """CREATE TYPE AS ENUM, AS (..), CREATE DOMAIN."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    definition = numbers.type(bound.definition, session.evaluation.current_role.oid)
    session.set_catalog(numbers.catalog.with_objects((definition,)))
    yield Complete(bound.tag)


def alter_type(session: Any, bound: AlterType) -> Replies:
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
    renamed = _renamed_labels(catalog.types[definition.oid], changed)
    if renamed:
        yield from _rename_stored(session, changed, renamed)
    yield Complete(bound.tag)


def _renamed_labels(old: TypeDefinition, new: TypeDefinition) -> dict[str, str]:
    labels = {label.oid: label.label for label in new.labels}
    return {label.label: labels[label.oid] for label in old.labels if labels.get(label.oid, label.label) != label.label}


def _rename_stored(session: Any, definition: TypeDefinition, renamed: dict[str, str]) -> Steps[None]:
    """Rows hold labels, so the tables with columns of the enum are written again."""
    oids = (definition.oid, definition.array_oid)
    catalog = session.catalog_snapshot
    for other in catalog.types.values():
        if other.base_type_oid in oids or any(column.type_oid in oids for column in other.attributes):
            raise FeatureNotSupported(
                f'a label of "{definition.name}" cannot be renamed while type "{other.name}" is made of it'
            )

    def label(value: Any) -> Any:
        return renamed.get(value, value)

    def convert(slots: list[tuple[int, bool]], rows: list[Row]) -> list[Row]:
        converted = []
        for row in rows:
            values = list(row)
            for slot, is_array in slots:
                value = values[slot]
                if value is not None:
                    values[slot] = (
                        value._replace(elements=tuple(map(label, value.elements))) if is_array else label(value)
                    )
            converted.append(tuple(values))
        return converted

    for oid in sorted(catalog.tables):
        table = session.catalog_snapshot.tables[oid]
        slots = [
            (column.number - 1, column.type_oid == definition.array_oid)
            for column in table.live_columns
            if column.type_oid in oids
        ]
        if slots and table.storage_id:
            yield from session.lock_table_alone(oid)
            yield from rewrite(session, table, table, partial(convert, slots))


def _column(table: Any, definition: Any) -> str:
    name: str = next(
        column.name for column in table.live_columns if column.type_oid in (definition.oid, definition.array_oid)
    )
    return name

"""CREATE TYPE, CREATE DOMAIN, ALTER TYPE, ALTER DOMAIN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import CastDefinition, Catalog, CatalogObject, Routine, RoutineArgument, TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.wait import Steps, Wait
from datacave_sql.bind.statements import AlterType, CreateType
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.alter_table import run_actions
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.stored_values import change_stored, check_stored
from datacave_sql.session.utility.table_rows import row_function
from datacave_sql.session.utility.temporary import placed
from datacave_sql.session.warnings import notice

Replies = Iterator[Reply | Wait]


def create_type(session: Any, bound: CreateType) -> Replies:
    """CREATE TYPE, CREATE DOMAIN."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    owner = session.evaluation.current_role.oid
    definition = numbers.type(placed(session, numbers, bound.definition), owner)
    if bound.multirange is None:
        made: tuple[CatalogObject, ...] = (definition,)
    else:
        multirange = numbers.type(
            placed(session, numbers, replace(bound.multirange, base_type_oid=definition.oid)), owner
        )
        definition = replace(definition, multirange_oid=multirange.oid)
        constructors = [numbers.routine(one, owner) for one in range_constructors(definition, multirange)]
        # The one that takes a single range makes the cast.
        cast = CastDefinition(numbers.take(), definition.oid, multirange.oid, constructors[-1].oid)
        made = (definition, multirange, *constructors, cast)
    session.set_catalog(numbers.catalog.with_objects(made))
    yield Complete(bound.tag)


def range_constructors(definition: TypeDefinition, multirange: TypeDefinition) -> list[Routine]:
    """The functions that make values of a range type and its multirange type, by the names of the types."""

    def constructor(of: TypeDefinition, symbol: str, types: tuple[int, ...], mode: str, strict: bool) -> Routine:
        return Routine(
            0, of.schema_oid, of.name, arguments=tuple(RoutineArgument("", oid, mode) for oid in types),
            return_type_oid=of.oid, language="internal", body=symbol, volatility="i", strict=strict, parallel="s",
            cost=1.0, type_oid=definition.oid,
        )  # fmt: skip

    bounds = (definition.base_type_oid,) * 2
    return [
        constructor(definition, "range_constructor2", bounds, "i", False),
        constructor(definition, "range_constructor3", (*bounds, oids.TEXT), "i", False),
        constructor(multirange, "multirange_constructor0", (), "i", True),
        constructor(multirange, "multirange_constructor2", (definition.array_oid,), "v", True),
        constructor(multirange, "multirange_constructor1", (definition.oid,), "i", True),
    ]


def alter_type(session: Any, bound: AlterType) -> Replies:
    """ALTER TYPE, ALTER DOMAIN."""
    for message, code in bound.notices:
        notice(session, message, code)
    definition = bound.definition
    catalog = session.catalog_snapshot
    before = catalog.types[definition.oid]
    if bound.check_values:
        yield from _check_values(session, bound)
    numbers = Numbers(catalog)
    changed = numbers.type(definition, definition.owner_oid)
    if definition.kind == "c":
        _check_retyped(catalog, before, changed)
    session.set_catalog(numbers.catalog.with_objects((changed,)))
    renamed = _renamed_labels(before, changed)
    if renamed:
        yield from change_stored(
            session, changed.oid, changed.array_oid, changed.name, lambda label: renamed.get(label, label)
        )
    elif definition.kind == "c" and _shape(before) != _shape(changed):
        yield from change_stored(session, changed.oid, changed.array_oid, changed.name, _reshaped(before, changed))
    for statement in bound.typed_tables:
        yield from run_actions(session, statement)
    yield Complete(bound.tag)


def _check_values(session: Any, bound: AlterType) -> Steps[None]:
    """Raises 23502, 23514 for stored values that the domain will not have."""
    if bound.condition is None or bound.value_column is None:
        yield from check_stored(
            session, bound.definition, lambda value: value is not None, "contains null values",
            sqlstate.NOT_NULL_VIOLATION,
        )  # fmt: skip
        return
    test = row_function(session, [bound.condition], [bound.value_column])
    yield from check_stored(
        session, bound.definition, lambda value: test((value,))[0] is not False,
        "contains values that violate the new constraint", sqlstate.CHECK_VIOLATION,
    )  # fmt: skip


def _renamed_labels(old: TypeDefinition, new: TypeDefinition) -> dict[str, str]:
    labels = {label.oid: label.label for label in new.labels}
    return {label.label: labels[label.oid] for label in old.labels if labels.get(label.oid, label.label) != label.label}


def _shape(definition: TypeDefinition) -> list[int]:
    """The numbers of the attributes that values have, in order."""
    return [attribute.number for attribute in definition.attributes if not attribute.dropped]


def _reshaped(before: TypeDefinition, after: TypeDefinition) -> Callable[[Any], Any]:
    """What makes values of the old attributes values of the new ones."""
    places = {number: place for place, number in enumerate(_shape(before))}
    wanted = [places.get(number) for number in _shape(after)]
    return lambda value: tuple(None if place is None else value[place] for place in wanted)


def _check_retyped(catalog: Catalog, before: TypeDefinition, after: TypeDefinition) -> None:
    """Raises 0A000 where an attribute of stored values would get another type."""
    old = {one.number: (one.type_oid, one.typmod) for one in before.attributes}
    if all(old.get(one.number, (one.type_oid, one.typmod)) == (one.type_oid, one.typmod) for one in after.attributes):
        return
    affected = (after.oid, after.array_oid)
    for table in catalog.tables_needing(*affected):
        for column in table.live_columns:
            if column.type_oid in affected and table.storage_id:
                raise DatacaveError(
                    f'cannot alter type "{after.name}" because column "{table.name}.{column.name}" uses it',
                    sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                )

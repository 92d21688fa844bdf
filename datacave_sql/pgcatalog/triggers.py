"""pg_trigger and information_schema.triggers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datacave_core.catalog import Table, Trigger
from datacave_core.values import Row
from datacave_sql.bind.trigger_text import TIMINGS, action_text
from datacave_sql.pgcatalog.internal_triggers import (
    DerivedTrigger,
    constraint_of_trigger,
    copied_triggers,
    triggers_of_constraints,
)
from datacave_sql.pgcatalog.relation import RowMaker, int2vector
from datacave_sql.pgcatalog.snapshot import CatalogRows

_EVENT_BITS = {"i": 4, "d": 8, "u": 16, "t": 32}
_TIMING_BITS = {"b": 2, "a": 0, "i": 64}
_EVENTS = {"i": "INSERT", "d": "DELETE", "u": "UPDATE"}


def trigger_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_trigger: triggers, their copies on partitions, and those that enforce keys."""
    found = rows.per_object("triggers", rows.catalog.tables.items(), _of_table)
    for table in rows.catalog.tables.values():
        found += _derived_of(rows, table)
    return found


def triggers_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one table."""
    catalog = rows.catalog
    table = catalog.tables.get(relation)
    if table is None:
        return ()
    found = list(rows.of_object("triggers", table.oid, table, _of_table))
    about = [table, *(referring for referring, _ in catalog.foreign_keys_to(relation))]
    about += catalog.ancestors_of(table)
    about += (referring for above in catalog.ancestors_of(table) for referring, _ in catalog.foreign_keys_to(above.oid))
    for one in {other.oid: other for other in about}.values():
        found += (row for row in _derived_of(rows, one) if row[1] == relation)
    return found


def _derived_of(rows: CatalogRows, table: Table) -> list[Row]:
    catalog = rows.catalog
    found = triggers_of_constraints(catalog, table) if table.constraints else []
    return [_row(rows, one.table, one.trigger, one) for one in (*found, *copied_triggers(catalog, table))]


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    return [_row(rows, table, one) for one in table.triggers]


def _row(rows: CatalogRows, table: Table, one: Trigger, derived: DerivedTrigger | None = None) -> Row:
    kind = int(one.for_each_row) | _TIMING_BITS[one.timing] | sum(_EVENT_BITS[letter] for letter in one.events)
    arguments = b"".join(text.encode() + b"\0" for text in one.arguments)
    condition = rows.trigger_condition(table, one)
    enforced = derived.constraint if derived is not None else None
    index, constraint = 0, constraint_of_trigger(one) if one.constraint else 0
    if enforced is not None:
        index, constraint = enforced.index_oid, enforced.oid
    return (
        one.oid, table.oid, derived.parent_oid if derived is not None else 0, one.name, one.function_oid, kind,
        one.enabled, enforced is not None, one.referenced_oid, index, constraint, one.deferrable, one.deferred,
        len(one.arguments), int2vector(one.update_columns), arguments, condition, one.old_table or None,
        one.new_table or None,
    )  # fmt: skip


def information_triggers(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.triggers: a row for each event but TRUNCATE."""
    copies: dict[int, list[Trigger]] = {}
    for table in rows.catalog.tables.values():
        for one in copied_triggers(rows.catalog, table):
            copies.setdefault(one.table.oid, []).append(one.trigger)
    for table in rows.catalog.tables.values():
        triggers = sorted((*table.triggers, *copies.get(table.oid, ())), key=lambda one: one.name.encode())
        yield from _events(rows, database, make, table, triggers)


def _events(
    rows: CatalogRows, database: str, make: RowMaker, table: Table, triggers: Sequence[Trigger]
) -> Iterator[Row]:
    order: dict[tuple[str, str, bool], int] = {}
    for one in triggers:
        for letter in one.events:
            if letter not in _EVENTS:
                continue
            group = (letter, one.timing, one.for_each_row)
            order[group] = order.get(group, 0) + 1
            yield make(
                trigger_catalog=database, trigger_schema=rows.schema_name(table.schema_oid),
                trigger_name=one.name, event_manipulation=_EVENTS[letter], event_object_catalog=database,
                event_object_schema=rows.schema_name(table.schema_oid), event_object_table=table.name,
                action_order=order[group], action_condition=rows.trigger_condition(table, one),
                action_statement=action_text(one, rows.trigger_function(one)),
                action_orientation="ROW" if one.for_each_row else "STATEMENT", action_timing=TIMINGS[one.timing],
                action_reference_old_table=one.old_table or None, action_reference_new_table=one.new_table or None,
            )  # fmt: skip

"""pg_trigger and information_schema.triggers."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.catalog import Table, Trigger
from datacave_core.values import Row
from datacave_sql.bind.trigger_text import TIMINGS, action_text
from datacave_sql.pgcatalog.relation import RowMaker, int2vector
from datacave_sql.pgcatalog.snapshot import CatalogRows

_EVENT_BITS = {"i": 4, "d": 8, "u": 16, "t": 32}
_TIMING_BITS = {"b": 2, "a": 0, "i": 64}
_EVENTS = {"i": "INSERT", "d": "DELETE", "u": "UPDATE"}


def trigger_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_trigger; foreign keys have no triggers of their own."""
    return rows.per_object("triggers", rows.catalog.tables.items(), _of_table)


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    return [_row(rows, table, one) for one in table.triggers]


def _row(rows: CatalogRows, table: Table, one: Trigger) -> Row:
    kind = int(one.for_each_row) | _TIMING_BITS[one.timing] | sum(_EVENT_BITS[letter] for letter in one.events)
    arguments = b"".join(text.encode() + b"\0" for text in one.arguments)
    condition = rows.trigger_condition(table, one)
    return (
        one.oid, table.oid, 0, one.name, one.function_oid, kind, one.enabled, False, one.referenced_oid, 0,
        one.oid if one.constraint else 0, one.deferrable, one.deferred, len(one.arguments),
        int2vector(one.update_columns), arguments, condition, one.old_table or None, one.new_table or None,
    )  # fmt: skip


def information_triggers(rows: CatalogRows, database: str, make: RowMaker) -> Iterator[Row]:
    """information_schema.triggers: a row for each event but TRUNCATE."""
    for table in rows.catalog.tables.values():
        order: dict[tuple[str, str, bool], int] = {}
        for one in table.triggers:
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

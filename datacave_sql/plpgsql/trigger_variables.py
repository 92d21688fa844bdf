"""Trigger variables: NEW, OLD and TG_* of a trigger function."""

from __future__ import annotations

from typing import Any, Final

from datacave_core.types import oids
from datacave_core.values import Array, Row
from datacave_sql.exec.triggers import TriggerCall

VARIABLES: Final = (
    ("new", 0), ("old", 0), ("tg_name", oids.NAME), ("tg_when", oids.TEXT), ("tg_level", oids.TEXT),
    ("tg_op", oids.TEXT), ("tg_relid", oids.OID), ("tg_relname", oids.NAME), ("tg_table_name", oids.NAME),
    ("tg_table_schema", oids.NAME), ("tg_nargs", oids.INT4), ("tg_argv", oids.TEXT_ARRAY),
)  # fmt: skip
"""Names and types; 0 is the row type of the table."""
_WHEN = {"b": "BEFORE", "a": "AFTER", "i": "INSTEAD OF"}
_EVENTS = {"i": "INSERT", "u": "UPDATE", "d": "DELETE", "t": "TRUNCATE"}


def trigger_values(session: Any, call: TriggerCall, old: Row | None, new: Row | None) -> tuple[Any, ...]:
    """The values of VARIABLES in one call."""
    trigger, table = call.trigger, call.table
    arguments = trigger.arguments
    count = len(arguments)
    return (
        new,
        old,
        trigger.name,
        _WHEN[trigger.timing],
        "ROW" if trigger.for_each_row else "STATEMENT",
        _EVENTS[call.event],
        table.oid,
        table.name,
        table.name,
        session.catalog_snapshot.schemas[table.schema_oid].name,
        count,
        Array(arguments, (count,), (0,)) if count else Array(()),
    )

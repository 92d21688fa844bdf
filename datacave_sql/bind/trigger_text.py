"""Trigger text: CREATE TRIGGER as pg_get_triggerdef shows it."""

from __future__ import annotations

from datacave_core.catalog import Catalog, Table, Trigger
from datacave_sql.bind.sqltext import quote_identifier, quote_literal
from datacave_sql.functions import registry

TIMINGS = {"b": "BEFORE", "a": "AFTER", "i": "INSTEAD OF"}
_WORDS = {"i": "INSERT", "d": "DELETE", "u": "UPDATE", "t": "TRUNCATE"}


def function_name(catalog: Catalog, oid: int, path: tuple[str, ...]) -> str:
    """The function that a trigger calls; with its schema where the search path does not lead to it."""
    routine = catalog.routines.get(oid)
    if routine is None:
        return quote_identifier(registry.function(oid).name)
    schema = catalog.schemas[routine.schema_oid].name
    for name in path:
        known = catalog.schema_named(name)
        if known is not None and (known.oid, routine.name, ()) in catalog.routine_names:
            if known.oid == routine.schema_oid:
                return quote_identifier(routine.name)
            break
    return f"{quote_identifier(schema)}.{quote_identifier(routine.name)}"


def action_text(trigger: Trigger, name: str) -> str:
    """EXECUTE FUNCTION ..."""
    return f"EXECUTE FUNCTION {name}({', '.join(quote_literal(one) for one in trigger.arguments)})"


def trigger_text(
    trigger: Trigger, table: Table, table_name: str, referenced: str, condition: str | None, function: str
) -> str:
    """The statement; names come as they are to be shown."""
    events = []
    for letter in trigger.events:
        word = _WORDS[letter]
        if letter == "u" and trigger.update_columns:
            names = ", ".join(quote_identifier(table.column(number).name) for number in trigger.update_columns)
            word += f" OF {names}"
        events.append(word)
    kind = "CONSTRAINT TRIGGER" if trigger.constraint else "TRIGGER"
    parts = [f"CREATE {kind} {quote_identifier(trigger.name)} {TIMINGS[trigger.timing]} {' OR '.join(events)}"]
    parts.append(f"ON {table_name}")
    if trigger.constraint:
        if referenced:
            parts.append(f"FROM {referenced}")
        parts.append(
            f"DEFERRABLE INITIALLY {'DEFERRED' if trigger.deferred else 'IMMEDIATE'}"
            if trigger.deferrable
            else "NOT DEFERRABLE INITIALLY IMMEDIATE"
        )
    if trigger.old_table or trigger.new_table:
        tables = [f"OLD TABLE AS {quote_identifier(trigger.old_table)}"] if trigger.old_table else []
        tables += [f"NEW TABLE AS {quote_identifier(trigger.new_table)}"] if trigger.new_table else []
        parts.append("REFERENCING " + " ".join(tables))
    parts.append("FOR EACH ROW" if trigger.for_each_row else "FOR EACH STATEMENT")
    if condition is not None:
        parts.append(f"WHEN ({condition})")
    parts.append(action_text(trigger, function))
    return " ".join(parts)

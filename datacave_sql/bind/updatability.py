"""Updatability: which columns of a view can be written through it, read from the catalog alone.

For what describes views; a statement that writes through one finds out by binding it (write_target.py).
"""

from __future__ import annotations

from typing import Any

from datacave_core.catalog import Catalog, Table
from datacave_sql.bind.stored_text import query_tree
from datacave_sql.functions import registry
from datacave_sql.parse import ast

VIEW_DEPTH_MAX = 100

UPDATE_EVENT, INSERT_EVENT, DELETE_EVENT = 4, 8, 16
"""Bits of pg_relation_is_updatable."""


ALL_EVENTS = UPDATE_EVENT | INSERT_EVENT | DELETE_EVENT
COLUMN_EVENTS = UPDATE_EVENT | DELETE_EVENT
"""What a column needs to count as updatable."""
_RULE_EVENTS = {"u": UPDATE_EVENT, "i": INSERT_EVENT, "d": DELETE_EVENT}


def updatable_events(
    catalog: Catalog, table: Table, columns: frozenset[str] | None = None, depth: int = 0, triggers: bool = False
) -> int:
    """What can be done to a relation, or to these columns of it: bits of pg_relation_is_updatable. With `triggers` what
    INSTEAD OF triggers do counts too."""
    if table.kind in "rp":
        return ALL_EVENTS
    if table.kind != "v" or table.view_query is None or depth > VIEW_DEPTH_MAX:
        return 0
    events = 0
    for rule in table.rules:
        if rule.instead and rule.condition is None:
            events |= _RULE_EVENTS[rule.event]
    for trigger in table.triggers if triggers else ():
        if trigger.timing == "i" and trigger.for_each_row:
            events |= sum(_RULE_EVENTS[event] for event in trigger.events)
    query = query_tree(table.view_query)
    found = _simple_view(catalog, query)
    if found is None or events == ALL_EVENTS:
        return events
    base, body = found
    plain = {
        column.name: target.expression.parts[-1]
        for column, target in zip(table.live_columns, body.targets, strict=False)
        if isinstance(target.expression, ast.ColumnRef)
        and not target.expression.star
        and target.expression.parts[-1] in base.columns_by_name
    }
    wanted = {name: below for name, below in plain.items() if columns is None or name in columns}
    own = ALL_EVENTS if wanted else DELETE_EVENT
    if base.kind not in "rp":
        own &= updatable_events(catalog, base, frozenset(wanted.values()), depth + 1, triggers)
    return events | own


def column_is_updatable(catalog: Catalog, table: Table, name: str) -> bool:
    """pg_column_is_updatable."""
    return updatable_events(catalog, table, frozenset({name})) & COLUMN_EVENTS == COLUMN_EVENTS


def _simple_view(catalog: Catalog, query: ast.Statement) -> tuple[Table, ast.Select] | None:
    """The relation that an automatically updatable view shows, and its SELECT."""
    if not isinstance(query, ast.Query) or not isinstance(query.body, ast.Select):
        return None
    body = query.body
    tail = query.with_clause or query.limit or query.offset
    if tail or body.distinct or body.distinct_on or body.group_by or body.having is not None:
        return None
    item = body.from_items[0] if len(body.from_items) == 1 else None
    if not isinstance(item, ast.TableRef) or item.sample is not None or any(map(_computes_rows, body.targets)):
        return None
    base = _relation(catalog, item.name)
    return None if base is None else (base, body)


def _relation(catalog: Catalog, name: tuple[str, ...]) -> Table | None:
    if len(name) < 2:
        return None
    schema = catalog.schema_named(name[-2])
    found = catalog.relation(schema.oid, name[-1]) if schema is not None else None
    return found if isinstance(found, Table) else None


def _computes_rows(node: Any) -> bool:
    """Whether a select-list item holds an aggregate, a window call or a function that returns a set."""
    if isinstance(node, ast.FunctionCall):
        kinds = registry.functions_named(node.name[-1])
        if node.over is not None or any(one.kind == "a" or one.returns_set for one in kinds):
            return True
    if isinstance(node, ast.Query):
        return False
    if isinstance(node, ast.Node):
        slots = [slot for base in type(node).__mro__ for slot in getattr(base, "__slots__", ())]
        return any(_computes_rows(getattr(node, slot)) for slot in slots if slot != "position")
    return isinstance(node, tuple) and any(map(_computes_rows, node))

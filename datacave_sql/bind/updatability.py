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


def updatable_columns(catalog: Catalog, table: Table, depth: int = 0) -> frozenset[str] | None:
    """The columns of a relation that can be written; None for a relation that cannot be written at all."""
    if table.kind in "rp":
        return frozenset(column.name for column in table.live_columns)
    if table.kind != "v" or table.view_query is None or depth > VIEW_DEPTH_MAX:
        return None
    query = query_tree(table.view_query)
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
    below = updatable_columns(catalog, base, depth + 1) if base is not None else None
    if base is None or below is None:
        return None
    found = set()
    for column, target in zip(table.live_columns, body.targets, strict=False):
        e = target.expression
        if isinstance(e, ast.ColumnRef) and not e.star and e.parts[-1] in below:
            found.add(column.name)
    return frozenset(found)


def updatable_events(catalog: Catalog, table: Table) -> int:
    """What can be done to a relation: bits of pg_relation_is_updatable."""
    columns = updatable_columns(catalog, table)
    if columns is None:
        return 0
    return UPDATE_EVENT | INSERT_EVENT | DELETE_EVENT if columns else DELETE_EVENT


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

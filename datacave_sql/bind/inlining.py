"""Inlining: a WITH query that is read once is put where it is read, so that conditions reach its tables.

As in PostgreSQL this is not done for recursive, data-modifying, locking and volatile queries, nor for those marked
MATERIALIZED; nor, because it would run once per outer row, for a reference inside a subquery of an expression.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l


def with_tables(tables: list[l.CommonTable], materialized: set[int], child: l.LogicalPlan) -> l.LogicalPlan:
    """The child with its common tables, those inlined that may be; `materialized` are ids that must stay."""
    kept: list[l.CommonTable] = list(tables)
    for table in reversed(tables):
        if table.recursive is not None or table.id in materialized or not _movable(table.plan):
            continue
        whole = l.With(tuple(kept), child) if kept else child
        if _references(whole, table.id, everywhere=True) != 1 or _references(whole, table.id, everywhere=False) != 1:
            continue
        kept = [_inlined(one, table) if one is not table else one for one in kept]
        kept.remove(table)
        child = _inlined(child, table)
    return l.With(tuple(kept), child) if kept else child


def _parts(node: Any) -> list[Any]:
    return [getattr(node, item.name) for item in fields(node)]


def _references(value: Any, table_id: int, *, everywhere: bool) -> int:
    """How often a common table is read; with `everywhere` inside subqueries and recursive terms too."""
    if isinstance(value, l.CommonTableScan):
        return int(value.id == table_id)
    if isinstance(value, l.CommonTable) and not everywhere:
        return _references(value.plan, table_id, everywhere=False)
    if isinstance(value, l.PLAN_NODES):
        return sum(_references(part, table_id, everywhere=everywhere) for part in _parts(value))
    if isinstance(value, n.EXPRESSION_NODES):
        if not everywhere or isinstance(value, n.Constant):
            return 0
        return sum(_references(part, table_id, everywhere=True) for part in _parts(value))
    if isinstance(value, tuple):
        return sum(_references(part, table_id, everywhere=everywhere) for part in value)
    return 0


def _movable(value: Any) -> bool:
    """Whether a plan neither writes nor locks nor calls anything volatile."""
    if isinstance(value, l.Insert | l.Update | l.Delete | l.Merge | l.LockRows):
        return False
    if isinstance(value, n.FunctionCall) and value.function.volatility == "v":
        return False
    if isinstance(value, l.PLAN_NODES) or (isinstance(value, n.EXPRESSION_NODES) and not isinstance(value, n.Constant)):
        return all(_movable(part) for part in _parts(value))
    return not isinstance(value, tuple) or all(_movable(part) for part in value)


def _inlined(node: Any, table: l.CommonTable) -> Any:
    """The plan with the reference to the table replaced by the table's own plan."""
    if isinstance(node, l.CommonTableScan):
        if node.id != table.id:
            return node
        read = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in table.plan.columns)
        return l.Project(table.plan, read, node.columns)
    if not isinstance(node, l.PLAN_NODES):
        return node
    changes = {}
    for item in fields(node):
        old = getattr(node, item.name)
        new: Any = old
        if isinstance(old, l.PLAN_NODES):
            new = _inlined(old, table)
        elif isinstance(old, tuple) and any(isinstance(part, l.PLAN_NODES) for part in old):
            new = tuple(_inlined(part, table) for part in old)
        if new is not old:
            changes[item.name] = new
    return replace(node, **changes) if changes else node

"""Cursor rows: which rows of tables a cursor stands on, for UPDATE and DELETE WHERE CURRENT OF.

The query of a cursor passes the storage keys of its tables on behind its own columns: of the locked tables with FOR
UPDATE, else of the one table of a simple scan.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import operators
from datacave_sql.bind.state import Binding
from datacave_sql.bind.write_target import Opened, WriteTarget
from datacave_sql.expr import nodes as n
from datacave_sql.functions.body import Body
from datacave_sql.functions.registry import Function
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

CursorKeys = tuple[tuple[int, int], ...]
"""(table oid, place of its key among the rows' values) for every table of a cursor."""


def with_keys(b: Binding, plan: l.LogicalPlan) -> tuple[l.LogicalPlan, CursorKeys]:
    """A query that gives the keys of its rows too; the same query and nothing where its rows are no table's rows."""
    locked = _locked_tables(plan)
    found: list[tuple[int, l.OutputColumn]] = []

    def visit(node: l.LogicalPlan) -> l.LogicalPlan | None:
        if isinstance(node, l.Project):
            child = visit(node.child)
            extra = tuple(column for _, column in found)
            if child is None:
                return None
            passed = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in extra)
            return l.Project(child, node.expressions + passed, node.columns + extra)
        if isinstance(node, l.Filter | l.Sort | l.Limit | l.LockRows):
            child = visit(node.child)
            return None if child is None else replace(node, child=child)
        if isinstance(node, l.Join) and locked:
            left, right = visit(node.left), visit(node.right)
            if left is None or right is None:
                return node if not found else None
            return replace(node, left=left, right=right)
        if isinstance(node, l.Scan | l.Append) and node.table.kind in "rp":
            if locked and node.table.oid not in locked:
                return node
            column = l.OutputColumn(b.new_id(), "", oids.BYTEA, -1, node.table.oid, l.KEY_ATTRIBUTE)
            found.append((node.table.oid, column))
            if isinstance(node, l.Append):
                members = tuple(
                    replace(one, columns=(*one.columns, replace(column, table_oid=one.table.oid)))
                    for one in node.members
                )
                return replace(node, members=members, columns=(*node.columns, column))
            return replace(node, columns=(*node.columns, column))
        return node if locked else None

    carried = visit(plan)
    if carried is None or not found:
        return plan, ()
    count = len(plan.columns)
    if len(carried.columns) != count + len(found):
        # The select list is a table's columns as they are: the keys go behind them.
        shown = (*plan.columns, *(column for _, column in found))
        carried = l.Project(carried, tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in shown), shown)
    return carried, tuple((oid, count + place) for place, (oid, _) in enumerate(found))


def runs_backward(plan: l.LogicalPlan) -> bool:
    """Whether a cursor without SCROLL or NO SCROLL scrolls: where PostgreSQL's plan of such a query runs backward."""
    while isinstance(plan, l.Project | l.Filter | l.Limit | l.With):
        plan = plan.child
    if isinstance(plan, l.Values):
        # A lone row is that of a query without FROM.
        return len(plan.rows) > 1
    return isinstance(plan, l.Sort | l.Scan | l.Append | l.VirtualScan | l.FunctionScan | l.CommonTableScan)


def _locked_tables(plan: l.LogicalPlan) -> set[int]:
    found: set[int] = set()
    while isinstance(plan, l.Project | l.Filter | l.Sort | l.Limit | l.LockRows):
        if isinstance(plan, l.LockRows):
            found |= {one.table.oid for one in plan.tables}
        plan = plan.child
    return found


def _state(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_CURSOR_STATE)


def current_key(context: Any, cursor: str, table_oid: int, table: str) -> bytes | None:
    """The key of the row of a table that a cursor stands on. Raises 34000, 24000."""
    portal = context.session.portals.get(cursor)
    if portal is None:
        raise DatacaveError(f'cursor "{cursor}" does not exist', sqlstate=sqlstate.UNDEFINED_CURSOR)
    if portal.is_held:
        raise _state(f'cursor "{cursor}" is held from a previous transaction')
    references = sum(oid == table_oid for oid, _ in portal.keys)
    if references > 1:
        raise _state(f'cursor "{cursor}" has multiple FOR UPDATE/SHARE references to table "{table}"')
    if not references:
        if portal.locks_rows:
            raise _state(f'cursor "{cursor}" does not have a FOR UPDATE/SHARE reference to table "{table}"')
        raise _state(f'cursor "{cursor}" is not a simply updatable scan of table "{table}"')
    found: tuple[bool, bytes | None] = portal.current_key(table_oid)
    if not found[0]:
        raise _state(f'cursor "{cursor}" is not positioned on a row')
    return found[1]


CURRENT_OF = Function(
    oid=0,
    name="current_of",
    kind="f",
    argument_types=(oids.TEXT, oids.OID, oids.TEXT),
    return_type=oids.BYTEA,
    strict=False,
    volatility="s",
    returns_set=False,
    variadic=0,
    default_count=0,
    argument_names=("", "", ""),
    columns=(),
    default_values=(),
    cost=1.0,
    rows=0.0,
    parallel="s",
    symbol="current_of",
    entry=Body(current_key, takes_context=True),
)


def bind_current_of(b: Binding, node: ast.CurrentOf, target: WriteTarget, opened: Opened) -> n.Expression:
    """The condition WHERE CURRENT OF on the rows of a target. Raises 0A000 for a view."""
    if target.named.kind == "v":
        raise FeatureNotSupported("WHERE CURRENT OF on a view is not implemented")
    assert opened.base is not None
    key = opened.base.hidden[0]
    table = target.table
    call = n.FunctionCall(
        CURRENT_OF,
        (n.Constant(node.cursor, oids.TEXT), n.Constant(table.oid, oids.OID), n.Constant(table.name, oids.TEXT)),
        oids.BYTEA,
    )
    return operators.apply_operator(b, "=", n.ColumnReference(key.id, oids.BYTEA), call, node.position)

"""Postponed columns: output columns that are computed after sorting, DISTINCT ON and LIMIT.

As in PostgreSQL these are the ones by which nothing is sorted and that call volatile or set-returning functions: so
nextval() is called for the rows that are given, in their order. With LIMIT subqueries wait too, as they cost most.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.bind.names import Grouping
from datacave_sql.bind.targets import TargetItem
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l

SetCall = tuple[n.Expression, l.OutputColumn]


def postponed_items(
    items: Sequence[TargetItem], wanted: Sequence[n.Expression], grouping: Grouping | None, *, sorts: bool, limits: bool
) -> list[TargetItem]:
    """The items to be computed last. `wanted` are the expressions of ORDER BY and DISTINCT ON."""
    set_columns = {column.id for _, column in grouping.sets} if grouping is not None else set()
    sorted_by_set = any(n.columns_used(e) & set_columns for e in wanted)
    found = []
    for item in items:
        e = item.expression
        if any(e == one for one in wanted):
            continue
        if n.columns_used(e) & set_columns:
            if sorts and not sorted_by_set:
                found.append(item)
        elif _volatile(e) or (limits and _has_subquery(e)):
            found.append(item)
    return found


def _volatile(e: n.Expression) -> bool:
    return any(isinstance(node, n.FunctionCall) and node.function.volatility == "v" for node in n.walk(e))


def _has_subquery(e: n.Expression) -> bool:
    return any(isinstance(node, n.SubqueryExpression) for node in n.walk(e))


def sets_in(sets: Sequence[SetCall], expressions: Sequence[n.Expression]) -> list[SetCall]:
    """The set-returning calls that expressions read, and those in their arguments."""
    used: set[int] = set()
    for e in expressions:
        used |= n.columns_used(e)
    found: list[SetCall] = []
    for call, column in reversed(sets):
        if column.id in used:
            found.insert(0, (call, column))
            used |= n.columns_used(call)
    return found


def expanded(plan: l.LogicalPlan, sets: Sequence[SetCall]) -> l.LogicalPlan:
    """The plan with set-returning calls as further columns."""
    pending = list(sets)
    while pending:
        # A set-returning function in the arguments of another one is expanded first.
        waiting = {column.id for _, column in pending}
        ready = [(call, column) for call, column in pending if not n.columns_used(call) & waiting]
        passed = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in plan.columns)
        plan = l.ProjectSet(
            plan,
            passed + tuple(call for call, _ in ready),
            plan.columns + tuple(column for _, column in ready),
        )
        done = {column.id for _, column in ready}
        pending = [(call, column) for call, column in pending if column.id not in done]
    return plan

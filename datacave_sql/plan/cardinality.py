"""Cardinality: how many rows a relation is likely to give, as far as join order needs to know."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Statistics, split_conjuncts

EQUALITY_SELECTIVITY = 0.005
RANGE_SELECTIVITY = 0.33


def estimate_rows(statistics: Statistics, node: l.LogicalPlan, conjuncts: Sequence[n.Expression]) -> float:
    """Rows of a relation after its own conditions; never below 1."""
    rows = _rows(statistics, node)
    for part in conjuncts:
        rows *= _selectivity(node, part, rows)
    return max(rows, 1.0)


def _rows(statistics: Statistics, node: l.LogicalPlan) -> float:
    if isinstance(node, l.Scan):
        return statistics.row_count(node.table)
    if isinstance(node, l.Append):
        return sum(statistics.row_count(member.table) for member in node.members)
    if isinstance(node, l.Values):
        return float(len(node.rows))
    if isinstance(node, l.Filter):
        return estimate_rows(statistics, node.child, split_conjuncts(node.predicate))
    if isinstance(node, l.Aggregate):
        return 1.0 if not node.groups else max(1.0, _rows(statistics, node.child) * 0.1)
    if isinstance(node, l.Limit):
        if isinstance(node.count, n.Constant) and isinstance(node.count.value, int):
            return float(node.count.value)
        return _rows(statistics, node.child)
    if isinstance(node, l.Join):
        left, right = _rows(statistics, node.left), _rows(statistics, node.right)
        return max(left, right) if node.condition is not None else left * right
    if isinstance(node, l.Project | l.ProjectSet | l.Window | l.Sort | l.Distinct | l.With | l.LockRows):
        return _rows(statistics, node.child)
    if isinstance(node, l.SetOperation):
        return _rows(statistics, node.left) + _rows(statistics, node.right)
    return 1000.0


def _selectivity(node: l.LogicalPlan, part: n.Expression, rows: float) -> float:
    if isinstance(part, n.FunctionCall) and part.operator == "=":
        if isinstance(node, l.Scan):
            primary = node.table.primary_key
            for argument in part.arguments:
                if isinstance(argument, n.ColumnReference) and len(primary) == 1:
                    for column in node.columns:
                        if column.id == argument.column and column.attribute == primary[0]:
                            return 1.0 / max(rows, 1.0)
        return EQUALITY_SELECTIVITY
    if isinstance(part, n.InList):
        return min(1.0, EQUALITY_SELECTIVITY * len(part.items))
    return RANGE_SELECTIVITY

"""Late columns: subqueries in the select list of a joined relation run after the join, for the rows that it leaves.

    (SELECT oid, (SELECT .. WHERE k = oid) AS c FROM t) AS s JOIN u ON s.oid = u.x   ->   c for the rows of the join

A subquery costs far more than a join's test, and the join often leaves few rows. Columns that the join's conditions
need stay where they are, and so do subqueries that may become joins (decorrelation.py) and whatever could show how
often it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import correlated_scalars, is_over_aggregate

Late = tuple[l.OutputColumn, n.Expression]


def without_late_columns(
    node: l.LogicalPlan, needed: frozenset[int], conditions: Sequence[n.Expression]
) -> tuple[l.LogicalPlan, list[Late]]:
    """The relation without what can be computed above its join, with the columns that takes; and what is left out."""
    if not isinstance(node, l.Project):
        return node, []
    tested = {column for part in conditions for column in n.columns_used(part)}
    late: list[Late] = []
    kept: list[Late] = []
    for column, expression in zip(node.columns, node.expressions, strict=True):
        waits = column.id in needed and column.id not in tested and _may_wait(expression)
        (late if waits else kept).append((column, expression))
    if not late:
        return node, []
    below = {column.id: column for column in node.child.columns}
    taken = {column.id for column, _ in kept}
    for number in sorted({used for _, expression in late for used in n.columns_used(expression)}):
        source = below.get(number)
        if source is not None and number not in taken:
            kept.append((source, n.ColumnReference(number, source.type, source.typmod, source.name)))
    child = l.Project(node.child, tuple(e for _, e in kept), tuple(column for column, _ in kept))
    return child, late


def _may_wait(expression: n.Expression) -> bool:
    if not any(isinstance(node, n.SubqueryExpression) and node.outer for node in n.walk(expression)):
        return False
    return not any(map(is_over_aggregate, correlated_scalars(expression))) and not _shows_runs(expression)


def _shows_runs(value: Any) -> bool:
    """Whether there is anything in it, subqueries included, that shows how often it is evaluated."""
    if isinstance(value, n.FunctionCall) and (value.function.volatility == "v" or value.function.is_row_source):
        return True
    if isinstance(value, tuple):
        return any(map(_shows_runs, value))
    if is_dataclass(value) and type(value).__module__ in _WALKED:
        return any(_shows_runs(getattr(value, one.name)) for one in fields(value))
    return False


_WALKED = (l.__name__, n.__name__)

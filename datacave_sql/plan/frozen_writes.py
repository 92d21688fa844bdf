"""Which writes have to read what was there before them: those with subqueries in what they compute row by row."""

from __future__ import annotations

from typing import Any

from datacave_sql.exec.frozen_reads import FrozenReads
from datacave_sql.exec.operator import Operator
from datacave_sql.expr import nodes as n
from datacave_sql.plan.planning import NodePlanner, Planner


def frozen(plan_write: NodePlanner) -> NodePlanner:
    """The planner of a write, with frozen reads where that can show."""

    def plan(p: Planner, node: Any, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
        operator = plan_write(p, node, needed, conjuncts)
        if _reads_while_writing(node):
            return FrozenReads(operator, operator.columns, operator.not_null)
        return operator

    return plan


def _reads_while_writing(node: Any) -> bool:
    expressions = list(node.returning or ())
    for name in ("assignments", "generated", "checks", "view_checks"):
        expressions += [e for _, e in getattr(node, name, ())]
    if getattr(node, "recheck", None) is not None:
        expressions.append(node.recheck)
    conflict = getattr(node, "on_conflict", None)
    if conflict is not None:
        expressions += [e for _, e in conflict.assignments]
        expressions += [conflict.predicate] if conflict.predicate is not None else []
    return any(isinstance(part, n.SubqueryExpression) for e in expressions for part in n.walk(e))

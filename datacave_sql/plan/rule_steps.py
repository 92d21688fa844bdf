"""Planner of what rules make of a write."""

from __future__ import annotations

from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rule_steps import RuleSteps
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner


def plan_rule_steps(p: Planner, node: l.RuleSteps, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Every step with all of its columns."""
    steps = tuple(p.root(step) for step in node.steps)
    columns = tuple(column.id for column in node.columns)
    return RuleSteps(steps, node.answering if node.returning is not None else None, node.counting, columns, frozenset())

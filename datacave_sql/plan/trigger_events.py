"""Which writes call triggers: decided when they are planned, so that all others pay nothing."""

from __future__ import annotations

from typing import Any

from datacave_sql.exec.fire_triggers import FireTriggers
from datacave_sql.exec.operator import Operator
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import NodePlanner, Planner

_KINDS = {"insert": "i", "update": "u", "delete": "d"}


def firing(plan_write: NodePlanner) -> NodePlanner:
    """The planner of a write, with the triggers around it where there can be any."""

    def plan(p: Planner, node: Any, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
        operator = plan_write(p, node, needed, conjuncts)
        access = p.environment.access(node.table)
        tables = [one.table for one in (getattr(node, "members", None) or ())]
        routing = getattr(node, "routing", None)
        tables += [leaf.table for leaf in routing.leaves] if routing is not None else []
        if not access.fires and not any(p.environment.access(table).fires for table in tables):
            return operator
        events, assigned = _events(node)
        return FireTriggers(operator, access, events, assigned, operator.columns, operator.not_null)

    return plan


def _events(node: Any) -> tuple[tuple[str, ...], frozenset[int]]:
    """The events of a write and the columns that its UPDATE names."""
    if isinstance(node, l.Insert):
        if node.on_conflict is not None and node.on_conflict.assignments:
            return ("i", "u"), frozenset(number for number, _ in node.on_conflict.assignments)
        return ("i",), frozenset()
    if isinstance(node, l.Update):
        return ("u",), frozenset(number for number, _ in node.assignments)
    if isinstance(node, l.Merge):
        kinds = dict.fromkeys(_KINDS[one.kind] for one in node.actions if one.kind in _KINDS)
        assigned = {number for one in node.actions if one.kind == "update" for number, _ in one.assignments}
        return tuple(sorted(kinds, key="iud".index)), frozenset(assigned)
    return ("d",), frozenset()

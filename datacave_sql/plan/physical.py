"""Physical planning: which planner handles which logical node."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from datacave_sql.exec.operator import Operator
from datacave_sql.exec.suspendable import Suspendable
from datacave_sql.expr import nodes as n
from datacave_sql.functions.lengthy import LENGTHY, LENGTHY_AGGREGATES
from datacave_sql.plan import logical as l
from datacave_sql.plan.appends import plan_append
from datacave_sql.plan.cardinality import estimate_rows
from datacave_sql.plan.costs import Costs
from datacave_sql.plan.frozen_writes import frozen
from datacave_sql.plan.grouping import plan_aggregate
from datacave_sql.plan.hashed_scans import plan_table_scan
from datacave_sql.plan.joins import plan_join
from datacave_sql.plan.merges import plan_merge
from datacave_sql.plan.planning import Planner, PlanningEnvironment
from datacave_sql.plan.rule_steps import plan_rule_steps
from datacave_sql.plan.streams import (
    plan_common_table_scan,
    plan_distinct,
    plan_filter,
    plan_function_scan,
    plan_limit,
    plan_project,
    plan_project_set,
    plan_set_operation,
    plan_sort,
    plan_values,
    plan_with,
)
from datacave_sql.plan.subqueries import plan_subquery
from datacave_sql.plan.trigger_events import firing
from datacave_sql.plan.virtual_scans import plan_virtual_scan
from datacave_sql.plan.windows import plan_window
from datacave_sql.plan.writes import plan_delete, plan_insert, plan_lock_rows, plan_update

PLANNERS: dict[type, Any] = {
    l.Append: plan_append,
    l.Scan: plan_table_scan,
    l.VirtualScan: plan_virtual_scan,
    l.Values: plan_values,
    l.FunctionScan: plan_function_scan,
    l.Filter: plan_filter,
    l.Project: plan_project,
    l.ProjectSet: plan_project_set,
    l.Join: plan_join,
    l.Aggregate: plan_aggregate,
    l.Window: plan_window,
    l.Sort: plan_sort,
    l.Limit: plan_limit,
    l.Distinct: plan_distinct,
    l.SetOperation: plan_set_operation,
    l.With: plan_with,
    l.CommonTableScan: plan_common_table_scan,
    l.LockRows: plan_lock_rows,
    l.Insert: firing(frozen(plan_insert)),
    l.Update: firing(frozen(plan_update)),
    l.Delete: firing(frozen(plan_delete)),
    l.Merge: firing(plan_merge),
    l.RuleSteps: plan_rule_steps,
}


def plan_query(environment: PlanningEnvironment, node: l.LogicalPlan, costs: Costs | None = None) -> Operator:
    """The operators of a statement; rows come in the order of `node.columns`. `costs` takes their estimates."""
    planner = Planner(environment, PLANNERS, plan_subquery)
    if costs is not None:
        costs.types = planner.column_types
        planner.noted = lambda operator, inner, conjuncts: costs.note(
            operator, estimate_rows(environment, inner, conjuncts), estimate_rows(environment, inner, ())
        )
        planner.noted_rows = costs.note
    operator = planner.root(node)
    if planner.subquery_count or _calls_wait(node):
        return Suspendable(operator, operator.columns, operator.not_null)
    return operator


def _calls_wait(node: Any) -> bool:
    """Whether anything in a plan may have to wait where it cannot yield: a function that waits or pauses, a window
    clause, an aggregate that pauses, sorts its arguments or takes each once."""
    if isinstance(node, l.Window):
        return True
    if isinstance(node, n.FunctionCall) and (node.function.waits or node.function.symbol in LENGTHY):
        return True
    if isinstance(node, n.AggregateCall) and (
        node.distinct or node.order_by or node.function.name in LENGTHY_AGGREGATES
    ):
        return True
    if isinstance(node, tuple):
        return any(map(_calls_wait, node))
    if is_dataclass(node) and type(node).__module__ in _WALKED:
        return any(_calls_wait(getattr(node, one.name)) for one in fields(node))
    return False


_WALKED = (l.__name__, n.__name__)

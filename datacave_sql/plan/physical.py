"""Physical planning: which planner handles which logical node."""

from __future__ import annotations

from typing import Any

from datacave_sql.exec.operator import Operator
from datacave_sql.plan import logical as l
from datacave_sql.plan.appends import plan_append
from datacave_sql.plan.grouping import plan_aggregate
from datacave_sql.plan.hashed_scans import plan_table_scan
from datacave_sql.plan.joins import plan_join
from datacave_sql.plan.merges import plan_merge
from datacave_sql.plan.planning import Planner, PlanningEnvironment
from datacave_sql.plan.scans import plan_virtual_scan
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
    l.Insert: plan_insert,
    l.Update: plan_update,
    l.Delete: plan_delete,
    l.Merge: plan_merge,
}


def plan_query(environment: PlanningEnvironment, node: l.LogicalPlan) -> Operator:
    """The operators of a statement; rows come in the order of `node.columns`."""
    return Planner(environment, PLANNERS, plan_subquery).root(node)

"""EXISTS and IN as joins: a condition that asks for matching rows becomes a semi join, NOT EXISTS an anti join.

Only where an equality connects both sides, so that one hash table answers for all rows; other subqueries stay
expressions (subqueries.py). NOT IN stays one too: NULLs give it another meaning than an anti join has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import access_paths
from datacave_sql.plan.cardinality import estimate_rows
from datacave_sql.plan.joins import equality_sides, outer_columns
from datacave_sql.plan.planning import PlanningEnvironment, conjunction, is_volatile, split_conjuncts
from datacave_sql.plan.prices import SUBQUERY_LOOKUPS, lookup_price


@dataclass(frozen=True, slots=True)
class _Core:
    """A subquery without its projections and conditions: `computed` is what its columns were."""

    node: l.LogicalPlan
    conditions: list[n.Expression]
    computed: dict[int, n.Expression]


def joined_subqueries(
    environment: PlanningEnvironment, child: l.LogicalPlan, conjuncts: Sequence[n.Expression]
) -> tuple[l.LogicalPlan, list[n.Expression]]:
    """The child joined with the subqueries among the conjuncts, and the conjuncts that are left."""
    plain = [part for part in conjuncts if not is_volatile(part)]
    rows = estimate_rows(environment, child, plain)
    rest: list[n.Expression] = []
    for part in conjuncts:
        joined = _joined(environment, child, rows, part)
        if joined is None:
            rest.append(part)
        else:
            child = joined
    return child, rest


def _joined(environment: PlanningEnvironment, child: l.LogicalPlan, rows: float, part: n.Expression) -> l.Join | None:
    kind = "semi"
    if isinstance(part, n.Not):
        kind, part = "anti", part.argument
    if not isinstance(part, n.SubqueryExpression) or part.kind not in ("exists", "any"):
        return None
    if part.kind == "any" and (kind == "anti" or part.test is None or any(map(is_volatile, part.arguments))):
        return None
    plan: Any = part.plan
    core = _core(plan, exists=part.kind == "exists")
    conditions = core.conditions
    if part.test is not None:
        conditions = [*split_conjuncts(_over(part.test, core.computed)), *conditions]
    ids = frozenset(column.id for column in child.columns)
    own = frozenset(column.id for column in core.node.columns)
    if outer_columns(core.node) & ids or _looked_up(environment, rows, core.node, conditions):
        return None
    if not any(equality_sides(condition, ids, own) for condition in conditions):
        return None
    if kind == "semi" and _is_unique(core.node, conditions, ids, own):
        # Every row has one partner at most: an inner join, which may happen in any order, gives it once too.
        kind = "inner"
    return l.Join(kind, child, core.node, conjunction(conditions))


def _is_unique(
    node: l.LogicalPlan, conditions: Sequence[n.Expression], others: frozenset[int], own: frozenset[int]
) -> bool:
    """Whether the equalities with other columns name at most one row of a relation."""
    equal = set()
    for condition in conditions:
        sides = equality_sides(condition, others, own)
        if sides is not None:
            e = sides[1]
            while isinstance(e, n.Relabel):
                e = e.argument
            if isinstance(e, n.ColumnReference):
                equal.add(e.column)
    while isinstance(node, l.Filter | l.Project):
        if isinstance(node, l.Project):
            computed = {column.id: e for column, e in zip(node.columns, node.expressions, strict=True)}
            sources = [computed.get(one) for one in equal]
            equal |= {source.column for source in sources if isinstance(source, n.ColumnReference)}
        node = node.child
    if isinstance(node, l.Aggregate):
        return node.grouping_sets is None and equal >= {column.id for column in node.columns[: len(node.groups)]}
    if not isinstance(node, l.Scan):
        return False
    attributes = {column.attribute for column in node.columns if column.id in equal}
    return any(
        index.unique
        and index.valid
        and not index.deferrable
        and index.predicate is None
        and not index.exclusion
        and attributes >= {key.column for key in index.keys}
        for index in node.table.indexes
    )


def _looked_up(
    environment: PlanningEnvironment, rows: float, node: l.LogicalPlan, conditions: Sequence[n.Expression]
) -> bool:
    """Whether running the subquery for each of the few rows is less work than reading all of its table."""
    everything = list(conditions)
    while isinstance(node, l.Filter):
        everything += split_conjuncts(node.predicate)
        node = node.child
    if not isinstance(node, l.Scan) or not access_paths(environment.access(node.table), node.columns, everything):
        return rows <= 1
    read = estimate_rows(environment, node, [])
    return rows * lookup_price(read) * SUBQUERY_LOOKUPS < read


def _core(node: l.LogicalPlan, *, exists: bool) -> _Core:
    conditions: list[n.Expression] = []
    computed: dict[int, n.Expression] = {}
    while True:
        if isinstance(node, l.Project) and not any(map(is_volatile, node.expressions)):
            inner = {column.id: e for column, e in zip(node.columns, node.expressions, strict=True)}
            conditions = [_over(condition, inner) for condition in conditions]
            computed = {column: _over(e, inner) for column, e in computed.items()} or inner
            node = node.child
        elif isinstance(node, l.Filter) and not node.barrier:
            parts = split_conjuncts(node.predicate)
            kept = [part for part in parts if is_volatile(part)]
            conditions += [part for part in parts if not is_volatile(part)]
            node = node.child
            predicate = conjunction(kept)
            if predicate is not None:
                return _Core(l.Filter(node, predicate), conditions, computed)
        elif exists and isinstance(node, l.Sort):
            node = node.child
        else:
            return _Core(node, conditions, computed)


def _over(expression: n.Expression, computed: dict[int, n.Expression]) -> n.Expression:
    """The expression with computed columns replaced by what they are."""
    if not computed:
        return expression
    replaced: n.Expression = n.transform(
        expression, lambda e: computed.get(e.column, e) if isinstance(e, n.ColumnReference) else e
    )
    return replaced

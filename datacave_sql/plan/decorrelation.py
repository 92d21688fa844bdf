"""Decorrelation: a correlated scalar subquery over an aggregate becomes a join with the aggregate by its keys.

    a < (SELECT avg(x) FROM t WHERE t.k = outer.k)   ->   a < s.avg, joined with (SELECT k, avg(x) FROM t GROUP BY k) s

so that one pass over the inner tables answers for all outer rows. Outer rows without a group get what the aggregate
gives for no rows: NULL, or 0 for count. Only equalities may connect both sides; other subqueries stay expressions
(subqueries.py), and so do those of few outer rows that an index finds quickly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core.types import oids
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import access_paths
from datacave_sql.plan.cardinality import estimate_rows
from datacave_sql.plan.joins import equality_sides, outer_columns
from datacave_sql.plan.planning import (
    Planner,
    conjunction,
    correlated_scalars,
    is_over_aggregate,
    is_volatile,
    split_conjuncts,
)
from datacave_sql.plan.prices import SUBQUERY_LOOKUPS, lookup_price


def decorrelated(
    p: Planner, child: l.LogicalPlan, rows: float, expressions: Sequence[n.Expression], *, conditions: bool
) -> tuple[l.LogicalPlan, list[n.Expression]]:
    """The child joined with the aggregates its expressions ask for, and the expressions over that.

    `conditions`: rows for which an expression is not true are dropped anyway.
    """
    changed: list[n.Expression] = []
    for expression in expressions:
        for one in correlated_scalars(expression):
            joined = _joined(p, child, rows, one, inner=conditions and _drops_null(expression, one))
            if joined is not None:
                child, value = joined
                expression = replaced(expression, one, value)
        changed.append(expression)
    return child, changed


def replaced(expression: n.Expression, old: n.Expression, new: n.Expression) -> n.Expression:
    """The expression with one part of it, by identity, replaced."""
    changed: n.Expression = n.transform(expression, lambda e: new if e is old else e)
    return changed


def _drops_null(condition: n.Expression, subquery: n.SubqueryExpression) -> bool:
    """Whether the condition cannot be true where the subquery's value is NULL."""
    if condition is subquery:
        return True
    if isinstance(condition, n.FunctionCall):
        return condition.function.strict and any(_drops_null(part, subquery) for part in condition.arguments)
    if isinstance(condition, n.Relabel | n.LengthCast | n.TextCast):
        return _drops_null(condition.argument, subquery)
    return False


def _joined(
    p: Planner, child: l.LogicalPlan, rows: float, subquery: n.SubqueryExpression, *, inner: bool
) -> tuple[l.LogicalPlan, n.Expression] | None:
    plan: Any = subquery.plan
    if not is_over_aggregate(subquery):
        return None
    aggregate = plan.child
    value = plan.expressions[0]
    if aggregate.groups or aggregate.grouping_sets is not None or is_volatile(value):
        return None
    source = aggregate.child
    conditions: list[n.Expression] = []
    while isinstance(source, l.Filter) and not source.barrier:
        conditions += split_conjuncts(source.predicate)
        source = source.child
    outer = frozenset(subquery.outer)
    if not outer <= frozenset(column.id for column in child.columns):
        return None
    if outer_columns(source) & outer or n.columns_used(value) & outer:
        return None
    if any(n.columns_used(call) & outer or call.direct for call in aggregate.aggregates):
        return None
    own = frozenset(column.id for column in source.columns)
    keys: list[tuple[n.Expression, n.Expression, n.FunctionCall]] = []
    rest: list[n.Expression] = []
    for part in conditions:
        if not n.columns_used(part) & outer:
            rest.append(part)
            continue
        sides = equality_sides(part, own, outer)
        if sides is None:
            return None
        assert isinstance(part, n.FunctionCall)
        keys.append((*sides, part))
    if not keys or _looked_up(p, rows, source, conditions):
        return None
    predicate = conjunction(rest)
    below: l.LogicalPlan = source if predicate is None else l.Filter(source, predicate)
    columns = tuple(
        l.OutputColumn(p.fresh_column(), f"key{place}", key.type, key.typmod) for place, (key, _, _) in enumerate(keys)
    )
    grouped = l.Aggregate(below, tuple(key for key, _, _ in keys), aggregate.aggregates, (*columns, *aggregate.columns))
    on = []
    for column, (key, _, call) in zip(columns, keys, strict=True):
        reference = n.ColumnReference(column.id, column.type, column.typmod, column.name)
        on.append(replaced(call, key, reference))
    empty = {
        column.id: n.Constant(0, oids.INT8)
        for column, call in zip(aggregate.columns, aggregate.aggregates, strict=True)
        if call.function.name == "count"
    }
    kind = "inner" if inner and not empty and _null_for_nothing(value) else "left"
    if kind == "left" and not _null_for_nothing(value) and not empty:
        return None
    joined = l.Join(kind, child, grouped, conjunction(on))
    if empty:
        value = n.transform(
            value,
            lambda e: (
                n.Coalesce((e, empty[e.column]), oids.INT8)
                if isinstance(e, n.ColumnReference) and e.column in empty
                else e
            ),
        )
    return joined, value


def _null_for_nothing(value: n.Expression) -> bool:
    """Whether the value is NULL where the aggregates in it are."""
    if isinstance(value, n.ColumnReference):
        return True
    if isinstance(value, n.FunctionCall):
        return value.function.strict and any(_null_for_nothing(part) for part in value.arguments)
    if isinstance(value, n.Relabel | n.LengthCast | n.TextCast):
        return _null_for_nothing(value.argument)
    return False


def _looked_up(p: Planner, rows: float, source: l.LogicalPlan, conditions: Sequence[n.Expression]) -> bool:
    """Whether running the subquery for each of the few rows is less work than reading all of its table."""
    if rows <= 1:
        return True
    if not isinstance(source, l.Scan) or not access_paths(
        p.environment.access(source.table), source.columns, conditions
    ):
        return False
    read = estimate_rows(p.environment, source, [])
    return rows * lookup_price(read) * SUBQUERY_LOOKUPS < read

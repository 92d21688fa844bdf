"""Cardinality: how many rows a part of a plan is likely to give, by what ANALYZE has found out about columns.

Conditions on one column are measured against its most common values and its histogram; where its form says nothing,
the condition is tried on these values. Without statistics there are fixed shares. Columns count as independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import compile_factory
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.functions.factfiles import operator_rows
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import PlanningEnvironment, is_volatile, split_conjuncts
from datacave_sql.table.column_statistics import ColumnStatistics, share_below

EQUALITY_SELECTIVITY = 0.005
RANGE_SELECTIVITY = 0.33
MATCH_SELECTIVITY = 0.01
CONTAINMENT_SELECTIVITY = 0.005
DISTINCT_DEFAULT = 200.0
GROUPED_SHARE = 0.1

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "<>": "<>"}
_CONTAINMENTS = frozenset({"@>", "<@", "&&", "@@", "?", "?|", "?&", "<<=", ">>="})
_MATCHES = frozenset({"~~", "~~*", "~", "~*"})

_USUAL_SHARES = {"contsel": 0.001, "areasel": 0.005, "positionsel": 0.1}
"""By PostgreSQL's name of what estimates them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The table column that a column of a plan is, and the number of rows of that table."""

    table: Table
    number: int
    rows: float
    statistics: ColumnStatistics | None


def origins(environment: PlanningEnvironment, node: l.LogicalPlan) -> dict[int, Origin]:
    """Where the columns of a plan come from, as far as they are columns of tables."""
    found: dict[int, Origin] = {}
    _collect(environment, node, found)
    return found


def _collect(environment: PlanningEnvironment, node: Any, found: dict[int, Origin]) -> None:
    if isinstance(node, l.Scan):
        rows = environment.statistics.row_count(node.table)
        for column in node.columns:
            if column.attribute > 0:
                known = environment.statistics.column(node.table, column.attribute)
                found[column.id] = Origin(node.table, column.attribute, rows, known)
        return
    if isinstance(node, l.Join):
        _collect(environment, node.left, found)
        _collect(environment, node.right, found)
        return
    child = getattr(node, "child", None)
    if child is None or isinstance(node, l.Insert | l.Update | l.Delete):
        return
    _collect(environment, child, found)
    expressions: Sequence[n.Expression] = ()
    if isinstance(node, l.Project):
        expressions = node.expressions
    elif isinstance(node, l.Aggregate):
        expressions = node.groups
    for column, expression in zip(node.columns, expressions, strict=False):
        if isinstance(expression, n.ColumnReference) and expression.column in found:
            found[column.id] = found[expression.column]


def estimate_rows(environment: PlanningEnvironment, node: l.LogicalPlan, conjuncts: Sequence[n.Expression]) -> float:
    """Rows of a relation after its own conditions; never below 1."""
    rows = _rows(environment, node)
    if conjuncts:
        known = origins(environment, node)
        rows *= together(environment, known, conjuncts, rows)
    return max(rows, 1.0)


def together(
    environment: PlanningEnvironment, known: Mapping[int, Origin], conjuncts: Sequence[n.Expression], rows: float
) -> float:
    """The share of rows that satisfy all conditions; two bounds of one column make a range."""
    share = 1.0
    bounds: dict[int, tuple[float, float]] = {}
    for part in conjuncts:
        compared = _compared(known, part)
        if compared is not None and compared[1] != "=" and compared[0].statistics is not None:
            column, operator, value = compared
            one = _comparison_share(environment, column, operator, value)
            assert column.statistics is not None
            key = id(column.statistics)
            low, high = bounds.get(key, (1.0, 1.0))
            bounds[key] = (min(low, one), high) if operator in (">", ">=") else (low, min(high, one))
        else:
            share *= selectivity(environment, known, part, rows)
    for low, high in bounds.values():
        share *= max(low + high - 1.0, min(low, high) * 0.005) if low < 1.0 and high < 1.0 else low * high
    return share


def _rows(environment: PlanningEnvironment, node: l.LogicalPlan) -> float:
    statistics = environment.statistics
    if isinstance(node, l.Scan):
        return statistics.row_count(node.table)
    if isinstance(node, l.Append):
        return sum(statistics.row_count(member.table) for member in node.members)
    if isinstance(node, l.Values):
        return float(len(node.rows))
    if isinstance(node, l.Filter):
        return estimate_rows(environment, node.child, split_conjuncts(node.predicate))
    if isinstance(node, l.Aggregate):
        return group_count(environment, node)
    if isinstance(node, l.Limit):
        if isinstance(node.count, n.Constant) and isinstance(node.count.value, int):
            return float(node.count.value)
        return _rows(environment, node.child)
    if isinstance(node, l.Join):
        return _joined_rows(environment, node)
    if isinstance(node, l.Project | l.ProjectSet | l.Window | l.Sort | l.Distinct | l.With | l.LockRows):
        return _rows(environment, node.child)
    if isinstance(node, l.Insert | l.Update | l.Delete):
        return _rows(environment, node.child)
    if isinstance(node, l.SetOperation):
        return _rows(environment, node.left) + _rows(environment, node.right)
    return 1000.0


def _joined_rows(environment: PlanningEnvironment, node: l.Join) -> float:
    left, right = _rows(environment, node.left), _rows(environment, node.right)
    conditions = split_conjuncts(node.condition)
    known = origins(environment, node.left) | origins(environment, node.right)
    rows = left * right * together(environment, known, conditions, left * right)
    if node.kind == "semi":
        return max(1.0, min(left, rows))
    if node.kind == "anti":
        return max(1.0, left - min(rows, 0.9 * left))
    if node.kind in ("left", "full"):
        rows = max(rows, left)
    if node.kind in ("right", "full"):
        rows = max(rows, right)
    return max(1.0, rows)


def group_count(environment: PlanningEnvironment, node: l.Aggregate) -> float:
    """How many groups an aggregate is likely to find."""
    if not node.groups:
        return 1.0
    rows = _rows(environment, node.child)
    known = origins(environment, node.child)
    groups = 1.0
    for group in node.groups:
        origin = known.get(group.column) if isinstance(group, n.ColumnReference) else None
        if origin is None or origin.statistics is None:
            return max(1.0, rows * GROUPED_SHARE)
        groups *= origin.statistics.distinct_count(origin.rows)
    return max(1.0, min(groups, rows))


def distinct_values(known: Mapping[int, Origin], e: n.Expression, rows: float) -> float:
    """How many different values an expression is likely to have."""
    while isinstance(e, n.Relabel) or (isinstance(e, n.FunctionCall) and len(e.arguments) == 1):
        e = e.argument if isinstance(e, n.Relabel) else e.arguments[0]
    if not isinstance(e, n.ColumnReference) or e.column not in known:
        return min(rows, DISTINCT_DEFAULT)
    origin = known[e.column]
    if origin.statistics is not None:
        return origin.statistics.distinct_count(origin.rows)
    for index in origin.table.indexes:
        if index.unique and [key.column for key in index.keys] == [origin.number]:
            return max(1.0, origin.rows)
    return max(1.0, min(origin.rows, DISTINCT_DEFAULT))


def rows_of_one_value(origin: Origin) -> float | None:
    """How many rows have the same value of a column, as a rule and at most; None where that is not known."""
    if origin.statistics is None:
        return None
    common = max(origin.statistics.frequencies, default=0.0) * origin.rows
    return max(common, origin.rows / max(1.0, origin.statistics.distinct_count(origin.rows)))


def selectivity(
    environment: PlanningEnvironment, known: Mapping[int, Origin], part: n.Expression, rows: float
) -> float:
    """The share of rows that satisfy a condition."""
    if isinstance(part, n.And):
        return together(environment, known, part.arguments, rows)
    if isinstance(part, n.Or):
        missed = 1.0
        for argument in part.arguments:
            missed *= 1.0 - selectivity(environment, known, argument, rows)
        return 1.0 - missed
    if isinstance(part, n.Not):
        return 1.0 - selectivity(environment, known, part.argument, rows)
    if isinstance(part, n.InList) and isinstance(part.argument, n.ColumnReference):
        origin = known.get(part.argument.column)
        if origin is not None:
            share = min(1.0, sum(_equal_share(environment, origin, item) for item in part.items))
            return 1.0 - share if part.negated else share
    compared = _compared(known, part)
    if compared is not None:
        return _comparison_share(environment, *compared)
    if isinstance(part, n.FunctionCall) and part.operator == "=" and len(part.arguments) == 2:
        left, right = part.arguments
        used_left, used_right = n.columns_used(left) & known.keys(), n.columns_used(right) & known.keys()
        if used_left and used_right:
            return 1.0 / max(distinct_values(known, left, rows), distinct_values(known, right, rows), 1.0)
    if isinstance(part, n.IsNull) and isinstance(part.argument, n.ColumnReference):
        origin = known.get(part.argument.column)
        if origin is not None and origin.statistics is not None:
            share = origin.statistics.null_fraction
            return 1.0 - share if part.negated else share
    tried = _tried(environment, known, part)
    if tried is not None:
        return tried
    if isinstance(part, n.FunctionCall) and part.operator is not None:
        usual = _usual_shares().get(part.function.oid)
        if usual is not None:
            return usual
        if part.operator == "=":
            return EQUALITY_SELECTIVITY
        if part.operator in _MATCHES:
            return MATCH_SELECTIVITY
        if part.operator in _CONTAINMENTS:
            return CONTAINMENT_SELECTIVITY
    if isinstance(part, n.InList):
        return min(1.0, EQUALITY_SELECTIVITY * len(part.items))
    return RANGE_SELECTIVITY


@cache
def _usual_shares() -> dict[int, float]:
    """The shares of operators that compare where things are, by the oid of their function."""
    return {int(row[6]): _USUAL_SHARES[row[11]] for row in operator_rows().values() if row[11] in _USUAL_SHARES}


def _compared(known: Mapping[int, Origin], part: n.Expression) -> tuple[Origin, str, n.Expression] | None:
    """(column, operator, value) of a comparison of a column with what has no columns here."""
    if not isinstance(part, n.FunctionCall) or part.operator not in _MIRRORED or len(part.arguments) != 2:
        return None
    for column, value, operator in (
        (part.arguments[0], part.arguments[1], part.operator),
        (part.arguments[1], part.arguments[0], _MIRRORED[part.operator]),
    ):
        while isinstance(column, n.Relabel):
            column = column.argument
        if (
            isinstance(column, n.ColumnReference)
            and column.column in known
            and not n.columns_used(value) & known.keys()
        ):
            return known[column.column], operator, value
    return None


def _equal_share(environment: PlanningEnvironment, origin: Origin, value: n.Expression) -> float:
    found = origin.statistics
    if found is None:
        for index in origin.table.indexes:
            if index.unique and [key.column for key in index.keys] == [origin.number]:
                return 1.0 / max(origin.rows, 1.0)
        return EQUALITY_SELECTIVITY
    distinct = found.distinct_count(origin.rows)
    common = sum(found.frequencies)
    rest = max(0.0, 1.0 - found.null_fraction - common) / max(1.0, distinct - len(found.common))
    if isinstance(value, n.Constant):
        if value.value is None:
            return 0.0
        key = environment.types.comparison_key(origin.table.column(origin.number).type_oid)
        wanted = value.value if key is None else key(value.value)
        for one, frequency in zip(found.common, found.frequencies, strict=True):
            if (one if key is None else key(one)) == wanted:
                return frequency
        return rest
    return max(0.0, 1.0 - found.null_fraction) / distinct


def _comparison_share(environment: PlanningEnvironment, origin: Origin, operator: str, value: n.Expression) -> float:
    if operator == "=":
        return _equal_share(environment, origin, value)
    found = origin.statistics
    if operator == "<>":
        nulls = found.null_fraction if found is not None else 0.0
        return max(0.0, 1.0 - nulls - _equal_share(environment, origin, value))
    column = origin.table.column(origin.number)
    if found is None or not isinstance(value, n.Constant) or value.value is None or value.type != column.type_oid:
        return RANGE_SELECTIVITY
    key = environment.types.comparison_key(column.type_oid)
    wanted = value.value if key is None else key(value.value)
    below = above = equal = 0.0
    try:
        for one, frequency in zip(found.common, found.frequencies, strict=True):
            compared = one if key is None else key(one)
            if compared == wanted:
                equal += frequency
            elif compared < wanted:
                below += frequency
            else:
                above += frequency
        rest = max(0.0, 1.0 - found.null_fraction - below - above - equal)
        part = share_below(found.bounds, value.value, key) if found.bounds else 0.5
    except TypeError:
        return RANGE_SELECTIVITY
    lower = below + rest * part
    upper = above + rest * (1.0 - part)
    if "=" in operator:
        return equal + (lower if operator[0] == "<" else upper)
    return lower if operator == "<" else upper


def _tried(environment: PlanningEnvironment, known: Mapping[int, Origin], part: n.Expression) -> float | None:
    """The share of a column's known values for which a condition on it is true; None where it cannot be tried."""
    used = n.columns_used(part)
    unknown = (n.Parameter, n.SubqueryExpression)
    if len(used) != 1 or is_volatile(part) or any(isinstance(node, unknown) for node in n.walk(part)):
        return None
    (column,) = used
    origin = known.get(column)
    if origin is None or (found := origin.statistics) is None or not (found.common or found.bounds):
        return None
    generator = Generator({column: Code("v", True, True)}, ("v",), environment.types)
    try:
        make = compile_factory(generator, "values", [f"return [bool({generator.truth(part)}) for v in values]"])
        run = make(ExecutionContext(None, None, ()))  # type: ignore[arg-type]
        common, bounds, null = run(found.common), run(found.bounds), run([None])
    except (DatacaveError, AttributeError, ArithmeticError, ValueError, TypeError):
        # What needs a session or raises for some value is left to the fixed shares.
        return None
    share = sum(one for one, hit in zip(found.frequencies, common, strict=True) if hit)
    rest = max(0.0, 1.0 - found.null_fraction - sum(found.frequencies))
    if bounds:
        # A condition that meets no sampled value may still meet some.
        share += rest * max(sum(bounds) / len(bounds), 0.5 / len(bounds))
    return share + (found.null_fraction if null[0] else 0.0)

"""Subqueries in expressions: EXISTS, scalar, ARRAY, IN and ANY/ALL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import operators
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import VECTORS
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def _bound(b: Binding, query: ast.Statement, scope: Scope) -> tuple[l.LogicalPlan, tuple[int, ...]]:
    """The plan and the columns it takes from outside."""
    boundary = scope.inner()
    plan = b.query(query, boundary)
    return plan, tuple(sorted(boundary.outer))


def bind_exists(b: Binding, e: ast.Exists, scope: Scope) -> n.Expression:
    plan, outer = _bound(b, e.query, scope)
    return n.SubqueryExpression("exists", plan, oids.BOOL, outer=outer)


def single_column(plan: l.LogicalPlan, position: int) -> l.OutputColumn:
    """The one column of a subquery. Raises 42601."""
    if len(plan.columns) != 1:
        raise DatacaveError("subquery must return only one column", sqlstate=sqlstate.SYNTAX_ERROR, position=position)
    return plan.columns[0]


def bind_scalar(b: Binding, e: ast.ScalarSubquery, scope: Scope) -> n.Expression:
    plan, outer = _bound(b, e.query, scope)
    column = single_column(plan, e.position)
    return n.SubqueryExpression("scalar", plan, column.type, column.typmod, outer=outer)


def bind_array(b: Binding, e: ast.ArraySubquery, scope: Scope) -> n.Expression:
    plan, outer = _bound(b, e.query, scope)
    column = single_column(plan, e.position)
    nested = b.types.element(column.type) and column.type not in VECTORS
    array = column.type if nested else b.types.array(column.type)
    if not array:
        raise DatacaveError(
            f"could not find array type for data type {b.types.name(column.type)}",
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            position=e.position,
        )
    return n.SubqueryExpression("array", plan, array, column.typmod, outer=outer)


def bind_in(b: Binding, e: ast.InSubquery, scope: Scope) -> n.Expression:
    tested = _quantified(b, e.operand, "=", "any", e.query, scope, e.position)
    return n.Not(tested) if e.negated else tested


def bind_quantified(b: Binding, e: ast.QuantifiedSubquery, scope: Scope) -> n.Expression:
    return _quantified(b, e.operand, e.operator, e.quantifier, e.query, scope, e.position)


def bind_binary(b: Binding, e: ast.BinaryOperation, scope: Scope) -> n.Expression:
    """An operator; between a row and a subquery it compares with the subquery's one row."""
    if isinstance(e.left, ast.RowExpression) and isinstance(e.right, ast.ScalarSubquery):
        return _quantified(b, e.left, e.operator, "row", e.right.query, scope, e.position)
    return operators.bind_binary(b, e, scope)


def _quantified(
    b: Binding,
    left: ast.Expression,
    operator: str,
    quantifier: str,
    query: ast.Statement,
    scope: Scope,
    position: int,
) -> n.Expression:
    operand = b.expression(left, scope)
    plan, outer = _bound(b, query, scope)
    items: Sequence[n.Expression] = (operand,)
    if isinstance(operand, n.RowConstructor) and operand.written:
        items = operand.fields
    if len(items) != len(plan.columns):
        words = "few" if len(items) > len(plan.columns) else "many"
        raise DatacaveError(f"subquery has too {words} columns", sqlstate=sqlstate.SYNTAX_ERROR, position=position)
    columns = [n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in plan.columns]
    if len(items) == 1:
        test = operators.apply_operator(b, operator, items[0], columns[0], position)
    else:
        test = operators.compare_rows(b, operator, items, columns, position)
    if test.type != oids.BOOL:
        raise DatacaveError(
            f"row comparison operator must yield type boolean, not type {b.types.name(test.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=position,
        )
    arguments = _outside_parts(test, {c.id for c in plan.columns})
    return n.SubqueryExpression(quantifier, plan, oids.BOOL, -1, arguments, test, outer)


def _outside_parts(test: n.Expression, inside: set[int]) -> tuple[n.Expression, ...]:
    """The largest parts of the test that read no column of the subquery: evaluated outside, once."""
    found: list[n.Expression] = []

    def visit(node: n.Expression) -> None:
        if isinstance(node, n.Constant):
            return
        if not n.columns_used(node) & inside:
            if node not in found:
                found.append(node)
            return
        for child in n.children(node):
            visit(child)

    visit(test)
    return tuple(found)


SUBQUERIES: Mapping[type, Callable[..., n.Expression]] = {
    ast.Exists: bind_exists,
    ast.ScalarSubquery: bind_scalar,
    ast.ArraySubquery: bind_array,
    ast.InSubquery: bind_in,
    ast.QuantifiedSubquery: bind_quantified,
    ast.BinaryOperation: bind_binary,
}

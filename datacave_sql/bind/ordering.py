"""ORDER BY, GROUP BY and DISTINCT ON items: an output name, an ordinal or an expression, in PostgreSQL's precedence."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.sorting import require_equality, sort_key
from datacave_sql.bind.state import Binding
from datacave_sql.bind.targets import TargetItem
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast


def _by_name(b: Binding, node: ast.Expression, items: Sequence[TargetItem], clause: str) -> n.Expression | None:
    if not isinstance(node, ast.ColumnRef) or node.star or len(node.parts) != 1:
        return None
    found: n.Expression | None = None
    for item in items:
        if item.name != node.parts[0]:
            continue
        if found is not None and found != item.expression:
            raise DatacaveError(
                f'{clause} "{node.parts[0]}" is ambiguous',
                sqlstate=sqlstate.AMBIGUOUS_COLUMN,
                position=node.position,
            )
        if found is None:
            found = item.expression
    return found


def _by_ordinal(node: ast.Expression, items: Sequence[TargetItem], clause: str) -> n.Expression | None:
    if isinstance(node, ast.IntegerLiteral):
        if 1 <= node.value <= len(items):
            return items[node.value - 1].expression
        raise DatacaveError(
            f"{clause} position {node.value} is not in select list",
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
            position=node.position,
        )
    if isinstance(node, ast.StringLiteral | ast.DecimalLiteral | ast.BooleanLiteral | ast.BitStringLiteral):
        raise DatacaveError(f"non-integer constant in {clause}", sqlstate=sqlstate.SYNTAX_ERROR, position=node.position)
    return None


def order_expression(b: Binding, item: ast.OrderItem, items: Sequence[TargetItem], scope: Scope) -> n.Expression:
    """An ORDER BY item: output names come before input columns."""
    node = item.expression
    found = _by_name(b, node, items, "ORDER BY")
    if found is None:
        found = _by_ordinal(node, items, "ORDER BY")
    return found if found is not None else _expression(b, node, items, scope)


def group_expression(b: Binding, node: ast.Expression, items: Sequence[TargetItem], scope: Scope) -> n.Expression:
    """A GROUP BY item: input columns come before output names."""
    if isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star:
        if not any(column.name == node.parts[0] for column in scope.columns):
            found = _by_name(b, node, items, "GROUP BY")
            if found is not None:
                return _checked(b, found, node, scope)
        return b.expression(node, scope)
    found = _by_ordinal(node, items, "GROUP BY")
    if found is not None:
        return _checked(b, found, node, scope)
    return _expression(b, node, items, scope)


def _checked(b: Binding, e: n.Expression, node: ast.Expression, scope: Scope) -> n.Expression:
    """A select-list item as a group: it must not hold aggregates or window calls."""
    grouping = scope.grouping
    assert grouping is not None
    used = n.columns_used(e)
    if used & {column.id for column in grouping.aggregates.values()}:
        raise DatacaveError(
            "aggregate functions are not allowed in GROUP BY",
            sqlstate=sqlstate.GROUPING_ERROR,
            position=node.position,
        )
    if used & {column.id for column in grouping.windows.values()}:
        raise DatacaveError(
            "window functions are not allowed in GROUP BY",
            sqlstate=sqlstate.WINDOWING_ERROR,
            position=node.position,
        )
    return e


def distinct_expression(b: Binding, node: ast.Expression, items: Sequence[TargetItem], scope: Scope) -> n.Expression:
    """A DISTINCT ON item."""
    found = _by_name(b, node, items, "DISTINCT ON")
    if found is None:
        found = _by_ordinal(node, items, "DISTINCT ON")
    e = coercion.settled(b, found if found is not None else _expression(b, node, items, scope))
    require_equality(b, e, node.position)
    return e


def _expression(b: Binding, node: ast.Expression, items: Sequence[TargetItem], scope: Scope) -> n.Expression:
    """An expression that is written like a select-list item is that item, and is computed once."""
    for item in items:
        if item.node is not None and item.node == node:
            return item.expression
    return b.expression(node, scope)


def key_for(b: Binding, e: n.Expression, item: ast.OrderItem) -> n.SortKey:
    """The sort key of an ORDER BY item."""
    return sort_key(b, e, item)

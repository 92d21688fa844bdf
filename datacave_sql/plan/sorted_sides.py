"""Sorted sides: whether a side of a join comes, or could come, in the order of its join keys."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.exec.operator import Operator
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.column_plans import column_operator
from datacave_sql.plan.planning import ordering_of


def lies_in_order(node: l.LogicalPlan, keys: Sequence[n.Expression]) -> bool:
    """Whether a table lies in the order of these columns, the first ones of its primary key."""
    while isinstance(node, l.Filter):
        node = node.child
    if not isinstance(node, l.Scan) or node.table.clustered_index is None:
        return False
    attributes = {column.id: column.attribute for column in node.columns}
    wanted = [attributes.get(key.column) for key in keys if isinstance(key, n.ColumnReference)]
    return len(wanted) == len(keys) and wanted == [key.column for key in node.table.clustered_index.keys[: len(keys)]]


def is_sorted(operator: Operator, keys: Sequence[n.Expression]) -> bool:
    """Whether rows come in ascending order of these columns."""
    ordering = ordering_of(operator)[: len(keys)]
    columns = [key.column for key in keys if isinstance(key, n.ColumnReference)]
    return (
        column_operator(operator) is None
        and len(columns) == len(keys)
        and [column for column, _, _ in ordering] == columns
        and not any(descending for _, descending, _ in ordering)
    )

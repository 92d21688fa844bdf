"""min and max of an indexed column: the first entry of the index that the conditions leave is the answer."""

from __future__ import annotations

from datacave_core.catalog import FIRST_USER_OID
from datacave_core.types import oids
from datacave_sql.exec.limit import Limit
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.sort import Sort
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner


def plan_extreme(p: Planner, node: l.Aggregate, needed: frozenset[int]) -> Operator | None:
    """The one row that decides, where an index gives it; None where all rows have to be read."""
    if node.groups or node.grouping_sets is not None or len(node.aggregates) != 1:
        return None
    call = node.aggregates[0]
    if call.function.name not in ("min", "max") or call.function.oid >= FIRST_USER_OID or call.filter is not None:
        return None
    argument = call.arguments[0] if len(call.arguments) == 1 else None
    if not isinstance(argument, n.ColumnReference) or call.order_by:
        return None
    scan = node.child
    while isinstance(scan, l.Filter):
        scan = scan.child
    if not isinstance(scan, l.Scan) or not _is_indexed(scan, argument.column):
        return None
    descending = call.function.name == "max"
    present = l.Filter(node.child, n.IsNull(argument, True))
    # NULLs stand where the index has them at that end, so that reading it backward serves max.
    ordered = l.Sort(present, (n.SortKey(argument, descending, descending),))
    operator = p.plan(l.Limit(ordered, n.Constant(1, oids.INT8), None), needed)
    below = operator.child if isinstance(operator, Limit) else operator
    return None if isinstance(below, Sort) else operator


def _is_indexed(scan: l.Scan, column: int) -> bool:
    attribute = next((one.attribute for one in scan.columns if one.id == column), 0)
    return any(
        index.method == "btree" and any(key.column == attribute for key in index.keys) for index in scan.table.indexes
    )

"""Plans of what a parent table stands for: its own rows and those of the tables below it, one scan after the other."""

from __future__ import annotations

from datacave_sql.exec.operator import Operator
from datacave_sql.exec.set_operation import Append
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner


def plan_append(p: Planner, node: l.Append, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Every member is planned with the conditions, each by its own indexes."""
    wanted = tuple(column.id for column in node.columns if column.id in needed)
    parts = tuple(p.arranged(p.plan(member, frozenset(wanted), conjuncts), wanted) for member in node.members)
    not_null = frozenset(wanted)
    for part in parts:
        not_null &= part.not_null
    return Append(parts, wanted, not_null)

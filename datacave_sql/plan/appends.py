"""Plans of what a parent table stands for: its own rows and those of the tables below it, one scan after the other.

Partitions that cannot hold a row that the conditions let pass are not read. Which ones these are is found out when the
statement runs, as the values in the conditions may be parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.exec.operator import Operator
from datacave_sql.exec.pruned_append import KeyConditions, PrunedAppend, PruningLevel
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.exec.set_operation import Append
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import ColumnCondition, column_condition
from datacave_sql.plan.planning import Planner
from datacave_sql.plan.routing import partition_map
from datacave_sql.plan.scans import condition_values


def plan_append(p: Planner, node: l.Append, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Every member is planned with the conditions, each by its own indexes."""
    wanted = tuple(column.id for column in node.columns if column.id in needed)
    parts = tuple(p.arranged(p.plan(member, frozenset(wanted), conjuncts), wanted) for member in node.members)
    not_null = frozenset(wanted)
    for part in parts:
        not_null &= part.not_null
    level = _level(p, node.partitioning, conjuncts) if node.partitioning is not None else None
    if level is None:
        return Append(parts, wanted, not_null)
    if level.constant:
        alive: set[int] = set()
        level.alive(None, alive)
        if len(alive) == 1:
            return parts[alive.pop()]
        return Append(tuple(parts[number] for number in sorted(alive)), wanted, not_null)
    return PrunedAppend(parts, level, wanted, not_null)


def _level(p: Planner, node: l.Partitioning, conjuncts: Sequence[n.Expression]) -> PruningLevel | None:
    """What the conditions say about the key of a table; None where they say nothing about any level."""
    columns = {key.column: place for place, key in enumerate(node.keys) if isinstance(key, n.ColumnReference)}
    found: list[list[ColumnCondition]] = [[] for _ in node.keys]
    for part in conjuncts:
        for condition in column_condition(part, columns):
            found[condition.attribute].append(condition)
    parts = tuple(
        part if isinstance(part, int) else _level(p, part, conjuncts) or _whole(p, part) for part in node.parts
    )
    useful = bool(found[0]) or all(found) or any(isinstance(part, PruningLevel) and part.useful for part in parts)
    if not useful:
        return None
    constant = all(_is_constant(condition) for one in found for condition in one) and all(
        isinstance(part, int) or part.constant for part in parts
    )
    return PruningLevel(partition_map(p, node), tuple(_conditions(p, one) for one in found), parts, True, constant)


def _is_constant(condition: ColumnCondition) -> bool:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return all(isinstance(value, n.Constant) for value in values)


def _whole(p: Planner, node: l.Partitioning) -> PruningLevel:
    """A level about which the conditions say nothing."""
    parts = tuple(part if isinstance(part, int) else _whole(p, part) for part in node.parts)
    return PruningLevel(partition_map(p, node), tuple(KeyConditions() for _ in node.keys), parts, False, True)


def _conditions(p: Planner, conditions: Sequence[ColumnCondition]) -> KeyConditions:
    equal: list[Factory] = []
    bounds: list[tuple[str, Factory]] = []
    for condition in conditions:
        generator = p.generator({})
        if condition.operator in ("=", "in", "any"):
            equal.append(compile_factory(generator, "", [f"return {condition_values(generator, condition)}"]))
        else:
            assert not isinstance(condition.value, tuple)
            text = generator.value(condition.value).text
            bounds.append((condition.operator, compile_factory(generator, "", [f"return {text}"])))
    return KeyConditions(tuple(equal), tuple(bounds))

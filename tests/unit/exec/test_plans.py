"""Do physical plans give the rows that their logical plans mean?"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from datacave_core.catalog import Column, Index, IndexKey, Table, layout_of
from datacave_core.keycode import table_prefix
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.transaction import TransactionManager
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.hash_join import HashJoin
from datacave_sql.exec.nested_loop import NestedLoop
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.relation_counts import SessionCounts
from datacave_sql.exec.table_scan import KeyLookup, TableScan
from datacave_sql.exec.work_memory import MemoryPool, StatementMemory
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.plan import logical as l
from datacave_sql.plan.physical import plan_query
from datacave_sql.plan.planning import PlanningEnvironment
from datacave_sql.session.settings import SessionSettings
from datacave_sql.table.access import TableAccess

INT4, TEXT, INT8, BOOL = 23, 25, 20, 16


class Sizes:
    def row_count(self, table: Table) -> float:
        return 1000.0

    def column(self, table: Table, number: int) -> None:
        return None


class StandIn:
    """What operators ask of a session."""

    def __init__(self) -> None:
        self.settings = SessionSettings({}, {}, None)
        self.memory = StatementMemory(MemoryPool())
        self.counts = SessionCounts()


class World:
    """A memory store with one table t(id int primary key, grp int, name text)."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.types = TypeLookup()
        self.table = Table(
            20000,
            2200,
            "t",
            (Column(1, "id", INT4, not_null=True), Column(2, "grp", INT4), Column(3, "name", TEXT)),
            storage_id=1000,
            indexes=(Index(20001, 0, "t_pkey", (IndexKey(1),), unique=True, primary=True),),
        )
        self.access = TableAccess(self.table, self.types, {})
        self.rows = rows
        clock = SimulatedClock()
        self.manager = TransactionManager(MemoryStore(clock), clock)
        self.manager.set_layout(table_prefix(1000, 0), layout_of(self.table))
        writer = self.manager.begin()
        for row in rows:
            writer.put(self.access.row_key(row, lambda: 0), row)
        writer.commit()
        self._ids = itertools.count(1)

    def scan(self) -> tuple[l.Scan, list[n.ColumnReference]]:
        columns = tuple(
            l.OutputColumn(next(self._ids), column.name, column.type_oid, attribute=column.number)
            for column in self.table.columns
        )
        return l.Scan(self.table, columns, "t"), [n.ColumnReference(c.id, c.type, -1, c.name) for c in columns]

    def output(self, type_oid: int) -> l.OutputColumn:
        return l.OutputColumn(next(self._ids), "c", type_oid)

    def plan(self, node: l.LogicalPlan) -> Operator:
        environment = PlanningEnvironment(self.types, Sizes(), lambda table: self.access)
        return plan_query(environment, node)

    def run(self, node: l.LogicalPlan, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        transaction = self.manager.begin()
        transaction.statement_snapshot()
        context = ExecutionContext(StandIn(), transaction, parameters)
        rows: list[tuple[Any, ...]] = []
        for batch in self.plan(node).open(context):
            assert not isinstance(batch, Wait) or batch.done or batch.reason == "Timeout:Turn"
            if not isinstance(batch, Wait):
                rows += batch
        return rows


def operator(name: str, left: n.Expression, right: n.Expression) -> n.FunctionCall:
    for fact in registry.operators_named(name):
        if (fact.left, fact.right) == (left.type, right.type):
            return n.FunctionCall(registry.function(fact.function), (left, right), fact.result, operator=name)
    raise AssertionError(f"no operator {left.type} {name} {right.type}")


def number(value: int | None) -> n.Constant:
    return n.Constant(value, INT4)


def aggregate(name: str, *arguments: n.Expression, distinct: bool = False) -> n.AggregateCall:
    for function in registry.functions_named(name):
        if function.argument_types == tuple(a.type for a in arguments):
            return n.AggregateCall(function, arguments, function.return_type, distinct=distinct)
    raise AssertionError(name)


@pytest.fixture
def world() -> Iterator[World]:
    chance = random.Random(7)
    yield World([(i, chance.choice([None, 0, 1, 2, 3]), f"n{i}") for i in range(2500)])


def test_equality_on_the_primary_key_is_a_lookup(world: World) -> None:
    scan, (key, _, _) = world.scan()
    node = l.Filter(scan, operator("=", key, number(5)))
    assert isinstance(world.plan(node), KeyLookup)
    assert world.run(node) == [world.rows[5]]


def test_a_parameter_that_is_null_finds_nothing(world: World) -> None:
    scan, (key, _, _) = world.scan()
    node = l.Filter(scan, operator("=", key, n.Parameter(1, INT4)))
    assert world.run(node, (None,)) == []
    assert world.run(node, (7,)) == [world.rows[7]]


def test_a_range_reads_only_its_keys_in_order(world: World) -> None:
    scan, (key, _, _) = world.scan()
    node = l.Filter(scan, n.And((operator(">", key, number(5)), operator("<=", key, number(9)))))
    plan = world.plan(node)
    assert isinstance(plan, TableScan)
    assert plan.index_name == "t_pkey"
    assert world.run(node) == world.rows[6:10]


def test_filters_follow_three_valued_logic(world: World) -> None:
    scan, (_, group, _) = world.scan()
    node = l.Filter(scan, n.Not(operator("=", group, number(2))))
    assert world.run(node) == [row for row in world.rows if row[1] is not None and row[1] != 2]


def test_groups_count_and_sum(world: World) -> None:
    scan, (key, group, _) = world.scan()
    node = l.Aggregate(
        scan,
        (group,),
        (aggregate("count"), aggregate("sum", key)),
        (world.output(INT4), world.output(INT8), world.output(INT8)),
    )
    expected = {
        g: (sum(1 for r in world.rows if r[1] == g), sum(r[0] for r in world.rows if r[1] == g))
        for g in (None, 0, 1, 2, 3)
    }
    assert {row[0]: row[1:] for row in world.run(node)} == expected


def test_aggregates_without_groups_give_one_row_even_of_nothing(world: World) -> None:
    scan, (key, group, _) = world.scan()
    node = l.Aggregate(
        l.Filter(scan, operator("<", key, number(0))),
        (),
        (aggregate("count"), aggregate("sum", group)),
        (world.output(INT8), world.output(INT8)),
    )
    assert world.run(node) == [(0, None)]


def test_distinct_aggregates_see_each_value_once(world: World) -> None:
    scan, (_, group, _) = world.scan()
    node = l.Aggregate(scan, (), (aggregate("sum", group, distinct=True),), (world.output(INT8),))
    assert world.run(node) == [(6,)]


def _pairs(world: World, kind: str, matches: Any) -> list[tuple[Any, ...]]:
    left, right = world.rows[:40], world.rows[20:60]
    nothing = (None, None, None)
    rows = []
    for a in left:
        found = [b for b in right if matches(a, b)]
        if kind == "semi":
            rows += [a] if found else []
        elif kind == "anti":
            rows += [] if found else [a]
        else:
            rows += [a + b for b in found]
            if not found and kind in ("left", "full"):
                rows.append(a + nothing)
    if kind in ("full", "right"):
        rows += [nothing + b for b in right if not any(matches(a, b) for a in left)]
    return rows


@pytest.mark.parametrize("kind", ["inner", "left", "right", "full", "semi", "anti"])
@pytest.mark.parametrize("shape", ["hash", "hash with rest", "loop"])
def test_joins_equal_their_definition(world: World, kind: str, shape: str) -> None:
    left, (left_key, left_group, _) = world.scan()
    right, (right_key, right_group, _) = world.scan()
    equal = operator("=", left_group, right_group)
    less = operator("<", left_key, right_key)
    condition: n.Expression = {"hash": equal, "hash with rest": n.And((equal, less)), "loop": less}[shape]

    def matches(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
        same = a[1] is not None and a[1] == b[1]
        return {"hash": same, "hash with rest": same and a[0] < b[0], "loop": a[0] < b[0]}[shape]

    some_left = l.Filter(left, operator("<", left_key, number(40)))
    some_right = l.Filter(right, n.And((operator(">=", right_key, number(20)), operator("<", right_key, number(60)))))
    node = l.Join(kind, some_left, some_right, condition)
    found = world.run(node)
    assert sorted(found, key=repr) == sorted(_pairs(world, kind, matches), key=repr)


def test_which_join_is_chosen(world: World) -> None:
    left, (left_key, left_group, _) = world.scan()
    right, (right_key, right_group, _) = world.scan()
    assert isinstance(world.plan(l.Join("left", left, right, operator("=", left_group, right_group))), HashJoin)
    assert isinstance(world.plan(l.Join("left", left, right, operator("<", left_key, right_key))), NestedLoop)


def test_sorting_puts_nulls_where_they_are_asked_for(world: World) -> None:
    for descending, nulls_first in itertools.product((False, True), repeat=2):
        scan, (key, group, _) = world.scan()
        keys = (n.SortKey(group, descending, nulls_first), n.SortKey(key))
        found = world.run(l.Sort(scan, keys))
        present = sorted(
            (r for r in world.rows if r[1] is not None), key=lambda r: (-r[1] if descending else r[1], r[0])
        )
        absent = [r for r in world.rows if r[1] is None]
        assert found == (absent + present if nulls_first else present + absent)


def test_limit_over_a_sort_keeps_the_first_rows(world: World) -> None:
    scan, (key, _, _) = world.scan()
    node = l.Limit(l.Sort(scan, (n.SortKey(key, True, True),)), n.Constant(3, INT8), n.Constant(2, INT8))
    assert [row[0] for row in world.run(node)] == [2497, 2496, 2495]


def test_a_correlated_subquery_sees_the_row_at_hand(world: World) -> None:
    outer, (key, group, _) = world.scan()
    inner, (inner_key, inner_group, _) = world.scan()
    plan = l.Filter(inner, n.And((operator("=", inner_group, group), operator("<", inner_key, number(50)))))
    exists = n.SubqueryExpression("exists", plan, BOOL, outer=(group.column,))
    node = l.Filter(outer, n.And((operator(">=", key, number(2400)), exists)))
    expected = [r for r in world.rows[2400:] if any(b[1] is not None and b[1] == r[1] for b in world.rows[:50])]
    assert world.run(node) == expected


def test_distinct_and_set_operations(world: World) -> None:
    scan, (_, group, _) = world.scan()
    column = world.output(INT4)
    groups = l.Project(scan, (group,), (column,))
    assert {row[0] for row in world.run(l.Distinct(groups))} == {None, 0, 1, 2, 3}
    values = l.Values(((number(2),), (number(2),), (number(9),)), (world.output(INT4),))
    for kind, every, expected in [
        ("union", False, {None, 0, 1, 2, 3, 9}),
        ("intersect", False, {2}),
        ("except", False, {None, 0, 1, 3}),
    ]:
        node = l.SetOperation(kind, every, groups, values, (world.output(INT4),))
        rows = world.run(node)
        assert {row[0] for row in rows} == expected
        assert len(rows) == len(expected)

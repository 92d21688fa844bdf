"""Do bound queries have the shape that the planner relies on?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest

from datacave_core.types import oids
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l

Bind = Callable[..., Any]


def nodes(value: Any) -> Iterator[Any]:
    """Every plan and expression node of a plan, outermost first."""
    if isinstance(value, (*l.PLAN_NODES, *n.EXPRESSION_NODES)):
        yield value
        if not isinstance(value, n.Constant):
            for item in fields(value):
                yield from nodes(getattr(value, item.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from nodes(part)


def find(plan: Any, kind: type) -> list[Any]:
    return [node for node in nodes(plan) if isinstance(node, kind)]


def test_between_becomes_two_comparisons_by_operator_name(bind: Bind) -> None:
    condition = find(bind("select 1 from t where a between 1 and 3").plan, l.Filter)[0].predicate
    assert isinstance(condition, n.And)
    assert [part.operator for part in condition.arguments] == [">=", "<="]


def test_in_over_constants_is_a_list_and_over_columns_a_chain_of_equalities(bind: Bind) -> None:
    constants = find(bind("select 1 from t where a in (1, 2, 3)").plan, l.Filter)[0].predicate
    assert isinstance(constants, n.InList)
    columns = find(bind("select 1 from t where a in (id, 7)").plan, l.Filter)[0].predicate
    assert isinstance(columns, n.Or)
    assert [part.operator for part in columns.arguments] == ["=", "="]


def test_parameters_in_a_list_take_the_column_type(bind: Bind) -> None:
    bound = bind("select 1 from t where id in ($1, $2)", ())
    assert bound.parameter_types == (oids.INT4, oids.INT4)


def test_a_grouped_column_keeps_its_number(bind: Bind) -> None:
    plan = bind("select a, count(*) from t group by a").plan
    aggregate = find(plan, l.Aggregate)[0]
    assert aggregate.columns[0].id == aggregate.groups[0].column


def test_equal_aggregates_are_computed_once(bind: Bind) -> None:
    plan = bind("select sum(a), sum(a) + 1 from t having sum(a) > 2").plan
    assert len(find(plan, l.Aggregate)[0].aggregates) == 1


def test_columns_of_a_primary_key_table_may_stand_beside_its_key(bind: Bind) -> None:
    aggregate = find(bind("select id, b from t group by id").plan, l.Aggregate)[0]
    assert [e.name for e in aggregate.groups] == ["id", "b"]


def test_correlated_subqueries_list_what_they_take_from_outside(bind: Bind) -> None:
    plan = bind("select (select max(u.id) from u where u.id = t.id) from t").plan
    subquery = find(plan, n.SubqueryExpression)[0]
    outer = find(plan, l.Scan)[0]
    names = {column.id: column.name for column in outer.columns}
    assert [names[column] for column in subquery.outer] == ["id"]


def test_uncorrelated_subqueries_list_nothing(bind: Bind) -> None:
    assert find(bind("select 1 from t where id in (select id from u)").plan, n.SubqueryExpression)[0].outer == ()


@pytest.mark.parametrize(
    ("item", "lateral"),
    [("lateral (select t.id) s", True), ("(select 1) s", False), ("generate_series(1, t.a) s", True)],
)
def test_joins_are_lateral_only_where_the_right_side_reads_the_left(bind: Bind, item: str, lateral: bool) -> None:
    assert find(bind(f"select 1 from t, {item}").plan, l.Join)[0].lateral is lateral


def test_a_with_query_that_is_read_once_disappears(bind: Bind) -> None:
    plan = bind("with q as (select * from t) select b from q where id = 5").plan
    assert find(plan, l.With) == []
    assert len(find(plan, l.Scan)) == 1


@pytest.mark.parametrize(
    "query",
    [
        "with q as materialized (select * from t) select * from q",
        "with q as (select * from t) select * from q x, q y",
        "with q as (select random() as r) select * from q",
        "with q as (delete from u returning id) select * from q",
        "with q as (select * from t for update) select * from q",
        "with q as (select id from t) select (select max(id) from q where q.id < t.id) from t",
    ],
)
def test_other_with_queries_stay(bind: Bind, query: str) -> None:
    assert len(find(bind(query).plan, l.With)) == 1


def test_locked_rows_are_sorted_before_and_projected_after(bind: Bind) -> None:
    plan = bind("select b from t order by a limit 1 for update skip locked").plan
    kinds = []
    while not isinstance(plan, l.Scan):
        kinds.append(type(plan))
        plan = plan.child
    assert kinds == [l.Limit, l.Project, l.LockRows, l.Sort]
    assert {l.KEY_ATTRIBUTE, l.ROW_ATTRIBUTE} <= {column.attribute for column in plan.columns}


def test_a_locking_query_is_no_reader(bind: Bind) -> None:
    assert bind("select * from t").read_only
    assert not bind("select * from t for share").read_only
    assert not bind("with x as (delete from u returning id) select * from x").read_only


def test_updates_scan_the_hidden_columns_and_recheck_the_condition(bind: Bind) -> None:
    update = bind("update t set a = a + 1 where id = 5").plan
    scan = find(update, l.Scan)[0]
    hidden = {column.attribute: column.id for column in scan.columns}
    assert update.key_column == hidden[l.KEY_ATTRIBUTE]
    assert update.old_row_column == hidden[l.ROW_ATTRIBUTE]
    assert update.recheck == find(update, l.Filter)[0].predicate
    assert [number for number, _ in update.assignments] == [2]
    assert [name for name, _ in update.checks] == ["t_c_check"]


def test_inserts_complete_rows_by_defaults_and_generated_columns(bind: Bind) -> None:
    insert = bind("insert into t(b) values ('x')").plan
    assert insert.targets == (3,)
    assert [number for number, _ in insert.defaults] == [1, 2]
    serial = insert.defaults[0][1].arguments[0]
    assert (serial.function.name, type(serial.arguments[0])) == ("nextval", n.Constant)
    assert [number for number, _ in bind("insert into u(id) values (1)").plan.generated] == [3]


def test_conflict_targets_find_their_index(bind: Bind) -> None:
    by_key = bind("insert into t(id) values (1) on conflict (id) do nothing").plan.on_conflict
    by_name = bind("insert into t(b) values ('x') on conflict on constraint t_b_key do nothing").plan.on_conflict
    anything = bind("insert into t(b) values ('x') on conflict do nothing").plan.on_conflict
    assert (by_key.index_numbers, by_name.index_numbers, anything.index_numbers) == ((0,), (1,), ())


def test_an_unknown_conflict_target_is_an_error(bind: Bind) -> None:
    with pytest.raises(Exception, match="no unique or exclusion constraint") as caught:
        bind("insert into t(a) values (1) on conflict (a) do nothing")
    assert caught.value.sqlstate == "42P10"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1 + 2 * 3", 7),
        ("upper('abc')", "ABC"),
        ("date '2000-01-02'", 1),
        ("'5'::int", 5),
        ("'abcdef'::varchar(3)", "abc"),
        ("'t'::regclass::oid = 't'::regclass", True),
    ],
)
def test_constants_are_computed_when_bound(bind: Bind, written: str, value: Any) -> None:
    assert bind(f"select {written}").plan.expressions[0].value == value


@pytest.mark.parametrize("written", ["1 / 0", "now()", "'now'::timestamptz", "'01/02/2024'::date", "random()"])
def test_what_may_raise_or_change_is_left_to_the_execution(bind: Bind, written: str) -> None:
    assert not isinstance(bind(f"select {written}").plan.expressions[0], n.Constant)


def test_distinct_numbers_of_a_statement_are_unique(bind: Bind) -> None:
    plan = bind("select x.a, x.a, t.* from t x join t on x.id = t.id").plan
    ids = [column.id for column in plan.columns]
    assert len(set(ids)) == len(ids)


def test_views_expand_to_their_query(bind: Bind) -> None:
    bound = bind("select * from v")
    assert [column.name for column in bound.columns] == ["id", "a", "b", "c", "x"]
    assert {scan.table.name for scan in find(bound.plan, l.Scan)} == {"t", "u"}


def test_result_columns_say_where_they_come_from(bind: Bind, session: Any) -> None:
    table = session.catalog_snapshot.find_table("public", "t")
    columns = bind("select b, id, a + 1 from t").columns
    assert [(c.table_oid, c.attribute) for c in columns] == [(table.oid, 3), (table.oid, 1), (0, 0)]


def test_domains_test_their_values_and_show_as_their_base_type(bind: Bind) -> None:
    bound = bind("select '-5'::positive")
    assert bound.columns[0].type == oids.INT4
    assert [call.function.name for call in find(bound.plan, n.FunctionCall)].count("domain_violation") == 1


def test_parameters_are_refused_where_there_are_none(bind: Bind) -> None:
    with pytest.raises(Exception, match=r"there is no parameter \$1") as caught:
        bind("select $1")
    assert (caught.value.sqlstate, caught.value.position) == ("42P02", 8)  # type: ignore[attr-defined]


def test_deep_operator_chains_bind_without_recursion(bind: Bind) -> None:
    text = "select " + " + ".join(["a"] * 800) + " from t"
    assert bind(text).columns[0].type == oids.INT4

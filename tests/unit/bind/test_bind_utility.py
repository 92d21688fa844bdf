"""Are utility statements resolved as the executor needs them?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import statements as s
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.parse import ast, parse_expression, parse_statements

Bind = Callable[..., Any]


def test_create_table_names_what_has_no_name(bind: Bind) -> None:
    table = bind(
        "create table n(id bigserial primary key, a int check (a > 0) unique, b int references t,"
        " check (a < b), unique (a, b))"
    ).table
    assert [(c.kind, c.name) for c in table.constraints] == [
        ("p", "n_pkey"),
        ("c", "n_a_check"),
        ("u", "n_a_key"),
        ("c", "n_check"),
        ("u", "n_a_b_key"),
        ("f", "n_b_fkey"),
    ]
    assert [(i.index_number, i.name) for i in table.indexes] == [(0, "n_pkey"), (1, "n_a_key"), (2, "n_a_b_key")]


def test_serial_columns_bring_a_sequence_of_their_type(bind: Bind) -> None:
    bound = bind("create table n(id smallserial)")
    (owned,) = bound.sequences
    assert (owned.sequence.name, owned.sequence.type_oid, owned.sequence.maximum) == ("n_id_seq", oids.INT2, 32767)
    assert bound.table.columns[0].default == "nextval('public.n_id_seq'::regclass)"
    assert bound.table.columns[0].not_null


def test_made_up_names_avoid_those_in_use(bind: Bind) -> None:
    assert bind("create index on t(a)").index.name == "t_a_idx"
    assert bind("create unique index on t(lower(b), a)").index.name == "t_lower_a_idx"
    long = "x" * 63
    made = bind(f"create table {long}(id serial primary key)")
    assert made.sequences[0].sequence.name == "x" * 56 + "_id_seq"
    assert made.table.indexes[0].name == "x" * 58 + "_pkey"


def test_a_foreign_key_to_the_table_itself_has_no_oid_yet(bind: Bind) -> None:
    table = bind("create table n(id int primary key, up int references n on delete set null)").table
    key = table.constraints[1]
    assert (key.referenced_table_oid, key.referenced_columns, key.on_delete) == (0, (1,), "n")


def test_if_not_exists_and_if_exists_answer_with_notices(bind: Bind) -> None:
    made = bind("create table if not exists t(x int)")
    assert made == s.NothingToDo("CREATE TABLE", (('relation "t" already exists, skipping', "42P07"),))
    gone = bind("drop table if exists nope, t")
    assert [item.name for item in gone.objects] == ["t"]
    assert gone.notices == (('table "nope" does not exist, skipping', "00000"),)


def test_view_text_names_tables_in_full_and_spells_stars_out(bind: Bind) -> None:
    view = bind("create view w as with q as (select 1 as one) select *, t.a + 1 as n from t, q where b like 'x'").table
    assert view.view_query == (
        "WITH q AS (SELECT 1 AS one) SELECT t.id, t.a, t.b, t.c, q.one, (t.a + 1) AS n"
        " FROM public.t, q WHERE (b LIKE 'x')"
    )
    assert [column.name for column in view.columns] == ["id", "a", "b", "c", "one", "n"]


def test_alter_table_binds_each_action_against_what_the_ones_before_leave(bind: Bind) -> None:
    bound = bind("alter table u add column z int default 3, add check (z > id), drop column x, add unique (z)")
    assert [type(action).__name__ for action in bound.actions] == [
        "AddColumn",
        "AddConstraint",
        "DropColumn",
        "AddConstraint",
    ]
    assert bound.actions[0].column.number == 4
    assert bound.actions[0].default.value == 3
    assert bound.actions[3].index.keys[0].column == 4
    assert len(bound.row_columns) == 4


def test_a_changed_type_is_computed_from_the_row_unless_values_stay(bind: Bind) -> None:
    assert bind("alter table u alter x type text").actions[0].changes[0].using is not None
    assert bind("alter table u alter x type varchar(10)").actions[0].changes[0].using is None


def test_copy_reads_through_an_insert(bind: Bind) -> None:
    bound = bind("copy t(b, a) from stdin with (format csv, header, force_null (b)) where a > 1")
    assert [column.name for column in bound.columns] == ["b", "a"]
    assert bound.insert.targets == (3, 2)
    assert bound.insert.child.child.relation is bound.source
    assert (bound.options.format, bound.options.delimiter, bound.options.header) == ("csv", ",", True)
    assert bound.options.force_null == frozenset({0})


def test_copy_leaves_generated_columns_out(bind: Bind) -> None:
    assert [column.name for column in bind("copy u from stdin").columns] == ["id", "x"]
    assert [column.name for column in bind("copy u to stdout").query.columns] == ["id", "x"]


def test_truncate_cascades_to_what_refers(bind: Bind) -> None:
    assert [table.name for table in bind("truncate t cascade").tables] == ["t", "u"]
    with pytest.raises(DatacaveError, match="referenced in a foreign key constraint"):
        bind("truncate t")


def test_prepare_keeps_the_text_of_the_inner_statement(bind: Bind) -> None:
    bound = bind("prepare p(int, text) as select $1, $2 -- end")
    assert (bound.parameter_types, bound.text) == ((oids.INT4, oids.TEXT), "select $1, $2")


def test_select_into_is_create_table_as(bind: Bind) -> None:
    bound = bind("select id, b into copied from t")
    assert isinstance(bound, s.CreateTableAs)
    assert [column.name for column in bound.table.columns] == ["id", "b"]


def test_a_new_enum_label_gets_a_place_between_its_neighbours(bind: Bind) -> None:
    labels = bind("alter type mood add value 'ok' before 'happy'").definition.labels
    assert [label.label for label in labels] == ["sad", "ok", "happy"]
    assert labels[0].sort_order < labels[1].sort_order < labels[2].sort_order


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("create index on t using gin (b)", "42704"),
        ("create table n(a json primary key)", "42704"),
        ("alter table t alter id drop not null", "42P16"),
        ("alter sequence free increment 0", "22023"),
        ("grant execute on table t to public", "0LP01"),
        ("copy t from stdin with (format csv, quote 'xx')", "0A000"),
    ],
)
def test_what_cannot_be_done_is_refused(bind: Bind, statement: str, code: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        bind(statement)
    assert caught.value.sqlstate == code


EXPRESSIONS = [
    "((a + 1) * (-2))",
    "(NOT (a = ANY (ARRAY[1, 2])))",
    "CASE a WHEN 1 THEN 'x' ELSE E'\\\\' END",
    "CAST(b AS pg_catalog.varchar(10))",
    "CAST('1' AS interval day to second(3))",
    '("Odd Name" IS DISTINCT FROM "select")',
    "(a BETWEEN SYMMETRIC 1 AND 2)",
    "count(*) FILTER (WHERE (a > 1)) OVER (PARTITION BY b ORDER BY c DESC NULLS LAST)",
    "(b LIKE 'x%' ESCAPE '!')",
    "COALESCE(a, NULLIF(b, c), CURRENT_TIMESTAMP(3))",
    "(SELECT max(x) FROM t WHERE (t.id = u.id) LIMIT 1)",
    "(x).y[1:2]",
    "ROW(a)",
    "(a, b)",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_stored_text_reads_back_as_the_same_tree(text: str) -> None:
    tree = parse_expression(text)
    written = SqlText()(tree)
    assert parse_expression(written) == tree
    assert SqlText()(parse_expression(written)) == written


QUERIES = [
    "SELECT DISTINCT ON (a) a, b AS x FROM s.t AS q(a, b), LATERAL (SELECT 1) AS l ORDER BY a DESC LIMIT 5 OFFSET 2",
    "WITH RECURSIVE r(n) AS ((SELECT 1) UNION ALL (SELECT (n + 1) FROM r)) SELECT n FROM r",
    "SELECT * FROM (a LEFT JOIN b USING (x)) JOIN c ON (c.y = b.y) WHERE EXISTS (SELECT FROM d)",
    "SELECT a, sum(b) FROM t GROUP BY ROLLUP (a, (b, c)) HAVING (count(*) > 1) WINDOW w AS (PARTITION BY a)",
    "VALUES (1, 'a'), (2, NULL)",
    "SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(x, n)",
    "SELECT * FROM json_to_record('{}') AS j(a pg_catalog.int4, b text)",
]


@pytest.mark.parametrize("text", QUERIES)
def test_stored_queries_read_back_as_the_same_tree(text: str) -> None:
    tree = parse_statements(text)[0].statement
    assert isinstance(tree, ast.Query)
    written = SqlText().query(tree)
    assert SqlText().query(parse_statements(written)[0].statement) == written

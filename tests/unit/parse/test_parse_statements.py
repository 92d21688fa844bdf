"""What do statements become? One fact of each family, where the tree is more than the words."""

from __future__ import annotations

import pytest

from datacave_sql.parse import ast, parse_expression, parse_statements, parse_type


def one(text: str) -> ast.Statement:
    (parsed,) = parse_statements(text)
    return parsed.statement


def select(text: str) -> ast.Select:
    query = one(text)
    assert isinstance(query, ast.Query) and isinstance(query.body, ast.Select)
    return query.body


def names(parts: tuple[str, ...]) -> ast.TypeName:
    return ast.TypeName(0, parts)


def integer(value: int) -> ast.IntegerLiteral:
    return ast.IntegerLiteral(0, value)


# --- texts -----------------------------------------------------------------------------------------------------------


def test_statements_know_their_slice_and_parameters() -> None:
    text = " /* a */ SELECT $2 ; ;-- b\n begin;"
    first, second = parse_statements(text)
    assert text[first.start : first.end] == "SELECT $2"
    assert text[second.start : second.end] == "begin"
    assert (first.parameter_count, second.parameter_count) == (2, 0)


@pytest.mark.parametrize("text", ["", " ", ";;", "-- c", "/* c */;"])
def test_nothing_is_no_statement(text: str) -> None:
    assert parse_statements(text) == []


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, type_name",
    [
        ("integer", names(("pg_catalog", "int4"))),
        ("INT", names(("pg_catalog", "int4"))),
        ('"integer"', names(("integer",))),
        ("double precision", names(("pg_catalog", "float8"))),
        ("float(24)", names(("pg_catalog", "float4"))),
        ("float", names(("pg_catalog", "float8"))),
        ("char", ast.TypeName(0, ("pg_catalog", "bpchar"), (integer(1),))),
        ("national character varying(5)", ast.TypeName(0, ("pg_catalog", "varchar"), (integer(5),))),
        ("varchar", names(("pg_catalog", "varchar"))),
        ("bit", ast.TypeName(0, ("pg_catalog", "bit"), (integer(1),))),
        ("bit varying(3)", ast.TypeName(0, ("pg_catalog", "varbit"), (integer(3),))),
        ("numeric(5, -2)", ast.TypeName(0, ("pg_catalog", "numeric"), (integer(5), integer(-2)))),
        ("timestamp(3) with time zone", ast.TypeName(0, ("pg_catalog", "timestamptz"), (integer(3),))),
        ("time without time zone", names(("pg_catalog", "time"))),
        ("interval", names(("pg_catalog", "interval"))),
        ("interval(3)", ast.TypeName(0, ("pg_catalog", "interval"), (integer(0x7FFF), integer(3)))),
        ("interval year to month", ast.TypeName(0, ("pg_catalog", "interval"), (integer(0b110),))),
        ("interval day to second(3)", ast.TypeName(0, ("pg_catalog", "interval"), (integer(0x1C08), integer(3)))),
        ("s.t[3][]", ast.TypeName(0, ("s", "t"), (), (3, -1))),
        ("text array", ast.TypeName(0, ("text",), (), (-1,))),
        ("setof int", ast.TypeName(0, ("pg_catalog", "int4"), (), (), True)),
    ],
)
def test_types(text: str, type_name: ast.TypeName) -> None:
    assert parse_type(text) == type_name


# --- expressions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, plain",
    [
        ("extract(year from a)", "pg_catalog.extract('year', a)"),
        ("position('a' in b)", "pg_catalog.position(b, 'a')"),
        ("substring(a from 1 for 2)", "pg_catalog.substring(a, 1, 2)"),
        ("substring(a for 2)", "pg_catalog.substring(a, 1, cast(2 as int))"),
        ("overlay(a placing b from 1)", "pg_catalog.overlay(a, b, 1)"),
        ("trim(leading 'x' from a)", "pg_catalog.ltrim(a, 'x')"),
        ("trim(a)", "pg_catalog.btrim(a)"),
        ("trim(trailing from a)", "pg_catalog.rtrim(a)"),
        ("a at time zone 'x'", "pg_catalog.timezone('x', a)"),
        ("(a, b) overlaps (c, d)", "pg_catalog.overlaps(a, b, c, d)"),
        ("a is nfc normalized", "pg_catalog.is_normalized(a, 'NFC')"),
    ],
)
def test_words_become_calls(text: str, plain: str) -> None:
    found, expected = parse_expression(text), parse_expression(plain)
    assert isinstance(found, ast.FunctionCall) and isinstance(expected, ast.FunctionCall)
    assert (found.name, found.arguments) == (expected.name, expected.arguments)
    assert found.sql_syntax and not expected.sql_syntax


@pytest.mark.parametrize(
    "text, node",
    [
        ("time", ast.ColumnRef(0, ("time",))),
        ("position", ast.ColumnRef(0, ("position",))),
        ("substring", ast.ColumnRef(0, ("substring",))),
        ("t.*", ast.ColumnRef(0, ("t",), True)),
        ("(t).*", ast.FieldStar(0, ast.ColumnRef(0, ("t",)))),
        ("(t).a", ast.FieldSelection(0, ast.ColumnRef(0, ("t",)), "a")),
        ("current_schema", ast.SqlValueFunction(0, "current_schema")),
        ("current_schema()", ast.FunctionCall(0, ("current_schema",))),
        ("current_timestamp(3)", ast.SqlValueFunction(0, "current_timestamp", 3)),
        ("f(x => 1)", ast.FunctionCall(0, ("f",), (ast.NamedArgument(0, "x", integer(1)),))),
        ("f(*)", ast.FunctionCall(0, ("f",), star=True)),
        ("a[1:]", ast.SubscriptedExpression(0, ast.ColumnRef(0, ("a",)), (ast.Subscript(0, True, integer(1), None),))),
        ("a[1]", ast.SubscriptedExpression(0, ast.ColumnRef(0, ("a",)), (ast.Subscript(0, False, None, integer(1)),))),
        ("date 'x'", ast.Cast(0, ast.StringLiteral(0, "x"), names(("date",)))),
        ("char 'x'", ast.Cast(0, ast.StringLiteral(0, "x"), names(("pg_catalog", "bpchar")))),
        ("(1, 2)", ast.RowExpression(0, (integer(1), integer(2)), False)),
        ("row(1)", ast.RowExpression(0, (integer(1),), True)),
        ("a = any (b)", ast.QuantifiedArray(0, "=", (), ast.ColumnRef(0, ("a",)), "any", ast.ColumnRef(0, ("b",)))),
        ("xmlconcat(a)", ast.UnsupportedExpression(0, "xmlconcat", "xmlconcat")),
    ],
)
def test_forms(text: str, node: ast.Expression) -> None:
    assert parse_expression(text) == node


# --- queries ---------------------------------------------------------------------------------------------------------


def test_set_operations_group_by_precedence() -> None:
    query = one("SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4")
    assert isinstance(query, ast.Query) and isinstance(query.body, ast.SetOperation)
    assert query.body.operator == "except"
    left, right = query.body.left.body, query.body.right.body
    assert isinstance(left, ast.SetOperation) and left.operator == "union"
    assert isinstance(right, ast.SetOperation) and right.operator == "intersect"


def test_a_tail_belongs_to_the_whole() -> None:
    query = one("SELECT 1 UNION (SELECT 2 LIMIT 1) ORDER BY 1 LIMIT 2")
    assert isinstance(query, ast.Query) and isinstance(query.body, ast.SetOperation)
    assert query.limit == integer(2) and query.body.right.limit == integer(1) and query.body.left.limit is None


def test_limit_all_is_no_limit() -> None:
    query = one("SELECT 1 LIMIT ALL")
    assert isinstance(query, ast.Query) and query.limit is None


def test_joins_nest_by_their_conditions() -> None:
    (item,) = select("SELECT * FROM a JOIN b JOIN c ON true ON false").from_items
    assert isinstance(item, ast.Join) and isinstance(item.right, ast.Join)
    assert item.on == ast.BooleanLiteral(0, False) and item.right.on == ast.BooleanLiteral(0, True)


def test_parenthesised_query_in_from_and_in_expression() -> None:
    body = select("SELECT ((SELECT 1) UNION SELECT 2), ((SELECT 1) + 1) FROM ((SELECT 1)) AS x")
    assert isinstance(body.targets[0].expression, ast.ScalarSubquery)
    assert isinstance(body.targets[1].expression, ast.BinaryOperation)
    assert isinstance(body.from_items[0], ast.SubqueryRef)


def test_points_in_time() -> None:
    body = select("SELECT * FROM t, u AS OF SYSTEM TIME '-10s' WHERE a = 1")
    assert body.as_of == ast.StringLiteral(0, "-10s") and body.where is not None
    (table,) = select("SELECT * FROM t FOR SYSTEM_TIME AS OF now() AS x WHERE true").from_items
    assert isinstance(table, ast.TableRef) and table.alias == ast.Alias(0, "x")
    assert table.system_time == ast.SystemTime(0, "as of", ast.FunctionCall(0, ("now",)))
    (between,) = select("SELECT * FROM t x FOR SYSTEM_TIME BETWEEN 1 AND 2").from_items
    assert isinstance(between, ast.TableRef) and between.system_time == ast.SystemTime(
        0, "between", integer(1), integer(2)
    )
    (whole,) = select("SELECT * FROM t FOR SYSTEM_TIME ALL").from_items
    assert isinstance(whole, ast.TableRef) and whole.system_time == ast.SystemTime(0, "all")
    begin = one("BEGIN AS OF SYSTEM TIME '-1s'")
    assert isinstance(begin, ast.Begin) and begin.modes.as_of == ast.StringLiteral(0, "-1s")


def test_recursive_view_is_a_recursive_query() -> None:
    assert one("CREATE RECURSIVE VIEW v (a) AS SELECT 1") == one(
        "CREATE VIEW v (a) AS WITH RECURSIVE v (a) AS (SELECT 1) SELECT a FROM v"
    )


# --- session and utility ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, node",
    [
        ("SET x TO 1, 'b', c", ast.SetParameter(0, "x", (1, "b", "c"))),
        ("SET LOCAL x.y = -1.5", ast.SetParameter(0, "x.y", (-1.5,), True)),
        ("SET x = DEFAULT", ast.SetParameter(0, "x")),
        ("SET x = ON", ast.SetParameter(0, "x", ("on",))),
        ("SET TIME ZONE 'UTC'", ast.SetParameter(0, "timezone", ("UTC",))),
        ("SET NAMES 'utf8'", ast.SetParameter(0, "client_encoding", ("utf8",))),
        ("SET ROLE NONE", ast.SetParameter(0, "role", ("none",))),
        ("SET SESSION AUTHORIZATION bob", ast.SetParameter(0, "session_authorization", ("bob",))),
        ("SET SCHEMA 'a'", ast.SetParameter(0, "search_path", ("a",))),
        ("SHOW TIME ZONE", ast.ShowParameter(0, "timezone")),
        ("RESET ALL", ast.ResetParameter(0, None)),
        ("ROLLBACK TO SAVEPOINT a", ast.RollbackTo(0, "a")),
        ("COMMIT AND CHAIN", ast.Commit(0, True)),
        ("END", ast.Commit(0)),
        ("FETCH ALL FROM c", ast.FetchCursor(0, "c", "forward", None)),
        ("FETCH PRIOR c", ast.FetchCursor(0, "c", "backward", 1)),
        ("FETCH LAST c", ast.FetchCursor(0, "c", "absolute", -1)),
        ("MOVE BACKWARD 3 c", ast.FetchCursor(0, "c", "backward", 3, True)),
        ("DEALLOCATE PREPARE ALL", ast.Deallocate(0, None)),
        ("DISCARD TEMPORARY", ast.Discard(0, "temp")),
        ("UNLISTEN *", ast.Unlisten(0, None)),
        ("PREPARE TRANSACTION 'x'", ast.PreparedTransaction(0, "prepare", "x")),
        ("TRUNCATE t RESTART IDENTITY CASCADE", ast.Truncate(0, (ast.TableRef(0, ("t",)),), True, True)),
        ("LOCK t IN ACCESS SHARE MODE", ast.LockTable(0, (ast.TableRef(0, ("t",)),), "access share")),
        ("LOCK t", ast.LockTable(0, (ast.TableRef(0, ("t",)),), "access exclusive")),
        ("REINDEX TABLE t", ast.Reindex(0, "table", ("t",))),
        (
            "ALTER FUNCTION f() STABLE",
            ast.AlterFunction(
                0, "function", ast.RoutineSignature(0, ("f",), ()), (ast.Option(0, "volatility", "stable"),)
            ),
        ),
        ("DROP TABLE IF EXISTS a.b", ast.Drop(0, "table", (("a", "b"),), if_exists=True)),
    ],
)
def test_session_and_utility(text: str, node: ast.Statement) -> None:
    assert one(text) == node


def test_prepare_knows_the_inner_text() -> None:
    text = "PREPARE p (int) AS  SELECT $1 ;"
    found = one(text)
    assert isinstance(found, ast.Prepare)
    assert text[found.text_start : found.text_end] == "SELECT $1"


def test_old_copy_options_read_as_new_ones() -> None:
    old = one("COPY t FROM STDIN WITH CSV HEADER DELIMITER AS ';' FORCE NOT NULL a")
    new = one("COPY t FROM STDIN WITH (FORMAT csv, HEADER true, DELIMITER ';', FORCE_NOT_NULL (a))")
    assert old == new


def test_explain_words_read_as_options() -> None:
    assert one("EXPLAIN ANALYZE VERBOSE SELECT 1") == one("EXPLAIN (ANALYZE, VERBOSE) SELECT 1")


# --- data changes and definitions ------------------------------------------------------------------------------------


def test_insert_of_a_query_in_parentheses_has_no_columns() -> None:
    found = one("INSERT INTO t (SELECT 1)")
    assert isinstance(found, ast.Insert) and found.columns == () and found.source is not None


def test_column_constraints_take_the_attributes_that_follow() -> None:
    found = one("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED NOT NULL)")
    assert isinstance(found, ast.CreateTable)
    (column,) = found.elements
    assert isinstance(column, ast.ColumnDefinition)
    assert column.constraints == (
        ast.UniqueConstraint(0, None, True, True, primary=False),
        ast.NotNullConstraint(0),
    )


def test_table_constraints_take_the_attributes_that_follow() -> None:
    found = one("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE SET NULL (a) NOT VALID DEFERRABLE")
    assert isinstance(found, ast.AlterTable)
    assert found.actions == (
        ast.AddConstraint(
            0,
            ast.ForeignKeyConstraint(
                0,
                None,
                True,
                None,
                True,
                referenced=ast.TableRef(0, ("u",)),
                columns=("a",),
                on_delete="set null",
                delete_columns=("a",),
            ),
        ),
    )


def test_shard_by() -> None:
    found = one("CREATE TABLE t (a int, b int) SHARD BY (b) WITH (retention = '1d')")
    assert isinstance(found, ast.CreateTable)
    assert found.shard_by == ("b",) and found.options == (ast.StorageOption(0, "retention", "1d"),)


def test_like_options_add_and_take_away() -> None:
    found = one("CREATE TABLE t (LIKE u INCLUDING ALL EXCLUDING INDEXES EXCLUDING STORAGE)")
    assert isinstance(found, ast.CreateTable)
    (like,) = found.elements
    assert isinstance(like, ast.LikeClause)
    assert like.including == {
        "comments",
        "compression",
        "constraints",
        "defaults",
        "generated",
        "identity",
        "statistics",
    }


def test_sequence_options() -> None:
    assert one("CREATE SEQUENCE s AS bigint INCREMENT -1 NO MAXVALUE MINVALUE -9223372036854775808 CYCLE") == (
        ast.CreateSequence(
            0,
            ("s",),
            (
                ast.SequenceOption(0, "as", names(("pg_catalog", "int8"))),
                ast.SequenceOption(0, "increment", -1),
                ast.SequenceOption(0, "maxvalue", None),
                ast.SequenceOption(0, "minvalue", -9223372036854775808),
                ast.SequenceOption(0, "cycle", True),
            ),
        )
    )


def test_default_stops_before_the_next_constraint() -> None:
    found = one("CREATE TABLE t (a int DEFAULT 1 + 2 NOT NULL CHECK (a > 0))")
    assert isinstance(found, ast.CreateTable)
    (column,) = found.elements
    assert isinstance(column, ast.ColumnDefinition)
    assert [type(c) for c in column.constraints] == [ast.DefaultConstraint, ast.NotNullConstraint, ast.CheckConstraint]


def test_function_body_and_signature() -> None:
    found = one("CREATE FUNCTION f(a int, OUT text) RETURNS text LANGUAGE SQL AS 'select $1'")
    assert isinstance(found, ast.CreateFunction)
    assert (found.language, found.body, found.sql_body) == ("sql", "select $1", "")
    assert [(p.mode, p.name) for p in found.parameters] == [("default", "a"), ("out", None)]


def test_grants() -> None:
    assert one("GRANT SELECT (a), UPDATE ON t TO bob WITH GRANT OPTION") == ast.Grant(
        0,
        False,
        (ast.Privilege(0, "select", ("a",)), ast.Privilege(0, "update")),
        "table",
        (("t",),),
        ("bob",),
        grant_option=True,
    )
    assert one("REVOKE a FROM b CASCADE") == ast.GrantRole(0, True, ("a",), ("b",), cascade=True)

"""Which literals leave the text, and when does a statement get no fingerprint?"""

from __future__ import annotations

import pytest

from datacave_sql.parse import parse_statements
from datacave_sql.parse.fingerprint import LENGTH_MAX, fingerprint


@pytest.mark.parametrize(
    "text, shape, kinds, values",
    [
        ("SELECT a FROM t WHERE id = 42", "SELECT a FROM t WHERE id = $1", "i", (42,)),
        ("select a from t where x='b' and y<>-5", "select a from t where x=$1 and y<>-$2", "si", ("b", 5)),
        ("select a from t where y = -5", "select a from t where y = $1", "i", (-5,)),
        ("select a from t where y = b -5", "select a from t where y = b -$1", "i", (5,)),
        ("select a from t where y = b - 5", "select a from t where y = b - $1", "i", (5,)),
        (
            "UPDATE t SET a = a + -7, b = 'x' WHERE c = 1;",
            "UPDATE t SET a = a + $1, b = $2 WHERE c = $3;",
            "isi",
            (-7, "x", 1),
        ),
        ("DELETE FROM t WHERE a IN (1, 2)", "DELETE FROM t WHERE a IN ($1, $2)", "ii", (1, 2)),
        (
            "INSERT INTO t VALUES (1, 2.50, 'x', now())",
            "INSERT INTO t VALUES ($1, $2, $3, now())",
            "ins",
            (1, "2.50", "x"),
        ),
        ("select a from t where b between 1 and 2", "select a from t where b between $1 and $2", "ii", (1, 2)),
        ('select "a" from "t" where "t"."b" = 1', 'select "a" from "t" where "t"."b" = $1', "i", (1,)),
        ("select a from t\nwhere b = 1", "select a from t\nwhere b = $1", "i", (1,)),
        ("insert into t values (1, current_timestamp)", "insert into t values ($1, current_timestamp)", "i", (1,)),
        ("select a from t where b = 1 and c1 = 2", "select a from t where b = $1 and c1 = $2", "ii", (1, 2)),
    ],
)
def test_literals_leave_the_text(text: str, shape: str, kinds: str, values: tuple[int | str, ...]) -> None:
    assert fingerprint(text) == (shape, kinds, values)


@pytest.mark.parametrize(
    "number, kind",
    [
        ("2147483647", "i"),
        ("2147483648", "l"),
        ("-2147483648", "i"),
        ("-2147483649", "l"),
        ("9223372036854775807", "l"),
        ("9223372036854775808", "n"),
        ("1.0", "n"),
    ],
)
def test_kind_of_number(number: str, kind: str) -> None:
    found = fingerprint(f"select a from t where b = {number}")
    assert found is not None and found[1] == kind


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select a from t where b = c",
        "select a from t where b = 1 -- c",
        "select a from t where b = /* x */ 1",
        "select a from t where b = $1 and c = 2",
        "select a from t where b = $$x$$",
        "select a from t where b = E'x' and c = 1",
        "select a from t where b = B'1' and c = 1",
        "select a from t where b = U&'x' and c = 1",
        "select a from t where b = 'it''s'",
        "select a from t where b = 'x'\n'y'",
        "select a from t where b = 1::numeric(5, 2)",
        "select a from t where b = cast(c as numeric(5, 2)) and d = 1",
        "select a from t where b = char(3) 'x'",
        "select a from t where b = current_timestamp(3) and c = 1",
        "select a from t where b = 1; select 2",
        "update t set a = 1 from u where b = 2",
        "select a from t where extract(year from b) = 2024",
        "select 'x''' || \"a'b where \" from t where a = 1",
        "select (select x from u where y = 1), 2 from t",
        "select a from t where b = 'x",
        "with x as (select 1) select a from t where b = 1",
        "explain select a from t where b = 1",
        "create table t (a int) where b = 1",
        "select a from t where b = 1e5",
        "insert into t values (1.5e-05)",
        "insert into t values ('(1, 2) order by (3, 4)')",
        "select a from t where b = 1 and c = 'x limit (2'",
        'select a from t where b = 1 and "c from (2" = 3',
        "select a from t where b > timestamp(2) without time zone '2024-01-01' and c = 1",
        "insert into t values (1 .a)",
        "insert into t values (1 [2])",
        "select a from t where b = '" + "x" * LENGTH_MAX + "'",
    ],
)
def test_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None


@pytest.mark.parametrize(
    "text, kept",
    [
        ("select a, 5 from t where b = 1", "select a, 5 from"),
        ("select a from t where b = 1 order by 1, 2", "order by 1, 2"),
        ("select a from t where b = 1 group by 1, 2", "group by 1, 2"),
        ("select a from t where b = 1 limit 5 offset 6", "limit 5 offset 6"),
        (
            "select a from t where b = 1 and c in (select 2, 'x' from u where d = 3)",
            "(select 2, 'x' from u where d = 3)",
        ),
        ("select a from t where b = 1 union select 2", "union select 2"),
        ("delete from t where b = 1 returning 5", "returning 5"),
        ("insert into t values (1) on conflict do update set a = 5", "set a = 5"),
        ("select a from t where b = 1 and c like 'x%'", "like 'x%'"),
        ("select a from t where b = 1 and c > date '2024-01-01'", "date '2024-01-01'"),
        ("select a from t where b = 1 and c > now() - interval '1 day'", "interval '1 day'"),
        ("select a from t where b = 1 having count(*) > 2", "> 2"),
        ("select a from t where b = 1 and c[2] = d", "c[2]"),
        ("select a from t where b = 1 and c1 = d.e2", "c1 = d.e2"),
        ("select a from t where b = 1 and c ~ '^x'", "~ '^x'"),
        ('select a from t where b = 1 and "x = 5" = c', '"x = 5"'),
    ],
)
def test_what_stays(text: str, kept: str) -> None:
    found = fingerprint(text)
    assert found is not None
    assert kept in found[0] and found[2] == (1,)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t WHERE id = 42 AND x < -5 OR y IN ('a', 'b') AND NOT z BETWEEN 1 AND 2 ORDER BY 1",
        "UPDATE t SET a = a - -7, b = 'x', (c, d) = (1, 2) WHERE c = 1",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (-2, DEFAULT) ON CONFLICT DO NOTHING",
        "DELETE FROM t WHERE f(a, 1) = 2 AND b->>'k' = 'v' AND c->1 = 'x'",
    ],
)
def test_a_shape_is_a_statement_with_so_many_parameters(text: str) -> None:
    found = fingerprint(text)
    assert found is not None
    (statement,) = parse_statements(found[0])
    assert statement.parameter_count == len(found[1]) == len(found[2])


def test_long_operators_keep_their_sign() -> None:
    assert fingerprint("select a from t where b @>-1 and c = 2") is not None
    found = fingerprint("select a from t where b !=-1 and c = 2")
    assert found is not None and "!=-" in found[0]

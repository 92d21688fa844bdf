"""Does the scanner read plain rows exactly, and leave everything else to the parser?"""

from __future__ import annotations

import pytest

from datacave_sql.parse import ast, parse_statements
from datacave_sql.parse.values_scanner import DEFAULT, DecimalText, scan_values


def test_rows_of_every_kind() -> None:
    text = """insert into s."T" (a, "b c") values
        (1, 'x'), (-2, 'it''s (a), b'), (+3, null),
        (4.50, TRUE), (1e5, Default), (.5, ''), (5., false)"""
    found = scan_values(text)
    assert found is not None
    assert found.rows == [
        (1, "x"),
        (-2, "it's (a), b"),
        (3, None),
        ("4.50", True),
        ("1e5", DEFAULT),
        (".5", ""),
        ("5.", False),
    ]
    assert found.kinds == ("mixed", "mixed")
    assert [type(row[0]) for row in found.rows[3:]] == [DecimalText] * 4
    assert found.template == 'insert into s."T" (a, "b c") values\n        ($1, $2)'


def test_kinds_of_even_columns() -> None:
    found = scan_values("INSERT INTO t VALUES (1,'a',1.5,NULL,1),(2,'b',2.5,NULL,2.0);")
    assert found is not None
    assert found.kinds == ("int", "string", "decimal", "mixed", "mixed")
    assert found.template == "INSERT INTO t VALUES ($1, $2, $3, $4, $5)"


def test_one_column() -> None:
    found = scan_values("INSERT INTO t VALUES (1), ( 2 ) , (3)")
    assert found is not None and found.rows == [(1,), (2,), (3,)]


def test_what_follows_stays_in_the_template() -> None:
    found = scan_values("INSERT INTO t (a) VALUES (1),(2) ON CONFLICT (a) DO NOTHING RETURNING a")
    assert found is not None
    assert found.template == "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO NOTHING RETURNING a"
    (statement,) = parse_statements(found.template)
    assert isinstance(statement.statement, ast.Insert) and statement.parameter_count == 1


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (1),(2,3)",
        "INSERT INTO t VALUES (1),(1 + 1)",
        "INSERT INTO t VALUES (1),(now())",
        "INSERT INTO t VALUES (1),('a' 'b')",
        "INSERT INTO t VALUES ('x'),(E'y')",
        "INSERT INTO t VALUES ('x'),($$y$$)",
        "INSERT INTO t VALUES (1),($1)",
        "INSERT INTO t VALUES (1),(date '2024-01-01')",
        "INSERT INTO t VALUES ('1'::int),('2'::int)",
        "INSERT INTO t VALUES (1), -- c\n(2)",
        "INSERT INTO t VALUES (1),(2); SELECT 1",
        "INSERT INTO t VALUES (1),(2) RETURNING a; SELECT 1",
        "INSERT INTO t VALUES (1),(2) RETURNING $1",
        "INSERT INTO t VALUES (1),(2) UNION SELECT 3",
        "INSERT INTO t VALUES (1),('x)",
        "INSERT INTO t VALUES (1),(2),",
        "INSERT INTO t VALUES (1),(2)(3)",
        "INSERT INTO t VALUES (1),(123abc)",
        "INSERT INTO t VALUES (1),(nullx)",
        "INSERT INTO t VALUES (1),(- 1)",
        "INSERT INTO t VALUES (1),(1,)",
        "INSERT INTO t AS x VALUES (1),(2)",
        "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1),(2)",
        "INSERT INTO t (a.b) VALUES (1),(2)",
        "SELECT * FROM (VALUES (1),(2)) x",
    ],
)
def test_left_to_the_parser(text: str) -> None:
    assert scan_values(text) is None


def test_many_rows() -> None:
    rows = ",".join(f"({i}, 'n{i}', {i}.5)" for i in range(5000))
    found = scan_values(f"INSERT INTO t VALUES {rows}")
    assert found is not None
    assert found.rows == [(i, f"n{i}", f"{i}.5") for i in range(5000)]

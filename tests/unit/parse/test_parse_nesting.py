"""Does deep nesting give an answer or 54001, never a RecursionError?"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.parse import parse_statements

DEPTH = 5000


@pytest.fixture(autouse=True)
def usual_limit() -> Iterator[None]:
    """Deep calls of functions raise the interpreter's limit for good; here it is as at the start."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "text",
    [
        "select " + "(" * DEPTH + "1" + ")" * DEPTH,
        "select " + "not " * DEPTH + "true",
        "select " + "- " * DEPTH + "a",
        "select " + "case when a then " * DEPTH + "1" + " end" * DEPTH,
        "select * from " + "(" * DEPTH + "select 1" + ")" * DEPTH + " x",
        "select array" + "[" * DEPTH + "]" * DEPTH,
        "select " + "f(" * DEPTH + ")" * DEPTH,
        "select * from " + "a join " * DEPTH + "b" + " on true" * DEPTH,
        "select 1 " + "union (select 1 " * DEPTH + ")" * DEPTH,
        "(" * DEPTH + "select 1" + ")" * DEPTH,
        "explain " * DEPTH + "select 1",
        "with a as (" * DEPTH + "select 1" + ") select 1" * DEPTH,
    ],
)
def test_deep_nesting(text: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        parse_statements(text)
    assert caught.value.sqlstate in ("54001", "42601")
    assert caught.value.sqlstate == "54001" or text.startswith("explain")


@pytest.mark.parametrize(
    "text",
    [
        "select 1" + " + 1" * DEPTH,
        "select a" + " and a" * DEPTH,
        "select a" + "::int" * DEPTH,
        "select 1" + " union select 1" * DEPTH,
        "select * from a" + " cross join a" * DEPTH,
        "select * from a" + " join a on true" * DEPTH,
        "/*" * DEPTH + "*/" * DEPTH + "select 1",
        "select 1;" * DEPTH,
        "select 1 in (" + ",".join("1" * DEPTH) + ")",
    ],
)
def test_length_is_no_depth(text: str) -> None:
    assert parse_statements(text)


def test_usual_depth_is_fine() -> None:
    assert parse_statements("select " + "(" * 100 + "1" + ")" * 100)

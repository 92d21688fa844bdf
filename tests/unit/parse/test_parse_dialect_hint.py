"""Does a statement of another database get a hint, and only a hint that our parser accepts?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.parse import parse_statements
from datacave_sql.parse.dialect_hint import TEXT_BYTES_MAX, dialect_hint


def hint_of(text: str) -> str | None:
    with pytest.raises(DatacaveError) as caught:
        parse_statements(text)
    assert caught.value.sqlstate == "42601"
    return caught.value.hint


@pytest.mark.parametrize(
    "text, hint",
    [
        ("SELECT `a` FROM `t`", 'This looks like MySQL; in PostgreSQL it reads: SELECT "a" FROM "t"'),
        ("SELECT TOP 5 a FROM t", "This looks like T-SQL; in PostgreSQL it reads: SELECT a FROM t LIMIT 5"),
        ("SELECT [a] FROM [t]", 'This looks like T-SQL; in PostgreSQL it reads: SELECT "a" FROM "t"'),
        (
            "SELECT a FROM t MINUS SELECT b FROM u",
            "This looks like Oracle; in PostgreSQL it reads: SELECT a FROM t EXCEPT SELECT b FROM u",
        ),
    ],
)
def test_hint(text: str, hint: str) -> None:
    assert hint_of(text) == hint


@pytest.mark.parametrize("text", ["SELEC 1", "SELECT a FROM t WHER a = 1", "SELECT a FROM", "SELECT `a FROM", "`" * 50])
def test_no_hint(text: str) -> None:
    assert hint_of(text) is None


def test_postgresql_own_hint_stays() -> None:
    assert hint_of("SELECT a FROM t LIMIT 1, 2") == "Use separate LIMIT and OFFSET clauses."


def test_hints_are_for_short_statements() -> None:
    padding = " " * TEXT_BYTES_MAX
    assert hint_of("SELECT `a` FROM t" + padding) is None


def test_a_translation_must_parse() -> None:
    assert dialect_hint("SELECT `a` FROM t", lambda _text: False) is None

"""Are jsonpath texts read and printed as PostgreSQL 15 does? The right side is what it prints."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS
from datacave_core.types.jsonpath import JSONPATH_IO

CANONICAL = [
    ("$.a.b", '$."a"."b"'),
    ('$ ? (@.a > 1 && @.b == "x")', '$?(@."a" > 1 && @."b" == "x")'),
    ("$.a + 1 * 2", '($."a" + 1 * 2)'),
    ("($.a + 1) * 2", '(($."a" + 1) * 2)'),
    ("-$.a", '(-$."a")'),
    ("strict $.**{2 to last}.a[1,2 to last].size()", 'strict $.**{2 to last}."a"[1,2 to last].size()'),
    ('$ ? (exists(@.a ? (@ like_regex "x" flag "i")))', '$?(exists (@."a"?(@ like_regex "x" flag "i")))'),
    ("($.a > 1) is unknown", '($."a" > 1) is unknown'),
    ("!($.a > 1)", '!($."a" > 1)'),
    ("$.* [*].type()", "$.*[*].type()"),
    ('$v + $"w x"', '($"v" + $"w x")'),
    ('"a\\nb"', '"a\\nb"'),
    ("1.50", "1.50"),
    ("$[last - 1]", "$[last - 1]"),
    ("(1).type()", "(1).type()"),
    ("($.a > 1).type()", '($."a" > 1).type()'),
    ("$.a - (1 - 2)", '($."a" - (1 - 2))'),
    ("+($.a)", '(+$."a")'),
    ("($.a == 1) && ($.b == 2) || ($.c == 3)", '($."a" == 1 && $."b" == 2 || $."c" == 3)'),
    ("1 + -2", "(1 + -2)"),
    ("- (1 + 2)", "(-(1 + 2))"),
    ("$.a ? (@ > 1) ? (@ < 3)", '$."a"?(@ > 1)?(@ < 3)'),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_canonical_texts(text: str, canonical: str) -> None:
    assert JSONPATH_IO.input(text, -1, DEFAULT_SETTINGS) == canonical
    assert JSONPATH_IO.input(canonical, -1, DEFAULT_SETTINGS) == canonical


@pytest.mark.parametrize("text", ["", "$.", "$[", "@.a", "last", "$ ? (1)", "$.a &&", "1a", "$.a ? (@ like_regex 1)"])
def test_refused_texts(text: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        JSONPATH_IO.input(text, -1, DEFAULT_SETTINGS)
    assert caught.value.sqlstate in ("42601", "22P02")

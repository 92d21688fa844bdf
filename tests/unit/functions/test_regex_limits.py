"""Can a regular expression hang the server? Patterns that defeat backtracking, and what the two engines agree on."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.functions.regex import Options, compile_regex
from datacave_sql.functions.regex.machine import Machine
from datacave_sql.functions.regex.parser import Parser

EXPLOSIVE = [
    r"(a+)+$",
    r"(a*)*b",
    r"(a|aa)+$",
    r"(a|a)*b",
    r"([a-z]+)*!",
    r"(.*a){12}b",
    r"(\w+\s?)+$",
    r"a*a*a*a*a*a*a*b",
    r"(?:(?:a?){2,}){2,}b",
    r"((a{0,40}){0,40}){0,3}b",
]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_nested_quantifiers_cost_no_exponential_time(pattern: str) -> None:
    # Backtracking would need longer than the universe is old.
    compile_regex(pattern).search("a" * 120 + "?")


@pytest.mark.parametrize(
    "pattern", [r"(a+)b?", r"(a|b)*c", r"a{2,4}?", r"^(x?)(y*)$", r"\mab\M", r"[^a-c]+d", r"(?:ab)+?"]
)
@pytest.mark.parametrize("text", ["", "a", "aaab", "abac", "ababab", "xyy", "ab ab", "zzzd", "aab d"])
def test_the_machine_agrees_with_backtracking(pattern: str, text: str) -> None:
    options = Options()
    parser = Parser(pattern, options)
    machine = Machine(parser.parse(), parser.groups, options)
    assert machine.search(text) == compile_regex(pattern).search(text)


def test_a_program_of_absurd_size_is_refused() -> None:
    with pytest.raises(DatacaveError, match="too complex"):
        compile_regex(r"(((a{0,99}){0,99}){0,99}){0,99}")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(DatacaveError, match="too complex"):
        compile_regex("(" * 500 + "a" + ")" * 500)


def test_back_references_next_to_nested_quantifiers_are_refused() -> None:
    with pytest.raises(DatacaveError) as caught:
        compile_regex(r"((a+)+)\1")
    assert caught.value.sqlstate == "0A000"


def test_the_longest_alternative_of_known_width_is_taken() -> None:
    assert compile_regex(".|...").search("xyz") == compile_regex("...|.").search("xyz")


def test_lookarounds_know_no_groups() -> None:
    with pytest.raises(DatacaveError, match="invalid backreference number"):
        compile_regex(r"x(\w)(?=\1)").search("xyy")

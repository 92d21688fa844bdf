"""Can a regular expression hang the server? Patterns that defeat backtracking, and what the two engines agree on."""

from __future__ import annotations

import contextlib
import random

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.functions.regex import Options, compile_regex
from datacave_sql.functions.regex.linear import Linear, Unfit
from datacave_sql.functions.regex.machine import Machine
from datacave_sql.functions.regex.parser import Parser

ATOMS = [
    "a",
    "b",
    "é",
    ".",
    "[ab]",
    "[^a]",
    r"\w",
    r"\d",
    r"\s",
    "[[:alpha:]]",
    "[[:upper:]b]",
    "[^[:alnum:]]",
    r"\W",
    " ",
]

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


def test_back_references_next_to_nested_quantifiers() -> None:
    assert compile_regex(r"((a+)+)\1$").search("b" + "a" * 6) == ((1, 7), (1, 4), (1, 4))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(.+)(.+)(.+).*\1x\2\3$", "a" * 1000 + "x" + "a" * 500 + "b"),
        (r"^(?=(a|aa)+$)", "a" * 60 + "b"),
        (r"((a+)+)\1b", "a" * 2000),
    ],
)
def test_where_only_backtracking_helps_it_ends(pattern: str, text: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        compile_regex(pattern).search(text)
    assert caught.value.sqlstate == "54001"


@pytest.mark.parametrize("pattern", [r"a.*a.*a.*a.*b", r"(?:a{0,16}){8}b", r"^(a|b|ab)*c", r"\ma\w*a\w*a\w*a\w*b\M"])
@pytest.mark.parametrize("text", ["a" * 1000, "é" + "a" * 1000])
def test_many_quantifiers_cost_no_time_either(pattern: str, text: str) -> None:
    compile_regex(pattern).matches(text)
    compile_regex(pattern).search(text)


def _patterns(chance: random.Random, depth: int = 0) -> str:
    kind = chance.random()
    if depth > 2 or kind < 0.35:
        return chance.choice(ATOMS)
    inner = _patterns(chance, depth + 1)
    if kind < 0.55:
        return inner + _patterns(chance, depth + 1)
    if kind < 0.65:
        return f"({inner}|{_patterns(chance, depth + 1)})"
    if kind < 0.75:
        return f"({inner})"
    if kind < 0.9:
        return f"(?:{inner})" + chance.choice(["*", "+", "?", "*?", "+?", "{1,3}", "{2}", "{0,2}?"])
    return chance.choice(["^", "$", r"\A", r"\Z", r"\y"]) + inner


def test_re2_agrees_with_the_machine() -> None:
    chance = random.Random(7)
    compared = 0
    for _ in range(1500):
        options = chance.choice([Options(), Options(ignore_case=True), Options().with_flag("n") or Options()])
        parser = Parser(_patterns(chance), options)
        node = parser.parse()
        try:
            linear = Linear(node, options)
        except Unfit:
            continue
        machine = Machine(node, parser.groups, options)
        for _ in range(3):
            text = "".join(chance.choice("abcAé1 .\nxB_") for _ in range(chance.randrange(1, 10)))
            start = chance.randrange(len(text) + 1)
            with contextlib.suppress(Unfit):
                assert linear.search(text, start) == machine.search(text, start), (parser.text, text, start)
                assert linear.matches(text) == (machine.search(text) is not None)
                compared += 1
    assert compared > 2000


@pytest.mark.parametrize("text", ["ab cd ef", "äb cd öf", "aÄÖü bcd"])
def test_a_series_of_searches_finds_characters_not_bytes(text: str) -> None:
    options = Options()
    linear = Linear(Parser(r"(\w)(\w+)", options).parse(), options)
    start, found = 0, []
    while (spans := linear.search(text, start)) is not None:
        found.append([text[low:high] for low, high in spans])
        start = spans[0][1]
    assert found == [[word, word[0], word[1:]] for word in text.split()]


def test_the_longest_alternative_of_known_width_is_taken() -> None:
    assert compile_regex(".|...").search("xyz") == compile_regex("...|.").search("xyz")


def test_lookarounds_know_no_groups() -> None:
    with pytest.raises(DatacaveError, match="invalid backreference number"):
        compile_regex(r"x(\w)(?=\1)").search("xyy")

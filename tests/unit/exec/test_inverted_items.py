"""Does a row that satisfies a condition always have the items that a gin index looks for?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.hstore import hstore_text
from datacave_core.types.jsonb import canonical_jsonb, jsonb_tree
from datacave_core.values import Array
from datacave_sql.functions.bodies.jsonb import contains
from datacave_sql.functions.bodies.like import ilike
from datacave_sql.functions.trigrams import similarity, word_similarity
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP, TypeLookup
from datacave_sql.table.inverted_items import PATH_OPERATORS, InvertedItems, Wanted, inverted_items

WORDS = st.sampled_from(["a", "b", "", "long" * 50])
TREES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([1, 1.5, -2]) | WORDS,
    lambda members: st.lists(members, max_size=3) | st.dictionaries(WORDS, members, max_size=3),
    max_leaves=6,
)
DOCUMENTS = TREES.map(lambda tree: canonical_jsonb(json.dumps(tree)))
ELEMENTS = st.lists(st.sampled_from(["a", "b", None, "long" * 50]), max_size=4)


def found(wanted: Wanted | None, items: set[bytes]) -> bool:
    """Whether the index would give the row."""
    if wanted is None:
        return True
    return wanted.items <= items if wanted.every else not wanted.items.isdisjoint(items)


def described(oid: int, operators: str = "") -> InvertedItems:
    items = inverted_items(BUILTIN_LOOKUP, oid, operators)
    assert items is not None
    return items


@pytest.mark.parametrize("operators", ["", PATH_OPERATORS])
@settings(max_examples=300, deadline=None)
@given(document=DOCUMENTS, part=DOCUMENTS)
def test_documents(operators: str, document: str, part: str) -> None:
    items = described(oids.JSONB, operators)
    if contains(document, part):
        assert found(items.searches["@>"](part), items.of(document))


@settings(max_examples=200, deadline=None)
@given(document=DOCUMENTS, words=st.lists(WORDS, max_size=3))
def test_keys_of_documents(document: str, words: list[str]) -> None:
    items, tree = described(oids.JSONB), jsonb_tree(document)
    here = [tree] if isinstance(tree, str) else tree if isinstance(tree, list | dict) else []
    has = [word in [one for one in here if isinstance(one, str)] for word in words]
    for word, is_there in zip(words, has, strict=True):
        assert not is_there or found(items.searches["?"](word), items.of(document))
    assert not any(has) or found(items.searches["?|"](Array.of(words)), items.of(document))
    assert not all(has) or found(items.searches["?&"](Array.of(words)), items.of(document))


@settings(max_examples=300, deadline=None)
@given(elements=ELEMENTS, others=ELEMENTS)
def test_arrays(elements: list[Any], others: list[Any]) -> None:
    items = described(oids.TEXT_ARRAY)
    kept, other = items.of(Array.of(elements)), Array.of(others)
    has, wanted = set(elements), set(others)
    if None not in wanted and wanted <= has:
        assert found(items.searches["@>"](other), kept)
    if (has & wanted) - {None}:
        assert found(items.searches["&&"](other), kept)
    if None not in has and has <= wanted:
        assert found(items.searches["<@"](other), kept)
    if elements == others:
        assert found(items.searches["="](other), kept)


LETTERS = st.text(alphabet="abAB1 _é-%\\", max_size=9)


@settings(max_examples=500, deadline=None)
@given(text=LETTERS, pattern=LETTERS)
def test_trigrams_of_like(text: str, pattern: str) -> None:
    items = described(oids.TEXT, "gin_trgm_ops")
    try:
        is_like = ilike(text, pattern)
    except DatacaveError:
        return
    if is_like:
        assert found(items.searches["~~*"](pattern), items.of(text))
    exact = "".join(f"\\{letter}" for letter in text)
    assert found(items.searches["~~"](exact), items.of(text))
    assert found(items.searches["="](text), items.of(text))


@settings(max_examples=300, deadline=None)
@given(text=LETTERS, other=LETTERS)
def test_trigrams_of_likeness(text: str, other: str) -> None:
    items = described(oids.TEXT, "gin_trgm_ops")
    if similarity(text, other) > 0:
        assert found(items.searches["%"](other), items.of(text))
    if word_similarity(other, text) > 0:
        assert found(items.searches["%>"](other), items.of(text))
    if word_similarity(other, text, whole_words=True) > 0:
        assert found(items.searches["%>>"](other), items.of(text))


class _Pairs(TypeLookup):
    """Knows one type, an hstore."""

    def base(self, oid: int) -> int:
        return oid

    def reads(self, oid: int) -> str:
        return "hstore"


PAIRS = st.dictionaries(WORDS, st.none() | WORDS, max_size=3)


@settings(max_examples=300, deadline=None)
@given(pairs=PAIRS, other=PAIRS, words=st.lists(WORDS, max_size=3))
def test_hstore(pairs: dict[str, str | None], other: dict[str, str | None], words: list[str]) -> None:
    items = inverted_items(_Pairs(), 1)
    assert items is not None
    kept = items.of(hstore_text(pairs))
    if other.items() <= pairs.items():
        assert found(items.searches["@>"](hstore_text(other)), kept)
    assert all(found(items.searches["?"](word), kept) for word in pairs)
    if any(word in pairs for word in words):
        assert found(items.searches["?|"](Array.of(words)), kept)
    if all(word in pairs for word in words):
        assert found(items.searches["?&"](Array.of(words)), kept)


def test_types_without_items() -> None:
    assert inverted_items(BUILTIN_LOOKUP, oids.XML) is None
    assert inverted_items(BUILTIN_LOOKUP, oids.JSON) is None
    assert inverted_items(BUILTIN_LOOKUP, oids.JSON_ARRAY) is None

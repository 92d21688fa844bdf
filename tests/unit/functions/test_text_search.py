"""Do documents and queries in English become the lexemes that PostgreSQL makes of them?"""

from __future__ import annotations

import pytest

from datacave_core.types.tsquery import TSQUERY_IO, format_query, query_of
from datacave_core.types.tsvector import TSVECTOR_IO, lexemes_of
from datacave_sql.functions.textsearch.built_in import CONFIGURATIONS
from datacave_sql.functions.textsearch.documents import WordsReader, vector_of, web_query, without_stops, words_query
from datacave_sql.functions.textsearch.headline import HeadlineOptions, headline
from datacave_sql.functions.textsearch.matching import matches
from datacave_sql.functions.textsearch.ranking import DEFAULT_WEIGHTS, rank, single
from datacave_sql.functions.textsearch.search import BUILT_IN_SEARCH

ENGLISH = BUILT_IN_SEARCH.configuration(CONFIGURATIONS["english"])


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        (
            "The quick brown Foxes were jumping over the lazy dogs running",
            "'brown':3 'dog':10 'fox':4 'jump':6 'lazi':9 'quick':2 'run':11",
        ),
        ("in the", ""),
        ("aaa in bbb ddd ccc", "'aaa':1 'bbb':3 'ccc':5 'ddd':4"),
        ("false true", "'fals':1 'true':2"),
    ],
)
def test_documents(text: str, vector: str) -> None:
    assert vector_of(ENGLISH, (text,)) == vector


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Fat & Rats", "'fat' & 'rat'"),
        ("the & cat", "'cat'"),
        ("cat <-> the <-> dog", "'cat' <2> 'dog'"),
        ("super:*A & !star", "'super':*A & !'star'"),
    ],
)
def test_queries(text: str, query: str) -> None:
    assert format_query(without_stops(WordsReader(ENGLISH, text).read())) == query


def test_plain_phrases_and_web() -> None:
    assert format_query(without_stops(words_query(ENGLISH, "The Fat Rats", "&"))) == "'fat' & 'rat'"
    assert format_query(without_stops(words_query(ENGLISH, "The Fat and the Rats", "<->"))) == "'fat' <3> 'rat'"
    web = web_query(ENGLISH, '"sad cat" or "fat rat" -mouse')
    assert format_query(web) == "'sad' <-> 'cat' | 'fat' <-> 'rat' & !'mous'"


def test_matching_and_ranking() -> None:
    lexemes = lexemes_of(vector_of(ENGLISH, ("fat cats ate fat rats",)))
    query = without_stops(WordsReader(ENGLISH, "fat & rat").read())
    assert matches(lexemes, query)
    assert str(single(rank(tuple(map(single, DEFAULT_WEIGHTS)), lexemes, query, 0)))[:9] == "0.1849073"


def test_headline() -> None:
    text = (
        "The most common type of search is to find all documents containing given query terms and return them in "
        "order of their similarity to the query."
    )
    shown = headline(ENGLISH, text, query_of("'queri' & 'similar'"), HeadlineOptions())
    assert shown == (
        "containing given <b>query</b> terms and return them in order of their <b>similarity</b> to the <b>query</b>."
    )


@pytest.mark.parametrize("text", ["", "'a':1A,2 'b'", "'it''s':3"])
def test_vectors_go_through_the_binary_form(text: str) -> None:
    assert TSVECTOR_IO.receive(TSVECTOR_IO.send(text)) == text


@pytest.mark.parametrize("text", ["", "'a' & ( 'b':*AB | !'c' )", "'a' <-> 'b' <3> 'c'"])
def test_queries_go_through_the_binary_form(text: str) -> None:
    assert TSQUERY_IO.receive(TSQUERY_IO.send(text)) == text

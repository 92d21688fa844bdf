"""Do dictionaries of users make of words what PostgreSQL's templates make of them?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types.tsquery import format_query
from datacave_sql.functions.textsearch.built_in import SIMPLE_TEMPLATE, SNOWBALL_TEMPLATE, SYNONYM_TEMPLATE
from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.dictionary import Dictionary, Word
from datacave_sql.functions.textsearch.documents import vector_of, without_stops, words_query
from datacave_sql.functions.textsearch.templates import FILES, make_dictionary


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = FILES.folder
    FILES.folder = tmp_path
    yield tmp_path
    FILES.folder = before


def _texts(dictionary: Dictionary, word: str) -> list[str] | None:
    found = dictionary.lexize(word)
    return None if found is None else [one.text for one in found]


def test_stop_words_of_a_file(folder: Path) -> None:
    (folder / "mine.stop").write_text("alpha\nBeta\n", encoding="utf-8")
    known = make_dictionary(SIMPLE_TEMPLATE, [("stopwords", "mine")])
    assert [_texts(known, word) for word in ("Alpha", "beta", "Gamma")] == [[], [], ["gamma"]]


def test_synonyms(folder: Path) -> None:
    (folder / "mine.syn").write_text("postgres pgsql\nindices index*\nlonely\n", encoding="utf-8")
    synonyms = make_dictionary(SYNONYM_TEMPLATE, [("synonyms", "mine")])
    assert [_texts(synonyms, word) for word in ("Postgres", "indices", "lonely")] == [["pgsql"], ["index"], None]
    assert synonyms.lexize("indices") == (Word("index", prefix=True),)
    exact = make_dictionary(SYNONYM_TEMPLATE, [("synonyms", "mine"), ("casesensitive", "1")])
    assert _texts(exact, "Postgres") is None
    simple = make_dictionary(SIMPLE_TEMPLATE, [])
    both = Configuration({"asciiword": ((1, synonyms), (2, simple))})
    assert vector_of(both, ("Postgres indices grow",)) == "'grow':3 'index':2 'pgsql':1"
    assert format_query(without_stops(words_query(both, "indices grow", "&"))) == "'index':* & 'grow'"


class _Readings:
    """Two readings of one word, the first of two lexemes."""

    def lexize(self, word: str) -> tuple[Word, ...]:
        return (Word("a", 1), Word("b", 1), Word("c", 2))


def test_variants_are_alternatives() -> None:
    configuration = Configuration({"asciiword": ((1, _Readings()),)})
    assert vector_of(configuration, ("word",)) == "'a':1 'b':1 'c':1"
    assert format_query(without_stops(words_query(configuration, "word", "&"))) == "'a' & 'b' | 'c'"


@pytest.mark.parametrize(
    ("template", "options", "code"),
    [
        (SYNONYM_TEMPLATE, [], "22023"),
        (SYNONYM_TEMPLATE, [("synonyms", "nosuch")], "F0000"),
        (SIMPLE_TEMPLATE, [("stopwords", "../secret")], "22023"),
        (SIMPLE_TEMPLATE, [("stopwords", "nosuch")], "F0000"),
        (SIMPLE_TEMPLATE, [("accept", "perhaps")], "42601"),
        (SNOWBALL_TEMPLATE, [("language", "klingon")], "42704"),
        (0, [], "0A000"),
    ],
)
def test_refused(folder: Path, template: int, options: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        make_dictionary(template, options)
    assert caught.value.sqlstate == code


@pytest.mark.parametrize(
    ("language", "word", "stem"),
    [
        ("english", "added", "ad"),
        ("german", "aktuell", "aktuell"),
        ("french", "mauvais", "mauv"),
        ("nepali", "कि", "कि"),
    ],
)
def test_stems_are_those_of_postgresql_15(language: str, word: str, stem: str) -> None:
    assert _texts(make_dictionary(SNOWBALL_TEMPLATE, [("language", language)]), word) == [stem]

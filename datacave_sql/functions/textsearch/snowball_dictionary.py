"""The template snowball: stems, by the algorithm of a language.

The stemmers are those of the package snowballstemmer 2.2, which are PostgreSQL 15's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import snowballstemmer

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.textsearch.dictionary import Word

WORD_CHARACTERS_MAX: Final = 1000
"""Longer words are no words of a language."""
STEMS_MAX: Final = 65_536
"""How many stems a dictionary remembers."""


@cache
def _stemmer(language: str) -> Any:
    if language not in snowballstemmer.algorithms():
        raise DatacaveError(
            f'no Snowball stemmer available for language "{language}" and encoding "UTF8"',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
        )
    return snowballstemmer.stemmer(language)


class SnowballDictionary:
    """A language's stemmer. Raises 42704 for languages that there are none for."""

    __slots__ = ("_known", "_stemmer", "_stop_words")

    def __init__(self, language: str, stop_words: frozenset[str] = frozenset()) -> None:
        self._stemmer = _stemmer(language.lower())
        self._stop_words = stop_words
        self._known: dict[str, Sequence[Word]] = {}

    def lexize(self, word: str) -> Sequence[Word] | None:
        """The stem of the word in lower case."""
        lower = word.lower()
        found = self._known.get(lower)
        if found is None:
            if lower in self._stop_words:
                found = ()
            elif len(lower) > WORD_CHARACTERS_MAX:
                return (Word(lower),)
            else:
                # A word of nothing but endings stays.
                found = (Word(self._stemmer.stemWord(lower) or lower),)
            if len(self._known) >= STEMS_MAX:
                self._known.clear()
            self._known[lower] = found
        return found

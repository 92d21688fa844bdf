"""The template simple: words in lower case; stop words go, and unknown words may be left to other dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.functions.textsearch.dictionary import Word


class SimpleDictionary:
    """`accepts`: words that are no stop words are lexemes; else they are unknown."""

    __slots__ = ("_accepts", "_stop_words")

    def __init__(self, stop_words: frozenset[str] = frozenset(), *, accepts: bool = True) -> None:
        self._stop_words = stop_words
        self._accepts = accepts

    def lexize(self, word: str) -> Sequence[Word] | None:
        """The word in lower case."""
        lower = word.lower()
        if lower in self._stop_words:
            return ()
        return (Word(lower),) if self._accepts else None

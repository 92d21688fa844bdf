"""The template synonym: words that stand for other words, from a file."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.functions.textsearch.dictionary import Word


class SynonymDictionary:
    """Lines of a file `word lexeme`; a lexeme that ends with * stands for all that begin with it."""

    __slots__ = ("_case_sensitive", "_words")

    def __init__(self, text: str, *, case_sensitive: bool = False) -> None:
        self._case_sensitive = case_sensitive
        self._words: dict[str, tuple[Word, ...]] = {}
        for line in text.splitlines():
            parts = line.split()
            if len(parts) < 2:
                continue
            word, lexeme = (parts[0], parts[1]) if case_sensitive else (parts[0].lower(), parts[1].lower())
            prefix = len(lexeme) > 1 and lexeme.endswith("*")
            self._words.setdefault(word, (Word(lexeme[:-1] if prefix else lexeme, 0, prefix),))

    def lexize(self, word: str) -> Sequence[Word] | None:
        """What the word stands for."""
        return self._words.get(word if self._case_sensitive else word.lower())

"""Configuration: which dictionaries see which kinds of tokens, in order, and the words of a document by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from datacave_sql.functions.textsearch.dictionary import Dictionary, Word
from datacave_sql.functions.textsearch.tokens import Token


class Configuration:
    """Dictionaries with their oids by the kind of token; kinds without any are not indexed."""

    __slots__ = ("_by_kind",)

    def __init__(self, by_kind: Mapping[str, Sequence[tuple[int, Dictionary]]]) -> None:
        self._by_kind = by_kind

    def dictionaries(self, kind: str) -> Sequence[tuple[int, Dictionary]]:
        """(oid, dictionary) of those that see the tokens of a kind."""
        return self._by_kind.get(kind, ())

    def lexemes(self, kind: str, text: str) -> Sequence[Word] | None:
        """What the first dictionary that knows a token makes of it; None where none does."""
        for _, dictionary in self._by_kind.get(kind, ()):
            found = dictionary.lexize(text)
            if found is not None:
                return found
        return None

    def words(self, tokens: Iterable[Token]) -> Iterator[Sequence[Word]]:
        """The lexemes of what counts in a document, place by place; nothing for stop words."""
        for kind, text, _ in tokens:
            found = self.lexemes(kind, text)
            if found is not None:
                yield found

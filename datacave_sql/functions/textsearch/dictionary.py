"""Dictionary: what makes lexemes of a word of a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Word(NamedTuple):
    """One lexeme. Those of one `variant` stand together, other variants for other readings of the same word.

    `prefix`: in a query it stands for all lexemes that begin with it. `added`: it stands one place behind the one
    before it (phrases).
    """

    text: str
    variant: int = 0
    prefix: bool = False
    added: bool = False


class Dictionary(Protocol):
    """A dictionary with its options."""

    def lexize(self, word: str) -> Sequence[Word] | None:
        """The lexemes of a word: none for a stop word, None for a word that it does not know."""

"""Documents and queries in words: to_tsvector, to_tsquery and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datacave_core.types.tsquery import Both, Not, Operand, Query, QueryReader, joined
from datacave_core.types.tsvector import Position, check_lexeme, format_lexemes, made
from datacave_sql.exec.suspension import paused
from datacave_sql.functions.textsearch.configuration import Configuration
from datacave_sql.functions.textsearch.dictionary import Word
from datacave_sql.functions.textsearch.tokens import tokens


def vector_of(configuration: Configuration, texts: Iterable[str], *, apart: bool = True) -> str:
    """The tsvector of a document, or of several, `apart` with a gap behind each that has words."""
    words: dict[str, list[Position]] = {}
    place = 0
    for text in texts:
        found = False
        for lexemes in paused(configuration.words(tokens(text)), 64):
            place += 1
            for word in lexemes:
                place += word.added
                words.setdefault(word.text, []).append(Position(place))
                found = True
        place += found and apart
    return format_lexemes(made(words))


@dataclass(frozen=True, slots=True)
class _Stop:
    """The place of a stop word, until its distance has been added to its neighbours'."""


def words_query(
    configuration: Configuration, text: str, operator: str, weights: int = 0, prefix: bool = False
) -> Query | _Stop | None:
    """The words of a text, joined by an operator; stop words keep their places."""
    found: Query | _Stop | None = None
    for lexemes in configuration.words(tokens(text)):
        for place in _places(lexemes):
            part = _readings(place, weights, prefix) if place else _Stop()
            found = part if found is None else Both(operator, found, part)  # type: ignore[arg-type]
    return found


def _places(lexemes: Sequence[Word]) -> list[list[Word]]:
    """The lexemes place by place; one place without any for a stop word."""
    found: list[list[Word]] = [[]]
    for word in lexemes:
        if word.added:
            found.append([])
        found[-1].append(word)
    return found


def _readings(lexemes: Sequence[Word], weights: int, prefix: bool) -> Query:
    """What stands at one place: the lexemes of a variant together, or those of another one."""
    variants: list[Query] = []
    number = -1
    for word in lexemes:
        operand = Operand(check_lexeme(word.text), weights, prefix or word.prefix)
        if word.variant == number and variants:
            variants[-1] = Both("&", variants[-1], operand)
        else:
            variants.append(operand)
        number = word.variant
    found = variants[0]
    for one in variants[1:]:
        found = Both("|", found, one)
    return found


def without_stops(query: Query | _Stop | None) -> Query | None:
    """The query without stop words; phrases keep the distances that these stood for."""
    return None if query is None else _cleaned(query)[0]


def _cleaned(node: Query | _Stop) -> tuple[Query | None, int, int]:
    """(what is left, distance to add before it, distance to add behind it)."""
    if isinstance(node, _Stop):
        return None, 0, 0
    if isinstance(node, Operand):
        return node, 0, 0
    if isinstance(node, Not):
        inner, before, behind = _cleaned(node.operand)
        return (None if inner is None else Not(inner)), before, behind
    phrase = node.operator == "<->"
    distance = node.distance if phrase else 0
    left, left_before, left_behind = _cleaned(node.left)
    right, right_before, right_behind = _cleaned(node.right)
    if left is None and right is None:
        total = left_before + distance + right_before if phrase else max(left_before, right_before)
        return None, total, total
    if left is None:
        return right, (left_before + distance + right_before if phrase else right_before), right_behind
    if right is None:
        return left, left_before, (left_behind + distance + right_behind if phrase else left_behind)
    if phrase:
        return Both("<->", left, right, node.distance + left_behind + right_before), left_before, right_behind
    return Both(node.operator, left, right), left_before, right_behind


class WordsReader(QueryReader):
    """Reads the syntax of tsquery with words instead of lexemes: to_tsquery."""

    def __init__(self, configuration: Configuration, text: str) -> None:
        super().__init__(text)
        self._configuration = configuration

    def operand(self, word: str, weights: int, prefix: bool) -> Query | None:
        """The lexemes of an operand, one behind the other; nothing of it, a stop word's place."""
        found = words_query(self._configuration, word, "<->", weights, prefix)
        return found if found is not None else _Stop()  # type: ignore[return-value]


_PIECES = re.compile(r'(?P<minus>-+)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


def web_query(configuration: Configuration, text: str) -> Query | None:
    """websearch_to_tsquery: words and "phrases", `or` between alternatives, `-` before what must not be there."""
    alternatives: list[Query | None] = [None]
    waiting = False
    for found in _PIECES.finditer(text):
        word, phrase = found["word"], found["phrase"]
        if word is not None and not found["minus"] and word.lower() == "or" and alternatives[-1] is not None:
            waiting = True
            continue
        part = without_stops(
            words_query(configuration, phrase, "<->")
            if phrase is not None
            else words_query(configuration, word or "", "&" if word and not word[0].isalnum() else "<->")
        )
        if part is None:
            continue
        if found["minus"]:
            part = Not(part)
        if waiting:
            alternatives.append(part)
            waiting = False
        else:
            alternatives[-1] = joined("&", alternatives[-1], part)
    query: Query | None = None
    for one in alternatives:
        query = joined("|", query, one)
    return query

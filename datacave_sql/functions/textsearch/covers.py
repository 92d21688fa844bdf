"""Covers: ts_rank_cd, by how close together all words of a query stand (cover density).

A cover is a shortest stretch of the document that satisfies the query. Words without places have none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from datacave_core.types.tsquery import Operand, Query
from datacave_core.types.tsvector import Lexemes, Position
from datacave_sql.functions.textsearch.matching import Spans, entries, holds, operand_list

LOG_LENGTH, LENGTH, DISTANCE, UNIQUE, LOG_UNIQUE, BELOW_ONE = 1, 2, 4, 8, 16, 32
"""Bits of the normalization."""


class _Mention(NamedTuple):
    """A place of the document where operands of the query stand."""

    position: Position
    operands: tuple[Operand, ...]


class _Cover(NamedTuple):
    """Numbers of the first and the last mention of a cover."""

    begin: int
    end: int


def cover_rank(weights: Sequence[float], lexemes: Lexemes, query: Query | None, normalization: int) -> float:
    """ts_rank_cd."""
    if not lexemes or query is None:
        return 0.0
    mentions = _mentions(lexemes, query)
    total, distances, count, before = 0.0, 0.0, 0, 0.0
    for cover in _covers(mentions, query):
        own = [one.position for one in mentions[cover.begin : cover.end + 1]]
        density = len(own) / sum(1.0 / weights[one.weight] for one in own)
        first, last = own[0].place, own[-1].place
        noise = last - first - (len(own) - 1)
        if noise < 0:
            # Places beyond the last one that is counted are all the same.
            noise = (len(own) - 1) // 2
        total += density / (1 + noise)
        middle = (last + first) / 2.0
        if count and middle > before:
            distances += 1.0 / (middle - before)
        before = middle
        count += 1
    return _normalized(total, lexemes, normalization, distances / count if count else 0.0)


def _normalized(value: float, lexemes: Lexemes, normalization: int, closeness: float) -> float:
    length = sum(len(places) or 1 for _, places in lexemes)
    if normalization & LOG_LENGTH:
        value /= math.log(length + 1)
    if normalization & LENGTH:
        value /= length
    if normalization & DISTANCE and closeness > 0:
        value *= closeness
    if normalization & UNIQUE:
        value /= len(lexemes)
    if normalization & LOG_UNIQUE:
        value /= math.log(len(lexemes) + 1) / math.log(2.0)
    if normalization & BELOW_ONE:
        value /= value + 1
    return value


def _mentions(lexemes: Lexemes, query: Query) -> list[_Mention]:
    places: dict[tuple[Position, int, str], list[Operand]] = {}
    order = {word: number for number, (word, _) in enumerate(lexemes)}
    for operand in operand_list(query):
        for word, found in entries(lexemes, operand):
            for one in found:
                if not operand.weights or operand.weights >> one.weight & 1:
                    places.setdefault((one, order[word], word), []).append(operand)
    return [_Mention(position, tuple(places[position, at, word])) for position, at, word in sorted(places)]


def _covers(mentions: Sequence[_Mention], query: Query) -> Iterator[_Cover]:
    start = 0
    while True:
        end = _reached(mentions, range(start, len(mentions)), query)
        if end is None:
            return
        begin = _reached(mentions, range(end, start - 1, -1), query)
        if begin is None:
            start += 1
            continue
        yield _Cover(begin, end)
        start = begin + 1


def _reached(mentions: Sequence[_Mention], numbers: Iterable[int], query: Query) -> int | None:
    """The mention with which, one after the other, they satisfy the query."""
    met: dict[Operand, set[int]] = {}
    for number in numbers:
        place, operands = mentions[number].position.place, mentions[number].operands
        for one in operands:
            met.setdefault(one, set()).add(place)
        if holds(query, met.__contains__, lambda one: Spans({(at, at) for at in met.get(one, ())})):
            return number
    return None

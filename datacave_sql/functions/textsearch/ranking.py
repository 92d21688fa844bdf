"""Ranking: ts_rank, by how often and how close to each other the words of a query stand.

PostgreSQL calculates in single precision; every intermediate value is rounded as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import Struct

from datacave_core.types.tsquery import Both, Query
from datacave_core.types.tsvector import POSITION_MAX, Lexemes, Position
from datacave_sql.functions.textsearch.matching import entries, operands

DEFAULT_WEIGHTS = (0.1, 0.2, 0.4, 1.0)
"""Of D, C, B, A."""
_NOWHERE = (Position(POSITION_MAX - 1),)
_SINGLE = Struct("f")
_LIMIT = 1.64493406685
"""The sum of 1/i^2."""


def single(value: float) -> float:
    """The float4 nearest to a number."""
    number: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return number


def rank(weights: Sequence[float], lexemes: Lexemes, query: Query | None, normalization: int) -> float:
    """ts_rank."""
    if not lexemes or query is None:
        return 0.0
    close = isinstance(query, Both) and query.operator != "|"
    value = _by_distance(weights, lexemes, query) if close else _by_count(weights, lexemes, query)
    if value < 0:
        value = 1e-20
    return normalized(value, lexemes, normalization)


def normalized(value: float, lexemes: Lexemes, normalization: int) -> float:
    """A rank made independent of the document's length, by the bits of ts_rank's last argument."""
    length = sum(len(places) or 1 for _, places in lexemes)
    if normalization & 1:
        value /= math.log(length + 1) / math.log(2.0)
    if normalization & 2 and length > 0:
        value /= length
    if normalization & 8:
        value /= len(lexemes)
    if normalization & 16:
        value /= math.log(len(lexemes) + 1) / math.log(2.0)
    if normalization & 32:
        value /= value + 1
    return value


def _by_count(weights: Sequence[float], lexemes: Lexemes, query: Query) -> float:
    items = operands(query)
    total = 0.0
    for item in items:
        for _, found in entries(lexemes, item):
            places = found or _NOWHERE
            summed, best, best_at = 0.0, -1.0, 0
            for number, place in enumerate(places):
                weight = weights[place.weight]
                summed = single(summed + single(weight / ((number + 1) * (number + 1))))
                if weight > best:
                    best, best_at = weight, number
            rest = single(best / ((best_at + 1) * (best_at + 1)))
            total = single(total + single(single(best + summed) - rest) / _LIMIT)
    return single(total / len(items)) if items else total


def _closeness(distance: int) -> float:
    return single(1e-30 if distance > 100 else 1.0 / (1.005 + 0.05 * math.exp(distance / 1.5 - 2)))


def _by_distance(weights: Sequence[float], lexemes: Lexemes, query: Query) -> float:
    items = operands(query)
    if len(items) < 2:
        return _by_count(weights, lexemes, query)
    value = -1.0
    seen: list[tuple[Position, ...]] = []
    for item in items:
        for _, found in entries(lexemes, item):
            places = found or _NOWHERE
            for earlier in seen:
                for one in places:
                    for other in earlier:
                        distance = abs(one.place - other.place)
                        if not distance and places is not _NOWHERE and earlier is not _NOWHERE:
                            continue
                        product = single(weights[one.weight] * weights[other.weight])
                        weight = single(math.sqrt(single(product * _closeness(distance or POSITION_MAX))))
                        value = weight if value < 0 else single(1.0 - (1.0 - value) * (1.0 - weight))
            seen.append(places)
    return value

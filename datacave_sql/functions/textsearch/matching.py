"""Matching: whether the lexemes of a document satisfy a query."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from datacave_core.types.tsquery import Both, Not, Operand, Query
from datacave_core.types.tsvector import Lexemes, Position

Span = tuple[int, int]
"""First and last place of what has been found."""


class _Spans(NamedTuple):
    """Where something stands in a phrase; `outside`: everywhere but there."""

    spans: set[Span]
    outside: bool = False


def entries(lexemes: Lexemes, operand: Operand) -> list[tuple[str, tuple[Position, ...]]]:
    """The lexemes that an operand means."""
    start = bisect_left(lexemes, operand.word.encode(), key=lambda entry: entry[0].encode())
    found = []
    for word, places in lexemes[start:]:
        if word != operand.word and not (operand.prefix and word.startswith(operand.word)):
            break
        found.append((word, places))
    return found


def _weighted(places: tuple[Position, ...], weights: int) -> list[int]:
    return [one.place for one in places if not weights or weights >> one.weight & 1]


def matches(lexemes: Lexemes, query: Query | None) -> bool:
    """`tsvector @@ tsquery`; an empty query matches nothing."""
    return query is not None and _holds(lexemes, query)


def _holds(lexemes: Lexemes, query: Query) -> bool:
    if isinstance(query, Operand):
        found = entries(lexemes, query)
        if not query.weights:
            return bool(found)
        return any(_weighted(places, query.weights) for _, places in found)
    if isinstance(query, Not):
        return not _holds(lexemes, query.operand)
    if query.operator == "&":
        return _holds(lexemes, query.left) and _holds(lexemes, query.right)
    if query.operator == "|":
        return _holds(lexemes, query.left) or _holds(lexemes, query.right)
    found_spans = _spans(lexemes, query)
    return found_spans.outside or bool(found_spans.spans)


def _spans(lexemes: Lexemes, query: Query) -> _Spans:
    if isinstance(query, Operand):
        places = (place for _, found in entries(lexemes, query) for place in _weighted(found, query.weights))
        return _Spans({(place, place) for place in places})
    if isinstance(query, Not):
        inner = _spans(lexemes, query.operand)
        return _Spans(inner.spans, not inner.outside)
    left, right = _spans(lexemes, query.left), _spans(lexemes, query.right)
    if query.operator == "<->":
        return _phrase(left, right, query.distance)
    if query.operator == "&":
        return _both(left, right)
    negated = _both(_Spans(left.spans, not left.outside), _Spans(right.spans, not right.outside))
    return _Spans(negated.spans, not negated.outside)


def _phrase(left: _Spans, right: _Spans, distance: int) -> _Spans:
    if left.outside and right.outside:
        return _Spans(set(), True)
    starts = {span[0] for span in right.spans}
    ends = {span[1] for span in left.spans}
    if right.outside:
        return _Spans({(one, end + distance) for one, end in left.spans if end + distance not in starts})
    if left.outside:
        return _Spans({(start - distance, end) for start, end in right.spans if start - distance not in ends})
    return _Spans({(a, d) for a, b in left.spans for c, d in right.spans if b + distance == c})


def _both(left: _Spans, right: _Spans) -> _Spans:
    if left.outside and right.outside:
        return _Spans(left.spans | right.spans, True)
    if left.outside or right.outside:
        kept, taken = (right, left) if left.outside else (left, right)
        ends = {span[1] for span in taken.spans}
        return _Spans({span for span in kept.spans if span[1] not in ends})
    ends = {span[1] for span in right.spans}
    return _Spans({span for span in left.spans if span[1] in ends})


def operands(query: Query | None) -> list[Operand]:
    """The operands of a query, each once, in the order of their words."""
    found: set[Operand] = set()

    def visit(node: Query) -> None:
        if isinstance(node, Operand):
            found.add(node)
        elif isinstance(node, Not):
            visit(node.operand)
        else:
            assert isinstance(node, Both)
            visit(node.left)
            visit(node.right)

    if query is not None:
        visit(query)
    unique: dict[str, Operand] = {}
    for one in sorted(found, key=lambda item: (item.word.encode(), item.weights)):
        unique.setdefault(one.word, one)
    return list(unique.values())

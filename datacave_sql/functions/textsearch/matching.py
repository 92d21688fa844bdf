"""Matching: whether the lexemes of a document satisfy a query."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from datacave_core.types.tsquery import Both, Not, Operand, Query
from datacave_core.types.tsvector import Lexemes, Position

Span = tuple[int, int]
"""First and last place of what has been found."""


class Spans(NamedTuple):
    """Where something stands in a phrase; `outside`: everywhere but there."""

    spans: set[Span]
    outside: bool = False

    @property
    def found(self) -> bool:
        """Whether it stands anywhere."""
        return self.outside or bool(self.spans)


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
    if query is None:
        return False

    def present(operand: Operand) -> bool:
        # Lexemes without places have all weights.
        found = entries(lexemes, operand)
        if not operand.weights:
            return bool(found)
        return any(not places or _weighted(places, operand.weights) for _, places in found)

    def spans(operand: Operand) -> Spans | None:
        found = [(places, _weighted(places, operand.weights)) for _, places in entries(lexemes, operand)]
        if any(not places for places, _ in found):
            return None
        return Spans({(place, place) for _, chosen in found for place in chosen})

    return holds(query, present, spans)


def holds(query: Query, present: Callable[[Operand], bool], spans: Callable[[Operand], Spans | None]) -> bool:
    """Whether a query holds where operands are `present` and, in phrases, at their `spans` (None: somewhere)."""
    if isinstance(query, Operand):
        return present(query)
    if isinstance(query, Not):
        return not holds(query.operand, present, spans)
    if query.operator == "&":
        return holds(query.left, present, spans) and holds(query.right, present, spans)
    if query.operator == "|":
        return holds(query.left, present, spans) or holds(query.right, present, spans)
    found = _spans(query, spans)
    return found is not None and found.found


def _spans(query: Query, spans: Callable[[Operand], Spans | None]) -> Spans | None:
    """Where a part of a phrase stands; None where that cannot be told, since places have been stripped."""
    if isinstance(query, Operand):
        return spans(query)
    if isinstance(query, Not):
        inner = _spans(query.operand, spans)
        return None if inner is None else Spans(inner.spans, not inner.outside)
    left = _spans(query.left, spans)
    if left is not None and not left.found and query.operator != "|":
        return left
    right = _spans(query.right, spans)
    if right is not None and not right.found and query.operator != "|":
        return right
    if left is None or right is None:
        return None
    if query.operator == "<->":
        return _phrase(left, right, query.distance)
    if query.operator == "&":
        return _both(left, right)
    negated = _both(Spans(left.spans, not left.outside), Spans(right.spans, not right.outside))
    return Spans(negated.spans, not negated.outside)


def _phrase(left: Spans, right: Spans, distance: int) -> Spans:
    if left.outside and right.outside:
        return Spans(set(), True)
    starts = {span[0] for span in right.spans}
    ends = {span[1] for span in left.spans}
    if right.outside:
        return Spans({(one, end + distance) for one, end in left.spans if end + distance not in starts})
    if left.outside:
        return Spans({(start - distance, end) for start, end in right.spans if start - distance not in ends})
    return Spans({(a, d) for a, b in left.spans for c, d in right.spans if b + distance == c})


def _both(left: Spans, right: Spans) -> Spans:
    if left.outside and right.outside:
        return Spans(left.spans | right.spans, True)
    if left.outside or right.outside:
        kept, taken = (right, left) if left.outside else (left, right)
        ends = {span[1] for span in taken.spans}
        return Spans({span for span in kept.spans if span[1] not in ends})
    ends = {span[1] for span in right.spans}
    return Spans({span for span in left.spans if span[1] in ends})


def operand_list(query: Query | None) -> list[Operand]:
    """The different operands of a query."""
    found: dict[Operand, None] = {}

    def visit(node: Query) -> None:
        if isinstance(node, Operand):
            found[node] = None
        elif isinstance(node, Not):
            visit(node.operand)
        else:
            assert isinstance(node, Both)
            visit(node.left)
            visit(node.right)

    if query is not None:
        visit(query)
    return list(found)


def operands(query: Query | None) -> list[Operand]:
    """The operands of a query, each word once, in the order of the words."""
    unique: dict[str, Operand] = {}
    for one in sorted(operand_list(query), key=lambda item: (item.word.encode(), item.weights)):
        unique.setdefault(one.word, one)
    return list(unique.values())

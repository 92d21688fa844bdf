"""Rewriting: ts_rewrite, parts of a query replaced by others.

AND and OR are taken as operators of any number of operands, in PostgreSQL's order (operators first, words by the
falling checksum that it keeps of them), so that a part matches wherever its operands are among those of a node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cmp_to_key, lru_cache
from typing import Final

from datacave_core.types.tsquery import Both, Not, Operand, Query

_CODES: Final = {"!": 1, "&": 2, "|": 3, "<->": 4}
_CRC_BITS, _CRC_POLYNOMIAL, _CRC_START = 32, 0xEDB88320, 0xFFFFFFFF


@dataclass(slots=True)
class _Node:
    """An operator with its operands, the rightmost first, or a word; `fixed`: it has been put there just now."""

    operator: str
    distance: int = 0
    operand: Operand | None = None
    children: list[_Node] = field(default_factory=list)
    fixed: bool = False


def _crc_table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (_CRC_POLYNOMIAL if number & 1 else 0)
        table.append(number)
    return tuple(table)


_TABLE: Final = _crc_table()


@lru_cache(4096)
def _checksum(word: str) -> int:
    """The signed checksum of a word: that of zlib's table, but run over from the other end of the register."""
    crc = _CRC_START
    for byte in word.encode():
        crc = _TABLE[crc >> 24 ^ byte] ^ (crc << 8 & _CRC_START)
    crc ^= _CRC_START
    return crc - (1 << _CRC_BITS) if crc >> _CRC_BITS - 1 else crc


def _tree(query: Query) -> _Node:
    if isinstance(query, Operand):
        return _Node("", operand=query)
    if isinstance(query, Not):
        return _Node("!", children=[_tree(query.operand)])
    distance = query.distance if query.operator == "<->" else 0
    return _Node(query.operator, distance, children=[_tree(query.right), _tree(query.left)])


def _query(node: _Node) -> Query:
    if node.operand is not None:
        return node.operand
    children = list(node.children)
    if node.operator == "!":
        return Not(_query(children[0]))
    while len(children) > 2:
        inner = _Node(node.operator, node.distance, children=children[:2])
        children = [inner, children[-1], *children[2:-1]]
    return Both(node.operator, _query(children[1]), _query(children[0]), node.distance or 1)


def _compared(a: _Node, b: _Node) -> int:
    if (a.operand is None) != (b.operand is None):
        return -1 if a.operand is None else 1
    if a.operand is not None and b.operand is not None:
        left, right = _checksum(a.operand.word), _checksum(b.operand.word)
        if left != right:
            return -1 if left > right else 1
        words = a.operand.word.encode(), b.operand.word.encode()
        return (words[0] > words[1]) - (words[0] < words[1])
    for mine, other in (
        (_CODES[a.operator], _CODES[b.operator]),
        (len(a.children), len(b.children)),
    ):
        if mine != other:
            return -1 if mine > other else 1
    for one, two in zip(a.children, b.children, strict=True):
        if order := _compared(one, two):
            return order
    return (a.distance < b.distance) - (a.distance > b.distance)


_ORDER: Final = cmp_to_key(_compared)


def _arranged(node: _Node) -> _Node:
    """The node with nested ANDs and ORs drawn together and their operands sorted, all the way down."""
    children: list[_Node] = []
    for child in map(_arranged, node.children):
        merges = node.operator in ("&", "|") and child.operator == node.operator
        children += child.children if merges else [child]
    if node.operator in ("&", "|"):
        children.sort(key=_ORDER)
    return _Node(node.operator, node.distance, node.operand, children)


def _replaced(node: _Node, wanted: _Node, substitute: _Node | None) -> _Node | None:
    """The node with every match of `wanted` replaced; None where nothing is left."""
    found: _Node | None = node
    if _compared(node, wanted) == 0:
        return _put(substitute)
    if node.operator == wanted.operator and node.operator in ("&", "|") and len(node.children) > len(wanted.children):
        rest = list(node.children)
        for one in wanted.children:
            match = next((at for at, child in enumerate(rest) if _compared(child, one) == 0), None)
            if match is None:
                break
            del rest[match]
        else:
            given = _put(substitute)
            found = _Node(node.operator, children=[*rest, *([given] if given is not None else [])])
            found.children.sort(key=_ORDER)
    if found is None or found.operand is not None:
        return found
    kept = []
    for child in found.children:
        changed = child if child.fixed else _replaced(child, wanted, substitute)
        if changed is not None:
            kept.append(changed)
    found = _Node(found.operator, found.distance, children=kept)
    if not kept:
        return None
    return kept[0] if len(kept) == 1 and found.operator != "!" else found


def _put(substitute: _Node | None) -> _Node | None:
    if substitute is None:
        return None
    return _Node(substitute.operator, substitute.distance, substitute.operand, substitute.children, True)


def rewritten(query: Query | None, target: Query | None, substitute: Query | None) -> Query | None:
    """The query with every match of the target replaced; what is put in stays as it is written."""
    if query is None or target is None:
        return query
    tree = _replaced(_arranged(_tree(query)), _arranged(_tree(target)), _tree(substitute) if substitute else None)
    return _query(tree) if tree is not None else None


def rewritten_by(query: Query | None, rules: Iterable[tuple[Query | None, Query | None]]) -> Query | None:
    """The query after the replacements (target, substitute), one after the other, each in what the last one gave."""
    if query is None:
        return None
    tree: _Node | None = _arranged(_tree(query))
    for target, substitute in rules:
        if target is None or tree is None:
            continue
        changed = _replaced(tree, _arranged(_tree(target)), _tree(substitute) if substitute is not None else None)
        tree = _arranged(changed) if changed is not None else None
    return _query(tree) if tree is not None else None

"""Ways: how many ways through a text backtracking may have to try in the worst case.

Every quantifier multiplies them by the lengths it may take, every place where a match may begin too; a quantifier
around another one makes their number exponential.
"""

from __future__ import annotations

from datacave_sql.functions.regex.nodes import Alternatives, Anchor, BackReference, Group, Look, Node, Repeat, Sequence

STEPS_MAX = 50_000
"""About a millisecond."""

LENGTH_MAX = 1 << 30


def length_max(node: Node) -> int:
    """The longest text that backtracking searches in bounded time; negative if there is none."""
    if _ways(node, LENGTH_MAX) is None:
        return -1
    if _ways(node, LENGTH_MAX) == 1:
        return LENGTH_MAX
    low, high = 0, STEPS_MAX
    while low < high:
        middle = (low + high + 1) // 2
        if _tries(node, middle) <= STEPS_MAX:
            low = middle
        else:
            high = middle - 1
    return low


def needs_backtracking(node: Node) -> bool:
    """Whether there are back references or lookarounds."""
    if isinstance(node, BackReference | Look):
        return True
    if isinstance(node, Repeat | Group):
        return needs_backtracking(node.body)
    if isinstance(node, Sequence):
        return any(map(needs_backtracking, node.parts))
    return isinstance(node, Alternatives) and any(map(needs_backtracking, node.branches))


def _tries(node: Node, length: int) -> int:
    ways = _ways(node, length)
    assert ways is not None
    return ways if _is_anchored(node) else ways * length


def _is_anchored(node: Node) -> bool:
    if isinstance(node, Sequence):
        return bool(node.parts) and _is_anchored(node.parts[0])
    return isinstance(node, Anchor) and node.kind == "text_start"


def _ways(node: Node, length: int) -> int | None:
    """The ways through a part; None for exponentially many."""
    if isinstance(node, Repeat):
        inner = _ways(node.body, length)
        if node.high == 1:
            return None if inner is None else inner + 1 - node.low
        if inner != 1:
            return None
        return length if node.high is None else min(length, node.high - node.low) + 1
    if isinstance(node, Sequence):
        ways = 1
        for part in node.parts:
            inner = _ways(part, length)
            if inner is None:
                return None
            ways *= inner
        return ways
    if isinstance(node, Alternatives):
        branches = [_ways(branch, length) for branch in node.branches]
        return None if None in branches else sum(ways for ways in branches if ways is not None)
    return _ways(node.body, length) if isinstance(node, Group | Look) else 1

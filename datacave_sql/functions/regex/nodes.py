"""The parts of a regular expression after parsing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """One character."""

    character: str


@dataclass(frozen=True, slots=True)
class AnyCharacter:
    """`.`"""


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A bracket expression or class escape; `body` is the inside of a Python character class."""

    body: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place without width: start, end, text_start, text_end, word_start, word_end, word_edge, word_inside."""

    kind: str


@dataclass(frozen=True, slots=True)
class BackReference:
    """What the n-th group matched."""

    number: int


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses; `number` counts capturing ones from 1, and is 0 for others."""

    body: Node
    number: int


@dataclass(frozen=True, slots=True)
class Look:
    """A lookaround."""

    body: Node
    ahead: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` (None: without limit) times."""

    body: Node
    low: int
    high: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several."""

    branches: tuple[Node, ...]


Node: TypeAlias = (
    Literal | AnyCharacter | CharacterSet | Anchor | BackReference | Group | Look | Repeat | Sequence | Alternatives
)


def prefers_longest(node: Node) -> bool | None:
    """Whether a part would rather match more than less; None when it has no preference.

    A sequence has the preference of its first part that has one; alternatives always prefer the longest.
    """
    if isinstance(node, Alternatives):
        return True
    if isinstance(node, Repeat):
        if node.low == node.high:
            return prefers_longest(node.body)
        return node.greedy
    if isinstance(node, Group):
        return prefers_longest(node.body)
    if isinstance(node, Sequence):
        return next((found for part in node.parts if (found := prefers_longest(part)) is not None), None)
    return None

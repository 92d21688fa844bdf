"""Numbers compared to within NEARNESS: equality is not transitive, and nothing is true of NaN."""

from __future__ import annotations

from datacave_core.types.geometry import NEARNESS, below
from datacave_core.types.geometry import same_number as near

__all__ = ["NEARNESS", "apart", "at_least", "at_most", "greater", "larger", "less", "near", "smaller", "zero"]


def zero(a: float) -> bool:
    """a = 0."""
    return abs(a) <= NEARNESS


def apart(a: float, b: float) -> bool:
    """a <> b."""
    return a != b and abs(a - b) > NEARNESS


def less(a: float, b: float) -> bool:
    """a < b."""
    return a + NEARNESS < b


def at_most(a: float, b: float) -> bool:
    """a <= b."""
    return a <= b + NEARNESS


def greater(a: float, b: float) -> bool:
    """a > b."""
    return a > b + NEARNESS


def at_least(a: float, b: float) -> bool:
    """a >= b."""
    return a + NEARNESS >= b


def smaller(a: float, b: float) -> float:
    """The exact minimum; NaN only of two."""
    return a if below(a, b) else b


def larger(a: float, b: float) -> float:
    """The exact maximum; NaN if one is."""
    return a if below(b, a) else b

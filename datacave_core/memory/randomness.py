"""Chance from a seed."""

from __future__ import annotations

import random


class SeededRandomness:
    """Randomness port whose bytes are the same for the same seed. Not for secrets."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        return self._random.randbytes(count)

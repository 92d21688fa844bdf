"""Partitioning: rows that do not fit into memory are put aside by the hash of their key, and done part by part.

Equal keys meet in the same partition. One that is still too big is partitioned again, by other bits of the hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_sql.exec.spill import Partitions, Spill, block_bytes

PARTITIONS_MAX = 32
PARTITIONS_MIN = 4
LEVELS_MAX = 6
"""How often rows are partitioned again: beyond that most of them have the same key."""


class HashPartitions(Partitions):
    """Partitions by key, for rows of about `row_bytes` each, of operators that may hold `limit` bytes."""

    __slots__ = ("_level",)

    def __init__(self, spill: Spill, level: int, limit: int, row_bytes: int) -> None:
        count = max(PARTITIONS_MIN, min(PARTITIONS_MAX, limit // (4 * block_bytes(limit))))
        super().__init__(spill, count, block_bytes(limit) // max(row_bytes, 1))
        self._level = level

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The partition of each key."""
        level, count = self._level, len(self.runs)
        return [hash((level, key)) % count for key in keys]

"""Counters: what the engine counts from its start on, by the names that statistics have."""

from __future__ import annotations

COUNTERS = (
    "flushes",
    "flushed_bytes",
    "ingests",
    "ingested_bytes",
    "merges",
    "merged_bytes",
    "moves",
    "merge_read_bytes",
    "removal_failures",
    "disk_full",
)
"""What maintenance counts."""


class ReadCounts:
    """How point reads found their rows. `filters_wrong` are tables whose filter let a key through in vain."""

    __slots__ = ("filters_asked", "filters_passed", "filters_wrong", "row_cache_hits", "row_cache_misses")

    def __init__(self) -> None:
        self.filters_asked = self.filters_passed = self.filters_wrong = 0
        self.row_cache_hits = self.row_cache_misses = 0

"""Counters: what maintenance counts from the start of the engine on, by the names that statistics have."""

from __future__ import annotations

COUNTERS = (
    "flushes",
    "flushed_bytes",
    "ingests",
    "ingested_bytes",
    "merges",
    "merged_bytes",
    "merges_lost",
    "moves",
    "merge_read_bytes",
    "removal_failures",
    "disk_full",
)

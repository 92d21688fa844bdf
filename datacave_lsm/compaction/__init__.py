"""Compaction: merges that keep the levels in bounds and drop versions nobody can read any more."""

from __future__ import annotations

from datacave_lsm.compaction.merge import merge_tables
from datacave_lsm.compaction.outside import OutsideMerges
from datacave_lsm.compaction.picker import (
    MergeTask,
    expected_level,
    ingest_level,
    merge_of,
    merge_of_range,
    pick,
    scores,
)
from datacave_lsm.compaction.remote import MergeWorker, perform_merge

__all__ = [
    "MergeTask",
    "MergeWorker",
    "OutsideMerges",
    "expected_level",
    "ingest_level",
    "merge_of",
    "merge_of_range",
    "merge_tables",
    "perform_merge",
    "pick",
    "scores",
]

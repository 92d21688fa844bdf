"""Compaction: merges that keep the levels in bounds and drop versions nobody can read any more."""

from __future__ import annotations

from datacave_lsm.compaction.merge import merge_tables
from datacave_lsm.compaction.picker import MergeTask, ingest_level, merge_of, merge_of_range, pick, scores
from datacave_lsm.compaction.remote import MergeRequest, MergeWorker, merge_answer, perform_merge

__all__ = [
    "MergeRequest",
    "MergeTask",
    "MergeWorker",
    "ingest_level",
    "merge_answer",
    "merge_of",
    "merge_of_range",
    "merge_tables",
    "perform_merge",
    "pick",
    "scores",
]

"""Compaction: merges that keep the levels in bounds and drop versions nobody can read any more."""

from __future__ import annotations

from datacave_lsm.compaction.merge import merge_tables
from datacave_lsm.compaction.picker import MergeTask, merge_of, pick, scores

__all__ = ["MergeTask", "merge_of", "merge_tables", "pick", "scores"]

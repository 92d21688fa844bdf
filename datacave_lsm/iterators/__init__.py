"""Iterators: what memtables and table files hold in a key range, merged as of a timestamp."""

from __future__ import annotations

from datacave_lsm.iterators.columns import scan_columns
from datacave_lsm.iterators.rows import scan_pairs, scan_rows
from datacave_lsm.iterators.sources import Sources
from datacave_lsm.iterators.versions import all_versions, newest_after

__all__ = ["Sources", "all_versions", "newest_after", "scan_columns", "scan_pairs", "scan_rows"]

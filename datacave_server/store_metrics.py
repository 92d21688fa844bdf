"""StoreMetrics: the storage engine's statistics as Prometheus metrics with names, kinds and help.

Statistics that are not listed here are shown as gauges under their own names, so that nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datacave_server.metrics import number_text

COUNTER, GAUGE = "counter", "gauge"
PREFIX = "datacave_storage_"

SINGLE = (
    ("memtable_bytes", "memtable_bytes", GAUGE, "Estimated memory of the newest writes, which take new ones."),
    ("memtable_versions", "memtable_versions", GAUGE, "Row versions in the memtable that takes new ones."),
    ("frozen_memtables", "frozen_memtables", GAUGE, "Full memtables that wait for their flush; writers wait at 2."),
    ("frozen_bytes", "frozen_bytes", GAUGE, "Estimated memory of memtables that wait for their flush."),
    ("flushes", "flushes_total", COUNTER, "Memtables written to table files."),
    ("flushed_bytes", "flushed_bytes_total", COUNTER, "Bytes of table files written by flushes."),
    ("ingests", "ingests_total", COUNTER, "Big commits whose rows went into table files of their own at once."),
    ("ingested_bytes", "ingested_bytes_total", COUNTER, "Bytes of table files written by big commits."),
    ("flush_under_way", "flush_running", GAUGE, "1 while a flush runs."),
    ("merges", "compactions_total", COUNTER, "Merges of table files."),
    ("moves", "compaction_moves_total", COUNTER, "Table files that changed their level without being rewritten."),
    ("merges_lost", "compactions_lost_total", COUNTER, "Merges whose process was lost, and which were repeated."),
    ("merge_read_bytes", "compaction_read_bytes_total", COUNTER, "Bytes of table files that merges read."),
    ("merged_bytes", "compaction_written_bytes_total", COUNTER, "Bytes of table files that merges wrote."),
    ("merge_under_way", "compaction_running", GAUGE, "1 while a merge runs."),
    ("write_pressure", "write_pressure_ratio", GAUGE, "How near writers are to waiting for flushes or merges."),
    ("stalls", "write_stalls_total", COUNTER, "Times that writers had to wait for flushes or merges."),
    ("stall_seconds", "write_stall_seconds_total", COUNTER, "Seconds that writers had to wait for flushes or merges."),
    ("stalled", "write_stalled", GAUGE, "1 while writers wait for flushes or merges."),
    ("slowdowns", "write_slowdowns_total", COUNTER, "Times that writers were slowed down for a moment."),
    ("disk_full", "disk_full_total", COUNTER, "Times that a flush or merge found the disk full."),
    ("removal_failures", "file_removal_failures_total", COUNTER, "Files that could not be removed when unneeded."),
    ("log_syncs", "wal_syncs_total", COUNTER, "Syncs of the write-ahead log."),
    ("log_synced_commits", "wal_synced_commits_total", COUNTER, "Commits made durable by syncs of the log."),
    ("log_bytes_written", "wal_written_bytes_total", COUNTER, "Bytes of commits written to the write-ahead log."),
    ("log_waiting_commits", "wal_waiting_commits", GAUGE, "Commits that wait for a sync of the log."),
    ("log_segments", "wal_segments", GAUGE, "Files of the write-ahead log."),
    ("log_segments_recycled", "wal_segments_recycled_total", COUNTER, "Log files that were written over as new ones."),
    ("row_cache_rows", "row_cache_rows", GAUGE, "Rows in the row cache."),
    ("row_cache_hits", "row_cache_hits_total", COUNTER, "Reads by key answered by the row cache."),
    ("row_cache_misses", "row_cache_misses_total", COUNTER, "Reads by key that had to look into table files."),
    ("segment_cache_bytes", "segment_cache_bytes", GAUGE, "Memory of opened column segments."),
    ("segment_cache_hits", "segment_cache_hits_total", COUNTER, "Row groups found in the segment cache."),
    ("segment_cache_misses", "segment_cache_misses_total", COUNTER, "Row groups put into the segment cache."),
    ("filters_asked", "bloom_checks_total", COUNTER, "Bloom filters asked by reads by key."),
    ("filters_passed", "bloom_passes_total", COUNTER, "Bloom filters that let a read look into their table."),
    ("filters_wrong", "bloom_false_positives_total", COUNTER, "Tables that had nothing though their filter let in."),
    ("table_entries", "table_versions", GAUGE, "Row versions in table files."),
    ("pinned_snapshots", "pinned_snapshots", GAUGE, "Timestamps whose versions running transactions keep."),
    ("oldest_readable", "oldest_readable_timestamp_microseconds", GAUGE, "Earliest readable time since 1970."),
)
PER_LEVEL = (
    ("level_files", "level_files", GAUGE, "Table files by level."),
    ("level_bytes", "level_bytes", GAUGE, "Bytes of table files by level."),
)
BATCHES = "log_batch_counts"


@dataclass(frozen=True, slots=True)
class StoreMetrics:
    """Reads the statistics at every scrape."""

    read: Callable[[], Mapping[str, Any]]

    def lines(self) -> Iterator[str]:
        """The Prometheus text."""
        values = dict(self.read())
        taken, merged = values.get("flushed_bytes", 0) + values.get("ingested_bytes", 0), values.get("merged_bytes", 0)
        commits = values.get("log_synced_commits", 0)
        for key, name, kind, text in SINGLE:
            if (value := values.pop(key, None)) is not None:
                yield from _head(name, kind, text)
                yield f"{PREFIX}{name} {number_text(value)}"
        for key, name, kind, text in PER_LEVEL:
            if (levels := values.pop(key, None)) is not None:
                yield from _head(name, kind, text)
                for level, value in enumerate(levels):
                    yield f'{PREFIX}{name}{{level="{level}"}} {number_text(value)}'
        if taken:
            name = "write_amplification_ratio"
            yield from _head(name, GAUGE, "Bytes of table files written for each of flushes and big commits, so far.")
            yield f"{PREFIX}{name} {number_text((taken + merged) / taken)}"
        if (counts := values.pop(BATCHES, None)) is not None:
            yield from _batches(counts, commits)
        if (key_ids := values.pop("key_ids", None)) is not None:
            yield from _head("master_key_in_use", GAUGE, "1 for every master key that seals a table file.")
            for key_id in key_ids:
                yield f'{PREFIX}master_key_in_use{{key="{key_id}"}} 1'
        for key, value in values.items():
            if isinstance(value, bool | int | float):
                yield from _head(key, GAUGE, "Statistic of the storage engine.")
                yield f"{PREFIX}{key} {number_text(value)}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {text}"
    yield f"# TYPE {PREFIX}{name} {kind}"


def _batches(counts: list[int], commits: int) -> Iterator[str]:
    name = "wal_batch_commits"
    yield from _head(name, "histogram", "Commits made durable by one sync of the log.")
    total = 0
    for place, count in enumerate(counts[:-1]):
        total += count
        yield f'{PREFIX}{name}_bucket{{le="{2**place}"}} {total}'
    total += counts[-1]
    yield f'{PREFIX}{name}_bucket{{le="+Inf"}} {total}'
    yield f"{PREFIX}{name}_sum {number_text(commits)}"
    yield f"{PREFIX}{name}_count {total}"

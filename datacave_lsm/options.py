"""EngineOptions: every size, count and age the engine decides by, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of one engine; the defaults suit one server on one disk.

    Tests make the sizes tiny, so that a few hundred writes pass through every level.
    """

    memtable_bytes_max: int = 64 * MIB
    """Estimated memory of the active memtable at which it is frozen and flushed."""

    batch_bytes_min: int = 16 * MIB
    """Estimated memory from which on a commit is not copied into the active memtable but is one of its own."""

    ingest_rows_min: int = 32_768
    """Rows under one key prefix from which on a prepared commit writes table files of its own; 0: never."""

    frozen_memtables_max: int = 3
    """Frozen memtables waiting for their flush at which writers wait."""

    log_segment_bytes: int = 16 * MIB
    """Space reserved for one segment of the log."""

    log_spare_segments_max: int = 4
    """Segments nobody needs any more that are kept to become new ones."""

    log_fragment_bytes_max: int = 16 * MIB
    """Longer batches are cut into fragments of this size."""

    sync_delay_seconds: float = 0.2
    """How long a commit that nobody waits for may stay unsynced."""

    table_bytes_max: int = 64 * MIB
    """Size at which a merge starts its next output file."""

    merge_bytes_per_second_max: int = 0
    """What a merge may write in a second; 0: as fast as it goes."""

    level0_trigger_files: int = 4
    """Level-0 files that start a merge into level 1."""

    level0_slow_files: int = 12
    """Level-0 files at which every writer pauses shortly."""

    level0_stop_files: int = 24
    """Level-0 files at which writers wait for a merge."""

    level1_bytes: int = 256 * MIB
    """Target size of level 1; each deeper level may hold at most `level_growth` times more."""

    level_growth: int = 6

    level_count: int = 7

    retention_seconds: float = 3600.0
    """How long versions that newer ones hide stay readable."""

    slice_rows: int = 1024
    """Rows a background job handles before the event loop goes on."""

    row_cache_bytes: int = 256 * MIB
    """Estimated memory of the decoded rows kept for point reads."""

    segment_cache_bytes: int = 256 * MIB
    """Memory of opened column segments of table files."""

    manifest_bytes_max: int = 4 * MIB
    """Size at which the manifest is written afresh as one snapshot."""

    group_rows_max: int = 8192
    """Rows of one row group of a table file."""

    compression: bool = True
    """Whether table files compress what is worth it: by lz4, and by zstd from a level on."""

    zstd_level_min: int = 3
    """The first level whose files are compressed by zstd."""

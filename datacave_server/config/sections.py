"""Config: every section and key, with default, unit and reason. The one place that says what can be configured.

A key stands here only if something reads it; a key whose other values have no meaning yet refuses them (kind Only).
"""

from __future__ import annotations

from dataclasses import dataclass

from datacave_server.config.key import key, section
from datacave_server.config.kinds import (
    Address,
    Boolean,
    Choice,
    Duration,
    FilePath,
    HostPort,
    Integer,
    Only,
    Size,
)
from datacave_server.config.security import SecuritySection

HOUR = 3600.0
DAY = 24 * HOUR
KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerSection:
    """The address clients meet, and how the server stops."""

    listen: Address = key(
        Address("127.0.0.1", 5433),
        HostPort(),
        "Where clients connect; port 0 takes a free one. An address other than loopback needs users with passwords "
        "and TLS.",
    )
    allow_cleartext: bool = key(
        False,
        Boolean(),
        "Whether clients from other machines may connect without TLS. Their data can then be read on the way.",
    )
    drain_seconds: float = key(
        10.0, Duration(0, HOUR), "How long running statements may go on after the server was told to stop."
    )


@dataclass(frozen=True, slots=True)
class StorageSection:
    """Where the data lies."""

    data_dir: str = key(".data", FilePath(), "Folder of all data; made with mode 0700 if it is missing.")
    memtable_bytes_max: int = key(
        64 * MIB, Size(64 * KIB), "Memory of the newest writes at which they are written to a table file."
    )
    row_cache_bytes: int = key(256 * MIB, Size(0), "Memory for decoded rows that were read by key lately.")
    segment_cache_bytes: int = key(
        256 * MIB, Size(0), "Memory for column segments of table files that were read lately."
    )
    retention_seconds: float = key(
        HOUR, Duration(0, 3650 * DAY), "How long overwritten and deleted rows stay readable as of their time."
    )
    compression: bool = key(
        True,
        Boolean(),
        "Whether table files compress what is worth it, but for tables with a compression of their own.",
    )
    zstd_level_min: int = key(
        3,
        Integer(0, 7),
        "The first level of table files that zstd compresses instead of lz4: smaller, and slower to read from the"
        " disk by key. 7 is none.",
    )


@dataclass(frozen=True, slots=True)
class WalSection:
    """The write-ahead log, which makes commits durable."""

    segment_bytes: int = key(16 * MIB, Size(64 * KIB, 1024 * MIB), "Space reserved for one file of the log.")
    sync_delay_seconds: float = key(
        0.2, Duration(0.001, 60), "How long a commit with synchronous_commit = off may stay unsynced."
    )


@dataclass(frozen=True, slots=True)
class CompactionSection:
    """Merging of table files in the background."""

    table_bytes_max: int = key(64 * MIB, Size(64 * KIB), "Size at which a merge starts its next table file.")
    level0_trigger_files: int = key(4, Integer(1, 1000), "Unmerged table files that start a merge.")
    level0_slow_files: int = key(12, Integer(1, 1000), "Unmerged table files at which writers are slowed down.")
    level0_stop_files: int = key(24, Integer(1, 1000), "Unmerged table files at which writers wait.")
    level1_bytes: int = key(
        256 * MIB, Size(64 * KIB), "Target size of the first merged level; each deeper one holds up to six times more."
    )
    bytes_per_second_max: int = key(
        0, Size(0), "What a merge may write in a second; 0 is no limit. Too little makes writers wait."
    )


@dataclass(frozen=True, slots=True)
class ShardingSection:
    """How tables are spread."""

    shard_count: int = key(1, Only(1, "tables are not sharded yet"), "Number of shards.")


@dataclass(frozen=True, slots=True)
class ClusterSection:
    """Several servers as one."""

    enabled: bool = key(False, Only(False, "a server runs alone so far"), "Whether this server is part of a cluster.")


@dataclass(frozen=True, slots=True)
class MetricsSection:
    """The admin address: /metrics, /health, /ready, and the console."""

    enabled: bool = key(True, Boolean(), "Whether the admin address is served.")
    listen: Address = key(Address("127.0.0.1", 9433), HostPort(), "Where it is served; port 0 takes a free one.")
    console: bool = key(
        True, Boolean(), "Whether the console is served there, a page to log in to with a role and its password."
    )
    tls: bool = key(False, Boolean(), "Whether the admin address speaks TLS, with the certificate of security.tls.")


@dataclass(frozen=True, slots=True)
class LogSection:
    """What the server says on standard error."""

    level: str = key("info", Choice("debug", "info", "warning", "error"), "The least important messages shown.")
    format: str = key("text", Choice("text", "json"), "One line of text, or one JSON object, per message.")


@dataclass(frozen=True, slots=True)
class LimitsSection:
    """What a client can use up."""

    max_connections: int = key(2000, Integer(1, 1_000_000), "Connections at a time; one more is refused with 53300.")
    login_seconds: float = key(
        10.0, Duration(0.1, HOUR), "How long a client may take to log in, TLS handshake included."
    )
    message_bytes_max: int = key(
        256 * MIB, Size(1 * MIB, 1024 * MIB - 1), "Longest message a client may send once it has logged in."
    )
    memory_bytes: int = key(
        4096 * MIB,
        Size(16 * MIB),
        "Memory for rows of all running statements. From half of it on, sorts, hashes and the like put rows aside in "
        "sealed temporary files, however large work_mem is.",
    )
    statement_memory_bytes: int = key(
        2048 * MIB,
        Size(1 * MIB),
        "Memory of one session's statements; what cannot put rows aside ends with 53200 there.",
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    server: ServerSection = section(ServerSection)
    storage: StorageSection = section(StorageSection)
    wal: WalSection = section(WalSection)
    compaction: CompactionSection = section(CompactionSection)
    sharding: ShardingSection = section(ShardingSection)
    cluster: ClusterSection = section(ClusterSection)
    metrics: MetricsSection = section(MetricsSection)
    log: LogSection = section(LogSection)
    limits: LimitsSection = section(LimitsSection)
    security: SecuritySection = section(SecuritySection)

"""Are the figures of the storage at /metrics those of the files on the disk and of what clients did?"""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

import psycopg

from tests.clients.conftest import RunningServer, start

SETTINGS = {
    "DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "256KiB",
    "DATACAVE_WAL__SEGMENT_BYTES": "256KiB",
    "DATACAVE_COMPACTION__TABLE_BYTES_MAX": "256KiB",
    "DATACAVE_COMPACTION__LEVEL0_TRIGGER_FILES": "2",
}
ROWS, COMMITS = 4_000, 80
SAMPLE = re.compile(r"datacave_storage_(\w+)(?:\{(.*)\})? (\S+)")


def scraped(server: RunningServer) -> dict[str, float]:
    """All samples of the storage: by name, with the value of the label behind it if there is one."""
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found = {}
    for line in text.splitlines():
        if match := SAMPLE.fullmatch(line):
            label = match[2].partition("=")[2].strip('"') if match[2] else ""
            found[f"{match[1]} {label}".strip()] = float(match[3])
    return found


def at_rest(server: RunningServer) -> dict[str, float]:
    """What is scraped when no flush and no merge is under way or due."""
    end = time.monotonic() + 120
    before: dict[str, float] = {}
    while time.monotonic() < end:
        time.sleep(0.5)
        now = scraped(server)
        idle = not (now["flush_running"] or now["compaction_running"] or now["frozen_memtables"])
        names = ("flushes_total", "compactions_total", "compaction_moves_total", "wal_syncs_total")
        if idle and before and all(now[name] == before[name] for name in names):
            return now
        before = now
    raise AssertionError("it never comes to rest")


def sum_of(samples: dict[str, float], name: str) -> float:
    """Over all levels."""
    return sum(value for key, value in samples.items() if key.startswith(f"{name} "))


def test_figures_of_the_storage(tmp_path: Path) -> None:
    server = start(tmp_path, environment=SETTINGS)
    try:
        with psycopg.connect(server.dsn, autocommit=True) as client:
            client.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
            first = at_rest(server)
            each = ROWS // COMMITS
            for commit in range(COMMITS):
                rows = ", ".join(
                    f"({n}, '{n * 7919 % 10**9:0200}')" for n in range(commit * each, commit * each + each)
                )
                client.execute(f"INSERT INTO t VALUES {rows}")
            now = at_rest(server)
            grown = {name: value - first.get(name, 0) for name, value in now.items()}
            # Bytes and counts per level: those of the files on the disk.
            files = list((server.data_dir / "store" / "tables").glob("*.sst"))
            assert sum_of(now, "level_files") == len(files) > 0
            assert sum_of(now, "level_bytes") == sum(path.stat().st_size for path in files)
            # Flushes, and merges with what they read and wrote; write amplification follows from them.
            assert grown["flushes_total"] > 2
            assert grown["flushed_bytes_total"] > 0
            assert grown["compactions_total"] + grown["compaction_moves_total"] > 0
            written = now["flushed_bytes_total"] + now["ingested_bytes_total"]
            ratio = (written + now["compaction_written_bytes_total"]) / written
            assert abs(now["write_amplification_ratio"] - ratio) < 1e-9
            assert (now["compaction_read_bytes_total"] > 0) == (now["compactions_total"] > 0)
            # One client that waits for each commit: no sync has two; flushes ask for syncs of their own.
            assert grown["wal_synced_commits_total"] == grown["wal_batch_commits_sum"] == COMMITS
            assert COMMITS <= grown["wal_syncs_total"] == grown["wal_batch_commits_count"]
            assert grown["wal_batch_commits_bucket 1"] == grown["wal_batch_commits_count"]
            assert grown["wal_written_bytes_total"] > ROWS * 200
            assert now["wal_waiting_commits"] == 0
            segments = list((server.data_dir / "store" / "wal").glob("*.log"))
            assert 1 <= now["wal_segments"] <= len(segments)
            # Stalls: none was due.
            assert now["write_stalled"] == 0
            assert (now["write_stalls_total"] == 0) == (now["write_stall_seconds_total"] == 0)
            assert 0 <= now["write_pressure_ratio"] <= 1
            # Caches and filters: what is not there stops at the filters, what is there passes one.
            for number in range(0, ROWS, 40):
                assert client.execute("SELECT v FROM t WHERE id = %s", (number,)).fetchone() is not None
            read = scraped(server)
            assert read["row_cache_hits_total"] + read["row_cache_misses_total"] > (
                now["row_cache_hits_total"] + now["row_cache_misses_total"]
            )
            for number in range(0, ROWS, 40):
                assert client.execute("SELECT v FROM t WHERE id = %s", (number + 10 * ROWS,)).fetchone() is None
            missed = scraped(server)
            hits = read["bloom_passes_total"] - read["bloom_false_positives_total"]
            assert missed["bloom_passes_total"] - missed["bloom_false_positives_total"] == hits
            assert missed["segment_cache_bytes"] > 0
            assert missed["segment_cache_hits_total"] + missed["segment_cache_misses_total"] > 0
        assert server.stop() == 0
    finally:
        server.process.kill()
        server.process.wait()

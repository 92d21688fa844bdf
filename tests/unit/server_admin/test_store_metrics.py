"""Are the engine's statistics metrics with names, kinds and help, and do they count what happens?"""

from __future__ import annotations

import re

from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions
from datacave_server.store_metrics import BATCHES, PER_LEVEL, SINGLE, StoreMetrics

PREFIX = b"\0\0\0\1\0\0"
LINE = re.compile(r'datacave_storage_[a-z0-9_]+(\{[a-z]+="[^"]*"\})? -?[0-9.e+]+')


class Node:
    def __init__(self) -> None:
        self.scheduler = SimulatedScheduler(SimulatedClock())
        options = EngineOptions(level0_trigger_files=2, level0_slow_files=3, level0_stop_files=4, row_cache_bytes=4000)
        self.engine = Engine.open(
            MemoryFileSystem(), self.scheduler.clock, self.scheduler, SeededRandomness(0), options
        )

    def put(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.engine.commit({PREFIX + b"%05d" % number: (b"x" * 20,)})
        self.scheduler.run_ready()

    def flush(self) -> None:
        self.engine.flush()
        self.scheduler.run_for(1)

    def metrics(self) -> dict[str, float]:
        lines = list(StoreMetrics(self.engine.statistics).lines())
        kinds = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
        helps = {line.split()[2] for line in lines if line.startswith("# HELP")}
        assert set(kinds) == helps
        found = {}
        for line in lines:
            if not line.startswith("#"):
                assert LINE.fullmatch(line), line
                name, value = line.rsplit(" ", 1)
                family = re.sub(r"_(bucket|sum|count)$", "", name.partition("{")[0])
                kind = kinds.get(name.partition("{")[0]) or kinds[family]
                assert (kind == "counter") == name.partition("{")[0].endswith("_total"), name
                found[name.removeprefix("datacave_storage_")] = float(value)
        return found


def test_every_statistic_of_the_engine_has_a_metric_with_help() -> None:
    described = {each[0] for each in (*SINGLE, *PER_LEVEL)} | {BATCHES, "key_ids"}
    assert set(Node().engine.statistics()) <= described


def test_writes_flushes_and_merges_are_counted() -> None:
    node = Node()
    for part in range(4):
        node.put(part * 50, 100)  # what does not overlap is moved, not merged
        node.flush()
    found = node.metrics()
    assert found["flushes_total"] == 4
    assert found["compactions_total"] + found["compaction_moves_total"] >= 1
    assert found["flushed_bytes_total"] > 0
    assert found["compaction_read_bytes_total"] > 0
    ratio = 1 + found["compaction_written_bytes_total"] / found["flushed_bytes_total"]
    assert abs(found["write_amplification_ratio"] - ratio) < 1e-9
    assert sum(value for name, value in found.items() if name.startswith("level_files{")) >= 1
    assert found["table_versions"] == 400
    assert found["wal_syncs_total"] == found["wal_batch_commits_count"] >= 4
    assert found["wal_synced_commits_total"] == found["wal_batch_commits_sum"] >= 400
    assert found['wal_batch_commits_bucket{le="+Inf"}'] == found["wal_batch_commits_count"]
    assert found['wal_batch_commits_bucket{le="1"}'] <= found["wal_batch_commits_count"] - 4


def test_caches_and_filters_are_counted() -> None:
    node = Node()
    node.put(0, 2000)
    node.flush()
    engine = node.engine
    before = node.metrics()
    for number in range(0, 2000, 7):
        assert engine.get(PREFIX + b"%05d" % number, engine.newest_timestamp) is not None
    engine.get(PREFIX + b"00000", engine.newest_timestamp)
    for _ in range(3):
        engine.get(PREFIX + b"00700", engine.newest_timestamp)
    misses = [PREFIX + b"%05dx" % number for number in range(1000)]
    assert [engine.get(key, engine.newest_timestamp) for key in misses] == [None] * 1000
    after = node.metrics()
    grown = {name: after[name] - before[name] for name in after}
    assert grown["bloom_checks_total"] >= 1286
    assert grown["bloom_passes_total"] - grown["bloom_false_positives_total"] >= 286
    assert 0 <= grown["bloom_false_positives_total"] < 60
    assert grown["row_cache_hits_total"] >= 2
    assert grown["row_cache_misses_total"] >= 1286
    assert grown["segment_cache_misses_total"] >= 1
    assert grown["segment_cache_hits_total"] >= 280


def test_stalls_are_counted_with_their_time() -> None:
    node = Node()
    engine = Engine.open(
        MemoryFileSystem(),
        node.scheduler.clock,
        node.scheduler,
        SeededRandomness(0),
        EngineOptions(memtable_bytes_max=2_000, frozen_memtables_max=2),
    )
    node.engine = engine
    for number in range(30):
        engine.commit({PREFIX + b"%d" % number: (b"x" * 300,)})
    delay = engine.write_delay()
    assert delay is not None
    assert node.metrics()["write_stalled"] == 1
    node.scheduler.clock.advance(0.5)
    node.scheduler.run_for(1)
    assert delay.done
    found = node.metrics()
    assert (found["write_stalls_total"], found["write_stalled"]) == (1, 0)
    assert 0.5 <= found["write_stall_seconds_total"] < 2

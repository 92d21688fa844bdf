"""Does the engine answer every read as the memory store does, whatever flushes, merges and restarts go on meanwhile?"""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from inspect import GEN_CREATED, getgeneratorstate

import numpy as np
import pytest

from datacave_core.errors import DatacaveError, SnapshotTooOld
from datacave_core.layout import TABLE_PREFIX_LENGTH, Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import (
    MemoryFileSystem,
    MemoryStore,
    SeededRandomness,
    SimulatedClock,
    SimulatedScheduler,
)
from datacave_core.ports import KeptFor, Load, Prepared
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_core.vectors import column_vector
from datacave_core.wait import TURN, Steps
from datacave_lsm import Engine, EngineOptions, KeyRing, perform_merge
from datacave_lsm.folder import Folder

RAW = b"\0\0\0\1\0\0"
TABLE = b"\0\0\0\2\0\1"
NARROW = Layout(
    1,
    (
        PhysicalColumn(PhysicalType.INT64),
        PhysicalColumn(PhysicalType.TEXT),
        PhysicalColumn(PhysicalType.DECIMAL64, scale=2),
    ),
)
WIDE = Layout(
    2, (*NARROW.columns, PhysicalColumn(PhysicalType.BOOL, missing=True), PhysicalColumn(PhysicalType.FLOAT64))
)
LOADED = b"\0\0\0\3\0\0"
LOADED_LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
"""A table that bulk loads fill, each with new keys behind all others."""
TABLES = (RAW, TABLE, LOADED)
TINY = EngineOptions(
    memtable_bytes_max=30_000,
    batch_bytes_min=20_000,
    log_segment_bytes=20_000,
    log_fragment_bytes_max=1_000,
    table_bytes_max=10_000,
    level0_trigger_files=3,
    level1_bytes=15_000,
    level_growth=4,
    level_count=5,
    retention_seconds=10.0,
    slice_rows=16,
    row_cache_bytes=20_000,
    segment_cache_bytes=20_000,
    manifest_bytes_max=2_000,
    group_rows_max=64,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint, as a disk with nothing else on it, and what the world was like then."""

    files: MemoryFileSystem
    oracle: MemoryStore
    timestamps: list[int]
    layout: Layout
    loaded: int
    key_id: str


class World:
    """An engine over a simulated disk beside the memory store, on one clock."""

    def __init__(self, seed: int, key_ring: KeyRing | None = None, options: EngineOptions = TINY) -> None:
        self.options = options
        self.operations = 0
        self.random = random.Random(seed)
        self.clock = SimulatedClock()
        self.scheduler = SimulatedScheduler(self.clock, seed)
        self.files = MemoryFileSystem()
        self.oracle = MemoryStore(self.clock)
        self.layout = NARROW
        self.key_ring = key_ring
        self.keys = {"a": bytes(32)}
        self.loaded = self.loading = 1  # keys below are committed, or given out
        self.engine = self.open(seed)
        self.timestamps = [0]
        self.preparing: list[tuple[dict[bytes, Row | None], Steps[Prepared]]] = []
        self.pins: list[tuple[int, object]] = []
        self.load: tuple[Load, dict[bytes, Row | None], Steps[None]] | None = None
        self.loads = self.checkpoints = self.returns = 0
        self.saved: Saved | None = None

    def open(self, seed: int) -> Engine:
        engine = Engine.open(
            self.files,
            self.clock,
            self.scheduler,
            SeededRandomness(seed),
            self.options,
            self.key_ring,
            self if seed % 2 else None,
        )
        # What the log holds can be flushed before anybody registers a layout.
        for _ in range(self.random.choice((0, 50))):
            self.scheduler.step()
        for prefix, layout in ((TABLE, self.layout), (LOADED, LOADED_LAYOUT)):
            engine.set_layout(prefix, layout)
            self.oracle.set_layout(prefix, layout)
        return engine

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        """MergeWorker: what another process would do, which may be lost."""
        lost = self.random.random() < 0.1

        def work() -> bytes:
            answer = perform_merge(self.files, SeededRandomness(len(request)), self.key_ring, request)
            if lost:
                raise RuntimeError("lost")
            return answer

        self.scheduler.run(work, done)
        return lambda: None

    def key(self, table: bytes | None = None) -> bytes:
        if table is None:
            table = self.random.choice(TABLES)
        if table == LOADED:
            return LOADED + self.random.randrange(self.loaded).to_bytes(4, "big")
        if table == RAW:
            return RAW + b"%03d" % self.random.randrange(300)
        return TABLE + self.random.randrange(600).to_bytes(2, "big")

    def bounds(self, prefix: bytes) -> tuple[bytes, bytes | None]:
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        choice = self.random.random()
        if choice < 0.1:
            return prefix, end
        keys = sorted((self.key(prefix), self.key(prefix)))
        if choice < 0.5:
            return keys[0], keys[0] + b"\xff" if choice < 0.3 else keys[0][:-1] + b"\xff"
        return keys[0], keys[1]

    def row(self, key: bytes) -> Row | None:
        chance = self.random
        if chance.random() < 0.2:
            return None
        if key.startswith(RAW):
            return (None if chance.random() < 0.1 else chance.randbytes(chance.randrange(30)),)
        if key.startswith(LOADED):
            return self.loaded_row()
        row: Row = (
            chance.randrange(-(2**63), 2**63) if chance.random() < 0.3 else chance.randrange(100),
            None if chance.random() < 0.2 else "é" * chance.randrange(10),
            None if chance.random() < 0.2 else Decimal(chance.randrange(-999, 999)).scaleb(-2),
        )
        return row if self.layout is NARROW else (*row, chance.random() < 0.5, chance.random())

    def loaded_row(self) -> Row:
        chance = self.random
        return chance.randrange(1000), None if chance.random() < 0.2 else "l" * chance.randrange(20)

    def width(self, prefix: bytes) -> int:
        if prefix.startswith(RAW):
            return 1
        return len(self.layout.columns) if prefix.startswith(TABLE) else len(LOADED_LAYOUT.columns)

    def go_on_loading(self) -> None:
        """Begins a bulk load, goes on with it, and commits it or gives it up; other things happen in between."""
        if self.load is None:
            load = self.engine.begin_load(LOADED)
            if load is not None:
                first = self.loading
                self.loading += self.random.choice((1, 5, 60, 300))
                rows: dict[bytes, Row | None] = {
                    LOADED + number.to_bytes(4, "big"): self.loaded_row() for number in range(first, self.loading)
                }
                self.load = load, rows, self.load_steps(load, rows)
            return
        load, rows, steps = self.load
        try:
            wait = next(steps)
            if wait is not TURN:
                self.settle(wait)
        except StopIteration:
            self.load = None
            if self.random.random() < 0.1:
                load.give_up()
                return
            assert [row for batch in load.rows() for row in batch] == list(rows.values())
            others = {key: self.row(key) for key in [self.key() for _ in range(self.random.choice((0, 0, 3)))]}
            expected = self.oracle.commit({**rows, **others})
            assert self.engine.commit(others, loads=[load]).timestamp == expected.timestamp
            self.timestamps.append(expected.timestamp)
            self.operations += len(rows) + len(others)
            self.loaded = self.loading
            self.loads += 1

    def load_steps(self, load: Load, rows: dict[bytes, Row | None]) -> Steps[None]:
        keys, values = list(rows), list(rows.values())
        for start in range(0, len(keys), 40):
            part = [row for row in values[start : start + 40] if row is not None]
            vectors = [
                column_vector(column, [row[at] for row in part]) for at, column in enumerate(LOADED_LAYOUT.columns)
            ]
            assert (yield from load.add(keys[start : start + 40], vectors))
            if self.random.random() < 0.1:
                # Keys that do not ascend are refused, with nothing taken.
                assert not (yield from load.add(keys[start : start + 40], vectors))
        yield from load.finish()

    def rotate_key(self) -> None:
        """All files come under a new master key."""
        if self.key_ring is None:
            return
        name = f"k{self.random.randrange(10**6)}"
        self.keys[name] = self.random.randbytes(32)
        self.key_ring = KeyRing(self.keys, name)
        try:
            self.settle(self.engine.rotate_key(self.key_ring).finished)
        except DatacaveError as error:
            # A commit that is being prepared since before has its rows in a log segment under the old key.
            assert self.preparing
            assert error.hint == "Repeat the rotation."
        else:
            assert set(self.engine.statistics()["key_ids"]) <= {name}

    def restore(self) -> None:
        """A checkpoint is a database of its own with the rows of this moment."""
        self.checkpoints += 1
        folder = f"checkpoints/{self.checkpoints}"
        timestamp = self.oracle.newest_timestamp
        self.settle(self.engine.checkpoint(folder).finished)
        scheduler = SimulatedScheduler(self.clock, self.checkpoints)
        copy = Engine.open(
            Folder(self.files, folder),
            self.clock,
            scheduler,
            SeededRandomness(self.checkpoints),
            self.options,
            self.key_ring,
        )
        assert copy.newest_timestamp == timestamp
        for prefix, layout in ((TABLE, self.layout), (LOADED, LOADED_LAYOUT)):
            copy.set_layout(prefix, layout)
        for prefix in TABLES:
            found = [pair for batch in copy.scan(prefix, prefix + b"\xff" * 8, timestamp) for pair in batch]
            assert found == [
                pair for batch in self.oracle.scan(prefix, prefix + b"\xff" * 8, timestamp) for pair in batch
            ]
        closing = copy.close()
        while not closing.done:
            scheduler.run_for(0.3)
        files = MemoryFileSystem()
        for part in ("tables", "wal"):
            files.make_folder(part)
        for name, inode in self.files.disk.names.items():
            if inode is not None and name.startswith(f"{folder}/"):
                files.create(name.removeprefix(f"{folder}/")).write(bytes(inode.current))
        oracle = deepcopy(self.oracle, {id(self.clock): self.clock})
        key_id = "" if self.key_ring is None else self.key_ring.current
        self.saved = Saved(files, oracle, list(self.timestamps), self.layout, self.loaded, key_id)

    def go_back(self) -> None:
        """The database is lost, and the last checkpoint takes its place."""
        if self.saved is None:
            return
        self.settle(self.engine.close())
        saved, self.saved = self.saved, None
        self.returns += 1
        self.files, self.oracle, self.timestamps = saved.files, saved.oracle, saved.timestamps
        self.layout, self.loaded = saved.layout, saved.loaded
        if self.key_ring is not None:
            self.key_ring = KeyRing(self.keys, saved.key_id)
        self.reopen()

    def write(self) -> None:
        count = self.random.choice((1, 1, 1, 3, 20, 150))
        keys = [self.key() for _ in range(count)]
        self.operations += count
        writes = {key: self.row(key) for key in keys}
        if self.random.random() < 0.2:
            self.preparing.append((writes, self.engine.prepare(dict(writes))))
        else:
            self.commit(writes, None)

    def commit(self, writes: dict[bytes, Row | None], prepared: Prepared | None) -> None:
        wait = self.random.random() < 0.7
        expected = self.oracle.commit(writes)
        own = dict(writes)
        assert self.engine.commit(own, wait_durable=wait, prepared=prepared).timestamp == expected.timestamp
        self.timestamps.append(expected.timestamp)

    def prepare(self) -> None:
        """Goes on with a big commit that is under way, between whose parts other things happen."""
        place = self.random.randrange(len(self.preparing))
        writes, steps = self.preparing[place]
        try:
            wait = next(steps)
            if self.random.random() < 0.02:
                steps.close()
                del self.preparing[place]
            elif wait is not TURN:
                self.settle(wait)
        except StopIteration as end:
            del self.preparing[place]
            if self.random.random() < 0.1:
                end.value.give_up()
            else:
                self.commit(writes, end.value)

    def timestamp(self, table: bytes) -> int:
        oldest = self.engine.oldest_readable(table)
        choice = self.random.random()
        if choice < 0.5:
            return self.oracle.newest_timestamp
        if choice < 0.6 and self.pins:
            pinned = self.random.choice(self.pins)[0]
            return pinned if self.engine.is_readable(pinned, table) else oldest
        return max(oldest, self.random.choice(self.timestamps[-200:]))

    def read(self) -> None:
        table = self.random.choice(TABLES)
        timestamp, engine, oracle = self.timestamp(table), self.engine, self.oracle
        choice = self.random.random()
        self.operations += 20 if choice < 0.5 else 1
        if choice < 0.5:
            for key in [self.key(table) for _ in range(20)]:
                assert engine.get(key, timestamp) == oracle.get(key, timestamp)
                found, expected = engine.get_version(key, timestamp), oracle.get_version(key, timestamp)
                if found is None and expected is not None:
                    # A tombstone that nobody can tell from nothing.
                    assert expected.row is None
                    assert expected.timestamp <= engine.oldest_readable(table)
                else:
                    assert found == expected
            return
        low, high = self.bounds(table)
        if choice < 0.75:
            reverse = self.random.random() < 0.5
            batch_rows = self.random.choice((1, 7, 1024))
            batches = list(engine.scan(low, high, timestamp, reverse=reverse, batch_rows=batch_rows))
            assert all(0 < len(batch) <= batch_rows for batch in batches)
            expected_rows = [row for batch in oracle.scan(low, high, timestamp, reverse=reverse) for row in batch]
            assert [row for batch in batches for row in batch] == expected_rows
            self.compare_rows(low, high, timestamp, reverse, batch_rows)
        elif choice < 0.9:
            self.compare_columns(low, high, timestamp)
        elif choice < 0.95:
            after = max(timestamp, engine.oldest_readable(table))
            until = oracle.newest_timestamp
            assert list(engine.history(low, high, after, until)) == list(oracle.history(low, high, after, until))
        else:
            after = max(timestamp, engine.oldest_readable(table))
            newest = engine.newest_in_range(low, high, after)
            assert (newest is None) == (oracle.newest_in_range(low, high, after) is None)
            assert newest is None or newest > after

    def compare_rows(self, low: bytes, high: bytes | None, timestamp: int, reverse: bool, batch_rows: int) -> None:
        width = self.width(low)
        columns = None if self.random.random() < 0.5 else self.random.choices(range(width), k=self.random.randrange(3))
        batches = list(self.engine.scan_rows(low, high, timestamp, columns, reverse=reverse, batch_rows=batch_rows))
        assert all(0 < len(batch) <= batch_rows for batch in batches)
        expected = [
            row for batch in self.oracle.scan_rows(low, high, timestamp, columns, reverse=reverse) for row in batch
        ]
        assert [row for batch in batches for row in batch] == expected

    def compare_columns(self, low: bytes, high: bytes | None, timestamp: int) -> None:
        width = self.width(low)
        columns = self.random.sample(range(width), self.random.randrange(1, width + 1))
        found: dict[bytes, Row] = {}
        for batch in self.engine.scan_columns(low, high, timestamp, columns, with_keys=True):
            assert batch.keys is not None
            assert batch.keys == sorted(batch.keys)
            values = [python_values(vector) for vector in batch.columns]
            assert all(len(each) == batch.row_count for each in values)
            for key, row in zip(batch.keys, zip(*values, strict=True), strict=True):
                assert key not in found
                found[key] = row
        expected: dict[bytes, Row] = {}
        for batch in self.oracle.scan_columns(low, high, timestamp, columns, with_keys=True):
            assert batch.keys is not None
            values = [python_values(vector) for vector in batch.columns]
            expected.update(zip(batch.keys, zip(*values, strict=True), strict=True))
        assert found == expected

    def settle(self, event: object) -> None:
        while not event.done:  # type: ignore[attr-defined]
            self.scheduler.run_for(0.3)
        event.raise_error()  # type: ignore[attr-defined]

    def restart(self) -> None:
        kept = self.engine.retentions()
        self.settle(self.engine.close())
        self.reopen()
        assert all(kept[prefix] == each for prefix, each in self.engine.retentions().items())

    def reopen(self) -> None:
        self.pins.clear()
        self.preparing.clear()
        self.load = None
        self.engine = self.open(self.random.randrange(2**32))
        assert self.engine.newest_timestamp == self.oracle.newest_timestamp
        assert self.engine.visible_timestamp == self.oracle.newest_timestamp

    def pin(self) -> None:
        if self.pins and self.random.random() < 0.5:
            self.pins.pop(self.random.randrange(len(self.pins)))[1]()  # type: ignore[operator]
        else:
            oldest = min(self.engine.oldest_readable(each) for each in (None, *TABLES))
            timestamp = max(oldest, self.random.choice(self.timestamps[-50:]))
            self.pins.append((timestamp, self.engine.pin(timestamp)))

    def set_retention(self) -> None:
        """One table keeps versions longer or shorter, or as long as the others again; reads before are refused."""
        table = self.random.choice(TABLES)
        oldest = self.engine.oldest_readable(table)
        if oldest:
            early = self.random.choice(self.timestamps) if self.random.random() < 0.5 else oldest - 1
            if not self.engine.is_readable(early, table):
                assert early < oldest
                with pytest.raises(SnapshotTooOld, match="no longer kept"):
                    self.engine.scan(table, None, early)
        microseconds = int(self.random.choice((0.2, 2, 20, 200)) * 1_000_000)
        until = self.clock.now_microseconds() + microseconds if self.random.random() < 0.3 else None
        kept = None if self.random.random() < 0.3 else KeptFor(microseconds, until)
        self.engine.set_retention(table[:TABLE_PREFIX_LENGTH], kept)
        assert self.engine.retentions().get(table[:TABLE_PREFIX_LENGTH]) == kept
        assert self.engine.oldest_readable(table) == oldest

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.15 and self.preparing:
            self.prepare()
        elif choice < 0.18:
            self.go_on_loading()
        elif choice < 0.3:
            self.write()
        elif choice < 0.85:
            self.read()
        elif choice < 0.93:
            for _ in range(self.random.randrange(20)):
                self.scheduler.step()
        elif choice < 0.96:
            self.scheduler.run_for(self.random.random() * 2)
        elif choice < 0.98:
            self.pin()
        elif choice < 0.99:
            self.engine.flush()
        elif choice < 0.993:
            self.engine.compact(*(self.bounds(self.random.choice(TABLES)) if self.random.random() < 0.5 else ()))
        elif choice < 0.997:
            self.restart()
        elif choice < 0.9985:
            self.set_retention()
        elif choice < 0.9988:
            self.rotate_key()
        elif choice < 0.9992:
            self.restore()
        elif choice < 0.9995:
            self.go_back()
        elif choice < 0.9998 and self.layout is NARROW:
            self.layout = WIDE
            self.engine.set_layout(TABLE, WIDE)
            self.oracle.set_layout(TABLE, WIDE)
            # What was begun is completed; nobody begins to write rows of the old layout any more.
            self.preparing = [each for each in self.preparing if getgeneratorstate(each[1]) != GEN_CREATED]


def python_values(vector: ColumnVector) -> list[object]:
    values = vector.values if isinstance(vector.values, list) else vector.values.tolist()
    if vector.nulls is None:
        return list(values)
    return [None if null else value for value, null in zip(values, np.asarray(vector.nulls).tolist(), strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_engine_and_memory_store_agree(seed: int) -> None:
    ring = KeyRing({"a": bytes(32)}, "a") if seed % 3 == 2 else None
    world = World(seed, ring)
    for step in range(2_000):
        try:
            world.step()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {step}: {error}") from error
    world.settle(world.engine.flush())
    world.settle(world.engine.compact())
    statistics = world.engine.statistics()
    assert statistics["merges"] > 0
    assert world.loads > 0
    world.compare_columns(TABLE, LOADED, world.oracle.newest_timestamp)
    world.settle(world.engine.close())


def test_an_older_version_of_a_deleted_row_stays_hidden_in_the_next_group() -> None:
    # Groups of one row: the tombstone is the last of its group, and the version that it hides begins the next one.
    world = World(1, None, replace(TINY, group_rows_max=1))
    key = TABLE + b"k"
    world.engine.commit({key: (1, "a", Decimal("1.00"))})
    world.engine.commit({key: None})
    world.settle(world.engine.flush())
    assert list(world.engine.scan(TABLE, None, world.engine.newest_timestamp)) == []

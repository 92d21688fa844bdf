"""Is the memory store the versioned map that the Store port describes?"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from datacave_core.errors import SnapshotTooOld
from datacave_core.layout import DECIMAL64_NAN, Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryStore, SimulatedClock
from datacave_core.ports import Store, Version
from datacave_core.wait import Wait

P, Q = b"tableA", b"tableB"


def key(number: int, prefix: bytes = P) -> bytes:
    return prefix + bytes((number,))


@pytest.mark.parametrize("seed", range(20))
def test_every_read_agrees_with_a_list_of_all_states(seed: int) -> None:
    chance = random.Random(seed)
    clock = SimulatedClock()
    store: Store = MemoryStore(clock)
    states: list[tuple[int, dict[bytes, Any]]] = [(0, {})]
    commits: list[tuple[int, dict[bytes, Any]]] = []
    for number in range(40):
        writes = {key(chance.randrange(12)): chance.choice([None, (number,)]) for _ in range(chance.randrange(1, 5))}
        clock.jump_wall(chance.choice([-1, 0, 0, 1]))
        timestamp = store.commit(writes).timestamp
        assert timestamp > states[-1][0] and store.visible_timestamp == store.newest_timestamp == timestamp
        states.append((timestamp, states[-1][1] | writes))
        commits.append((timestamp, writes))
    for timestamp, state in states:
        live = {k: row for k, row in state.items() if row is not None}
        for number in range(12):
            assert store.get(key(number), timestamp) == live.get(key(number))
        low, high = sorted((key(chance.randrange(13)), key(chance.randrange(13))))
        expected = sorted((k, row) for k, row in live.items() if low <= k < high)
        for reverse in (False, True):
            batches = list(store.scan(low, high, timestamp, reverse=reverse, batch_rows=2))
            assert all(0 < len(batch) <= 2 for batch in batches)
            rows = [pair for batch in batches for pair in batch]
            assert rows == (expected[::-1] if reverse else expected)
    for (after, _), (until, _) in zip(states, states[5:], strict=False):
        expected_history = sorted(
            (k, -timestamp, row)
            for timestamp, writes in commits
            if after < timestamp <= until
            for k, row in writes.items()
        )
        history = [(k, -version.timestamp, version.row) for k, version in store.history(P, None, after, until)]
        assert history == expected_history
        low, high = key(3), key(6)
        newer = [t for t, writes in commits if t > after and any(low <= k < high for k in writes)]
        assert store.newest_in_range(low, high, after) == (newer[-1] if newer else None)
    assert store.newest_in_range(P, None, states[-1][0]) is None
    assert store.newest_in_range(Q, None, 0) is None


def test_versions_include_tombstones() -> None:
    store = MemoryStore()
    first = store.commit({key(1): (1,)}).timestamp
    second = store.commit({key(1): None}).timestamp
    assert store.get_version(key(1), first - 1) is None
    assert store.get_version(key(1), first) == Version(first, (1,))
    assert store.get_version(key(1), second) == Version(second, None)
    assert store.get_version(key(2), second) is None


def test_timestamps_follow_the_clock_but_never_go_back() -> None:
    clock = SimulatedClock()
    store = MemoryStore(clock)
    assert store.commit({key(1): (1,)}).timestamp == clock.now_microseconds()
    clock.jump_wall(-3600)
    assert store.commit({key(1): (1,)}).timestamp == clock.now_microseconds() + 3_600_000_001


def test_a_scan_is_untouched_by_later_writes() -> None:
    store = MemoryStore()
    timestamp = store.commit({key(n): (n,) for n in range(4)}).timestamp
    scan = store.scan(P, None, timestamp, batch_rows=1)
    assert next(scan) == [(key(0), (0,))]
    store.commit({key(1): None, key(2): (99,), key(9): (9,)})
    assert [row for batch in scan for _, row in batch] == [(1,), (2,), (3,)]


def test_short_rows_are_completed() -> None:
    store = MemoryStore()
    timestamp = store.commit({key(1): (1,), key(1, Q): (1,)}).timestamp
    number = PhysicalColumn(PhysicalType.INT64)
    store.set_layout(P, Layout(3, (number, PhysicalColumn(PhysicalType.TEXT, missing="x"), number)))
    assert store.get(key(1), timestamp) == (1, "x", None)
    assert store.get(key(1, Q), timestamp) == (1,)
    assert [v.row for _, v in store.history(P, Q, 0, timestamp)] == [(1, "x", None)]
    with pytest.raises(ValueError, match="6 bytes"):
        store.set_layout(b"short", Layout(0, ()))


def test_columns_of_every_type() -> None:
    store = MemoryStore()
    types = [PhysicalType(n) for n in range(1, 7)]
    store.set_layout(P, Layout(1, tuple(PhysicalColumn(t, scale=2 * (t is PhysicalType.DECIMAL64)) for t in types)))
    rows: list[tuple[Any, ...]] = [(1, 1.5, Decimal("-2.50"), True, b"\0", "é"), (None,) * 6]
    timestamp = store.commit({key(n): row for n, row in enumerate(rows)}).timestamp
    (batch,) = store.scan_columns(P, Q, timestamp, range(6), with_keys=True)
    assert batch.keys == [key(0), key(1)] and batch.row_count == 2
    firsts = [vector.values[0] for vector in batch.columns]
    assert firsts == [1, 1.5, -250, True, b"\0", "é"] and batch.columns[2].scale == 2
    for vector in batch.columns:
        assert vector.nulls is not None and vector.nulls.tolist() == [False, True]
    dtypes = [v.values.dtype for v in batch.columns if isinstance(v.values, np.ndarray)]
    assert dtypes == [np.int64, np.float64, np.int64, np.bool_]
    timestamp = store.commit({key(1): (1, 0.0, Decimal("NaN"), False, b"", "")}).timestamp
    (nan,) = store.scan_columns(key(1), Q, timestamp, [2])
    assert list(nan.columns[0].values) == [DECIMAL64_NAN]
    (plain,) = store.scan_columns(P, key(1), timestamp, [5])
    assert plain.keys is None and plain.columns[0].nulls is None


def test_held_durability() -> None:
    store = MemoryStore(hold_durability=True)
    first = store.commit({key(1): (1,)})
    assert store.visible_timestamp == 0 and store.newest_timestamp == first.timestamp and not first.durable.done
    second = store.commit({key(2): (1,)}, wait_durable=False)
    assert second.durable.done and store.visible_timestamp == second.timestamp
    third = store.commit({key(3): (1,)})
    store.make_durable()
    assert first.durable.done and third.durable.done and store.visible_timestamp == third.timestamp
    last = store.commit({key(3): (1,)})
    closed = store.close()
    assert isinstance(closed, Wait) and closed.done and last.durable.done
    assert store.write_delay() is None


def test_forgetting_keeps_what_can_still_be_seen() -> None:
    store = MemoryStore()
    times = [store.commit({key(1): (n,), key(2): None if n == 2 else (n,)}).timestamp for n in range(4)]
    unpin = store.pin(times[1])
    also = store.pin(times[1])
    store.forget(times[3])
    assert store.oldest_readable() == times[1] and store.get(key(1), times[1]) == (1,)
    with pytest.raises(SnapshotTooOld, match="no longer kept"):
        store.get(key(1), times[0])
    unpin()
    unpin()
    store.forget(times[2])
    assert store.get(key(1), times[1]) == (1,)
    also()
    store.forget(times[2])
    assert store.oldest_readable() == times[2]
    assert (store.get(key(1), times[2]), store.get(key(2), times[2]), store.get(key(2), times[3])) == ((2,), None, (3,))
    assert store.statistics() == {"keys": 2, "versions": 3}
    store.commit({key(1): None, key(2): None})
    store.forget(store.newest_timestamp)
    assert store.statistics() == {"keys": 0, "versions": 0}

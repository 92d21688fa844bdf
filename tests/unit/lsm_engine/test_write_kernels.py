"""Do the compiled kernels of memtable, key order and log give the answers of the plain bodies?"""

from __future__ import annotations

import gc
import random
from decimal import Decimal
from typing import Any

import msgpack
import pytest

from datacave_core.values import Row
from datacave_lsm import _memtable
from datacave_lsm.key_order import plain_merged, plain_ordered
from datacave_lsm.memtable import Cell, plain_gather, plain_insert, plain_unfold
from datacave_lsm.wal import EntryEncoder, _entry
from datacave_lsm.wal.entry import PlainCommitEncoder


def key_of(rng: random.Random) -> bytes:
    return b"t" * rng.randrange(12) + rng.randbytes(rng.randrange(6))


def value_of(rng: random.Random) -> Any:
    return rng.choice(
        [
            lambda: None,
            lambda: rng.random() < 0.5,
            lambda: rng.choice([1, -1]) * (rng.getrandbits(rng.randrange(1, 64)) >> rng.randrange(2)),
            lambda: rng.random() * 10.0 ** rng.randrange(-5, 300),
            lambda: rng.choice([float("inf"), -0.0]),
            lambda: rng.randbytes(rng.choice([0, 31, 32, 255, 256])),
            lambda: "".join(rng.choice("aä€😀\0") for _ in range(rng.choice([0, 5, 31, 32, 100]))),
            lambda: Decimal(rng.randrange(10**9)) / 1000,
        ]
    )()


def writes_of(rng: random.Random) -> dict[bytes, Row | None]:
    return {
        key_of(rng): None if rng.random() < 0.1 else tuple(value_of(rng) for _ in range(rng.choice([0, 1, 3, 16])))
        for _ in range(rng.choice([0, 1, 5, 16, 40]))
    }


@pytest.mark.parametrize("seed", range(30))
def test_versions_go_in_and_come_out_alike(seed: int) -> None:
    rng = random.Random(seed)
    plain: dict[bytes, Cell] = {}
    fast: dict[bytes, Cell] = {}
    plain_tail: list[bytes] = []
    fast_tail: list[bytes] = []
    for timestamp in range(8):
        writes = writes_of(rng)
        plain_insert(plain, writes, timestamp, plain_tail)
        _memtable.insert(fast, writes, timestamp, fast_tail)
        assert fast == plain
        assert fast_tail == plain_tail
        keys = rng.sample(fast_tail, rng.randrange(len(fast_tail) + 1))
        assert _memtable.gather(fast, keys) == plain_gather(plain, keys)
        snapshots = tuple(sorted(rng.sample(range(-1, 9), rng.choice([1, 1, 2, 4]))))
        assert _memtable.unfold(fast, keys, snapshots) == plain_unfold(plain, keys, snapshots)
    with pytest.raises(KeyError):
        _memtable.unfold(fast, [b"no such key"], (0,))
    with pytest.raises(KeyError):
        _memtable.gather(fast, [b"no such key"])


def test_cells_of_plain_values_are_out_of_the_collectors_sight() -> None:
    cells: dict[bytes, Cell] = {}
    for timestamp in (1, 2):
        _memtable.insert(cells, {b"a": (timestamp, "text", b"\0", None), b"b": ([],), b"c": None}, timestamp, [])
    newest = cells[b"a"]
    assert not any(gc.is_tracked(thing) for thing in (newest, newest[1], newest[2], cells[b"c"]))
    assert all(gc.is_tracked(thing) for thing in (cells[b"b"], cells[b"b"][1], cells[b"b"][2]))


@pytest.mark.parametrize("seed", range(30))
def test_keys_are_put_in_order(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.choice([0, 1, 2, 15, 16, 17, 100, 1000])
    common = rng.randbytes(rng.randrange(9))
    keys = list({common + key_of(rng) for _ in range(count)} | {common + rng.randbytes(8) for _ in range(count)})
    for given in (keys, sorted(keys), sorted(keys, reverse=True)):
        found = _memtable.ordered(given)
        assert found == plain_ordered(given)
        assert found is not given
    half = len(keys) // 2
    left, right = sorted(keys[:half]), sorted(keys[half:])
    assert _memtable.merged(left, right) == plain_merged(left, right)
    with pytest.raises(TypeError):
        _memtable.ordered([b"a", "a"])


@pytest.mark.parametrize("seed", range(30))
def test_commits_have_the_same_bytes(seed: int) -> None:
    rng = random.Random(seed)
    pack = EntryEncoder().encode
    plain, fast = PlainCommitEncoder(pack), _entry.CommitEncoder(pack)
    for timestamp in (0, 1, -7, 127, 128, -32, -33, -129, -(2**15) - 1, -(2**40), 255, 256, 2**16, 2**32, 2**62):
        writes = writes_of(rng)
        assert fast.encode(timestamp, writes) == plain.encode(timestamp, writes)


def test_long_values_and_many_rows_have_the_same_bytes() -> None:
    pack = EntryEncoder().encode
    plain, fast = PlainCommitEncoder(pack), _entry.CommitEncoder(pack)
    for writes in (
        {b"k": (b"x" * 70_000, "y" * 70_000, "ä" * 70_000)},
        {b"k" * 300: (0,) * 70_000},
        {number.to_bytes(4, "big"): (number,) for number in range(70_000)},
        {b"k": (2**64 - 1, 2**63)},
    ):
        encoded = fast.encode(5, writes)
        assert encoded == plain.encode(5, writes)
        assert msgpack.unpackb(encoded, use_list=False, strict_map_key=False, ext_hook=None) == (5, writes)


@pytest.mark.parametrize("row", [(object(),), (2**64,), ("\ud800",)])
def test_what_has_no_bytes_is_refused_and_leaves_no_trace(row: Row) -> None:
    pack = EntryEncoder().encode
    plain, fast = PlainCommitEncoder(pack), _entry.CommitEncoder(pack)
    for encoder in (plain, fast):
        with pytest.raises((TypeError, UnicodeEncodeError)):
            encoder.encode(5, {b"a": (1,), b"b": row})
    assert fast.encode(5, {b"a": (1,)}) == plain.encode(5, {b"a": (1,)})

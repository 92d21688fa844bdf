"""The storage engine against RocksDB, LMDB and SQLite, all from Python, load by load in turn.

    python -m bench lsm [--rows N] [--only WORDS] [--json FILE]

Keys of 14 and values of 100 bytes, a million of them. Ratios above 1 mean that Datacave is faster; the end says where
it is not, and why. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench.behind import behind
from bench.stores import STORES, DatacaveStore, Load, Pair, Store, key_of, values
from datacave_server.collector import THRESHOLDS

BATCH_ROWS = 1000
SCAN_ROWS = 10_000
SYNCED_ROWS = 2000


class Plan:
    """The loads: name, unit count, and what to do. They run in this order on every store."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        chance = random.Random(1)
        order = list(range(rows))
        chance.shuffle(order)
        some = values(10_000, 2)
        self._pairs: list[Pair] = [(key_of(number), some[number % len(some)]) for number in range(rows)]
        self._shuffled: list[Pair] = [self._pairs[number] for number in order]
        self._few = max(rows // 10, 1000)
        self._chance = chance

    def loads(self) -> Iterator[tuple[str, int, Load]]:
        rows, few, pairs, shuffled = self.rows, self._few, self._pairs, self._shuffled
        half = rows // 2
        upper = _batches(pairs[half:])
        yield "batched put, in order", rows - half, lambda store: store.put_batches(upper, False)
        lower = _batches([pair for pair in shuffled if pair[0] < key_of(half)])
        yield "batched put, random, sync", half, lambda store: store.put_batches(lower, True)
        upper_few, lower_few = upper[: few // BATCH_ROWS], lower[: few // BATCH_ROWS]
        yield "batched put, in order, sync", sum(map(len, upper_few)), lambda store: store.put_batches(upper_few, True)
        yield "batched put, random", sum(map(len, lower_few)), lambda store: store.put_batches(lower_few, False)
        yield "put, in order", few, lambda store: store.put(pairs[:few], False)
        yield "put, random", few, lambda store: store.put(shuffled[:few], False)
        ordered = pairs[:SYNCED_ROWS]
        yield "put, in order, sync", len(ordered), lambda store: store.put(ordered, True)
        synced = shuffled[:SYNCED_ROWS]
        yield "put, random, sync", len(synced), lambda store: store.put(synced, True)
        for committers in (1, 8, 32):
            count = max(SYNCED_ROWS // committers, 100)
            parts = [shuffled[at * count : (at + 1) * count] for at in range(committers)]
            yield f"commits, {committers} committers", sum(map(len, parts)), _together(parts)
        yield "(settle)", 0, lambda store: store.settle()
        keys = [key for key, _ in shuffled[:few]]
        yield "get, first time", few, lambda store: _found(store.get(keys), few)
        yield "get, again", few, lambda store: _found(store.get(keys), few)
        absent = [key + b"x" for key in keys]
        yield "get, missing", few, lambda store: _found(store.get(absent), 0)
        lows = [key_of(self._chance.randrange(max(rows - SCAN_ROWS, 1))) for _ in range(max(few // SCAN_ROWS, 5) * 4)]
        length = min(SCAN_ROWS, rows)
        yield (
            f"scan of {length:,} rows",
            length * len(lows),
            lambda store: _found(store.scan(lows, length), length * len(lows)),
        )
        short = [key_of(self._chance.randrange(rows - 10)) for _ in range(few // 10)]
        yield "scan of 10 rows, scans", len(short), lambda store: _found(store.scan(short, 10), 10 * len(short))
        yield "mixed, 9 gets to 1 put", few, lambda store: store.mixed(keys, b"y" * 100, False)
        several = keys[: 10 * SYNCED_ROWS]
        yield "mixed, sync", len(several), lambda store: store.mixed(several, b"z" * 100, True)


def _together(parts: list[list[Pair]]) -> Load:
    return lambda store: store.commit_together(parts)


async def _found(load: object, expected: int) -> None:
    found = await load  # type: ignore[misc]
    assert found == expected, f"{found} rows instead of {expected}"


def _batches(pairs: list[Pair]) -> list[list[Pair]]:
    return [pairs[start : start + BATCH_ROWS] for start in range(0, len(pairs), BATCH_ROWS)]


async def compare(rows: int, words: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Units per second by load and store; prints a line per load."""
    stores: list[Store] = []
    for make in STORES:
        place = folder / str(len(stores))
        place.mkdir(mode=0o700)
        stores.append(make(place))
    print(f"{'per second':28}" + "".join(f"{store.name:>12}" for store in stores) + "   Datacave : each")
    figures: dict[str, dict[str, float]] = {}
    plan = Plan(rows)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)  # as the server does
    for turn, (name, count, load) in enumerate(plan.loads()):
        measured: dict[str, float] = {}
        for at in range(len(stores)):
            store = stores[(at + turn) % len(stores)]
            start = time.perf_counter()
            await load(store)
            measured[store.name] = count / (time.perf_counter() - start)
        if count:
            figures[name] = measured
        if count and (not words or any(word in name for word in words)):
            found = [measured[store.name] for store in stores]
            ratios = " ".join(f"{found[0] / each:6.2f}" for each in found[1:])
            print(f"{name:28}" + "".join(f"{each:12,.0f}" for each in found) + f"   {ratios}", flush=True)
    for store in stores:
        await store.close()
    for name, measured in figures.items():
        others = dict(measured)
        line = behind(name, others.pop(DatacaveStore.name), others)
        if line is not None and (not words or any(word in name for word in words)):
            print(line)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench lsm", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows in each store (default: 1,000,000)")
    parser.add_argument("--only", default="", help="print loads whose names contain one of these words")
    parser.add_argument("--json", type=Path, help="write all figures there as JSON")
    arguments = parser.parse_args()
    words = [word for word in arguments.only.split(",") if word]

    async def run() -> dict[str, dict[str, float]]:
        with tempfile.TemporaryDirectory(prefix="datacave-bench-") as folder:
            return await compare(arguments.rows, words, Path(folder))

    figures = uvloop.run(run())
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"rows": arguments.rows, "per_second": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()

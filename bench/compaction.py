"""The compaction picker on simulated levels: write and space amplification of three loads, without a disk.

    python -m bench compaction [--gigabytes N]

Row by row as a server with default options would keep them, but a thousandth of the size: memtables, tables and levels
shrink alike, so that the ratios stay. Loads: keys in order; random keys, most of them there already; and the same with
four of five writes on a fifth of the keys. Written: table bytes of flushes and merges, by the bytes of flushes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacave_lsm import EngineOptions
from datacave_lsm.compaction import MergeTask, pick
from datacave_lsm.memtable import CELL_BYTES
from datacave_lsm.version import Levels, TableFile

SCALE = 1000
ROW_BYTES = 100
"""What a row takes in a table file."""
ENCODED_BYTES = 120
"""What it takes in the log; the memtable counts that and CELL_BYTES."""
HOT_KEYS, HOT_WRITES = 0.2, 0.8

Keys = NDArray[np.int64]
Load = Callable[[np.random.Generator, int, int, int], Keys]


def in_order(chance: np.random.Generator, first: int, count: int, key_count: int) -> Keys:
    """New keys, each greater than the last."""
    return np.arange(first, first + count, dtype=np.int64)


def uniform(chance: np.random.Generator, first: int, count: int, key_count: int) -> Keys:
    """Any of the keys."""
    return chance.integers(0, key_count, count)


def skewed(chance: np.random.Generator, first: int, count: int, key_count: int) -> Keys:
    """Mostly some of the keys, which lie everywhere."""
    hot = chance.random(count) < HOT_WRITES
    keys = chance.integers(0, key_count, count)
    some = chance.integers(0, int(key_count * HOT_KEYS), count)
    # A multiplication spreads the hot ones over the key space.
    return np.where(hot, some * 7919 % key_count, keys)


LOADS: dict[str, Load] = {"in order": in_order, "random": uniform, "four fifths on a fifth": skewed}


@dataclass(slots=True)
class Simulation:
    """The levels of one store under one load; rows are their keys."""

    options: EngineOptions
    levels: Levels = field(init=False)
    rows: dict[int, Keys] = field(default_factory=dict)
    flushed: int = 0
    merged: int = 0
    moves: int = 0
    merges: int = 0
    _number: int = 0
    _clock: int = 0

    def __post_init__(self) -> None:
        self.levels = Levels.empty(self.options.level_count)

    def write(self, keys: Keys) -> None:
        """Flushes a memtable of these rows, then merges until every level is within its bounds."""
        self._clock += 1
        file = self._file(np.unique(keys))
        self.flushed += file.size_bytes
        self.levels = self.levels.change(frozenset(), ((0, file),))
        while (task := pick(self.levels, self.options)) is not None:
            self._merge(task)

    def live_bytes(self) -> int:
        """What the newest versions alone would take."""
        found = [self.rows[file.number] for file in self.levels.all_files()]
        return len(np.unique(np.concatenate(found))) * ROW_BYTES

    def total_bytes(self) -> int:
        return sum(file.size_bytes for file in self.levels.all_files())

    def _file(self, keys: Keys) -> TableFile:
        self._number += 1
        self.rows[self._number] = keys
        smallest, largest = int(keys[0]).to_bytes(8, "big"), int(keys[-1]).to_bytes(8, "big")
        size = len(keys) * ROW_BYTES
        return TableFile(self._number, smallest, largest, self._clock, self._clock, len(keys), 0, size)

    def _merge(self, task: MergeTask) -> None:
        removed = frozenset(file.number for file in task.inputs)
        if task.trivial:
            self.moves += len(task.upper)
            self.levels = self.levels.change(removed, tuple([(task.target, file) for file in task.upper]))
            return
        keys = np.unique(np.concatenate([self.rows.pop(number) for number in sorted(removed)]))
        per_file = self.options.table_bytes_max // ROW_BYTES
        files = [self._file(keys[start : start + per_file]) for start in range(0, len(keys), per_file)]
        self.merges += 1
        self.merged += sum(file.size_bytes for file in files)
        self.levels = self.levels.change(removed, tuple([(task.target, file) for file in files]))


def scaled(options: EngineOptions) -> EngineOptions:
    """The options of a store that is a thousandth of the size."""
    return EngineOptions(
        memtable_bytes_max=options.memtable_bytes_max // SCALE,
        table_bytes_max=options.table_bytes_max // SCALE,
        level1_bytes=options.level1_bytes // SCALE,
        level0_trigger_files=options.level0_trigger_files,
        level_growth=options.level_growth,
        level_count=options.level_count,
    )


def simulate(load: Load, written_bytes: int, options: EngineOptions, seed: int = 1) -> Simulation:
    """Writes so many bytes (at full size); random loads have a third as many keys."""
    small = scaled(options)
    simulation = Simulation(small)
    chance = np.random.default_rng(seed)
    per_memtable = small.memtable_bytes_max // (CELL_BYTES + ENCODED_BYTES)
    count = written_bytes // SCALE // ROW_BYTES
    for first in range(0, count, per_memtable):
        simulation.write(load(chance, first, per_memtable, count // 3))
    return simulation


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench compaction", description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=int, default=30, help="bytes of rows written (default: 30)")
    arguments = parser.parse_args()
    print(f"{'load':24} {'write amp.':>10} {'space amp.':>10} {'merges':>8} {'moves':>8}   megabytes by level")
    for name, load in LOADS.items():
        found = simulate(load, arguments.gigabytes * 1024**3, EngineOptions())
        levels = " ".join(f"{found.levels.size_bytes(level) * SCALE / 1e6:,.0f}" for level in range(7))
        write = (found.flushed + found.merged) / found.flushed
        space = found.total_bytes() / found.live_bytes()
        print(f"{name:24} {write:10.2f} {space:10.2f} {found.merges:8,} {found.moves:8,}   {levels}")


if __name__ == "__main__":
    main()

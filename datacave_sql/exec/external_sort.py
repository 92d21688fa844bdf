"""External sort: any number of rows in order, with bounded memory.

Rows are kept until they take more than work_mem; then they are sorted and put aside as a run, and the next ones follow.
At the end all runs are merged block by block; more runs than memory has room for blocks are merged to longer ones
first. Without a spill it is the sort in steps of sorting.py. The order is stable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.sorting import Passes, compare, place_of, sort_rows, sorted_parts
from datacave_sql.exec.spill import Run, Spill, block_bytes

FAN_IN_MIN = 8
KIB = 1024


class Sorter:
    """One sort. `bound`: how many rows are wanted, or None for all. Close it, however the sort ends."""

    __slots__ = ("_bound", "_context", "_memory", "_passes", "_rows", "_runs", "_spill", "_total")

    def __init__(self, context: ExecutionContext, passes: Passes, bound: int | None = None) -> None:
        self._context = context
        self._passes = passes
        self._bound = bound
        self._memory = context.work_memory()
        self._rows: list[Any] = []
        self._runs: list[Run] = []
        self._spill = Spill(context)
        self._total = 0

    def add(self, rows: list[Any]) -> Steps[None]:
        """Takes rows."""
        self._rows += rows
        self._total += len(rows)
        over = self._memory.take(rows_bytes(rows))
        bound = self._bound
        if bound is not None and len(self._rows) > max(4 * BATCH_ROWS, 2 * bound):
            sort_rows(self._rows, self._passes)
            del self._rows[bound:]
            over = self._recount()
        if over and len(self._rows) > 1:
            yield from self._put_aside()

    def _recount(self) -> bool:
        self._memory.release()
        return self._memory.take(rows_bytes(self._rows))

    def _put_aside(self) -> Steps[None]:
        """The rows at hand become a run."""
        per_row = max(1, self._memory.used // len(self._rows))
        self._runs.append((yield from self._written(self._in_order(), per_row)))
        self._rows = []
        self._memory.release()

    def _in_order(self) -> Iterator[list[Any] | Wait]:
        """The rows at hand in order, in parts, as far as they are wanted."""
        left = self._bound
        for part in sorted_parts(self._rows, self._passes):
            if part is not None:
                if left is not None:
                    del part[left:]
                    left -= len(part)
                if part:
                    yield part
                if left == 0:
                    return
                del part
            if self._context.slice_over():
                yield TURN

    def _written(self, parts: Iterator[list[Any] | Wait], per_row: int) -> Steps[Run]:
        """A run of sorted rows. `per_row`: bytes in memory."""
        run = Run()
        size = max(1, block_bytes(self._memory.limit) // per_row)
        for part in parts:
            if isinstance(part, Wait):
                yield part
                continue
            for start in range(0, len(part), size):
                block = part[start : start + size]
                run.places.append((yield from self._spill.write(block)))
                run.rows += len(block)
        return run

    def sorted(self) -> Iterator[list[Any] | Wait]:
        """All rows in order, in parts; to be called once."""
        if not self._runs:
            yield from self._in_order()
            return
        if self._rows:
            yield from self._put_aside()
        fan_in = max(FAN_IN_MIN, self._memory.limit // (2 * block_bytes(self._memory.limit)))
        while len(self._runs) > fan_in:
            longer = []
            for start in range(0, len(self._runs), fan_in):
                group = self._runs[start : start + fan_in]
                rows_per_block = max(1, group[0].rows // len(group[0].places))
                per_row = max(1, block_bytes(self._memory.limit) // rows_per_block)
                longer.append((yield from self._written(self._merged(group), per_row)))
            self._runs = longer
        left = self._bound
        for part in self._merged(self._runs):
            if isinstance(part, Wait):
                yield part
                continue
            if left is not None:
                del part[left:]
                left -= len(part)
            if part:
                yield part
            if left == 0:
                return

    def _merged(self, runs: list[Run]) -> Iterator[list[Any] | Wait]:
        """The rows of runs in order; of equal rows those of an earlier run come first."""
        spill, passes = self._spill, self._passes
        significant = [(key, descending) for key, descending in reversed(passes)]
        places = [list(reversed(run.places)) for run in runs]
        blocks: list[list[Any]] = [[] for _ in runs]
        starts = [0] * len(runs)
        active = list(range(len(runs)))
        while True:
            for number in active:
                if starts[number] == len(blocks[number]) and places[number]:
                    blocks[number] = yield from spill.read(places[number].pop())
                    starts[number] = 0
            active = [number for number in active if starts[number] < len(blocks[number])]
            if not active:
                return
            # The run whose block ends first gives the rows up to which all others are known.
            first = active[0]
            for number in active[1:]:
                if compare(blocks[number][-1], blocks[first][-1], significant) < 0:
                    first = number
            pivot = blocks[first][-1]
            merged: list[Any] = []
            for number in active:
                block, start = blocks[number], starts[number]
                end = place_of(block, start, pivot, significant, after_equal=number <= first)
                merged += block[start:end]
                starts[number] = end
            sort_rows(merged, passes)
            yield merged
            if self._context.slice_over():
                yield TURN

    def facts(self) -> dict[str, Any]:
        """How it went, as EXPLAIN ANALYZE tells it."""
        if self._runs:
            return _told("external merge", "Disk", self._spill.size)
        bounded = self._bound is not None and self._total > self._bound
        return _told("top-N heapsort" if bounded else "quicksort", "Memory", self._memory.peak)

    def close(self) -> None:
        """Gives memory and disk back."""
        discard(self._rows)
        self._memory.release()
        self._spill.close()


def _told(method: str, kind: str, size: int) -> dict[str, Any]:
    return {"Sort Method": method, "Sort Space Used": -(-size // KIB), "Sort Space Type": kind}

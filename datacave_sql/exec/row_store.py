"""RowStore: rows that are kept to be read again, any part of them: common tables, cursors.

The last ones wait in memory; when they take more than work_mem, they go to a temporary file in blocks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.spill import Place, Spill, block_bytes


class RowStore:
    """Rows in the order in which they came. Close it when nobody reads it any more."""

    __slots__ = (
        "_block",
        "_block_number",
        "_context",
        "_firsts",
        "_memory",
        "_places",
        "_spill",
        "_tail",
        "_tail_start",
    )

    def __init__(self, context: ExecutionContext) -> None:
        self._context = context
        self._memory = context.work_memory()
        self._spill: Spill | None = None
        self._firsts: list[int] = []
        self._places: list[Place] = []
        self._tail: list[Row] = []
        self._tail_start = 0
        self._block_number = -1
        self._block: list[Row] = []

    def __len__(self) -> int:
        return self._tail_start + len(self._tail)

    def add(self, rows: list[Row]) -> Steps[None]:
        """Keeps rows."""
        self._tail += rows
        if self._memory.take(rows_bytes(rows)):
            yield from self._put_aside()

    def _put_aside(self) -> Steps[None]:
        tail, memory = self._tail, self._memory
        size = max(1, len(tail) * block_bytes(memory.limit) // max(memory.used, 1))
        spill = self._spill = self._spill or Spill(self._context)
        for start in range(0, len(tail), size):
            block = tail[start : start + size]
            self._places.append((yield from spill.write(block)))
            self._firsts.append(self._tail_start)
            self._tail_start += len(block)
        discard(tail)
        self._tail = []
        memory.release()

    def part(self, start: int, stop: int) -> Iterator[list[Row] | Wait]:
        """The rows start .. stop, as many of them as there are, in batches."""
        stop = min(stop, len(self))
        while start < stop:
            if start >= self._tail_start:
                rows, first = self._tail, self._tail_start
            else:
                number = bisect_right(self._firsts, start) - 1
                if number != self._block_number:
                    assert self._spill is not None
                    self._block = yield from self._spill.read(self._places[number])
                    self._block_number = number
                rows, first = self._block, self._firsts[number]
            end = min(stop, first + len(rows), start + BATCH_ROWS)
            yield rows[start - first : end - first]
            start = end

    def rows(self) -> Iterator[list[Row] | Wait]:
        """All rows, in batches."""
        if not self._places and len(self._tail) <= BATCH_ROWS:
            if self._tail:
                yield self._tail[:]
            return
        for part in self.part(0, len(self)):
            yield part
            if self._context.slice_over():
                yield TURN

    def row(self, number: int) -> Steps[Row]:
        """One row."""
        found: list[Any] = []
        for part in self.part(number, number + 1):
            if isinstance(part, Wait):
                yield part
            else:
                found = part
        row: Row = found[0]
        return row

    def clear(self) -> None:
        """Forgets all rows."""
        if self._spill is not None:
            self.close()
            self._spill = None
            self._firsts, self._places = [], []
            self._tail_start, self._block_number = 0, -1
        self._memory.release()
        discard(self._tail)
        self._tail = []

    def close(self) -> None:
        """Gives memory and disk back."""
        self._memory.release()
        discard(self._tail)
        self._tail, self._block = [], []
        if self._spill is not None:
            self._spill.close()

"""Pace: runs generated code over rows in slices that end before others have waited too long.

Nobody knows beforehand what a row costs: a comparison or a regular expression over a megabyte, no match or a thousand.
So the first slices are small, and each one's time decides the size of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_size import rows_bytes

FIRST_SLICE_ROWS = 64
FIRST_SLICE_BYTES = 1 << 18
SLICE_ROWS_MAX = 1 << 16
SLICE_SECONDS = 0.003
SLICE_BYTES = 1 << 20
"""Wide rows come in smaller slices: a client that does not read holds up one of them."""


class Pace:
    """How many rows one call may take; one for each execution of an operator."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = FIRST_SLICE_ROWS

    def run(
        self, context: ExecutionContext, work: Callable[[list[Any]], list[Any] | None], batch: list[Any]
    ) -> Iterator[list[Any] | Wait]:
        """What `work` gives for the batch, slice by slice, and TURN where others are due."""
        start, count = 0, len(batch)
        if count > 1 and self.rows == FIRST_SLICE_ROWS:
            self.rows = max(1, min(self.rows, FIRST_SLICE_BYTES // (rows_bytes(batch[:1]) or 1)))
        while start < count:
            part = batch if count <= self.rows and not start else batch[start : start + self.rows]
            begun = perf_counter()
            rows = work(part)
            done = len(part)
            self.note(done, perf_counter() - begun)
            start += done
            if rows:
                if done >= FIRST_SLICE_ROWS and rows_bytes(rows[:1]) * len(rows) > SLICE_BYTES:
                    self.rows = max(1, SLICE_BYTES * done // (rows_bytes(rows[:1]) * len(rows)))
                yield rows
            if context.slice_over():
                yield TURN

    def note(self, rows: int, seconds: float) -> None:
        """Told how long one call took for so many rows."""
        if seconds > SLICE_SECONDS:
            self.rows = max(1, int(rows * SLICE_SECONDS / seconds))
        elif rows >= self.rows and 4 * seconds < SLICE_SECONDS and self.rows < SLICE_ROWS_MAX:
            self.rows *= 4

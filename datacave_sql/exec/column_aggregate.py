"""ColumnAggregate: groups frames by key vectors and advances one accumulator per aggregate.

Like Aggregate, for one grouping set and aggregates that need no order of their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.column_operator import Frames
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.distinct import hashed_facts
from datacave_sql.exec.frame_partitions import FramePartitions, frames_of, value_partitions
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.partitioning import LEVELS_MAX, HashPartitions
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.spill import Spill
from datacave_sql.exec.work_memory import WorkMemory
from datacave_sql.vectors.accumulators import Accumulator, Rows
from datacave_sql.vectors.compile import MaskFactory, VectorFactory
from datacave_sql.vectors.grouping import GroupTable
from datacave_sql.vectors.vector import Frame, Mask, Places, Vector

SEEN_BYTES = 240
"""What it takes to know a value again."""

STATE_BYTES = 64


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """One aggregate: its arguments, its FILTER, and `make()` for its states."""

    arguments: tuple[VectorFactory, ...]
    make_filter: MaskFactory | None
    make: Callable[[], Accumulator]


@dataclass(slots=True)
class ColumnAggregate:
    """Rows are the group columns, then the aggregates' values. `make_table()` makes the table of groups."""

    child: Any
    groups: tuple[VectorFactory, ...]
    make_table: Callable[[], GroupTable]
    steps: tuple[ColumnStep, ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]
    keys: str

    def open(self, context: ExecutionContext) -> Batches:
        spill = Spill(context)
        memory = context.work_memory(hashed=True)
        run = _Run(self, context, memory, spill, 0)
        try:
            yield from run.results(self.child.open_frames(context))
        finally:
            if self.keys:
                context.tell(self, hashed_facts(run.batches, memory.peak, spill.size))
            memory.release()
            spill.close()

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "HashAggregate" if self.keys else "Aggregate"

    def details(self) -> Sequence[str]:
        return (f"Group Key: {self.keys}",) if self.keys else ()


class _Run:
    """One execution, or one partition of it: groups that do not fit are put aside by the hash of their keys, and so
    are values that have to be told apart."""

    def __init__(
        self, aggregate: ColumnAggregate, context: ExecutionContext, memory: WorkMemory, spill: Spill, level: int
    ) -> None:
        self.batches = 1
        self._aggregate = aggregate
        self._context = context
        self._memory = memory
        self._spill = spill
        self._level = level
        self._table = aggregate.make_table()
        self._group_runs = [make(context) for make in aggregate.groups]
        self._steps = [
            (
                [argument(context) for argument in step.arguments],
                step.make_filter(context) if step.make_filter is not None else None,
                step.make(),
            )
            for step in aggregate.steps
        ]
        self._telling = [one for _, _, one in self._steps if isinstance(one, Rows)]
        self._pace = Pace()
        self._values: dict[int, HashPartitions] = {}
        self._aside: FramePartitions | None = None
        self._groups_counted = self._seen_counted = 0

    def results(self, source: Frames) -> Batches:
        """The rows of all groups of the frames."""
        context = self._context
        for frame in source:
            if isinstance(frame, Wait):
                yield frame
                continue
            # Row code takes a while for a frame.
            size = self._pace.rows if self._telling else frame.count
            start = 0
            while start < frame.count:
                begun = perf_counter()
                piece = frame.part(start, start + size) if start or size < frame.count else frame
                start += piece.count
                yield from self._grouped(piece)
                if self._telling:
                    self._pace.note(piece.count, perf_counter() - begun)
                    size = self._pace.rows
                yield from self._account()
                if context.slice_over():
                    yield TURN
        if not self._group_runs and not len(self._table):
            self._table.add_empty()
        yield from self._values_put_aside()
        for one in self._telling:
            # A big set takes long to go at once.
            while one.forget_some():
                if context.slice_over():
                    yield TURN
        yield from self._own_rows()
        if self._aside is None:
            return
        yield from self._aside.finish()
        self._table, self._steps, self._telling = self._aggregate.make_table(), [], []
        self._memory.release()
        for run in self._aside.runs:
            if run.rows:
                part = _Run(self._aggregate, context, self._memory, self._spill, self._level + 1)
                yield from part.results(frames_of(run, self._spill))
                self._memory.release()
                self.batches += part.batches

    def _grouped(self, frame: Frame) -> Steps[None]:
        """Takes the rows of groups at hand, and of new ones unless there is no room for them."""
        keys = [run(frame).spread(frame.count) for run in self._group_runs]
        if self._aside is not None:
            mask = yield from self._known(frame, keys, self._aside)
            frame = frame.keep(mask, tuple(frame.columns))
            keys = [key.keep(mask) for key in keys]
        if frame.count:
            self._take(frame, self._table.number(keys, frame.count))

    def _take(self, frame: Frame, numbers: Places) -> None:
        total = len(self._table)
        for arguments, test, accumulator in self._steps:
            groups, part = numbers, frame
            if test is not None:
                mask = test(frame)
                groups, part = numbers[mask], frame.keep(mask, tuple(frame.columns))
            if part.count:
                accumulator.add(groups, [run(part).spread(part.count) for run in arguments], total)

    def _known(self, frame: Frame, keys: list[Vector], aside: FramePartitions) -> Steps[Mask]:
        """The rows of groups at hand; the others go to their partitions."""
        compared = self._table.compared(keys)
        mask = np.array(self._table.knows(compared), np.bool_)
        if not mask.all():
            rest = [key for key, known in zip(compared, mask.tolist(), strict=True) if not known]
            numbers = value_partitions(rest, self._level, aside.count)
            yield from aside.spread(frame.keep(~mask, tuple(frame.columns)), numbers)
        return mask

    def _account(self) -> Steps[None]:
        """Counts what the frame has added, and makes room where it is too much."""
        total, seen = len(self._table), sum(one.seen_count for one in self._telling)
        size = SEEN_BYTES * (seen - self._seen_counted)
        if total != self._groups_counted:
            size += self._table.bytes_since(self._groups_counted)
            size += STATE_BYTES * len(self._steps) * (total - self._groups_counted)
        self._groups_counted, self._seen_counted = total, seen
        if size and self._memory.take(size):
            if self._group_runs and self._level < LEVELS_MAX and self._aside is None:
                types = self._aggregate.child.types
                self._aside = FramePartitions(self._spill, self._memory.limit, types)
            for one in self._telling:
                one.full = True
        for place, one in enumerate(self._telling):
            if one.aside:
                marks, rows = zip(*one.aside, strict=True)
                one.aside = []
                if place not in self._values:
                    row_bytes = max(SEEN_BYTES, rows_bytes(list(rows)) // len(rows))
                    self._values[place] = HashPartitions(self._spill, self._level, self._memory.limit, row_bytes)
                partitions = self._values[place]
                yield from partitions.spread(partitions.numbers(marks), list(rows))

    def _values_put_aside(self) -> Steps[None]:
        """Values that were put aside go in, partition by partition."""
        for place, partitions in self._values.items():
            yield from partitions.finish()
            for run in partitions.runs:
                self._telling[place].forget_seen()
                for rows in run.read(self._spill):
                    if isinstance(rows, Wait):
                        yield rows
                        continue
                    self._telling[place].add_rows(rows)
                    if self._context.slice_over():
                        yield TURN
            self._telling[place].forget_seen()

    def _own_rows(self) -> Batches:
        total = len(self._table)
        keys = self._table.rows
        found = [accumulator.values(total) for _, _, accumulator in self._steps]
        if self._context.slice_over():
            yield TURN
        for start in range(0, total, BATCH_ROWS):
            stop = start + BATCH_ROWS
            heads = keys[start:stop]
            if not found:
                yield heads
                continue
            tails = zip(*(values[start:stop] for values in found), strict=True)
            yield [head + tail for head, tail in zip(heads, tails, strict=True)]

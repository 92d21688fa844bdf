"""ColumnAggregate: groups frames by key vectors and advances one accumulator per aggregate.

Like Aggregate, for one grouping set and aggregates that need no order of their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.vectors.accumulators import Accumulator
from datacave_sql.vectors.compile import MaskFactory, VectorFactory
from datacave_sql.vectors.grouping import GroupTable


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
        table = self.make_table()
        group_runs = [make(context) for make in self.groups]
        steps = [
            (
                [argument(context) for argument in step.arguments],
                step.make_filter(context) if step.make_filter is not None else None,
                step.make(),
            )
            for step in self.steps
        ]
        for frame in self.child.open_frames(context):
            if isinstance(frame, Wait):
                yield frame
                continue
            numbers = table.number([run(frame).spread(frame.count) for run in group_runs], frame.count)
            total = len(table)
            for arguments, test, accumulator in steps:
                groups, part = numbers, frame
                if test is not None:
                    mask = test(frame)
                    groups, part = numbers[mask], frame.keep(mask, tuple(frame.columns))
                if part.count:
                    accumulator.add(groups, [run(part).spread(part.count) for run in arguments], total)
            if context.slice_over():
                yield TURN
        if not group_runs and not len(table):
            table.add_empty()
        total = len(table)
        keys = table.rows
        found = [accumulator.values(total) for _, _, accumulator in steps]
        if context.slice_over():
            yield TURN
        for start in range(0, total, BATCH_ROWS):
            stop = start + BATCH_ROWS
            heads = keys[start:stop]
            if not found:
                yield heads
                continue
            tails = zip(*(values[start:stop] for values in found), strict=True)
            yield [head + tail for head, tail in zip(heads, tails, strict=True)]

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "HashAggregate" if self.keys else "Aggregate"

    def details(self) -> Sequence[str]:
        return (f"Group Key: {self.keys}",) if self.keys else ()

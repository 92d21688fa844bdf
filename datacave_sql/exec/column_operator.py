"""ColumnOperator: a step of a plan that works column by column; its rows are there for operators that want rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.vectors.vector import Frame, frame_of, slices

Frames: TypeAlias = Iterator[Frame | Wait]


class ColumnOperator(Operator, Protocol):
    """`types` are the SQL types of its columns by id."""

    types: Mapping[int, int]

    def open_frames(self, context: ExecutionContext) -> Frames:
        """Runs the operator from the start; frames are never empty and have at least its columns."""


def rows_of_frames(operator: ColumnOperator, context: ExecutionContext) -> Batches:
    """The rows of a column operator, for its `open`."""
    for frame in operator.open_frames(context):
        if isinstance(frame, Wait):
            yield frame
            continue
        yield from slices(frame.rows(operator.columns, operator.types), BATCH_ROWS)


FRAME_ROWS = 8192


@dataclass(slots=True)
class RowsAsColumns:
    """The rows of any operator as frames."""

    child: Operator
    types: Mapping[int, int]
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        return self.child.open(context)

    def open_frames(self, context: ExecutionContext) -> Frames:
        pending: list[tuple[object, ...]] = []
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            pending += batch
            if len(pending) >= FRAME_ROWS:
                yield frame_of(pending, self.columns, self.types)
                pending = []
                if context.slice_over():
                    yield TURN
        if pending:
            yield frame_of(pending, self.columns, self.types)

    def children(self) -> Sequence[Operator]:
        return self.child.children()

    def label(self) -> str:
        return self.child.label()

    def details(self) -> Sequence[str]:
        return self.child.details()

"""Nested loop: every left row meets every right row; the right side is kept in memory, or in a temporary file where it
is too big and the join is an inner one.

With `lateral` the right side is run again for every left row, whose columns it reads as outer columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.disposal import discard
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.row_store import RowStore
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of

PAIRS_PER_CALL = 16_384
"""Bounds the work of one call of the generated function, so that a big cross join lets others have their turn."""


@dataclass(slots=True)
class NestedLoop:
    """`make_probe(c)(left_rows, right_rows)` gives the joined rows; for full joins a third argument collects the
    positions of the right rows that found a partner, and `make_rest(c)(rows)` pads those that did not."""

    kind: str
    left: Operator
    right: Operator
    make_probe: Factory
    make_rest: Factory | None
    lateral_columns: tuple[tuple[int, int], ...] | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str

    def open(self, context: ExecutionContext) -> Batches:
        if self.lateral_columns is not None:
            yield from self._open_lateral(context, self.lateral_columns)
            return
        memory = context.work_memory()
        aside: RowStore | None = None
        right: list[Row] = []
        try:
            for batch in self.right.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                if aside is not None:
                    yield from aside.add(batch)
                else:
                    right += batch
                    if memory.take(rows_bytes(batch)) and self.kind == "inner":
                        aside = RowStore(context)
                        memory.release()
                        yield from aside.add(right)
                        discard(right)
                        right = []
                if context.slice_over():
                    yield TURN
            if aside is not None:
                yield from self._with_rows_aside(context, aside)
            elif right or self.kind not in ("inner", "semi"):
                yield from self._with_rows(context, right)
        finally:
            discard(right)
            memory.release()
            if aside is not None:
                aside.close()

    def _with_rows_aside(self, context: ExecutionContext, right: RowStore) -> Batches:
        """The pairs where the right side has to be read again for every batch of the left side."""
        probe = self.make_probe(context)
        for batch in self.left.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            for rows in right.rows():
                if isinstance(rows, Wait):
                    yield rows
                    continue
                step = max(1, PAIRS_PER_CALL // len(rows))
                for start in range(0, len(batch), step):
                    yield from batches_of(probe(batch[start : start + step], rows, set()))
                    if context.slice_over():
                        yield TURN

    def _with_rows(self, context: ExecutionContext, right: list[Row]) -> Batches:
        probe = self.make_probe(context)
        matched: set[int] = set()
        step = max(1, PAIRS_PER_CALL // max(1, len(right)))
        pieces = [right[start : start + PAIRS_PER_CALL] for start in range(0, len(right), PAIRS_PER_CALL)]
        pending: list[Row] = []
        for batch in self.left.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            for start in range(0, len(batch), step):
                part = batch[start : start + step]
                # The other kinds have to see all partners of a row at once.
                for rows in pieces if self.kind == "inner" else (right,):
                    pending += probe(part, rows, matched)
                    if len(pending) >= BATCH_ROWS:
                        yield pending
                        pending = []
                    if context.slice_over():
                        yield TURN
        if pending:
            yield pending
        if self.make_rest is not None:
            rest = [row for position, row in enumerate(right) if position not in matched]
            if rest and (rows := self.make_rest(context)(rest)):
                yield rows

    def _open_lateral(self, context: ExecutionContext, lateral_columns: tuple[tuple[int, int], ...]) -> Batches:
        probe = self.make_probe(context)
        outer = context.outer
        pending: list[Row] = []
        for batch in self.left.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            for left_row in batch:
                for column, slot in lateral_columns:
                    outer[column] = left_row[slot]
                right: list[Row] = []
                for inner in self.right.open(context):
                    if isinstance(inner, Wait):
                        yield inner
                        for column, slot in lateral_columns:
                            outer[column] = left_row[slot]
                    else:
                        right += inner
                pending += probe((left_row,), right, set())
                if len(pending) >= BATCH_ROWS:
                    yield pending
                    pending = []
                if context.slice_over():
                    yield TURN
        if pending:
            yield pending

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return {
            "inner": "Nested Loop",
            "left": "Nested Loop Left Join",
            "full": "Nested Loop Full Join",
            "semi": "Nested Loop Semi Join",
            "anti": "Nested Loop Anti Join",
        }[self.kind]

    def details(self) -> Sequence[str]:
        return (f"Join Filter: {self.condition}",) if self.condition else ()

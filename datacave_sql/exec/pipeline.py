"""Pipeline: filters and projections over a child, fused into one generated comprehension per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class Pipeline:
    """Rows of the child that pass the filters, as the projected columns."""

    child: Operator
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    filters: tuple[str, ...] = ()
    ordering: tuple[tuple[int, bool, bool], ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        pace = Pace()
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                yield from pace.run(context, run, batch)

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Filter" if self.filters else "Result"

    def details(self) -> Sequence[str]:
        return tuple(f"Filter: {text}" for text in self.filters)

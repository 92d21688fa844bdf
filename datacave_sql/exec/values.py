"""Values: rows written out in the statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.rowbatch import BATCH_ROWS
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class ValuesRows:
    """`make(context)()` gives all rows as a list."""

    make: Factory
    row_count: int
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        rows = self.make(context)()
        for start in range(0, len(rows), BATCH_ROWS):
            yield rows[start : start + BATCH_ROWS]

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return "Result" if self.row_count == 1 else "Values Scan"

    def details(self) -> Sequence[str]:
        return ()

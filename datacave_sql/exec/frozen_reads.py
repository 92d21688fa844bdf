"""Frozen reads: a statement that writes and still reads sees the rows that were there when it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator


@dataclass(slots=True)
class FrozenReads:
    """The child, to whose reads its own writes do not show."""

    child: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        transaction = context.transaction
        frozen = transaction.freeze_reads()
        try:
            yield from self.child.open(context)
        finally:
            if frozen:
                transaction.thaw_reads()

    def children(self) -> Sequence[Operator]:
        return self.child.children()

    def label(self) -> str:
        return self.child.label()

    def details(self) -> Sequence[str]:
        return self.child.details()

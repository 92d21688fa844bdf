"""Sort: orders all rows; with a bound it keeps only the first ones (top-k). How it bounds memory: external_sort.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.external_sort import Sorter
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class SortPass:
    """One stable pass: `make(c)` gives the key function of a row."""

    make: Factory
    descending: bool


@dataclass(slots=True)
class Sort:
    """`passes` run from the least to the most significant key. `make_bound(c)()` gives the number of rows wanted."""

    child: Operator
    passes: tuple[SortPass, ...]
    make_bound: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    keys: str

    def open(self, context: ExecutionContext) -> Batches:
        passes = [(one.make(context), one.descending) for one in self.passes]
        bound = self.make_bound(context)() if self.make_bound is not None else None
        sorter = Sorter(context, passes, bound)
        try:
            for batch in self.child.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                yield from sorter.add(batch)
                if context.slice_over():
                    yield TURN
            yield from sorted_batches(sorter)
        finally:
            context.tell(self, sorter.facts())
            sorter.close()

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Sort"

    def details(self) -> Sequence[str]:
        return (f"Sort Key: {self.keys}",)


def sorted_batches(sorter: Sorter) -> Batches:
    """The rows of a sorter in their order."""
    for part in sorter.sorted():
        if isinstance(part, Wait):
            yield part
        else:
            yield from batches_of(part)


def batches_of(rows: list[Row]) -> Iterator[list[Row]]:
    """A list of rows as batches."""
    if len(rows) <= BATCH_ROWS:
        if rows:
            yield rows
        return
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]

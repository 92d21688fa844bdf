"""Incremental sort: rows that come in the order of the first keys are sorted by the others, group by group.

Only the rows of one group of equal first keys are held at a time, and a reader that wants few rows has them after few
groups. Many rows of one group go through an external sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.external_sort import Sorter
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import SortPass, batches_of, sorted_batches
from datacave_sql.exec.sorting import RUN_ROWS, Passes, sort_rows


@dataclass(slots=True)
class IncrementalSort:
    """`passes` are those of all keys, the least significant first; `make_first(c)(rows)` gives the rows' first keys,
    equal where the order of the child does not tell the rows apart."""

    child: Operator
    passes: tuple[SortPass, ...]
    make_first: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    keys: str
    first_keys: str
    ordering: tuple[tuple[int, bool, bool], ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        passes = [(one.make(context), one.descending) for one in self.passes]
        first_of = self.make_first(context)
        sorter: Sorter | None = None
        pending: list[Any] = []
        last: Any = None
        begun = False
        try:
            for batch in self.child.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                firsts = first_of(batch)
                start = _start_of_last(firsts)
                if begun and start == 0 and firsts[0] == last:
                    pending += batch
                else:
                    # Whatever stands before the last group of the batch is whole.
                    ended, pending = pending + batch[:start], batch[start:]
                    done, sorter = sorter, None
                    yield from _in_order(done, ended, passes)
                begun, last = True, firsts[-1]
                if len(pending) > RUN_ROWS:
                    if sorter is None:
                        sorter = Sorter(context, passes)
                    yield from sorter.add(pending)
                    pending = []
                if context.slice_over():
                    yield TURN
            done, sorter = sorter, None
            yield from _in_order(done, pending, passes)
        finally:
            if sorter is not None:
                sorter.close()

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Incremental Sort"

    def details(self) -> Sequence[str]:
        return (f"Sort Key: {self.keys}", f"Presorted Key: {self.first_keys}")


def _start_of_last(firsts: Sequence[Any]) -> int:
    """Where the last group of equal keys begins."""
    last = firsts[-1]
    start = len(firsts) - 1
    while start and firsts[start - 1] == last:
        start -= 1
    return start


def _in_order(sorter: Sorter | None, rows: list[Any], passes: Passes) -> Batches:
    """The rows of whole groups, with those of the first one that the sorter has."""
    if sorter is None:
        # At most a batch and the group before it.
        sort_rows(rows, passes)
        yield from batches_of(rows)
        return
    try:
        yield from sorter.add(rows)
        yield from sorted_batches(sorter)
    finally:
        sorter.close()

"""Aggregate: groups rows by key in a dictionary and keeps one list of states per group.

The generated `step` function works through a batch: it finds each row's group and advances its states. Arguments that
must be distinct or ordered are collected per group and fed in when all rows are there (collected.py). Grouping sets run
the same machinery once per set over the same rows; how memory stays bounded: grouped_rows.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.wait import Wait
from datacave_sql.exec.collected import CollectedInput
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.distinct import hashed_facts
from datacave_sql.exec.grouped_rows import GroupedRows
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.functions.aggregate import AggregateBody


@dataclass(slots=True)
class AggregateStep:
    """One aggregate of the plan; `collected` is None when its rows go straight into the state.

    `make_direct(c)(group)` gives the direct arguments of an ordered-set aggregate for a group's columns.
    """

    body: AggregateBody
    collected: CollectedInput | None
    make_direct: Factory | None
    hypothetical_key: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class GroupingPass:
    """One grouping set: `make_step(c)(rows, groups, index)` fills the groups; `spread` spreads a key over all columns.

    `make_keys(c)(rows)` gives the rows' keys, None without any. With `indexed` the keys stand in `index`: equal ones
    may differ in form, and `groups` has the form of the first.
    """

    make_step: Factory
    make_keys: Factory | None
    indexed: bool
    spread: tuple[int | None, ...]
    mask: int
    empty_key: bool


@dataclass(slots=True)
class Aggregate:
    """Rows are the group columns, the aggregates' values and, where asked for, the grouping mask."""

    child: Operator
    passes: tuple[GroupingPass, ...]
    steps: tuple[AggregateStep, ...]
    with_mask: bool
    columns: tuple[int, ...]
    not_null: frozenset[int]
    keys: str
    ordered: bool = False
    """Whether the rows of a group follow each other: a group is done when the next one begins."""
    ordering: tuple[tuple[int, bool, bool], ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        runs = [GroupedRows(context, one, self.steps, self.with_mask) for one in self.passes]
        try:
            for batch in self.child.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                for run in runs:
                    yield from run.add(batch)
                    if self.ordered:
                        yield from run.finished()
            for run in runs:
                yield from run.results()
        finally:
            if self.keys and not self.ordered:
                batches = sum(run.batches for run in runs) + 1 - len(runs)
                peak, disk = sum(run.memory.peak for run in runs), sum(run.spill.size for run in runs)
                context.tell(self, hashed_facts(batches, peak, disk))
            for run in runs:
                run.close()

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        if not self.keys:
            return "Aggregate"
        if self.ordered:
            return "GroupAggregate"
        return "HashAggregate" if len(self.passes) == 1 else "MixedAggregate"

    def details(self) -> Sequence[str]:
        return (f"Group Key: {self.keys}",) if self.keys else ()

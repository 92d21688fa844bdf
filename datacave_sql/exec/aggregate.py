"""Aggregate: groups rows by key in a dictionary and keeps one list of states per group.

The generated `step` function works through a batch: it finds each row's group and advances its states. Arguments that
must be distinct or ordered are collected per group and fed in when all rows are there. Grouping sets run the same
machinery once per set over the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sorting import sorted_with_pauses
from datacave_sql.functions.aggregate import AggregateBody

ROWS_PER_PAUSE = 512


def _into(step: Callable[[list[Any], dict[Any, Any]], Any], groups: dict[Any, Any]) -> Callable[[list[Any]], None]:
    def work(rows: list[Any]) -> None:
        step(rows, groups)

    return work


@dataclass(slots=True)
class CollectedInput:
    """How the collected argument rows of one aggregate become its state.

    A collected row is (arguments, sort key values). `distinct_key` maps arguments to what makes them equal, or None.
    """

    distinct_key: Callable[[tuple[Any, ...]], Any] | None
    sort_passes: tuple[tuple[Callable[[Any], Any], bool], ...]

    def arguments(
        self, collected: list[tuple[tuple[Any, ...], tuple[Any, ...]]], pause: Callable[[], None]
    ) -> list[tuple[Any, ...]]:
        """The arguments in the order in which they are to be fed; `pause` is called now and then."""
        rows = collected
        if self.distinct_key is not None:
            seen: dict[Any, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}
            for number, row in enumerate(rows):
                seen.setdefault(self.distinct_key(row[0]), row)
                if number % ROWS_PER_PAUSE == 0:
                    pause()
            rows = list(seen.values())
        if self.sort_passes:
            passes = [(_of_sort_values(key), descending) for key, descending in self.sort_passes]
            rows = sorted_with_pauses(rows, passes, pause)
        return [row[0] for row in rows]


def _of_sort_values(key: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda row: key(row[1])


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
    """One grouping set: `make_step(c)(rows, groups)` fills the groups; `make_key(k)` spreads a key over all columns."""

    make_step: Factory
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

    def open(self, context: ExecutionContext) -> Batches:
        tables: list[dict[Any, list[Any]]] = [{} for _ in self.passes]
        works = [_into(one.make_step(context), groups) for one, groups in zip(self.passes, tables, strict=True)]
        paces = [Pace() for _ in works]
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            for work, pace in zip(works, paces, strict=True):
                for step in pace.run(context, work, batch):
                    if isinstance(step, Wait):
                        yield step
        late = [replace(step, body=step.body.within(context)) for step in self.steps]
        finals = [self._final(context, step) for step in late]
        direct = [(i, step.make_direct(context)) for i, step in enumerate(self.steps) if step.make_direct is not None]
        for one, groups in zip(self.passes, tables, strict=True):
            if not groups and one.empty_key:
                groups[()] = [[] if step.collected else step.body.initial() for step in self.steps]
            output: list[tuple[Any, ...]] = []
            tail = (one.mask,) if self.with_mask else ()
            spread = one.spread
            for key, states in groups.items():
                head = tuple(None if slot is None else key[slot] for slot in spread)
                for position, arguments in direct:
                    finals[position] = self._final(context, late[position], arguments(head))
                values = tuple(final(state) for final, state in zip(finals, states, strict=True))
                output.append(head + values + tail)
                if len(output) >= BATCH_ROWS:
                    yield output
                    output = []
                    if context.slice_over():
                        yield TURN
            if output:
                yield output

    @staticmethod
    def _final(context: ExecutionContext, step: AggregateStep, direct: tuple[Any, ...] = ()) -> Callable[[Any], Any]:
        body, collected = step.body, step.collected
        if body.takes_context:
            finish: Callable[..., Any] = lambda state, *rest: body.final(context, state, *rest)  # noqa: E731
        else:
            finish = body.final
        if collected is None:
            return finish if not direct else lambda state: finish(state, *direct)
        feed = collected

        def final(rows: Any) -> Any:
            arguments = feed.arguments(rows, context.pause)
            if body.hypothetical:
                return body.final(arguments, direct, step.hypothetical_key)
            state = body.initial()
            advance = body.step
            for number, values in enumerate(arguments):
                state = advance(state, *values)
                if number % ROWS_PER_PAUSE == 0:
                    context.pause()
            return finish(state, *direct)

        return final

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        if not self.keys:
            return "Aggregate"
        return "HashAggregate" if len(self.passes) == 1 else "MixedAggregate"

    def details(self) -> Sequence[str]:
        return (f"Group Key: {self.keys}",) if self.keys else ()

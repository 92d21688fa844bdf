"""Grouped rows: one grouping set of an aggregation, with bounded memory.

When the groups take more than work_mem allows, no new ones are begun: their rows are put aside by the hash of their
key, and each partition is grouped in the same way once the groups at hand are done. Collected arguments go to disk
(collected.py). The states of single groups stay in memory, however large; the statement's limit bounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import BATCH_ROWS, RowBatch
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.collected import PutAside, collected_value, everything
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.partitioning import LEVELS_MAX, HashPartitions
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.spill import Spill
from datacave_sql.exec.work_memory import WorkMemory
from datacave_sql.functions.aggregate import AggregateBody

GROUP_BYTES = 250
"""A group's entry and list, without key and states."""

STATE_BYTES = 80
MEASURE_BYTES = 1 << 16
"""After so many bytes of rows the states that grow are measured for the first time."""


class GroupedRows:
    """One pass of an Aggregate. `memory` and `spill` are shared by the passes over its partitions."""

    memory: WorkMemory
    spill: Spill

    def __init__(
        self,
        context: ExecutionContext,
        one: Any,
        steps: Sequence[Any],
        with_mask: bool,
        above: GroupedRows | None = None,
    ) -> None:
        self.memory = context.work_memory(hashed=True) if above is None else above.memory
        self.spill = Spill(context) if above is None else above.spill
        self.batches = 1
        self._context = context
        self._pass = one
        self._steps = steps
        self._with_mask = with_mask
        self._level: int = above._level + 1 if above is not None else 0
        self._groups: dict[Any, list[Any]] = {}
        self._index: dict[Any, list[Any]] = {}
        self._step = one.make_step(context)
        self._pace = Pace()
        self._collected = [place for place, step in enumerate(steps) if step.collected is not None]
        self._growing = [
            place for place, step in enumerate(steps) if step.collected is not None or step.body.order_matters
        ]
        self._input_bytes = 0
        self._grown_bytes = 0
        self._measure_at = MEASURE_BYTES
        self._aside: HashPartitions | None = None
        self._keys_of: Callable[[RowBatch], list[Any]] | None = None
        self._dumped: PutAside | None = None
        self._begun = 0  # groups that are counted

    def _work(self, rows: RowBatch) -> None:
        self._step(rows, self._groups, self._index)

    def add(self, batch: RowBatch) -> Steps[None]:
        """Takes rows."""
        if self._aside is not None:
            batch = yield from self._known(batch, self._aside)
            if not batch:
                return
        for step in self._pace.run(self._context, self._work, batch):
            if isinstance(step, Wait):
                yield step
        size = 0
        groups = self._groups
        if len(groups) != self._begun:
            fresh = len(groups) - self._begun
            self._begun = len(groups)
            size = fresh * (GROUP_BYTES + STATE_BYTES * len(self._steps))
            size += rows_bytes(list(islice(reversed(groups), fresh)))
        if self._growing:
            size += yield from self._growth(rows_bytes(batch))
        if size and self.memory.take(size):
            yield from self._put_aside()

    def _growth(self, size: int, *, measured: bool = False) -> Steps[int]:
        """By how much the states that keep their arguments have grown with rows of so many bytes.

        Now and then that is counted, and estimated in between: what rows become there nobody else knows.
        """
        before = self._grown_bytes
        if self._input_bytes:
            self._grown_bytes += size * before // self._input_bytes
        else:
            self._grown_bytes += size
        self._input_bytes += size
        if measured or self._input_bytes >= self._measure_at:
            self._measure_at = 2 * self._input_bytes
            self._grown_bytes = yield from self._measured()
        return self._grown_bytes - before

    def _measured(self) -> Steps[int]:
        """What the states that keep their arguments take."""
        total = 0
        for states in self._groups.values():
            for place in self._growing:
                state = states[place]
                if type(state) is list and len(state) > BATCH_ROWS:
                    for start in range(0, len(state), BATCH_ROWS):
                        total += rows_bytes(state[start : start + BATCH_ROWS])
                        if self._context.slice_over():
                            yield TURN
                else:
                    total += rows_bytes([state])
            if self._context.slice_over():
                yield TURN
        return total

    def _known(self, batch: RowBatch, aside: HashPartitions) -> Steps[RowBatch]:
        """The rows of groups at hand; the others go to their partitions."""
        assert self._keys_of is not None
        known = self._index if self._pass.indexed else self._groups
        keys = self._keys_of(batch)
        others = [(key, row) for key, row in zip(keys, batch, strict=True) if key not in known]
        if not others:
            return batch
        left, rest = zip(*others, strict=True)
        yield from aside.spread(aside.numbers(left), list(rest))
        if len(others) == len(batch):
            return []
        return [row for key, row in zip(keys, batch, strict=True) if key in known]

    def _put_aside(self) -> Steps[None]:
        """Makes room: no more groups, and what was collected goes to disk."""
        context, memory = self._context, self.memory
        if self._aside is None and self._pass.make_keys is not None and self._level < LEVELS_MAX:
            self._keys_of = self._pass.make_keys(context)
            self._aside = HashPartitions(self.spill, self._level, memory.limit, memory.used // len(self._groups))
        if not self._collected or 4 * self._grown_bytes < memory.limit:
            return
        if self._dumped is None:
            self._dumped = PutAside(context)
        for number, states in enumerate(self._groups.values()):
            for place in self._collected:
                if states[place]:
                    rows, states[place] = states[place], []
                    yield from self._dumped.add(number, place, rows)
        memory.give_back(-(yield from self._growth(0, measured=True)))

    def finished(self) -> Batches:
        """The rows of all groups but the last, of rows that come in the order of their keys: the others are whole.

        Once something was put aside they wait for `results`.
        """
        if len(self._groups) < 2 or self._aside is not None or self._dumped is not None:
            return
        key, states = self._groups.popitem()
        entry = self._index.popitem() if self._pass.indexed else None
        yield from self._own_results()
        self._groups.clear()
        self._index.clear()
        self._groups[key] = states
        if entry is not None:
            self._index[entry[0]] = entry[1]
        self._begun = 1
        self._input_bytes = self._grown_bytes = 0
        self._measure_at = MEASURE_BYTES
        self.memory.release()

    def results(self) -> Batches:
        """The rows of all groups."""
        if self._aside is not None:
            yield from self._aside.finish()
        if not self._groups and self._pass.empty_key:
            self._groups[()] = [[] if step.collected else step.body.initial() for step in self._steps]
        yield from self._own_results()
        discard(self._index, self._groups)
        if self._dumped is not None:
            self._dumped.close()
            self._dumped = None
        if self._aside is None:
            return
        self.memory.release()
        for run in self._aside.runs:
            if not run.rows:
                continue
            part = GroupedRows(self._context, self._pass, self._steps, self._with_mask, self)
            try:
                for batch in run.read(self.spill):
                    if isinstance(batch, Wait):
                        yield batch
                    else:
                        yield from part.add(batch)
                yield from part.results()
            finally:
                part.close()
            self.memory.release()
            self.batches += part.batches

    def _own_results(self) -> Batches:
        context = self._context
        bodies = [step.body.within(context) for step in self._steps]
        direct = {
            place: step.make_direct(context) for place, step in enumerate(self._steps) if step.make_direct is not None
        }
        finals = [_finish(context, body) for body in bodies]
        tail = (self._pass.mask,) if self._with_mask else ()
        spread = self._pass.spread
        output: list[Row] = []
        plain = not self._collected and not direct
        for number, (key, states) in enumerate(self._groups.items()):
            head = tuple(None if slot is None else key[slot] for slot in spread)
            if plain:
                values = tuple(final(state) for final, state in zip(finals, states, strict=True))
            else:
                values = yield from self._values(number, head, states, bodies, finals, direct)
            output.append(head + values + tail)
            if len(output) >= BATCH_ROWS:
                yield output
                output = []
                if context.slice_over():
                    yield TURN
        if output:
            yield output

    def _values(
        self,
        number: int,
        head: Row,
        states: list[Any],
        bodies: Sequence[AggregateBody],
        finals: Sequence[Callable[..., Any]],
        direct: dict[int, Callable[[Row], tuple[Any, ...]]],
    ) -> Steps[Row]:
        """The aggregates of a group whose arguments were collected, or that has direct ones."""
        context = self._context
        found = []
        for place, (step, state) in enumerate(zip(self._steps, states, strict=True)):
            given = direct[place](head) if place in direct else ()
            final = finals[place]
            if step.collected is None:
                found.append(final(state, *given))
                continue
            rest: Iterator[Any] | None = self._dumped.rows(number, place) if self._dumped is not None else None
            parts = step.collected.arguments(context, state, rest)
            if bodies[place].hypothetical:
                arguments = yield from everything(parts)
                found.append(bodies[place].final(arguments, given, step.hypothetical_key))
                continue
            value = yield from collected_value(context, bodies[place], parts, lambda state: final(state, *given))  # noqa: B023
            found.append(value)
        return tuple(found)

    def close(self) -> None:
        """Gives memory and disk back; the shared ones when the whole pass ends."""
        discard(self._index, self._groups)
        if self._dumped is not None:
            self._dumped.close()
        if self._level == 0:
            self.memory.release()
            self.spill.close()


def _finish(context: ExecutionContext, body: AggregateBody) -> Callable[..., Any]:
    if body.takes_context:
        return lambda state, *rest: body.final(context, state, *rest)
    return body.final

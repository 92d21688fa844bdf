"""FireTriggers: a write with the triggers around it: BEFORE STATEMENT, the write, then AFTER triggers.

The outermost write of an execution calls the AFTER triggers, before its rows are given to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.rowbatch import RowBatch
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.triggers import Transition, before_statement, note_statement
from datacave_sql.table.access import TableAccess


@dataclass(slots=True)
class FireTriggers:
    """`events` are those of the statement, in the order in which BEFORE STATEMENT triggers are called for them."""

    child: Operator
    access: TableAccess
    events: tuple[str, ...]
    assigned: frozenset[int]
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        return self._around(context, self.child.open(context))

    def rewrite(self, changes: Iterable[tuple[ExecutionContext, Sequence[bytes]]]) -> Batches:
        """The child's: what a foreign key does, as one statement for each key that it follows."""
        child: Any = self.child
        for context, keys in changes:
            yield from self._around(context, child.rewrite(((context, keys),)))

    def _around(self, context: ExecutionContext, write: Batches) -> Batches:
        calls = context.session.evaluation.triggers
        queue, is_outermost = calls.enter(context)
        triggers = self.access.triggers
        rows: list[RowBatch] = []
        try:
            if triggers is not None:
                for event in self.events:
                    yield from before_statement(context, triggers, event, self.assigned)
            outside = queue.transition
            transition = None
            if triggers is not None and triggers.has_transitions:
                transition = Transition(self.access.table)
            queue.transition = transition
            for batch in write:
                if isinstance(batch, Wait):
                    yield batch
                else:
                    rows.append(batch)
            queue.transition = outside
            if triggers is not None:
                for event in reversed(self.events):
                    note_statement(queue, triggers, event, self.assigned, transition)
            if is_outermost:
                yield from queue.fire()
        finally:
            if is_outermost:
                calls.leave(context)
        yield from rows

    def children(self) -> Sequence[Operator]:
        return self.child.children()

    def label(self) -> str:
        return self.child.label()

    def details(self) -> Sequence[str]:
        return self.child.details()

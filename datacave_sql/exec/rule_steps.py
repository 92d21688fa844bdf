"""Rule steps: the plans that rules make of one statement, run one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.sort import batches_of


@dataclass(slots=True)
class RuleSteps:
    """Runs every step to its end; the rows of one are the answer, the command tag counts those of one."""

    steps: tuple[Operator, ...]
    answering: int | None
    counting: int | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        rows: list[Row] = []
        before = context.rows_changed
        counted = 0
        for number, step in enumerate(self.steps):
            context.rows_changed = 0
            for batch in step.open(context):
                if isinstance(batch, Wait):
                    yield batch
                elif number == self.answering:
                    rows += batch
            if number == self.counting:
                counted = context.rows_changed
        context.rows_changed = before + counted
        yield from batches_of(rows)

    def children(self) -> Sequence[Operator]:
        return self.steps

    def label(self) -> str:
        return "Rule Steps"

    def details(self) -> Sequence[str]:
        return ()

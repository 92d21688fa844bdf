"""Common tables: WITH queries run once per execution, and the rounds of recursive ones.

A recursive one is filled as far as its readers ask, so that one without an end serves under a LIMIT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.rowbatch import RowBatch
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of


@dataclass(slots=True)
class CommonTablePart:
    """One WITH query. For a recursive one `recursive` reads the last round; `make_keys` finds repeated rows."""

    id: int
    name: str
    plan: Operator
    recursive: Operator | None
    make_keys: Factory | None


class Rounds:
    """The rows of a recursive common table found so far; `steps` finds more of them."""

    __slots__ = ("ended", "rows", "steps")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.ended = False
        self.steps: Iterator[RowBatch | Wait] = iter(())

    def advance(self) -> Iterator[Wait]:
        """Adds the next rows, or finds that there are none."""
        for step in self.steps:
            if isinstance(step, Wait):
                yield step
            else:
                self.rows += step
                return
        self.ended = True


@dataclass(slots=True)
class With:
    """Fills the common tables in order, then runs the child, then `last`: what writes and is read by nobody."""

    parts: tuple[CommonTablePart, ...]
    last: tuple[CommonTablePart, ...]
    child: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        for part in self.parts:
            yield from self._fill(context, part)
        if not self.last:
            yield from self.child.open(context)
            return
        # Nothing is shown before everything is done.
        rows: list[Row] = []
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                rows += batch
        for part in self.last:
            yield from self._fill(context, part)
        yield from batches_of(rows)

    @staticmethod
    def _fill(context: ExecutionContext, part: CommonTablePart) -> Batches:
        if part.recursive is not None:
            rounds = context.common_tables[part.id] = Rounds()
            rounds.steps = _rounds(context, part, part.recursive, rounds)
            return
        rows: list[Row] = []
        # The command tag counts the rows of the main query.
        changed = context.rows_changed
        for batch in part.plan.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                rows += batch
        context.rows_changed = changed
        context.common_tables[part.id] = rows

    def children(self) -> Sequence[Operator]:
        return (*(part.plan for part in (*self.parts, *self.last)), self.child)

    def label(self) -> str:
        return "With " + ", ".join(part.name for part in (*self.parts, *self.last))

    def details(self) -> Sequence[str]:
        return ()


def _rounds(context: ExecutionContext, part: CommonTablePart, recursive: Operator, rounds: Rounds) -> Batches:
    """New rows, round by round. The recursive term reads the last round; all others read what `rounds` holds."""
    rows: list[Row] = []
    for batch in part.plan.open(context):
        if isinstance(batch, Wait):
            yield batch
        else:
            rows += batch
    keys_of = part.make_keys(context) if part.make_keys is not None else None
    seen: set[Any] = set()
    last = rows if keys_of is None else _unseen(keys_of(rows), rows, seen)
    while last:
        yield last
        if context.slice_over():
            yield TURN
        context.common_tables[part.id] = last
        found: list[Row] = []
        for batch in recursive.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                found += batch
            if context.slice_over():
                yield TURN
        context.common_tables[part.id] = rounds
        last = found if keys_of is None else _unseen(keys_of(found), found, seen)


def _unseen(keys: Sequence[Any], rows: list[Row], seen: set[Any]) -> list[Row]:
    fresh = []
    for key, row in zip(keys, rows, strict=True):
        if key not in seen:
            seen.add(key)
            fresh.append(row)
    return fresh


@dataclass(slots=True)
class CommonTableScan:
    """Reads a common table that a With has filled (or the last round of a recursive one)."""

    id: int
    name: str
    make: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        table = context.common_tables[self.id]
        make = self.make(context) if self.make is not None else None
        if not isinstance(table, Rounds):
            yield from batches_of(table if make is None else make(table))
            return
        read = 0
        while True:
            if read < len(table.rows):
                rows = table.rows[read:]
                read = len(table.rows)
                yield from batches_of(rows if make is None else make(rows))
            elif table.ended:
                return
            else:
                yield from table.advance()

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return f"CTE Scan on {self.name}"

    def details(self) -> Sequence[str]:
        return ()

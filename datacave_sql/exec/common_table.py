"""Common tables: WITH queries run once per execution, and the rounds of recursive ones.

A recursive one is filled as far as its readers ask, so that one without an end serves under a LIMIT. Rows are kept in
RowStores, which put aside what is too much for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import isgenerator
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import RowBatch
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.row_store import RowStore
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.work_memory import WorkMemory


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

    def __init__(self, context: ExecutionContext) -> None:
        self.rows = RowStore(context)
        self.ended = False
        self.steps: Iterator[RowBatch | Wait] = iter(())

    def advance(self) -> Iterator[Wait]:
        """Adds the next rows, or finds that there are none."""
        for step in self.steps:
            if isinstance(step, Wait):
                yield step
            else:
                yield from self.rows.add(step)
                return
        self.ended = True

    def close(self) -> None:
        """Gives memory and disk back."""
        self.rows.close()
        if isgenerator(self.steps):
            self.steps.close()


@dataclass(slots=True)
class With:
    """Fills the common tables in order, then runs the child, then `last`: what writes and is read by nobody."""

    parts: tuple[CommonTablePart, ...]
    last: tuple[CommonTablePart, ...]
    child: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        kept: list[RowStore | Rounds] = []
        try:
            for part in self.parts:
                yield from self._fill(context, part, kept)
            if not self.last:
                yield from self.child.open(context)
                return
            # Nothing is shown before everything is done.
            shown = RowStore(context)
            kept.append(shown)
            for batch in self.child.open(context):
                if isinstance(batch, Wait):
                    yield batch
                else:
                    yield from shown.add(batch)
            for part in self.last:
                yield from self._fill(context, part, kept)
            yield from shown.rows()
        finally:
            for one in kept:
                one.close()

    @staticmethod
    def _fill(context: ExecutionContext, part: CommonTablePart, kept: list[RowStore | Rounds]) -> Batches:
        if part.recursive is not None:
            rounds = context.common_tables[part.id] = Rounds(context)
            kept.append(rounds)
            rounds.steps = _rounds(context, part, part.recursive, rounds)
            return
        rows = RowStore(context)
        kept.append(rows)
        # The command tag counts the rows of the main query.
        changed = context.rows_changed
        for batch in part.plan.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                yield from rows.add(batch)
                if context.slice_over():
                    yield TURN
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
    known = context.work_memory(hashed=True)
    keys_of = part.make_keys(context) if part.make_keys is not None else None
    seen: set[Any] = set()
    last, found = RowStore(context), RowStore(context)
    try:
        for batch in part.plan.open(context):
            if isinstance(batch, Wait):
                yield batch
            elif fresh := batch if keys_of is None else _unseen(keys_of(batch), batch, seen, known):
                yield from last.add(fresh)
                yield fresh
        while len(last):
            context.common_tables[part.id] = last
            for batch in recursive.open(context):
                if isinstance(batch, Wait):
                    yield batch
                elif fresh := batch if keys_of is None else _unseen(keys_of(batch), batch, seen, known):
                    yield from found.add(fresh)
                    # A round need not end: its rows are shown as they come, to readers who begin now from the first on.
                    context.common_tables[part.id] = rounds
                    yield fresh
                    context.common_tables[part.id] = last
                if context.slice_over():
                    yield TURN
            context.common_tables[part.id] = rounds
            last.clear()
            last, found = found, last
    finally:
        last.close()
        found.close()
        discard(seen)
        known.release()


def _unseen(keys: Sequence[Any], rows: list[Row], seen: set[Any], memory: WorkMemory) -> list[Row]:
    fresh = []
    for key, row in zip(keys, rows, strict=True):
        if key not in seen:
            seen.add(key)
            fresh.append(row)
    memory.take(2 * rows_bytes(fresh))
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
            yield from _made(table.rows(), make)
            return
        read = 0
        while True:
            if read < len(table.rows):
                start, read = read, len(table.rows)
                yield from _made(table.rows.part(start, read), make)
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


def _made(batches: Batches, make: Callable[[RowBatch], RowBatch] | None) -> Batches:
    if make is None:
        yield from batches
        return
    for batch in batches:
        if isinstance(batch, Wait):
            yield batch
        elif rows := make(batch):
            yield rows
